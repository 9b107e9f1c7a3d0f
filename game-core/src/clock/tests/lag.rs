//! Rows "lag compensation" and "flag".

use super::*;

/// Clocks whose sides' lag is compensated.
fn compensated(spoken: &str) -> Clock {
    Clock::new(&both(control(spoken)), both(true))
}

/// The compensation of a move at 1+0 that takes a second.
fn compensation(clock: &mut Clock, lag_ms: u64) -> Duration {
    let before = clock.remaining().white;
    clock.start(Seat::White, at(10));
    clock.move_made(Seat::White, at(11), ms(lag_ms), &control("1+0"), 5, true);
    clock.remaining().white + SECOND - before
}

/// 1+0: the estimate is 60 s, gain_max = 390 ms; the quota starts at 1.17 s and is never above 2.73 s.
#[test]
fn lag_compensation() {
    let mut clock = compensated("1+0");
    assert_eq!(clock.state().quota, both(ms(1_170)));
    // Lag in ms, compensation, quota after it.
    for (lag, compensated, quota) in [
        (0, 0, 1_560),
        (390, 390, 1_560),
        (391, 390, 1_560),
        (60_000, 390, 1_560),
        (100, 100, 1_850),
        (0, 0, 2_240),
        (0, 0, 2_630),
        (50, 50, 2_730),
        (0, 0, 2_730),
        (390, 390, 2_730),
        (1, 1, 2_730),
    ] {
        assert_eq!(compensation(&mut clock, lag), ms(compensated), "{lag}");
        assert_eq!(clock.state().quota.white, ms(quota), "{lag}");
    }
    assert_eq!(clock.state().quota.black, ms(1_170));
}

#[test]
fn lag_compensation_is_bounded_by_the_quota() {
    // No play brings a quota below gain_max, but a record may hold it.
    let mut clock = compensated("1+0");
    for (quota, compensated, after) in [
        (150, 150, 390),
        (1, 1, 390),
        (389, 389, 390),
        (390, 390, 390),
    ] {
        let mut state = clock.state();
        state.quota.white = ms(quota);
        clock.set(state, &both(control("1+0")), both(0));
        assert_eq!(compensation(&mut clock, 500), ms(compensated));
        assert_eq!(clock.state().quota.white, ms(after));
    }
}

#[test]
fn lag_compensation_is_never_more_than_the_move_cost() {
    for (spoken, used_us, compensated_us) in [
        ("1+0", 0, 0),
        // Whole milliseconds.
        ("1+0", 999, 0),
        ("1+0", 1_999, 1_000),
        ("1+0", 250_000, 250_000),
        ("1+0", 390_000, 390_000),
        ("1+0", 390_001, 390_000),
        // What a simple delay covers costs nothing.
        ("1+0d5", 5_100_000, 100_000),
        ("1+0d5", 4_900_000, 0),
    ] {
        let mut clock = compensated(spoken);
        let used = Duration::from_micros(used_us);
        clock.start(Seat::White, at(3));
        clock.charge_until(at(3) + used / 2);
        clock.move_made(Seat::White, at(3) + used, SECOND, &control(spoken), 5, true);
        let cost = used.saturating_sub(control(spoken).delay().duration());
        let expected = 60 * SECOND - cost + Duration::from_micros(compensated_us);
        assert_eq!(clock.remaining().white, expected, "{spoken} {used:?}");
    }
}

/// A Bronstein delay gives back what the move used, which is without the compensated lag.
#[test]
fn lag_compensation_with_a_bronstein_delay() {
    for (used, lag, shown) in [
        (1_000, 300, 60_000),
        (2_000, 300, 60_000),
        (2_200, 300, 60_000),
        (2_300, 300, 60_000),
        (2_400, 300, 59_900),
    ] {
        let mut clock = compensated("1+0b2");
        clock.start(Seat::White, at(3));
        let now = at(3) + ms(used);
        clock.move_made(Seat::White, now, ms(lag), &control("1+0b2"), 5, true);
        assert_eq!(clock.remaining().white, ms(shown), "{used}");
    }
}

#[test]
fn lag_compensation_leaves_the_quota_where_no_increment_is_earned() {
    let control = control("1+0");
    let mut clock = compensated("1+0");
    clock.move_made(Seat::White, at(5), ms(200), &control, 0, false);
    assert_eq!(clock.remaining().white, 60 * SECOND);
    assert_eq!(clock.state().quota.white, ms(1_170));
    // A move that mates has its lag compensated all the same.
    clock.start(Seat::White, at(5));
    clock.move_made(Seat::White, at(6), ms(200), &control, 1, false);
    assert_eq!(clock.remaining().white, ms(59_200));
}

