//! The matches that wait to be handed over, and when the next one is due.
//!
//! The players of a match that was handed over reconnect, which costs far more than their moves: if many did so
//! at once, each match would be interrupted for as long as the slowest handshake takes.

use std::collections::VecDeque;
use std::time::Duration;

use game_core::{MatchId, MatchTime};

use super::{LiveMatch, Now, Shard};
use crate::Uptime;

/// How much a hand-over would be noticed by the players of a match, in order.
///
/// A side that has just begun to think is the least likely to move in the next milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Disturbance {
    /// Nobody is connected.
    Nobody,
    /// Everything is confirmed, and the last event was so long ago.
    Thinking(Duration),
    /// Somebody waits for the store's answer.
    Waiting,
}

/// Matches to be handed over, a bounded number at the same time.
#[derive(Debug, Default)]
pub(super) struct HandOffs {
    queue: VecDeque<MatchId>,
    /// Matches of the queue that are frozen here, and that the store has not given to their next owner.
    in_flight: Vec<MatchId>,
    next_at: Uptime,
}

impl HandOffs {
    /// Upper bound on hand-overs that the store has not answered, so that a slow store freezes few matches.
    pub(super) const IN_FLIGHT_MAX: usize = 16;
    /// Number of waiting matches among which the next one is chosen.
    const WINDOW: usize = 32;

    pub(super) fn new(queue: VecDeque<MatchId>, now: Now) -> Self {
        Self {
            queue,
            in_flight: Vec::new(),
            next_at: now.uptime,
        }
    }

    pub(super) fn add(&mut self, id: MatchId) {
        self.queue.push_back(id);
    }

    /// Matches that wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The uptime at which the next match is due; `None` if none waits, or not before the store has answered.
    pub(super) fn next(&self) -> Option<Uptime> {
        let may_begin = !self.queue.is_empty() && self.in_flight.len() < Self::IN_FLIGHT_MAX;
        may_begin.then_some(self.next_at)
    }

    /// The next match, if one is due; the one after it is due after `step`. Matches of which `disturbance` is
    /// `None` cannot be handed over any more, and leave the queue.
    pub(super) fn due(
        &mut self,
        now: Now,
        step: Duration,
        is_in_flight: impl Fn(MatchId) -> bool,
        disturbance: impl Fn(MatchId) -> Option<Disturbance>,
    ) -> Option<MatchId> {
        self.in_flight.retain(|id| is_in_flight(*id));
        if self.next()? > now.uptime {
            return None;
        }
        let id = self.least_disturbed(disturbance)?;
        self.in_flight.push(id);
        // What a stalled driver missed is not made up for at once.
        self.next_at = (self.next_at + step).max(now.uptime);
        Some(id)
    }

    /// Takes the match among the next ones whose players notice least.
    fn least_disturbed(
        &mut self,
        disturbance: impl Fn(MatchId) -> Option<Disturbance>,
    ) -> Option<MatchId> {
        let mut least: Option<(Disturbance, usize)> = None;
        let mut index = 0;
        while index < Self::WINDOW.min(self.queue.len()) {
            match disturbance(self.queue[index]) {
                Some(found) => {
                    let found = (found, index);
                    least = Some(least.map_or(found, |least| least.min(found)));
                    index += 1;
                }
                // The last one takes its place.
                None => _ = self.queue.swap_remove_back(index),
            }
        }
        self.queue.swap_remove_back(least?.1)
    }
}

impl Shard {
    /// Whether a match is frozen here on its way to another shard.
    pub(super) fn is_departing(&self, id: MatchId) -> bool {
        self.listed(id).is_some_and(LiveMatch::is_departing)
    }

    /// How much a hand-over of a match would disturb its players now; `None` if it cannot be handed over.
    pub(super) fn disturbance(&self, id: MatchId, time: MatchTime) -> Option<Disturbance> {
        let live = self.listed(id)?;
        let can_go = !live.is_over() && !live.is_departing();
        can_go.then(|| live.disturbance(time))
    }

    fn listed(&self, id: MatchId) -> Option<&LiveMatch> {
        self.matches.get(*self.by_id.get(&id)?)
    }
}

#[cfg(test)]
mod tests {
    use game_core::UnixMillis;

    use super::*;

    fn at(ms: u64) -> Now {
        Now {
            uptime: Uptime::from_start(Duration::from_millis(ms)),
            calendar: UnixMillis(0),
        }
    }

    fn queue(n: u128, now: Now) -> HandOffs {
        HandOffs::new((0..n).map(MatchId::from_random).collect(), now)
    }

    const STEP: Duration = Duration::from_millis(20);

    #[test]
    fn those_whose_players_notice_least_go_first() {
        use Disturbance::{Nobody, Thinking, Waiting};
        let [waits, thinks_long, just_moved, empty, over] =
            [0, 1, 2, 3, 4].map(MatchId::from_random);
        let disturbance = |id| match id {
            _ if id == waits => Some(Waiting),
            _ if id == thinks_long => Some(Thinking(Duration::from_secs(9))),
            _ if id == just_moved => Some(Thinking(Duration::from_millis(3))),
            _ if id == empty => Some(Nobody),
            _ => None,
        };
        let mut hand_offs =
            HandOffs::new([waits, over, thinks_long, just_moved, empty].into(), at(0));
        let mut order = Vec::new();
        for ms in 0..4 {
            order.extend(hand_offs.due(at(20 * ms), STEP, |_| false, disturbance));
        }
        assert_eq!(order, [empty, just_moved, thinks_long, waits]);
        assert!(hand_offs.is_empty(), "the one that is over is not kept");
    }

    #[test]
    fn one_is_due_after_each_step_and_none_before() {
        let mut hand_offs = queue(3, at(100));
        let mut due = |ms| hand_offs.due(at(ms), STEP, |_| false, |_| Some(Disturbance::Nobody));
        let taken: Vec<_> = [100, 119, 120, 120, 140].map(|ms| due(ms).is_some()).into();
        assert_eq!(taken, [true, false, true, false, true]);
        assert_eq!(hand_offs.next(), None);
    }

    #[test]
    fn few_are_frozen_while_the_store_does_not_answer() {
        let mut hand_offs = queue(100, at(0));
        for ms in 0..1_000 {
            hand_offs.due(at(20 * ms), STEP, |_| true, |_| Some(Disturbance::Nobody));
        }
        assert_eq!(hand_offs.len(), 100 - HandOffs::IN_FLIGHT_MAX);
        assert_eq!(hand_offs.next(), None, "the store's answer is waited for");
        hand_offs.due(at(20_000), STEP, |_| false, |_| Some(Disturbance::Nobody));
        assert_eq!(hand_offs.len(), 100 - HandOffs::IN_FLIGHT_MAX - 1);
    }

    #[test]
    fn a_driver_that_stalled_does_not_hand_over_all_that_it_missed() {
        let mut hand_offs = queue(100, at(0));
        let mut taken = 0;
        let disturbance = |_| Some(Disturbance::Nobody);
        while hand_offs
            .due(at(60_000), STEP, |_| false, disturbance)
            .is_some()
        {
            taken += 1;
        }
        assert_eq!(taken, 2, "the one that is late, and the one that is due");
    }
}
