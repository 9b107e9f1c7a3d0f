//! A shard that is told to end gives its matches away one after the other, and plays on with the rest.
//!
//! The players of a match that was given away connect anew, which costs far more than their moves: all
//! of them at once would keep each other waiting, and every match would stand still for as long as the
//! slowest takes.

use std::collections::VecDeque;
use std::time::Duration;

use game_core::MatchId;

use super::{Now, Shard};
use crate::Uptime;

/// The matches that are still to be given away, and how fast.
#[derive(Debug)]
pub(super) struct Drain {
    began: Uptime,
    queue: VecDeque<MatchId>,
    /// Matches taken from the queue.
    given: u32,
    /// Between two matches.
    step: Duration,
}

impl Drain {
    /// All matches are given away within this, as far as the store and the heirs keep up.
    const WITHIN: Duration = Duration::from_secs(5);
    /// A few matches go no slower than this.
    const STEP_MAX: Duration = Duration::from_millis(10);

    fn new(queue: VecDeque<MatchId>, now: Now) -> Self {
        let matches = u32::try_from(queue.len()).unwrap_or(u32::MAX);
        Self {
            began: now.uptime,
            step: (Self::WITHIN / matches.max(1)).min(Self::STEP_MAX),
            queue,
            given: 0,
        }
    }

    /// The uptime at which the next match is to go; `None` when none is left.
    pub(super) fn next(&self) -> Option<Uptime> {
        let next = self.began + self.step * self.given;
        (!self.queue.is_empty()).then_some(next)
    }

    /// A match that came into memory meanwhile goes too.
    pub(super) fn add(&mut self, id: MatchId) {
        self.queue.push_back(id);
    }

    /// The next match, if it is to go by now.
    fn due(&mut self, now: Now) -> Option<MatchId> {
        let is_due = self.next().is_some_and(|at| at <= now.uptime);
        self.given += u32::from(is_due);
        self.queue.pop_front_if(|_| is_due)
    }
}

impl Shard {
    /// From now on no match is let in, and those that are here are given to the shards that would
    /// inherit them. Matches for which there is none stay here to the end, and then in this shard's set,
    /// for whoever starts next.
    pub fn drain(&mut self, now: Now) {
        let live = self.matches.values().filter(|live| !live.is_over());
        let queue: VecDeque<_> = live.map(super::LiveMatch::id).collect();
        tracing::info!(matches = queue.len(), "giving the matches away");
        self.takeover.drain = Some(Drain::new(queue, now));
    }

    /// Gives away the matches whose turn it is.
    pub(super) fn give_away(&mut self, now: Now) {
        while let Some(id) = self
            .takeover
            .drain
            .as_mut()
            .and_then(|drain| drain.due(now))
        {
            // One that has ended or gone meanwhile, or that nobody can take, is left as it is.
            if let Err(reason) = self.hand_over(id, None, now) {
                tracing::debug!(match_id = %id, %reason, "not handed over");
            }
        }
    }

    /// Whether nothing is on its way, and every match that another shard can take is that shard's.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let all_sent = self
            .takeover
            .drain
            .as_ref()
            .is_some_and(|drain| drain.queue.is_empty());
        all_sent
            && self.loading.is_empty()
            && !self.matches.values().any(super::LiveMatch::is_departing)
    }
}
