//! Whether clocks are charged for thinking alone: what a client can know of it from outside.
//!
//! Every word of a shard on the clocks (with an event, after a pause, in the answer to a join, as a
//! reminder) is held against the last one before it that was no reminder:
//!
//! - A clock never stands higher than after the last event, plus the increments since.
//! - A clock loses no more than the time in which its player could be thought to think, plus a
//!   tolerance: for one's own clock from the word that started it to one's own move, for the
//!   opponent's until the next word, and nothing while play was paused or the clock stood still. What
//!   happened while the client was away, it cannot tell: all of that time may be charged.
//!
//! The tolerance covers what the network and a busy machine add, as a move is charged until it reaches
//! the server. A clock may lose less: a server gives time back after a fault.

use std::time::Duration;

use game_core::{BySeat, Seat, TimeControl};
use protocol::ClockView;

use super::{Breach, Promise};

/// Both of two words are rounded down to the millisecond.
const ROUNDING: Duration = Duration::from_millis(2);

/// What a shard said about the clocks, and when.
#[derive(Debug, Clone, Copy)]
pub(in crate::soak) struct Word {
    /// What it said.
    pub(in crate::soak) clock: ClockView,
    /// How many moves had been made then.
    pub(in crate::soak) ply: u16,
    /// When it was heard, since the start of the soak.
    pub(in crate::soak) at: Duration,
    /// Whether the seat was taken (again) with it: nobody here knows what was said before.
    pub(in crate::soak) after_absence: bool,
    /// Whether it came with an event: then the clocks are those of the records.
    pub(in crate::soak) with_event: bool,
    /// Whether the last of the moves ended the match, so that it earned no increment.
    pub(in crate::soak) is_last: bool,
}

/// The clocks of one match as one client follows them. Pure: all times are handed in.
#[derive(Debug, Clone)]
pub(in crate::soak) struct ClockCheck {
    control: TimeControl,
    own: Option<Seat>,
    /// No clock may stand higher.
    ceiling: BySeat<Duration>,
    last: Word,
    /// When the own move that waits for its event was made.
    moved_at: Option<Duration>,
    /// Since when play is paused.
    paused_at: Option<Duration>,
}

impl ClockCheck {
    /// Begins with the first word; `own` is the seat of a player.
    pub(in crate::soak) fn new(control: TimeControl, own: Option<Seat>, first: Word) -> Self {
        Self {
            control,
            own,
            // Within a move a word is lower than the records, up to which a takeover may go back.
            ceiling: BySeat::new_with(|_| Duration::MAX),
            last: first,
            moved_at: None,
            paused_at: None,
        }
    }

    /// The own move is made.
    pub(in crate::soak) fn moved(&mut self, at: Duration) {
        self.moved_at = Some(at);
    }

    /// The own move changed nothing.
    pub(in crate::soak) fn refused(&mut self) {
        self.moved_at = None;
    }

    /// Play is paused.
    pub(in crate::soak) fn paused(&mut self, at: Duration) {
        self.paused_at.get_or_insert(at);
    }

    /// A word on the clocks. Returns by how much the own clock lost more than was thought, where the
    /// word is the answer to an own move.
    ///
    /// # Errors
    ///
    /// [`Breach`] when a clock rose, or lost more than the tolerance allows.
    pub(in crate::soak) fn word(
        &mut self,
        word: Word,
        tolerance: Duration,
    ) -> Result<Option<Duration>, Breach> {
        let mut beyond = None;
        for seat in Seat::BOTH {
            let earned = self.earned(seat, word);
            let (before, now) = (self.last.clock.of(seat), word.clock.of(seat));
            let ceiling = self.ceiling[seat].saturating_add(earned);
            if now > ceiling.saturating_add(ROUNDING) {
                return Err(Breach {
                    promise: Promise::ClockRose,
                    expected: format!("{seat}'s clock at {ceiling:?} at the most"),
                    got: format!("{now:?} at ply {}", word.ply),
                });
            }
            self.ceiling[seat] = if word.with_event { now } else { ceiling };
            let charged = (before + earned).saturating_sub(now);
            let thought = self.thought(seat, word);
            let excess = charged.saturating_sub(thought);
            if excess > tolerance + ROUNDING {
                return Err(Breach {
                    promise: Promise::ClockCharged,
                    expected: format!(
                        "{seat} charged {thought:?} at the most since ply {} at {:.3} s, within {tolerance:?}",
                        self.last.ply,
                        self.last.at.as_secs_f64()
                    ),
                    got: format!("{charged:?} charged: from {before:?} to {now:?}"),
                });
            }
            if self.own == Some(seat) && self.moved_at.is_some() && word.ply > self.last.ply {
                beyond = Some(excess);
            }
        }
        if word.ply > self.last.ply {
            self.moved_at = None;
        }
        if !self.is_reminder(word) {
            self.paused_at = None;
            self.last = word;
        }
        Ok(beyond)
    }

