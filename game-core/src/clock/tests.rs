//! MATCH.md, section Clock, on simulated time.

use super::*;
use crate::Stage;

mod lag;
mod properties;

const SECOND: Duration = Duration::from_secs(1);
const NO_LAG: Duration = Duration::ZERO;

/// A point in milliseconds.
const fn at_ms(millis: u64) -> MatchTime {
    MatchTime::from_micros(millis * 1_000)
}

/// A point in seconds.
const fn at(seconds: u64) -> MatchTime {
    at_ms(seconds * 1_000)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn control(spoken: &str) -> TimeControl {
    TimeControl::from_spoken(spoken).unwrap_or_else(|error| panic!("{spoken}: {error}"))
}

fn both<T: Copy>(value: T) -> BySeat<T> {
    BySeat::new_with(|_| value)
}

/// Clocks without lag compensation.
fn clock(spoken: &str) -> Clock {
    Clock::new(&both(control(spoken)), both(false))
}

/// A clock with the control that its moves are charged by, and the moves made.
struct Played {
    clock: Clock,
    controls: BySeat<TimeControl>,
    moves: BySeat<u16>,
    now: MatchTime,
}

impl Played {
    fn new(white: &str, black: &str) -> Self {
        let controls = BySeat {
            white: control(white),
            black: control(black),
        };
        Self {
            clock: Clock::new(&controls, both(false)),
            controls,
            moves: both(0),
            now: at(1_000),
        }
    }

    /// A move of `seat` that takes `used`; what its clock shows then.
    fn plays(&mut self, seat: Seat, used: Duration) -> Duration {
        self.clock.start(seat, self.now);
        self.now = self.now + used;
        assert!(
            self.clock.flag_at().unwrap() > self.now,
            "the flag has fallen"
        );
        let (control, moves) = (&self.controls[seat], &mut self.moves[seat]);
        self.clock
            .move_made(seat, self.now, NO_LAG, control, *moves, true);
        *moves += 1;
        self.clock.remaining()[seat]
    }
}

#[test]
fn a_stopped_clock_stands_still() {
    let clock = clock("1+0");
    assert_eq!(clock.shown(at(1000)).white, 60 * SECOND);
    assert_eq!((clock.flag_at(), clock.running()), (None, None));
}

#[test]
fn only_the_running_side_is_charged() {
    let mut clock = clock("1+2");
    clock.start(Seat::Black, at(100));
    let shown = clock.shown(at(107));
    assert_eq!((shown.white, shown.black), (60 * SECOND, 53 * SECOND));
    assert_eq!(clock.flag_at(), Some(at(160)));
    clock.move_made(Seat::Black, at(107), NO_LAG, &control("1+2"), 0, true);
    assert_eq!(clock.shown(at(500)).black, 55 * SECOND);
    assert_eq!(clock.running(), None);
}

#[test]
fn charging_often_charges_the_same_as_charging_once() {
    let mut often = clock("1+0");
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
    let mut clock = clock("1+0");
    clock.start(Seat::White, at(0));
    clock.charge_until(at(61));
    assert_eq!(clock.remaining().white, Duration::ZERO);
}

#[test]
fn time_found_to_have_stood_still_is_not_charged_twice() {
    let mut clock = clock("1+0");
    clock.start(Seat::White, at(0));
    clock.charge_until(at(10));
    // The owner finds that 4 of those 10 seconds were a pause of its own.
    clock.charge_until(at(6));
    clock.charge_until(at(10));
    assert_eq!(clock.remaining().white, 50 * SECOND);
    clock.charge_until(at(11));
    assert_eq!(clock.remaining().white, 49 * SECOND);
    assert_eq!(clock.spent(at(11)), 11 * SECOND);
}

/// Row "resolution": microseconds inside.
#[test]
fn resolution() {
    let mut clock = clock("1+0");
    clock.start(Seat::White, MatchTime::from_micros(7));
    let now = MatchTime::from_micros(1_000_008);
    clock.charge_until(now);
    assert_eq!(clock.remaining().white, Duration::from_micros(58_999_999));
    assert_eq!(clock.spent(now), Duration::from_micros(1_000_001));
}

/// Row "Fischer increment": added after the move (FIDE 6.3.2), not when the move ends the match.
#[test]
fn fischer_increment() {
    for (earns_increment, shown) in [(true, 57 * SECOND), (false, 55 * SECOND)] {
        let mut clock = clock("1+2");
        clock.start(Seat::White, at(0));
        assert_eq!(clock.shown(at(5)).white, 55 * SECOND, "not before the move");
        clock.move_made(
            Seat::White,
            at(5),
            NO_LAG,
            &control("1+2"),
            0,
            earns_increment,
        );
        assert_eq!(clock.remaining().white, shown);
    }
    // It saves nobody whose time is used up before.
    let mut clock = clock("1+2");
    clock.start(Seat::White, at(0));
    assert_eq!(clock.flag_at(), Some(at(60)));
}

/// Row "delay". FIDE: the main time is used only after the fixed time of the move has passed; a move made
/// within it leaves the main time as it was. Control, milliseconds used, shown after the move.
const DELAYS: &[(&str, u64, u64)] = &[
    ("1+0d5", 0, 60_000),
    ("1+0d5", 4_999, 60_000),
    ("1+0d5", 5_000, 60_000),
    ("1+0d5", 5_001, 59_999),
    ("1+0d5", 64_999, 1),
    ("1+0b5", 0, 60_000),
    ("1+0b5", 4_999, 60_000),
    ("1+0b5", 5_000, 60_000),
    ("1+0b5", 5_001, 59_999),
    ("1+0b5", 59_999, 5_001),
    // A delay beside an increment.
    ("1+2d5", 7_000, 60_000),
    ("1+2b5", 7_000, 60_000),
    ("1+2d5", 1_000, 62_000),
    ("1+2b5", 1_000, 62_000),
];

#[test]
fn delay() {
    for &(spoken, used, shown) in DELAYS {
        let mut played = Played::new(spoken, spoken);
        assert_eq!(
            played.plays(Seat::White, ms(used)),
            ms(shown),
            "{spoken} {used}"
        );
        // The delay begins anew with each move.
        let change = i128::from(shown) - 60_000;
        if change >= 0 {
            let again = 60_000 + 2 * change;
            let after = played.plays(Seat::White, ms(used)).as_millis();
            assert_eq!(i128::try_from(after), Ok(again), "{spoken} {used}");
        }
    }
}

/// US Chess 5F2: during a simple delay the clock does not count down; with Bronstein's it does, and what
/// was used is given back with the move. So only a simple delay puts off the flag.
#[test]
fn delay_as_shown_during_the_move() {
    for (spoken, shown_at_3, shown_at_8, flag) in [
        ("1+0d5", 60, 57, 65),
        ("1+0b5", 57, 52, 60),
        ("1+0", 57, 52, 60),
    ] {
        let mut clock = clock(spoken);
        clock.start(Seat::White, at(0));
        assert_eq!(clock.shown(at(3)).white, shown_at_3 * SECOND, "{spoken}");
        assert_eq!(clock.shown(at(8)).white, shown_at_8 * SECOND, "{spoken}");
        assert_eq!(clock.flag_at(), Some(at(flag)), "{spoken}");
        clock.charge_until(at(3));
        assert_eq!(
            clock.flag_at(),
            Some(at(flag)),
            "{spoken} charged within the delay"
        );
        clock.charge_until(at(8));
        assert_eq!(
            clock.flag_at(),
            Some(at(flag)),
            "{spoken} charged after the delay"
        );
    }
}

#[test]
fn delay_with_a_move_that_ends_the_match() {
    for (spoken, shown) in [("1+2d5", 58), ("1+2b5", 53)] {
        let mut clock = clock(spoken);
        clock.start(Seat::White, at(0));
        clock.move_made(Seat::White, at(7), NO_LAG, &control(spoken), 0, false);
        assert_eq!(clock.remaining().white, shown * SECOND, "{spoken}");
    }
}

/// A draw offer records the clocks in mid-move; another owner goes on from the record, charged with what
/// counted until the former one was gone.
#[test]
fn delay_with_an_offer_and_a_takeover_in_mid_move() {
    for &(spoken, used, shown) in DELAYS {
        for (offer, gone) in [(0, 0), (1, 3), (3, 3), (3, 5), (3, 9), (6, 8)] {
            let (offer, gone) = (ms(offer * used / 10), ms(gone * used / 10));
            let controls = both(control(spoken));
            let mut former = clock(spoken);
            former.start(Seat::White, at(50));
            former.charge_until(at(50) + offer);
            let mut next = clock(spoken);
            next.set(former.state(), &controls, both(0));
            next.charge(Seat::White, gone.saturating_sub(offer));
            let counted = offer.max(gone);
            assert_eq!(next.spent(at(7)), counted);
            next.start(Seat::White, at(7));
            let now = at(7) + ms(used).saturating_sub(counted);
            assert_eq!(next.spent(now), ms(used));
            next.move_made(Seat::White, now, NO_LAG, &controls.white, 0, true);
            assert_eq!(
                next.remaining().white,
                ms(shown),
                "{spoken} {used} {offer:?}"
            );
            assert_eq!(next.state().spent, Duration::ZERO);
        }
    }
}

/// Row "stages": 40 moves in 90 min, then 30 min, 30 s a move from move 1. Each move takes 2 minutes.
#[test]
fn stages_of_40_in_90_minutes_then_30() {
    let mut played = Played::new("40/90+30,30+30", "40/90+30,30+30");
    for moves in 1..=39_u32 {
        let shown = played.plays(Seat::White, 120 * SECOND);
        assert_eq!(shown, 5_400 * SECOND - moves * 90 * SECOND, "{moves}");
        played.plays(Seat::Black, SECOND);
    }
    // 31 min 30 s are left; the fortieth move adds half an hour.
    let shown = played.plays(Seat::White, 120 * SECOND);
    assert_eq!(shown, (5_400 - 40 * 90 + 1_800) * SECOND);
    let shown = played.plays(Seat::White, 120 * SECOND);
    assert_eq!(shown, (5_400 - 41 * 90 + 1_800) * SECOND);
    // Black has made 39.
    assert_eq!(played.clock.remaining().black, (5_400 + 39 * 29) * SECOND);
}

#[test]
fn stages_with_their_own_increment_and_delay() {
    // One move more than a stage's each time: the stage of the move is what counts.
    let spoken = "2/10s+1,2/20s+0d3,30s+0b5";
    let mut played = Played::new(spoken, spoken);
    for (used, shown) in [
        (4, 10 - 4 + 1),
        (4, 7 - 4 + 1 + 20),
        (4, 24 - 1),
        (2, 23 + 30),
        (4, 53),
        (9, 53 - 4),
    ] {
        assert_eq!(played.plays(Seat::White, used * SECOND), shown * SECOND);
    }
}

#[test]
fn stages_do_not_begin_with_a_move_that_ends_the_match() {
    let mut clock = clock("2/1+1,30+1");
    let control = control("2/1+1,30+1");
    clock.start(Seat::White, at(0));
    clock.move_made(Seat::White, at(10), NO_LAG, &control, 1, false);
    assert_eq!(clock.remaining().white, 50 * SECOND);
}

/// Row "start": each side's first move is not timed and earns no increment; it counts as a move of its
/// stage.
#[test]
fn start_with_untimed_first_moves() {
    let control = control("2/1+1,30+1");
    let mut clock = clock("2/1+1,30+1");
    clock.move_made(Seat::White, at(10), NO_LAG, &control, 0, false);
    assert_eq!(clock.remaining().white, 60 * SECOND);
    clock.start(Seat::White, at(20));
    clock.move_made(Seat::White, at(30), NO_LAG, &control, 1, true);
    assert_eq!(clock.remaining().white, (50 + 1 + 1_800) * SECOND);
}

/// Row "unequal": each seat may have a control of its own.
#[test]
fn unequal() {
    let mut played = Played::new("5+3", "1+0d2");
    assert_eq!(played.plays(Seat::White, 10 * SECOND), 293 * SECOND);
    assert_eq!(played.plays(Seat::Black, 10 * SECOND), 52 * SECOND);
    assert_eq!(played.plays(Seat::White, SECOND), 295 * SECOND);
    assert_eq!(played.plays(Seat::Black, SECOND), 52 * SECOND);
}

/// Row "bounds": initial 0 starts each side with max(increment, 3 s).
#[test]
fn bounds_of_a_start_without_initial_time() {
    for (spoken, shown) in [("0+1", 3), ("0+10", 10)] {
        assert_eq!(clock(spoken).remaining(), both(shown * SECOND));
    }
    // A Bronstein delay can be used whole.
    let mut played = Played::new("0+0b10", "0+0d10");
    assert_eq!(played.plays(Seat::White, ms(9_999)), 10 * SECOND);
    assert_eq!(played.plays(Seat::Black, ms(12_999)), ms(1));
}

/// Row "give time".
#[test]
fn give_time() {
    let mut clock = clock("1+0");
    clock.start(Seat::White, at(0));
    clock.charge_until(at(20));
    clock.give(Seat::White, 15 * SECOND);
    clock.give(Seat::Black, 60 * SECOND);
    assert_eq!(clock.remaining().white, 55 * SECOND);
    assert_eq!(clock.remaining().black, 120 * SECOND);
    assert_eq!(clock.flag_at(), Some(at(75)));
    clock.give(Seat::Black, Duration::MAX);
    assert_eq!(clock.remaining().black, Clock::MAX);
    // A full clock takes no increment either.
    clock.move_made(Seat::Black, at(20), NO_LAG, &control("1+9"), 0, true);
    assert_eq!(clock.remaining().black, Clock::MAX);
}

/// Row "takeback": clocks go back to what they were, and so does the stage.
#[test]
fn takeback() {
    let spoken = "2/1+0d5,1+0";
    let mut played = Played::new(spoken, spoken);
    played.plays(Seat::White, 6 * SECOND);
    let before = played.clock.remaining();
    played.plays(Seat::White, 6 * SECOND);
    played.clock.start(Seat::Black, played.now);
    played.clock.charge_until(played.now + 3 * SECOND);
    let moves = BySeat { white: 1, black: 0 };
    played.clock.rewind(before, &played.controls, moves);
    assert_eq!(played.clock.remaining(), before);
    assert_eq!(played.clock.running(), None);
    assert_eq!(played.clock.state().spent, Duration::ZERO);
    // The move is in the stage with the delay again.
    played.moves = moves;
    assert_eq!(
        played.plays(Seat::White, 6 * SECOND),
        (59 - 1 + 60) * SECOND
    );
}

#[test]
fn what_no_clock_can_record_is_told() {
    let possible = Clock::new(&both(control("1+0")), both(true)).state();
    assert!(possible.is_possible());
    assert!(ClockState::default().is_possible());
    let micro = Duration::from_micros(1);
    let nano = Duration::from_nanos(1);
    for damage in [
        |state: &mut ClockState, _| state.remaining.white = Clock::MAX + ms(1),
        |state: &mut ClockState, nano| state.remaining.black += nano,
        |state: &mut ClockState, _| state.quota.white = 7 * SECOND + ms(1),
        |state: &mut ClockState, nano| state.quota.black += 1_000 * nano,
        |state: &mut ClockState, _| state.spent = Duration::MAX,
        |state: &mut ClockState, nano| state.spent = nano,
        |state: &mut ClockState, nano| state.overrun = nano,
        |state: &mut ClockState, _| state.overrun = ms(1_171),
    ] as [fn(&mut ClockState, Duration); 8]
    {
        let mut state = possible;
        damage(&mut state, nano);
        assert!(!state.is_possible(), "{state:?}");
    }
    let mut state = possible;
    state.remaining.white -= micro;
    state.spent = micro;
    state.overrun = ms(1_170);
    assert!(state.is_possible());
}
