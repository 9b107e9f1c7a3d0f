//! Both clocks as a client shows them: counted down between two words of the shard, and standing still
//! while the shard is paused or out of reach.

use std::time::{Duration, Instant};

use game_core::Seat;
use protocol::ClockView;

/// Why both clocks in view stand still although the match is in play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standstill {
    /// The shard reports a pause, as its store does not answer.
    Paused,
    /// The connection brings nothing any more, not even acknowledgements of pings.
    Unresponsive,
    /// The connection is lost and being restored.
    Reconnecting,
    /// The shard has closed the seat: nothing more is heard of the match here.
    Closed,
}

/// The clocks of a match in view. Pure: times are handed in.
#[derive(Debug, Clone)]
pub(super) struct ShownClocks {
    said: ClockView,
    /// When `said` left the shard.
    said_at: Instant,
    paused_since: Option<Instant>,
    /// Why the shard is out of reach, and since when.
    unheard: Option<(Standstill, Instant)>,
}

impl ShownClocks {
    pub(super) const fn new(said: ClockView, said_at: Instant) -> Self {
        Self {
            said,
            said_at,
            paused_since: None,
            unheard: None,
        }
    }

    /// The shard sent both clocks at `at`.
    pub(super) const fn say(&mut self, said: ClockView, at: Instant) {
        self.said = said;
        self.said_at = at;
        self.unheard = None;
    }

    /// The shard reports a pause. Clocks that stood still before keep their values.
    pub(super) fn pause(&mut self, now: Instant) {
        let since = self.stand_since().unwrap_or(now);
        self.paused_since.get_or_insert(since);
        self.unheard = None;
    }

    pub(super) const fn end_pause(&mut self) {
        self.paused_since = None;
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.paused_since.is_some()
    }

    /// Nothing was heard since `since`. A later reason replaces the one before and keeps its time: the
    /// clocks do not run on from one to the other.
    pub(super) fn unheard(&mut self, why: Standstill, since: Instant) {
        let since = self.unheard.map_or(since, |(_, first)| first.min(since));
        self.unheard = Some((why, since));
    }

    /// Packets arrive again, but without the clocks. If only the network had failed, they ran at the shard;
    /// if the shard stood still, its next frame will correct them upwards. The lower reading is the safe one
    /// to show.
    pub(super) fn heard(&mut self) {
        self.unheard
            .take_if(|(why, _)| *why == Standstill::Unresponsive);
    }

    /// Why they stand still, if they do.
    pub(super) fn standstill(&self) -> Option<Standstill> {
        let paused = self.paused_since.map(|_| Standstill::Paused);
        self.unheard.map(|(why, _)| why).or(paused)
    }

    fn stand_since(&self) -> Option<Instant> {
        let unheard = self.unheard.map(|(_, since)| since);
        [self.paused_since, unheard].into_iter().flatten().min()
    }

    /// Both clocks as the shard last sent them.
    pub(super) const fn said(&self) -> ClockView {
        self.said
    }

    /// The seat whose clock runs; `None` also while both stand still.
    pub(super) fn running(&self) -> Option<Seat> {
        self.said.running.filter(|_| self.stand_since().is_none())
    }

    /// What `seat` has left at `now`.
    pub(super) fn remaining(&self, seat: Seat, now: Instant) -> Duration {
        let left = self.said.of(seat);
        if self.said.running != Some(seat) {
            return left;
        }
        let until = self.stand_since().map_or(now, |since| since.min(now));
        // During a simple delay the clock stands.
        let delay = Duration::from_millis(self.said.delay_ms.into());
        let counted = until.saturating_duration_since(self.said_at);
        left.saturating_sub(counted.saturating_sub(delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: ClockView = ClockView {
        white_ms: 60_000,
        black_ms: 50_000,
        running: Some(Seat::White),
        delay_ms: 0,
    };

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn white(clocks: &ShownClocks, now: Instant) -> u64 {
        clocks.remaining(Seat::White, now).as_secs()
    }

    #[test]
    fn clocks_stand_where_the_shard_was_heard_last_whatever_comes_after() {
        let t = Instant::now();
        let mut clocks = ShownClocks::new(SAID, t);
        assert_eq!(white(&clocks, t + s(10)), 50);
        clocks.unheard(Standstill::Unresponsive, t + s(8));
        assert_eq!(clocks.running(), None);
        clocks.unheard(Standstill::Reconnecting, t + s(13));
        assert_eq!(clocks.standstill(), Some(Standstill::Reconnecting));
        for later in [9, 13, 1_000] {
            assert_eq!(white(&clocks, t + s(later)), 52, "after {later} s");
            assert_eq!(clocks.remaining(Seat::Black, t + s(later)), s(50));
        }
        clocks.heard();
        assert_eq!(white(&clocks, t + s(14)), 52, "a join is still to come");
        clocks.say(SAID, t + s(20));
        assert_eq!(clocks.standstill(), None);
        assert_eq!(white(&clocks, t + s(21)), 59);
    }

    /// MATCH.md, "delay": the clock stands until the simple delay has passed.
    #[test]
    fn a_clock_stands_for_its_delay_and_then_runs() {
        let t = Instant::now();
        let said = ClockView {
            delay_ms: 2_000,
            ..SAID
        };
        let clocks = ShownClocks::new(said, t);
        for (later, left) in [(0, 60), (2, 60), (3, 59), (10, 52)] {
            assert_eq!(white(&clocks, t + s(later)), left, "after {later} s");
        }
    }

    #[test]
    fn clocks_that_ran_at_the_shard_ran_here_too() {
        let t = Instant::now();
        let mut clocks = ShownClocks::new(SAID, t);
        clocks.unheard(Standstill::Unresponsive, t + s(1));
        clocks.heard();
        assert_eq!(clocks.running(), Some(Seat::White));
        assert_eq!(white(&clocks, t + s(5)), 55);
    }

    #[test]
    fn a_pause_in_a_silence_begins_where_the_silence_did() {
        let t = Instant::now();
        let mut clocks = ShownClocks::new(SAID, t);
        clocks.unheard(Standstill::Unresponsive, t + s(2));
        clocks.pause(t + s(6));
        assert_eq!(clocks.standstill(), Some(Standstill::Paused));
        assert_eq!(white(&clocks, t + s(7)), 58);
        clocks.unheard(Standstill::Unresponsive, t + s(8));
        clocks.heard();
        assert_eq!(clocks.standstill(), Some(Standstill::Paused));
        clocks.end_pause();
        clocks.say(SAID, t + s(9));
        assert_eq!(white(&clocks, t + s(10)), 59);
    }
}
