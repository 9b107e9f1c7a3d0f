//! Whether clocks are charged for thinking alone: what a client can know of it from outside.
//!
//! Every word of a shard on the clocks (with an event, after a pause, in the answer to a join, as a
//! reminder) is held against the last one before it that was no reminder:
//!
//! - A clock never stands higher than after the last event, plus what its side earned since: increments, the
//!   time of stages, gifts. Where an event fell into a move under way, what lag compensation and a Bronstein
//!   delay may return of the time before that event is allowed besides.
//! - A clock loses no more than the time in which its player could be thought to think, less its delay, plus a
//!   tolerance: for one's own clock from the word that started it to one's own move, for the
//!   opponent's until the next word, and nothing while play was paused or the clock stood still. What
//!   happened while the client was away, it cannot tell: all of that time may be charged.
//!
//! A takeback sets both clocks back, and the count begins anew with it; the other oracle knows to what. So it does
//! after events that the client has missed, unless all of them can only have been moves.
//!
//! The tolerance covers what the network and a busy machine add, as a move is charged until it reaches
//! the server. A clock may lose less: a server gives time back after a fault, and for lag.

use std::time::Duration;

use game_core::{BySeat, ClockStart, Delay, Seat, TimeControl};
use protocol::ClockView;

use super::{Breach, Promise};

/// Both of two words are rounded down to the millisecond.
const ROUNDING: Duration = Duration::from_millis(2);

/// What the clocks of a match are to do.
#[derive(Debug, Clone, Copy)]
pub(in crate::soak) struct Terms {
    pub(in crate::soak) controls: BySeat<TimeControl>,
    pub(in crate::soak) clock_start: ClockStart,
    /// Whose lag may be compensated.
    pub(in crate::soak) compensated: BySeat<bool>,
    /// The client hears everything late, and cannot tell what is charged.
    pub(in crate::soak) is_late: bool,
    /// The side that moves at ply 0.
    pub(in crate::soak) first: Seat,
    /// Moves can be taken back, or time be given.
    pub(in crate::soak) may_change: bool,
}

/// What a shard said about the clocks, and when.
#[derive(Debug, Clone, Copy)]
pub(in crate::soak) struct Word {
    /// What it said.
    pub(in crate::soak) clock: ClockView,
    /// How many moves stood then.
    pub(in crate::soak) ply: u16,
    /// How many events the match had then.
    pub(in crate::soak) seq: u32,
    /// When it was heard, since the start of the soak.
    pub(in crate::soak) at: Duration,
    /// Whether the seat was taken (again) with it: nobody here knows what was said before.
    pub(in crate::soak) after_absence: bool,
    /// Whether it came with an event: then the clocks are those of the records.
    pub(in crate::soak) with_event: bool,
    /// Time that this event gives to a seat.
    pub(in crate::soak) gift: Option<(Seat, Duration)>,
    /// This event takes moves back.
    pub(in crate::soak) rewinds: bool,
    /// Whether the last of the moves ended the match, so that it earned no increment.
    pub(in crate::soak) is_last: bool,
    /// Whether the match is over.
    pub(in crate::soak) is_over: bool,
}

/// The clocks of one match as one client follows them. Pure: all times are handed in.
#[derive(Debug, Clone)]
pub(in crate::soak) struct ClockCheck {
    terms: Terms,
    own: Option<Seat>,
    /// No clock may stand higher.
    ceiling: BySeat<Duration>,
    last: Word,
    /// The last word came in the middle of a move.
    in_mid_move: bool,
    /// When the own move that waits for its event was made.
    moved_at: Option<Duration>,
    /// Since when play is paused.
    paused_at: Option<Duration>,
}

