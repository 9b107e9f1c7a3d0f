//! Draining: a stopping shard hands its matches over one by one, and plays the rest meanwhile.

use std::time::Duration;

use game_core::MatchId;

use super::hand_offs::{HandOffs, Pace};
use super::{Now, Shard};
use crate::Uptime;

/// The matches that remain to be handed over, and by when all are.
#[derive(Debug)]
pub(super) struct Drain {
    hand_offs: HandOffs,
    until: Uptime,
}

impl Drain {
    /// How long the players of a match may take to come back, at most, for a drain to keep its time.
    const BACK_WITHIN: Duration = Duration::from_millis(100);
    /// Upper bound on matches in flight when time is short.
    const IN_FLIGHT_MAX: usize = 64;
    /// Longest interval between two matches, however much time is left: 1,000 matches take 20 s.
    const STEP_MAX: Duration = Duration::from_millis(20);

    /// The uptime at which the next match is handed over; `None` when none is left.
    pub(super) fn next(&self, now: Uptime) -> Option<Uptime> {
        self.hand_offs.next(self.pace(now).in_flight_max)
    }

    /// Adds a match that was loaded meanwhile.
    pub(super) fn add(&mut self, id: MatchId) {
        self.hand_offs.add(id);
    }

    /// The time that is left, divided among the matches that are left: a store that was slow for a while is
    /// made up for.
    fn pace(&self, now: Uptime) -> Pace {
        let matches = u32::try_from(self.hand_offs.len()).unwrap_or(u32::MAX);
        let step = (self.until.since(now) / matches.max(1)).min(Self::STEP_MAX);
        let at_once = Self::BACK_WITHIN.as_micros() / step.as_micros().max(1);
        let at_once = usize::try_from(at_once).unwrap_or(usize::MAX);
        Pace {
            step,
            in_flight_max: at_once.clamp(HandOffs::IN_FLIGHT_MAX, Self::IN_FLIGHT_MAX),
        }
    }
}

impl Shard {
    /// From now on accepts no match, and hands those in memory over to the shards that would take them over,
    /// spread over the time `within`, or less if there are few. Matches for which there is no such shard stay
    /// here to the end, and then in this shard's set for the next shard that starts.
    pub fn drain(&mut self, within: Duration, now: Now) {
        let live = self.matches.values().filter(|live| !live.is_over());
        let hand_offs = HandOffs::new(live.map(super::LiveMatch::id).collect(), now);
        tracing::info!(matches = hand_offs.len(), "handing the matches over");
        self.takeover.drain = Some(Drain {
            hand_offs,
            until: now.uptime + within,
        });
    }

    /// Hands over the matches that are due.
    pub(super) fn give_away(&mut self, now: Now) {
        let Some(mut drain) = self.takeover.drain.take() else {
            self.even_load(now);
            return;
        };
        let time = self.clock.at(now.uptime);
        loop {
            let pace = drain.pace(now.uptime);
            let is_in_flight = |id| self.is_on_its_way(id);
            let disturbance = |id| self.disturbance(id, time);
            let Some(id) = drain.hand_offs.due(now, pace, is_in_flight, disturbance) else {
                break;
            };
            // A match that no shard can accept stays as it is.
            if let Err(reason) = self.hand_over(id, None, now) {
                tracing::debug!(match_id = %id, %reason, "not handed over");
            }
        }
        self.takeover.drain = Some(drain);
    }

    /// Whether no hand-over is in flight, and every match that another shard can accept has been handed over.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let all_sent = self
            .takeover
            .drain
            .as_ref()
            .is_some_and(|drain| drain.hand_offs.is_empty());
        all_sent
            && self.loading.is_empty()
            && !self.matches.values().any(super::LiveMatch::is_departing)
    }
}
