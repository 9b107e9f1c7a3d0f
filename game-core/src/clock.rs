//! The two clocks of a match.

use std::time::Duration;

use crate::{BySeat, MatchTime, Seat, TimeControl};

/// Both sides' remaining time, to the microsecond, and which side's is counting down.
///
/// At most one side's clock counts (FIDE 6.2). Stopping it charges nothing: the time that has passed is
/// charged by [`charge_until`](Self::charge_until), so every event can record both clocks.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// What each side had when time was last charged.
    remaining: BySeat<Duration>,
    /// The time added for a timed move.
    increment: Duration,
    /// The seat whose clock counts, and since when its time is not charged yet.
    running: Option<(Seat, MatchTime)>,
}

impl Clock {
    /// Upper bound on what a clock shows: the most that 32 bits of milliseconds hold, about 49 days.
    pub(crate) const MAX: Duration = Duration::from_millis(u32::MAX as u64);

    /// The stopped clocks at the start of a match.
    pub(crate) fn new(control: TimeControl) -> Self {
        Self {
            remaining: BySeat::new_with(|_| control.start()),
            increment: control.increment(),
            running: None,
        }
    }

    /// What both clocks show at `now`.
    pub(crate) fn shown(&self, now: MatchTime) -> BySeat<Duration> {
        let mut shown = self.remaining;
        if let Some((seat, since)) = self.running {
            shown[seat] = shown[seat].saturating_sub(now.since(since));
        }
        shown
    }

    /// What both sides had left when time was last charged.
    pub(crate) const fn remaining(&self) -> BySeat<Duration> {
        self.remaining
    }

    /// The seat whose clock counts.
    pub(crate) fn running(&self) -> Option<Seat> {
        self.running.map(|(seat, _)| seat)
    }

    /// When the running clock reaches zero, which is when its flag falls (FIDE 6.8).
    pub(crate) fn flag_at(&self) -> Option<MatchTime> {
        self.running
            .map(|(seat, since)| since + self.remaining[seat])
    }

    /// Starts the clock of `seat` at `now`.
    pub(crate) const fn start(&mut self, seat: Seat, now: MatchTime) {
        self.running = Some((seat, now));
    }

    /// Stops the running clock. Time that was not charged before is charged to nobody.
    pub(crate) const fn stop(&mut self) {
        self.running = None;
    }

    /// Charges the time that has passed up to `now`; a running clock keeps running.
    pub(crate) fn charge_until(&mut self, now: MatchTime) {
        self.remaining = self.shown(now);
        if let Some((_, since)) = &mut self.running {
            // `now` may lie before the time already charged, if the owner finds that its clock stood
            // still. That time must not be charged again.
            *since = now.max(*since);
        }
    }

    /// Charges `seat` time that counted under a former owner.
    pub(crate) fn charge(&mut self, seat: Seat, counted: Duration) {
        self.remaining[seat] = self.remaining[seat].saturating_sub(counted);
    }

    /// Adds the Fischer increment (FIDE 6.3.2).
    pub(crate) fn add_increment(&mut self, seat: Seat) {
        self.remaining[seat] = self.remaining[seat]
            .saturating_add(self.increment)
            .min(Self::MAX);
    }

    /// Sets both clocks from a record, and stops them.
    pub(crate) const fn set(&mut self, remaining: BySeat<Duration>) {
        self.remaining = remaining;
        self.running = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> MatchTime {
        MatchTime::from_micros(seconds * 1_000_000)
    }

    fn clock(initial_s: u64, increment_s: u64) -> Clock {
        Clock::new(TimeControl::from_millis(initial_s * 1000, increment_s * 1000).unwrap())
    }

    #[test]
    fn a_stopped_clock_stands_still() {
        let clock = clock(60, 0);
        assert_eq!(clock.shown(at(1000)).white, 60 * SECOND);
        assert_eq!((clock.flag_at(), clock.running()), (None, None));
    }

    #[test]
    fn only_the_running_side_is_charged() {
        let mut clock = clock(60, 2);
        clock.start(Seat::Black, at(100));
        let shown = clock.shown(at(107));
        assert_eq!((shown.white, shown.black), (60 * SECOND, 53 * SECOND));
        assert_eq!(clock.flag_at(), Some(at(160)));
        clock.charge_until(at(107));
        clock.stop();
        clock.add_increment(Seat::Black);
        assert_eq!(clock.shown(at(500)).black, 55 * SECOND);
    }

    #[test]
    fn charging_often_charges_the_same_as_charging_once() {
        let mut often = clock(60, 0);
        often.start(Seat::White, at(0));
        let once = often.clone();
        for second in [3, 3, 10, 41] {
            often.charge_until(at(second));
        }
        assert_eq!(often.shown(at(50)), once.shown(at(50)));
        assert_eq!(often.flag_at(), once.flag_at());
    }

    #[test]
    fn a_clock_never_goes_below_zero() {
        let mut clock = clock(60, 0);
        clock.start(Seat::White, at(0));
        clock.charge_until(at(61));
        assert_eq!(clock.remaining().white, Duration::ZERO);
    }

    #[test]
    fn time_found_to_have_stood_still_is_not_charged_twice() {
        let mut clock = clock(60, 0);
        clock.start(Seat::White, at(0));
        clock.charge_until(at(10));
        // The owner finds that 4 of those 10 seconds were a pause of its own.
        clock.charge_until(at(6));
        clock.charge_until(at(10));
        assert_eq!(clock.remaining().white, 50 * SECOND);
        clock.charge_until(at(11));
        assert_eq!(clock.remaining().white, 49 * SECOND);
    }
}
