//! The replica of the store's server.

use std::fmt;

use game_core::{Event, MatchId, ShardId};
use store::testing::Model;

use super::time::At;

/// Whether what is asked is answered once the replica has what it wrote, or what it read, as `--store-replicas 1` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// At once.
    Here,
    /// Once the replica has it too.
    Twice,
}

/// The replica, which has all that the primary has unless it is behind.
#[derive(Default)]
pub(super) struct Replica {
    /// Whether what is [`Kept::Twice`] waits for it. If not, a failover loses what was confirmed.
    pub(super) is_waited_for: bool,
    pub(super) behind: Option<Behind>,
    /// How often it took over.
    pub(super) failovers: u32,
    /// What the matches lost by that.
    pub(super) losses: Vec<Loss>,
}

/// A replica that receives nothing.
pub(super) struct Behind {
    /// What it has.
    pub(super) store: Box<Model>,
    pub(super) until: At,
    /// It takes over then. Else it catches up.
    pub(super) takes_over: bool,
}

/// What a failover took from a match.
pub(super) struct Loss {
    pub(super) match_id: MatchId,
    pub(super) at: At,
    /// The log before.
    pub(super) log: Vec<Event>,
    /// How much of it was left.
    pub(super) kept: usize,
    /// The owner before, if it has the match in memory and could put it back.
    pub(super) holder: Option<ShardId>,
}

impl Replica {
    /// How long an answer waits for the replica.
    const PATIENCE: At = 1_000_000;

    /// When the replica has what the store holds now; `Err` with when it is given up.
    pub(super) fn has_it_at(&self, kept: Kept, now: At) -> Result<At, At> {
        match &self.behind {
            Some(behind) if self.is_waited_for && kept == Kept::Twice => {
                let gives_up = now + Self::PATIENCE;
                if behind.takes_over || behind.until > gives_up {
                    Err(behind.until.min(gives_up))
                } else {
                    Ok(behind.until)
                }
            }
            _ => Ok(now),
        }
    }

    /// The losses of a match.
    pub(super) fn losses_of(&self, id: MatchId) -> impl Iterator<Item = &Loss> {
        self.losses.iter().filter(move |loss| loss.match_id == id)
    }
}

impl fmt::Debug for Loss {
    /// In one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, at) = (self.match_id, self.at);
        let (len, kept) = (self.log.len(), self.kept);
        write!(f, "{id} lost the events from {kept} to {len} at {at} us")?;
        match self.holder {
            Some(holder) => write!(f, ", which {holder} has"),
            None => Ok(()),
        }
    }
}