#[test]
fn lag_compensation_is_not_for_bots_unless_asked() {
    let seats = BySeat {
        white: false,
        black: true,
    };
    let mut clock = Clock::new(&both(control("1+0")), seats);
    assert_eq!(clock.state().quota.white, Duration::ZERO);
    assert_eq!(clock.state().quota.black, ms(1_170));
    for _ in 0..10 {
        assert_eq!(compensation(&mut clock, 300), Duration::ZERO);
        assert_eq!(clock.state().quota.white, Duration::ZERO);
    }
    // And no grace.
    clock.start(Seat::White, at(100));
    assert_eq!(clock.flag_at(), Some(at(150)));
    let control = control("1+0");
    assert!(!clock.is_too_late(Seat::White, at_ms(149_999), SECOND, &control));
    assert!(clock.is_too_late(Seat::White, at(150), SECOND, &control));
}

#[test]
fn lag_compensation_quota_survives_takeback_and_record() {
    let controls = both(control("1+0"));
    let mut clock = compensated("1+0");
    compensation(&mut clock, 0);
    clock.rewind(both(60 * SECOND), &controls, both(0));
    assert_eq!(clock.state().quota.white, ms(1_560));
    let mut next = compensated("1+0");
    next.set(clock.state(), &controls, both(0));
    assert_eq!(next.state(), clock.state());
}

/// Row "flag": called at remaining + min(quota, 2 s).
#[test]
fn flag() {
    for (spoken, quota, flag_ms) in [
        ("1+0", 0, 60_000),
        ("1+0", 390, 60_390),
        ("1+0", 1_170, 61_170),
        ("1+0", 2_000, 62_000),
        ("1+0", 2_730, 62_000),
        ("1+0d5", 1_170, 66_170),
        ("1+0b5", 1_170, 61_170),
    ] {
        let mut clock = compensated(spoken);
        let mut state = clock.state();
        state.quota.white = ms(quota);
        clock.set(state, &both(control(spoken)), both(0));
        clock.start(Seat::White, at(0));
        assert_eq!(clock.flag_at(), Some(at_ms(flag_ms)), "{spoken} {quota}");
        // Wherever time is charged in between, in the grace too.
        for charged in [1_000, 30_000, 59_999, 60_000, 60_300, 65_500] {
            if charged < flag_ms {
                clock.charge_until(at_ms(charged));
                assert_eq!(clock.flag_at(), Some(at_ms(flag_ms)), "{spoken} {charged}");
            }
        }
    }
}

#[test]
fn flag_grace_shows_zero() {
    let mut clock = compensated("1+0");
    clock.start(Seat::White, at(0));
    assert_eq!(clock.shown(at_ms(60_500)).white, Duration::ZERO);
    clock.charge_until(at_ms(60_500));
    assert_eq!(clock.remaining().white, Duration::ZERO);
    assert_eq!(clock.state().overrun, ms(500));
    // No more than decides about the flag.
    clock.charge_until(at(100));
    assert_eq!(clock.state().overrun, ms(1_170));
    assert_eq!(clock.flag_at(), Some(at(100)));
    assert!(clock.state().is_possible());
}

/// A move in the grace counts if its charged time is below what was left: the time used less the
/// compensation. Received, lag, and what the clock shows after it; `None` where the flag has fallen.
const LATE_MOVES: &[(u64, u64, Option<u64>)] = &[
    (59_999, 0, Some(1)),
    (60_000, 0, None),
    (60_000, 1, Some(1)),
    (60_100, 100, None),
    (60_100, 101, Some(1)),
    (60_100, 300, Some(200)),
    (60_389, 390, Some(1)),
    // No more lag than gain_max is compensated.
    (60_390, 390, None),
    (60_390, 1_000, None),
    (61_169, 1_000, None),
];

#[test]
fn flag_falls_for_a_move_in_the_grace_that_its_lag_does_not_explain() {
    let control = control("1+0");
    for &(received, lag, shown) in LATE_MOVES {
        let mut clock = compensated("1+0");
        clock.start(Seat::White, at(0));
        assert!(clock.flag_at() > Some(at_ms(received)), "within the grace");
        let too_late = clock.is_too_late(Seat::White, at_ms(received), ms(lag), &control);
        assert_eq!(too_late, shown.is_none(), "{received} {lag}");
        // An offer in the grace and another owner change nothing.
        let mut next = compensated("1+0");
        clock.charge_until(at_ms(60_050.min(received)));
        next.set(clock.state(), &both(control), both(5));
        next.start(Seat::White, at_ms(60_050.min(received)));
        let now = at_ms(received);
        assert_eq!(
            next.is_too_late(Seat::White, now, ms(lag), &control),
            too_late
        );
        if let Some(shown) = shown {
            next.move_made(Seat::White, now, ms(lag), &control, 5, true);
            assert_eq!(next.remaining().white, ms(shown), "{received} {lag}");
            assert_eq!(next.state().overrun, Duration::ZERO);
        }
    }
}

#[test]
fn flag_is_put_off_by_time_that_is_given_in_the_grace() {
    let mut clock = compensated("1+0");
    clock.start(Seat::White, at(0));
    clock.charge_until(at_ms(60_500));
    clock.give(Seat::White, 15 * SECOND);
    assert_eq!(clock.remaining().white, ms(14_500));
    assert_eq!(clock.flag_at(), Some(at_ms(76_170)));
    clock.give(Seat::Black, 15 * SECOND);
    assert_eq!(clock.remaining().black, 75 * SECOND);
}