    /// Whether a word only says again whose clock counts. What is charged is measured from the word
    /// that started the clock all the same, so that many small errors do not pass for none.
    fn is_reminder(&self, word: Word) -> bool {
        let anew = word.with_event || word.after_absence || self.paused_at.is_some();
        !anew && word.ply == self.last.ply && word.clock.running == self.last.clock.running
    }

    /// The increments that a seat earned between the last word and `word`. The first move of each
    /// side is not timed and earns none.
    fn earned(&self, seat: Seat, word: Word) -> Duration {
        let timed_from = self.last.ply.max(2);
        let until = word.ply.saturating_sub(u16::from(word.is_last));
        let parity = u16::from(seat == Seat::Black);
        let moves = (timed_from..until).filter(|ply| ply % 2 == parity).count();
        self.control.increment() * u32::try_from(moves).unwrap_or(u32::MAX)
    }

    /// How long a seat may have thought between the last word and `word`.
    fn thought(&self, seat: Seat, word: Word) -> Duration {
        if word.after_absence {
            // Whose clock ran since when, and whether a pause was over, was said to nobody here.
            return word.at.saturating_sub(self.last.at);
        }
        if self.last.clock.running != Some(seat) {
            return Duration::ZERO;
        }
        let mut until = self.paused_at.unwrap_or(word.at);
        if let Some(moved_at) = self.moved_at
            && self.own == Some(seat)
        {
            until = until.min(moved_at);
        }
        until.saturating_sub(self.last.at)
    }
}

#[cfg(test)]
mod tests {
    use game_core::Termination;

    use super::super::ends_with_a_move;
    use super::*;

    const TOLERANCE: Duration = Duration::from_millis(500);

    fn word(ply: u16, (white, black): (u32, u32), running: Option<Seat>, at_ms: u64) -> Word {
        Word {
            clock: ClockView {
                white_ms: white,
                black_ms: black,
                running,
            },
            ply,
            at: Duration::from_millis(at_ms),
            after_absence: false,
            with_event: true,
            is_last: false,
        }
    }

    /// White, whose clock runs since 10 s, at ply 2 of a match with 60+2.
    fn white() -> ClockCheck {
        let mut check = ClockCheck::new(
            "60+2".parse().unwrap(),
            Some(Seat::White),
            word(1, (60_000, 60_000), None, 9_000),
        );
        let start = word(2, (60_000, 60_000), Some(Seat::White), 10_000);
        check.word(start, TOLERANCE).unwrap();
        check
    }

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_move_is_charged_for_what_was_thought() {
        let mut check = white();
        check.moved(at(13_000));
        // 3.1 s charged, 2 s earned; the answer itself took long, which is charged to nobody.
        let answer = word(3, (58_900, 60_000), Some(Seat::Black), 18_000);
        assert_eq!(check.word(answer, TOLERANCE), Ok(Some(at(100))));
        let reply = word(4, (58_900, 57_000), Some(Seat::White), 23_000);
        assert_eq!(check.word(reply, TOLERANCE), Ok(None));
    }

    #[test]
    fn a_reminder_does_not_begin_the_count_anew() {
        let mut check = white();
        let reminder = Word {
            with_event: false,
            ..word(2, (57_600, 60_000), Some(Seat::White), 12_000)
        };
        // 2.4 s for 2 s, 3.3 s for 2.5 s.
        assert_eq!(check.word(reminder, TOLERANCE), Ok(None));
        check.moved(at(12_500));
        let answer = word(3, (58_700, 60_000), Some(Seat::Black), 13_000);
        let breach = check.word(answer, TOLERANCE).unwrap_err();
        assert_eq!(breach.promise, Promise::ClockCharged);
    }

