//! Matches that change their owner: taken from the dead, given away at a shutdown, lost without
//! notice while this process was away.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use game_core::{Epoch, MatchId, ShardId};
use protocol::CloseCode;
use store::{Liveness, Ownership, StoreError};

use super::drain::Drain;
use super::{Now, Output, Shard};

/// What this shard is doing about ownership.
#[derive(Debug, Default)]
pub(super) struct Takeover {
    /// Dead shards whose sets are being read.
    reading: HashSet<ShardId>,
    /// This shard was away for so long that others may have taken it for dead.
    doubts: bool,
    /// This shard is giving its matches away and takes no new ones.
    pub(super) drain: Option<Drain>,
    /// Matches on their way to another shard.
    leaving: HashSet<MatchId>,
}

impl Takeover {
    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Asks for a match to be claimed for `to`, once.
    pub(super) fn begin_hand_over(
        &mut self,
        match_id: MatchId,
        to: ShardId,
        epoch: Epoch,
        outputs: &mut VecDeque<Output>,
    ) {
        if self.leaving.insert(match_id) {
            outputs.push_back(Output::HandOver {
                match_id,
                to,
                epoch,
            });
        }
    }

    /// This process did not run, or did not reach the store, for `gap`.
    pub(super) fn was_away(&mut self, gap: Duration) {
        // Others count in steps; half of what makes them sure is enough to make this shard doubt.
        self.doubts |= gap >= Liveness::DEAD_AFTER / 2;
    }
}

impl Shard {
    /// The registry was read: claims what the dead have left, and looks whether this shard still owns
    /// what it thinks it does, if there is reason to doubt.
    pub(super) fn look_after_owners(&mut self) {
        if std::mem::take(&mut self.takeover.doubts) {
            let live = self.matches.values().filter(|live| !live.is_over());
            let matches: Vec<_> = live.map(super::LiveMatch::id).collect();
            if !matches.is_empty() {
                tracing::warn!(
                    matches = matches.len(),
                    "was away: asking who owns my matches now"
                );
                self.outputs.push_back(Output::Verify(matches));
            }
        }
        if self.takeover.is_draining() {
            return;
        }
        let dead: Vec<_> = self.registry.dead().collect();
        for shard in dead {
            if shard != self.id && self.takeover.reading.insert(shard) {
                self.outputs.push_back(Output::Orphans(shard));
            }
        }
    }

    /// The answer to [`Output::Orphans`]: the matches that a dead shard may have owned. Each is claimed
    /// by one survivor, the same in the eyes of all.
    pub fn orphans(&mut self, shard: ShardId, answer: Result<Vec<MatchId>, StoreError>, now: Now) {
        self.takeover.reading.remove(&shard);
        let Ok(matches) = answer else { return };
        if !self.registry.is_dead(shard) || self.takeover.is_draining() {
            return;
        }
        if matches.is_empty() {
            tracing::info!(%shard, "a dead shard has left no match: it leaves the registry");
            self.outputs.push_back(Output::Deregister(shard));
        }
        for id in matches {
            if self.registry.heir(id, None) == Some(self.id) {
                self.load_orphan(id, shard, now);
            }
        }
    }

    /// An answer to [`Output::Verify`]; `None` if the match is not in the store.
    pub fn verified(&mut self, id: MatchId, ownership: Option<Ownership>) {
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let Some(live) = self.matches.get(key) else {
            return;
        };
        if let Some(ownership) = ownership.filter(|ownership| ownership.epoch > live.epoch()) {
            tracing::warn!(match_id = %id, owner = %ownership.owner, epoch = %ownership.epoch,
                "another shard owns this match now; it is dropped here");
            self.counters.fenced += 1;
            self.drop_match(key, CloseCode::NotOwner);
        }
    }

    /// The answer to [`Output::HandOver`]: the match is another shard's, or nobody's until it is asked
    /// for. Its peers are told to ask.
    pub fn handed_over(&mut self, id: MatchId) {
        self.takeover.leaving.remove(&id);
        if let Some(&key) = self.by_id.get(&id) {
            self.drop_match(key, CloseCode::ShuttingDown);
        }
    }
}
