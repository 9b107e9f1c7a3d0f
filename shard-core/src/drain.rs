//! Draining: a stopping shard hands its matches over one by one, and plays the rest meanwhile.
//!
//! Players of a match that was handed over reconnect, which costs far more than their moves: if all did so at
//! once, each match would be interrupted for as long as the slowest handshake takes.

use std::collections::VecDeque;
use std::time::Duration;

use game_core::MatchId;

use super::{Now, Shard};
use crate::Uptime;

/// The matches that remain to be handed over, and the pace.
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
    /// All matches are handed over within this time, as far as the store and the other shards keep up.
    const WITHIN: Duration = Duration::from_secs(5);
    /// Longest interval between two matches when there are few.
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

    /// The uptime at which the next match is handed over; `None` when none is left.
    pub(super) fn next(&self) -> Option<Uptime> {
        let next = self.began + self.step * self.given;
        (!self.queue.is_empty()).then_some(next)
    }

    /// Adds a match that was loaded meanwhile.
    pub(super) fn add(&mut self, id: MatchId) {
        self.queue.push_back(id);
    }

    /// The next match, if it is due.
    fn due(&mut self, now: Now) -> Option<MatchId> {
        let is_due = self.next().is_some_and(|at| at <= now.uptime);
        self.given += u32::from(is_due);
        self.queue.pop_front_if(|_| is_due)
    }
}

impl Shard {
    /// From now on accepts no match, and hands those in memory over to the shards that would take them over.
    /// Matches for which there is no such shard stay here to the end, and then in this shard's set for the
    /// next shard that starts.
    pub fn drain(&mut self, now: Now) {
        let live = self.matches.values().filter(|live| !live.is_over());
        let queue: VecDeque<_> = live.map(super::LiveMatch::id).collect();
        tracing::info!(matches = queue.len(), "handing the matches over");
        self.takeover.drain = Some(Drain::new(queue, now));
    }

    /// Hands over the matches that are due.
    pub(super) fn give_away(&mut self, now: Now) {
        while let Some(id) = self
            .takeover
            .drain
            .as_mut()
            .and_then(|drain| drain.due(now))
        {
            // A match that has ended or left meanwhile, or that no shard can accept, stays as it is.
            if let Err(reason) = self.hand_over(id, None, now) {
                tracing::debug!(match_id = %id, %reason, "not handed over");
            }
        }
    }

    /// Whether no hand-over is in flight, and every match that another shard can accept has been handed over.
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