    #[test]
    fn time_of_the_store_is_not_charged_to_the_mover() {
        let mut check = white();
        check.moved(at(13_000));
        let answer = word(3, (54_000, 60_000), Some(Seat::Black), 18_000);
        let breach = check.word(answer, TOLERANCE).unwrap_err();
        assert_eq!(breach.promise, Promise::ClockCharged);
    }

    #[test]
    fn a_pause_is_charged_to_nobody() {
        let mut check = white();
        check.paused(at(12_000));
        let mut on = word(2, (58_000, 60_000), Some(Seat::White), 40_000);
        on.with_event = false;
        assert_eq!(check.clone().word(on, TOLERANCE), Ok(None));
        on.clock.white_ms = 40_000;
        let breach = check.word(on, TOLERANCE).unwrap_err();
        assert_eq!(breach.promise, Promise::ClockCharged);
    }

    #[test]
    fn a_clock_that_does_not_run_loses_nothing() {
        let mut check = white();
        let told = word(2, (60_000, 50_000), Some(Seat::White), 20_000);
        let breach = check.word(told, TOLERANCE).unwrap_err();
        assert_eq!(breach.promise, Promise::ClockCharged);
    }

    #[test]
    fn time_may_be_given_back_but_not_given() {
        let mut check = white();
        let mut told = word(2, (52_000, 60_000), Some(Seat::White), 18_000);
        told.with_event = false;
        assert_eq!(check.word(told, TOLERANCE), Ok(None));
        // After a takeover the clock has what the last event gave it.
        told = word(2, (60_000, 60_000), Some(Seat::White), 22_000);
        told.with_event = false;
        assert_eq!(check.word(told, TOLERANCE), Ok(None));
        told.clock.white_ms = 60_100;
        let breach = check.word(told, TOLERANCE).unwrap_err();
        assert_eq!(breach.promise, Promise::ClockRose);
    }

    #[test]
    fn moves_that_were_missed_earn_their_increments() {
        let mut check = white();
        check.moved(at(11_000));
        // While the seat was away: its move, a reply of 20 s, and its clock runs again.
        let mut joined = word(4, (61_000, 42_000), Some(Seat::White), 31_000);
        joined.with_event = false;
        joined.after_absence = true;
        assert!(check.word(joined, TOLERANCE).is_ok());
    }

    #[test]
    fn a_pause_may_end_while_a_seat_is_away() {
        let mut check = white();
        check.paused(at(12_000));
        let mut joined = word(2, (40_000, 60_000), Some(Seat::White), 50_000);
        joined.with_event = false;
        joined.after_absence = true;
        assert!(check.word(joined, TOLERANCE).is_ok());
    }

    #[test]
    fn a_seat_that_was_away_cannot_tell_since_when_its_clock_runs() {
        let mut check = white();
        check.moved(at(11_000));
        let answer = word(3, (61_000, 60_000), Some(Seat::Black), 11_000);
        assert!(check.word(answer, TOLERANCE).is_ok());
        // The reply came at 14 s, to nobody.
        let mut joined = word(4, (53_000, 59_000), Some(Seat::White), 22_000);
        joined.with_event = false;
        joined.after_absence = true;
        assert!(check.clone().word(joined, TOLERANCE).is_ok());
        joined.clock.white_ms = 45_000;
        let breach = check.word(joined, TOLERANCE).unwrap_err();
        assert_eq!(
            breach.promise,
            Promise::ClockCharged,
            "more than the time away"
        );
    }

    #[test]
    fn a_move_that_is_heard_of_with_the_resignation_after_it_earns_its_increment() {
        let mut check = white();
        check.moved(at(13_000));
        let mut joined = word(3, (61_000, 60_000), None, 16_000);
        joined.after_absence = true;
        joined.is_last = ends_with_a_move(Termination::Resignation);
        assert!(check.clone().word(joined, TOLERANCE).is_ok());
        joined.is_last = ends_with_a_move(Termination::Checkmate);
        let breach = check.word(joined, TOLERANCE).unwrap_err();
        assert_eq!(breach.promise, Promise::ClockRose);
    }

    #[test]
    fn the_move_that_ends_the_match_earns_nothing() {
        let mut check = white();
        check.moved(at(13_000));
        let mut answer = word(3, (57_000, 60_000), None, 13_100);
        answer.is_last = true;
        assert_eq!(check.word(answer, TOLERANCE), Ok(Some(at(0))));
    }
}