impl ClockCheck {
    /// Begins with the first word; `own` is the seat of a player.
    pub(in crate::soak) fn new(terms: Terms, own: Option<Seat>, first: Word) -> Self {
        Self {
            terms,
            own,
            // Within a move a word is lower than the records, up to which a takeover may go back.
            ceiling: BySeat::new_with(|_| Duration::MAX),
            last: first,
            in_mid_move: true,
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
        if self.is_beginning(word) {
            *self = Self::new(self.terms, self.own, word);
            return Ok(None);
        }
        let mut beyond = None;
        for seat in Seat::BOTH {
            let earned = self.earned(seat, word);
            let (before, now) = (self.last.clock.of(seat), word.clock.of(seat));
            let ceiling = self.ceiling[seat].saturating_add(earned);
            let returned = self.returned(seat, word);
            if now > ceiling.saturating_add(returned + ROUNDING) {
                return Err(Breach {
                    promise: Promise::ClockRose,
                    expected: format!("{seat}'s clock at {ceiling:?} at the most"),
                    got: format!("{now:?} at ply {}", word.ply),
                });
            }
            self.ceiling[seat] = if word.with_event {
                now
            } else {
                ceiling.max(now)
            };
            let charged = (before + earned).saturating_sub(now);
            let thought = self.thought(seat, word);
            let excess = charged.saturating_sub(thought);
            if excess > tolerance + ROUNDING && !self.terms.is_late {
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
            self.in_mid_move = word.with_event && word.ply == self.last.ply
                || word.after_absence
                || self.in_mid_move && word.ply == self.last.ply;
            self.paused_at = None;
            self.last = word;
        }
        Ok(beyond)
    }

    /// Whether what was said before tells nothing of this word.
    fn is_beginning(&self, word: Word) -> bool {
        // A new owner knows not what late spectators were shown, and tells none of them more than is public.
        if word.rewinds || (self.terms.is_late && word.after_absence) {
            return true;
        }
        let moves = u32::from(word.ply.saturating_sub(self.last.ply));
        let end = u32::from(word.is_over && !self.last.is_over);
        let were_moves = word.ply >= self.last.ply && word.seq == self.last.seq + moves + end;
        word.after_absence && self.terms.may_change && !were_moves
    }

    /// Whether a word only says again whose clock counts. What is charged is measured from the word
    /// that started the clock all the same, so that many small errors do not pass for none.
    fn is_reminder(&self, word: Word) -> bool {
        let anew = word.with_event || word.after_absence || self.paused_at.is_some();
        !anew && word.ply == self.last.ply && word.clock.running == self.last.clock.running
    }

    /// What a seat earned between the last word and `word`: increments and stages for its moves, and gifts. The
    /// first move of each side is not timed and earns nothing, unless the clocks count from the start.
    fn earned(&self, seat: Seat, word: Word) -> Duration {
        let timed_from = match self.terms.clock_start {
            ClockStart::AtOnce => 0,
            ClockStart::AfterFirstMoves => 2,
        };
        let until = word.ply.saturating_sub(u16::from(word.is_last));
        let parity = u16::from(seat != self.terms.first);
        let control = self.terms.controls[seat];
        let moves = (self.last.ply.max(timed_from)..until).filter(|ply| ply % 2 == parity);
        let of_moves: Duration = moves
            .map(|ply| {
                let before = ply / 2;
                let next = control.stage_ended_by(before + 1);
                let increment = control.stage_at(before).increment;
                increment + next.map_or(Duration::ZERO, |stage| stage.time)
            })
            .sum();
        let gift = word.gift.filter(|(to, _)| *to == seat);
        of_moves + gift.map_or(Duration::ZERO, |(_, time)| time)
    }

    /// What a move may bring back of the time that was charged before the last word.
    fn returned(&self, seat: Seat, word: Word) -> Duration {
        if !self.in_mid_move || word.ply == self.last.ply {
            return Duration::ZERO;
        }
        let control = self.terms.controls[seat];
        let lag = match self.terms.compensated[seat] {
            true => control.lag_gain_max(),
            false => Duration::ZERO,
        };
        lag + self.bronstein(seat, self.last.ply / 2)
    }

    /// The Bronstein delay of the next move of a seat that has made `moves`.
    fn bronstein(&self, seat: Seat, moves: u16) -> Duration {
        match self.terms.controls[seat].stage_at(moves).delay {
            Delay::Bronstein(delay) => delay,
            Delay::None | Delay::Simple(_) => Duration::ZERO,
        }
    }

    /// How long a seat may have thought at its own cost between the last word and `word`.
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
        let standing = Duration::from_millis(self.last.clock.delay_ms.into());
        let given_back = match word.ply > self.last.ply {
            true => self.bronstein(seat, self.last.ply / 2),
            false => Duration::ZERO,
        };
        until
            .saturating_sub(self.last.at)
            .saturating_sub(standing + given_back)
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
                delay_ms: 0,
            },
            ply,
            seq: ply.into(),
            at: Duration::from_millis(at_ms),
            after_absence: false,
            with_event: true,
            gift: None,
            rewinds: false,
            is_last: false,
            is_over: false,
        }
    }

    /// White, whose clock runs since 10 s, at ply 2 of a match with 60+2.
    fn white() -> ClockCheck {
        white_with("60+2".parse().unwrap())
    }

    /// The same with another control.
    fn white_with(control: TimeControl) -> ClockCheck {
        let terms = Terms {
            controls: BySeat {
                white: control,
                black: control,
            },
            clock_start: ClockStart::AfterFirstMoves,
            compensated: BySeat::default(),
            is_late: false,
            first: Seat::White,
            may_change: true,
        };
        let first = word(1, (60_000, 60_000), None, 9_000);
        let mut check = ClockCheck::new(terms, Some(Seat::White), first);
        let start = word(2, (60_000, 60_000), Some(Seat::White), 10_000);
        check.word(start, TOLERANCE).unwrap();
        check
    }

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_bronstein_delay_comes_back_in_an_absence() {
        let mut check = white_with(TimeControl::from_spoken("1+5b2").unwrap());
        check.moved(at(10_500));
        let own = word(3, (65_000, 60_000), Some(Seat::Black), 10_500);
        check.word(own, TOLERANCE).unwrap();
        for (seq, black, at_ms) in [(4, 58_470, 12_030), (5, 58_468, 12_032)] {
            let mid_move = Word {
                seq,
                ..word(3, (65_000, black), Some(Seat::Black), at_ms)
            };
            check.word(mid_move, TOLERANCE).unwrap();
        }
        let back = Word {
            seq: 6,
            after_absence: true,
            with_event: false,
            ..word(4, (65_000, 65_000), Some(Seat::White), 28_000)
        };
        assert_eq!(check.word(back, TOLERANCE), Ok(None));
        // And what was said of it may be said again.
        let again = Word {
            after_absence: false,
            ..back
        };
        assert_eq!(check.word(again, TOLERANCE), Ok(None));
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
        (joined.seq, joined.is_over) = (4, true);
        joined.is_last = ends_with_a_move(Termination::Resignation);
        assert!(check.clone().word(joined, TOLERANCE).is_ok());
        (joined.seq, joined.is_last) = (3, ends_with_a_move(Termination::Checkmate));
        joined.is_over = false;
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

    fn rose(said: Result<Option<Duration>, Breach>) -> bool {
        said.is_err_and(|breach| breach.promise == Promise::ClockRose)
    }

    fn charged(said: Result<Option<Duration>, Breach>) -> bool {
        said.is_err_and(|breach| breach.promise == Promise::ClockCharged)
    }

    #[test]
    fn a_gift_is_earned_by_whom_it_is_for_and_by_nobody_else() {
        let mut given = Word {
            seq: 3,
            gift: Some((Seat::Black, at(15_000))),
            ..word(2, (59_000, 75_000), Some(Seat::White), 11_000)
        };
        assert!(white().word(given, TOLERANCE).is_ok());
        given.clock.black_ms = 75_100;
        assert!(rose(white().word(given, TOLERANCE)), "more than was given");
        given.clock.black_ms = 60_000;
        assert!(charged(white().word(given, TOLERANCE)), "the gift is lost");
    }

    #[test]
    fn a_takeback_begins_the_count_anew() {
        let mut check = white();
        check.moved(at(13_000));
        let answer = word(3, (59_000, 60_000), Some(Seat::Black), 13_000);
        assert!(check.word(answer, TOLERANCE).is_ok());
        let mut back = Word {
            seq: 5,
            rewinds: true,
            ..word(2, (60_000, 60_000), Some(Seat::White), 14_000)
        };
        assert_eq!(check.clone().word(back, TOLERANCE), Ok(None));
        back.rewinds = false;
        assert!(rose(check.clone().word(back, TOLERANCE)));
        back.rewinds = true;
        assert_eq!(check.word(back, TOLERANCE), Ok(None));
        let told = word(2, (55_000, 60_000), Some(Seat::White), 15_000);
        assert!(charged(check.word(told, TOLERANCE)), "it counts from there");
    }

    #[test]
    fn what_may_be_taken_back_unseen_is_not_judged_and_other_absences_are() {
        let mut joined = word(2, (70_000, 60_000), Some(Seat::White), 14_000);
        (joined.with_event, joined.after_absence) = (false, true);
        joined.seq = 6;
        assert!(white().word(joined, TOLERANCE).is_ok(), "a gift, unseen");
        let mut check = white();
        check.terms.may_change = false;
        assert!(rose(check.word(joined, TOLERANCE)), "there can be none");
        joined.seq = 2;
        assert!(
            rose(white().word(joined, TOLERANCE)),
            "nothing has happened"
        );
        let mut check = white();
        check.terms.is_late = true;
        assert!(check.word(joined, TOLERANCE).is_ok(), "a late spectator");
    }

    #[test]
    fn a_simple_delay_is_not_charged() {
        let mut check = white_with("60+0".parse().unwrap());
        check.last.clock.delay_ms = 2_000;
        check.moved(at(13_000));
        let mut answer = word(3, (59_000, 60_000), Some(Seat::Black), 13_000);
        assert_eq!(check.clone().word(answer, TOLERANCE), Ok(Some(at(0))));
        answer.clock.white_ms = 57_000;
        assert!(charged(check.word(answer, TOLERANCE)), "3 s for 3 s");
    }

    #[test]
    fn a_bronstein_delay_is_given_back_with_the_move() {
        let control = TimeControl::from_spoken("1+0b2").unwrap();
        let mut check = white_with(control);
        check.moved(at(13_000));
        let mut answer = word(3, (59_000, 60_000), Some(Seat::Black), 13_000);
        assert_eq!(check.clone().word(answer, TOLERANCE), Ok(Some(at(0))));
        answer.clock.white_ms = 57_000;
        assert!(charged(check.clone().word(answer, TOLERANCE)), "all of 3 s");
        answer.clock.white_ms = 60_100;
        assert!(rose(check.word(answer, TOLERANCE)), "more than was used");
    }

    #[test]
    fn a_move_returns_what_an_event_in_its_midst_had_charged() {
        let mut check = white();
        check.terms.compensated.white = true;
        let mut offered = word(2, (59_000, 60_000), Some(Seat::White), 11_000);
        offered.seq = 3;
        assert!(check.word(offered, TOLERANCE).is_ok());
        check.moved(at(11_010));
        // 150 ms and 4 ms for each of 60 + 40 · 2 seconds (MATCH.md, "lag compensation").
        let mut answer = word(3, (61_710, 60_000), Some(Seat::Black), 11_010);
        answer.seq = 4;
        assert!(check.clone().word(answer, TOLERANCE).is_ok());
        answer.clock.white_ms = 61_713;
        assert!(rose(check.clone().word(answer, TOLERANCE)));
        (check.terms.compensated.white, answer.clock.white_ms) = (false, 61_003);
        assert!(rose(check.word(answer, TOLERANCE)), "a bot gets none");
    }

    #[test]
    fn the_time_of_a_stage_comes_with_its_move() {
        let mut check = white_with(TimeControl::from_spoken("2/1+0,10+0").unwrap());
        check.moved(at(11_000));
        let answer = word(3, (59_000 + 600_000, 60_000), Some(Seat::Black), 11_000);
        assert!(check.clone().word(answer, TOLERANCE).is_ok());
        let without = word(3, (59_000, 60_000), Some(Seat::Black), 11_000);
        assert!(charged(check.word(without, TOLERANCE)));
    }

    #[test]
    fn a_clock_that_counts_from_the_start_earns_from_the_start() {
        let mut check = white();
        check.terms.clock_start = ClockStart::AtOnce;
        check.last = word(0, (60_000, 60_000), Some(Seat::White), 10_000);
        check.ceiling = BySeat::new_with(|_| at(60_000));
        check.moved(at(11_000));
        let mut answer = word(1, (61_000, 60_000), Some(Seat::Black), 11_000);
        assert!(check.clone().word(answer, TOLERANCE).is_ok());
        answer.clock.white_ms = 59_000;
        assert!(charged(check.word(answer, TOLERANCE)));
    }
}
