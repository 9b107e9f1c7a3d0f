//! The matches that wait to be handed over, and when the next one is due.
//!
//! The players of a match that was handed over reconnect, which costs far more than their moves: if many did so
//! at once, each match would be interrupted for as long as the slowest handshake takes.

use std::collections::VecDeque;
use std::time::Duration;

use game_core::{Epoch, MatchId, MatchTime};
use store::{Standing, Status, StoreError};

use super::live::Disturbance;
use super::{LiveMatch, Now, Output, Shard};
use crate::Uptime;

/// How fast matches are handed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Time between two matches.
    pub(super) step: Duration,
    /// Upper bound on matches in flight: frozen here, or handed over and not yet claimed by their next owner,
    /// which it does when the first player is back. So a slow store, or an heir that is busy with handshakes, slows
    /// the hand-overs down instead of interrupting more matches.
    pub(super) in_flight_max: usize,
}

/// Matches to be handed over, a bounded number at the same time.
#[derive(Debug, Default)]
pub(super) struct HandOffs {
    queue: VecDeque<MatchId>,
    in_flight: Vec<MatchId>,
    next_at: Uptime,
}

/// Matches that were handed over and whose players are on their way to the next owner.
#[derive(Debug, Default)]
pub(super) struct Away {
    matches: Vec<Gone>,
    is_asked: bool,
    look_at: Uptime,
}

#[derive(Debug)]
struct Gone {
    id: MatchId,
    /// Under which the next owner was given it.
    epoch: Epoch,
    since: Uptime,
}

impl Away {
    /// Between two looks at the store.
    const LOOK_EVERY: Duration = Duration::from_millis(10);
    /// Players who have not come back within this are not waited for.
    const WAIT_MAX: Duration = Duration::from_secs(2);

    pub(super) fn add(&mut self, id: MatchId, epoch: Epoch, now: Now) {
        let since = now.uptime;
        self.matches.push(Gone { id, epoch, since });
    }

    pub(super) fn contains(&self, id: MatchId) -> bool {
        self.matches.iter().any(|gone| gone.id == id)
    }

    /// When the store is to be looked at again.
    pub(super) fn next(&self) -> Option<Uptime> {
        let is_due = !self.matches.is_empty() && !self.is_asked;
        is_due.then_some(self.look_at)
    }
}

impl HandOffs {
    /// Usual upper bound on matches in flight.
    pub(super) const IN_FLIGHT_MAX: usize = 4;
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

    /// The uptime at which the next match is due; `None` if none waits, or not before one in flight has arrived.
    pub(super) fn next(&self, in_flight_max: usize) -> Option<Uptime> {
        let may_begin = !self.queue.is_empty() && self.in_flight.len() < in_flight_max;
        may_begin.then_some(self.next_at)
    }

    /// The next match, if one is due. Matches of which `disturbance` is `None` cannot be handed over any more, and
    /// leave the queue.
    pub(super) fn due(
        &mut self,
        now: Now,
        Pace {
            step,
            in_flight_max,
        }: Pace,
        is_in_flight: impl Fn(MatchId) -> bool,
        disturbance: impl Fn(MatchId) -> Option<Disturbance>,
    ) -> Option<MatchId> {
        self.in_flight.retain(|id| is_in_flight(*id));
        if self.next(in_flight_max)? > now.uptime {
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
    /// Whether a match is on its way to another shard.
    pub(super) fn is_on_its_way(&self, id: MatchId) -> bool {
        let departs = self.listed(id).is_some_and(LiveMatch::is_departing);
        departs || self.takeover.away.contains(id)
    }

    /// Asks the store whether the next owners have claimed what they were given.
    pub(super) fn look_for_arrivals(&mut self, now: Now) {
        let away = &mut self.takeover.away;
        away.matches
            .retain(|gone| now.uptime.since(gone.since) < Away::WAIT_MAX);
        if away.next().is_some_and(|at| at <= now.uptime) {
            away.is_asked = true;
            away.look_at = now.uptime + Away::LOOK_EVERY;
            let matches = away.matches.iter().map(|gone| gone.id).collect();
            self.outputs.push_back(Output::Arrivals(matches));
        }
    }

    /// The answer to [`Output::Arrivals`], in its order.
    pub fn arrivals(&mut self, matches: &[MatchId], answer: Result<Vec<Standing>, StoreError>) {
        self.takeover.away.is_asked = false;
        let standings = answer.unwrap_or_default();
        for (id, standing) in matches.iter().zip(standings) {
            let has_arrived = |gone: &Gone| match &standing {
                Standing::Stored { ownership, .. } => {
                    ownership.epoch > gone.epoch || ownership.status == Status::Finished
                }
                Standing::Missing | Standing::Unreadable(_) => true,
            };
            let away = &mut self.takeover.away.matches;
            away.retain(|gone| gone.id != *id || !has_arrived(gone));
        }
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

    const STEP: Pace = Pace {
        step: Duration::from_millis(20),
        in_flight_max: HandOffs::IN_FLIGHT_MAX,
    };

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
        assert_eq!(hand_offs.next(1), None);
    }

    #[test]
    fn few_are_frozen_while_the_store_does_not_answer() {
        let mut hand_offs = queue(100, at(0));
        for ms in 0..1_000 {
            hand_offs.due(at(20 * ms), STEP, |_| true, |_| Some(Disturbance::Nobody));
        }
        assert_eq!(hand_offs.len(), 100 - HandOffs::IN_FLIGHT_MAX);
        let next = hand_offs.next(HandOffs::IN_FLIGHT_MAX);
        assert_eq!(next, None, "the store's answer is waited for");
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
