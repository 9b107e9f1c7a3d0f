//! MATCH.md, section Clock: bounds, speeds, stages, first move, and the figures of lag compensation.

use super::*;

fn spoken(text: &str) -> TimeControl {
    TimeControl::from_spoken(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn stage(moves: Option<u16>, time: Duration, increment: Duration, delay: Delay) -> Stage {
    Stage {
        moves,
        time,
        increment,
        delay,
    }
}

/// Row "bounds": initial 0–3 h, increment and delay 0–180 s, not all zero.
#[test]
fn bounds() {
    use InvalidTimeControl as Invalid;
    let millisecond = Duration::from_millis(1);
    let half = Duration::from_micros(500);
    let (zero, most) = (Duration::ZERO, seconds(180));
    for (time, increment, delay, expected) in [
        (seconds(10_800), most, Delay::Simple(most), None),
        (seconds(10_800), most, Delay::Bronstein(most), None),
        (millisecond, zero, Delay::None, None),
        (zero, millisecond, Delay::None, None),
        (zero, zero, Delay::Simple(millisecond), None),
        (zero, zero, Delay::Bronstein(millisecond), None),
        (zero, zero, Delay::None, Some(Invalid::Zero)),
        (zero, zero, Delay::Simple(zero), Some(Invalid::Zero)),
        (
            seconds(10_800) + millisecond,
            zero,
            Delay::None,
            Some(Invalid::Initial),
        ),
        (Duration::MAX, zero, Delay::None, Some(Invalid::Initial)),
        (
            seconds(1),
            most + millisecond,
            Delay::None,
            Some(Invalid::Increment),
        ),
        (
            seconds(1),
            zero,
            Delay::Simple(most + millisecond),
            Some(Invalid::Delay),
        ),
        (
            seconds(1),
            zero,
            Delay::Bronstein(Duration::MAX),
            Some(Invalid::Delay),
        ),
        (half, zero, Delay::None, Some(Invalid::Fraction)),
        (seconds(1), half, Delay::None, Some(Invalid::Fraction)),
        (
            seconds(1),
            zero,
            Delay::Simple(half),
            Some(Invalid::Fraction),
        ),
    ] {
        let given = stage(None, time, increment, delay);
        let refused = TimeControl::from_stages(&[given]).err();
        assert_eq!(refused, expected, "{given:?}");
    }
    let forever = TimeControl::from_millis(u64::MAX, u64::MAX);
    assert_eq!(forever, Err(Invalid::Initial));
}

/// Row "bounds": initial 0 starts each side with max(increment, 3 s).
#[test]
fn bounds_of_a_start_without_initial_time() {
    for (text, start_s) in [
        ("0+1", 3),
        ("0+3", 3),
        ("0+10", 10),
        ("1+10", 60),
        // A simple delay passes before the clock counts; a Bronstein delay comes out of it first.
        ("0+0d10", 3),
        ("0+0b10", 10),
        ("0+12b10", 12),
    ] {
        assert_eq!(spoken(text).start(), seconds(start_s), "{text}");
    }
}

/// Row "stages": one to three, each with moves, the last without.
#[test]
fn stages() {
    use InvalidTimeControl as Invalid;
    let of = |moves| stage(moves, seconds(60), seconds(1), Delay::None);
    let most = [of(Some(600)), of(Some(2)), of(None)];
    let control = TimeControl::from_stages(&most).unwrap();
    assert_eq!(control.stages().collect::<Vec<_>>(), most);
    assert!(control.is_staged() && !spoken("5+3").is_staged());
    for (moves, expected) in [
        (&[][..], Invalid::Stages),
        (&[Some(40), Some(40), Some(40), None], Invalid::Stages),
        (&[None, None], Invalid::StageMoves),
        (&[Some(0), None], Invalid::StageMoves),
        (&[Some(1), None], Invalid::StageMoves),
        (&[Some(601), None], Invalid::StageMoves),
        (&[Some(40)], Invalid::Repeating),
        (&[Some(0)], Invalid::Repeating),
    ] {
        let stages: Vec<Stage> = moves.iter().copied().map(of).collect();
        assert_eq!(
            TimeControl::from_stages(&stages),
            Err(expected),
            "{moves:?}"
        );
    }
    let empty = stage(None, Duration::ZERO, Duration::ZERO, Delay::None);
    let refused = TimeControl::from_stages(&[of(Some(40)), empty]);
    assert_eq!(refused, Err(Invalid::Zero));
}

#[test]
fn stages_begin_when_the_last_move_of_the_former_is_made() {
    let control = spoken("40/90+30,20/60+20,15+10");
    for (moves, increment_s, added_min) in [
        (0, 30, None),
        (39, 30, None),
        (40, 20, Some(60)),
        (41, 20, None),
        (59, 20, None),
        (60, 10, Some(15)),
        (61, 10, None),
        (u16::MAX, 10, None),
    ] {
        assert_eq!(
            control.stage_at(moves).increment,
            seconds(increment_s),
            "{moves}"
        );
        let added = control.stage_ended_by(moves).map(|stage| stage.time);
        assert_eq!(
            added,
            added_min.map(|minutes: u64| seconds(minutes * 60)),
            "{moves}"
        );
    }
    for moves in [0, 1, 40, u16::MAX] {
        assert_eq!(spoken("5+3").stage_ended_by(moves), None);
        assert_eq!(spoken("5+3").stage_at(moves).increment, seconds(3));
    }
}

#[test]
fn a_delay_of_nothing_is_no_delay() {
    let plain = spoken("5+3");
    for delay in [
        Delay::Simple(Duration::ZERO),
        Delay::Bronstein(Duration::ZERO),
    ] {
        assert_eq!(plain.with_delay(delay), Ok(plain));
    }
    let delay = Delay::Bronstein(seconds(2));
    let staged = spoken("40/90+30,30+30").with_delay(delay).unwrap();
    assert!(staged.stages().all(|stage| stage.delay == delay));
    assert_eq!(
        spoken("0+0d2").with_delay(Delay::None),
        Err(InvalidTimeControl::Zero)
    );
}

/// Row "speeds": estimate = initial + 40·increment; <30 s ultrabullet, <180 s bullet, <480 s blitz,
/// <1500 s rapid, else classical.
#[test]
fn speeds() {
    for (text, estimate_s, speed) in [
        ("29s+0", 29, Speed::UltraBullet),
        ("29.999s+0", 29, Speed::UltraBullet),
        ("30s+0", 30, Speed::Bullet),
        ("0+1", 40, Speed::Bullet),
        ("1+0", 60, Speed::Bullet),
        ("2+1", 160, Speed::Bullet),
        ("179s+0", 179, Speed::Bullet),
        ("3+0", 180, Speed::Blitz),
        ("5+3", 420, Speed::Blitz),
        ("479s+0", 479, Speed::Blitz),
        ("8+0", 480, Speed::Rapid),
        ("10+5", 800, Speed::Rapid),
        ("15+10", 1_300, Speed::Rapid),
        ("1499s+0", 1_499, Speed::Rapid),
        ("25+0", 1_500, Speed::Classical),
        ("30+20", 2_600, Speed::Classical),
        // A delay counts as an increment.
        ("5+0d3", 420, Speed::Blitz),
        ("5+0b3", 420, Speed::Blitz),
        ("5+1d2", 420, Speed::Blitz),
        // Later stages count as far as 40 moves reach into them.
        ("40/90+30,30+30", 90 * 60 + 40 * 30, Speed::Classical),
        ("39/60s+0,60s+30", 60 + 60 + 30, Speed::Bullet),
        ("10/60s+0,10/60s+1,60s+2d1", 180 + 10 + 20 * 3, Speed::Blitz),
    ] {
        let control = spoken(text);
        assert_eq!(control.estimate().as_secs(), estimate_s, "{text}");
        assert_eq!(control.speed(), speed, "{text}");
    }
}

/// Row "first move": 15/20/25/30/35 s by speed, ×5/4 in Chess960.
#[test]
fn first_move() {
    for (text, timeout_s, chess960_ms) in [
        ("15s+0", 15, 18_750),
        ("1+0", 20, 25_000),
        ("3+2", 25, 31_250),
        ("10+0", 30, 37_500),
        ("30+20", 35, 43_750),
    ] {
        let control = spoken(text);
        assert_eq!(
            control.first_move_timeout(false),
            seconds(timeout_s),
            "{text}"
        );
        let chess960 = control.first_move_timeout(true);
        assert_eq!(chess960, Duration::from_millis(chess960_ms), "{text}");
    }
}

/// Row "lag compensation": gain_max = min(1 s, 150 ms + 4 ms for each second of the estimate); the quota
/// starts at 3·gain_max, never above 7·gain_max.
#[test]
fn lag_compensation_figures() {
    for (text, gain_ms) in [
        ("1+0", 390),
        ("15s+0", 210),
        ("3+2", 150 + 4 * 260),
        ("3+0", 150 + 4 * 180),
        ("212s+0", 998),
        ("213s+0", 1_000),
        ("180+180", 1_000),
        ("0.001s+0", 150),
    ] {
        let control = spoken(text);
        let gain = Duration::from_millis(gain_ms).min(seconds(1));
        assert_eq!(control.lag_gain_max(), gain, "{text}");
        assert_eq!(control.lag_quota_start(), 3 * gain);
        assert_eq!(control.lag_quota_max(), 7 * gain);
    }
    let quick = spoken("1+0");
    assert_eq!(quick.lag_quota_start(), Duration::from_millis(1_170));
    assert_eq!(quick.lag_quota_max(), Duration::from_millis(2_730));
}
