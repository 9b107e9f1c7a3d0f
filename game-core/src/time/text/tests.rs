use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn plain(initial_ms: u64, increment_ms: u64) -> TimeControl {
    TimeControl::from_millis(initial_ms, increment_ms).unwrap()
}

fn delayed(initial_s: u64, increment_s: u64, delay: Delay) -> TimeControl {
    let control = plain(initial_s * 1000, increment_s * 1000);
    control.with_delay(delay).unwrap()
}

/// Stages as (moves, seconds, increment in seconds).
fn staged(stages: &[(u16, u64, u64)]) -> TimeControl {
    let stage = |&(moves, time, increment): &(u16, u64, u64)| Stage {
        moves: Some(moves).filter(|&moves| moves > 0),
        time: seconds(time),
        increment: seconds(increment),
        delay: Delay::None,
    };
    let stages: Vec<Stage> = stages.iter().map(stage).collect();
    TimeControl::from_stages(&stages).unwrap()
}

#[test]
fn players_write_minutes_and_seconds() {
    let bronstein = Delay::Bronstein(Duration::from_millis(1_500));
    for (text, control, again) in [
        ("5+3", plain(300_000, 3_000), "5+3"),
        ("300s+3", plain(300_000, 3_000), "5+3"),
        ("90s+1", plain(90_000, 1_000), "90s+1"),
        ("0.5+0", plain(30_000, 0), "30s+0"),
        ("10+0.1", plain(600_000, 100), "10+0.1"),
        ("1.001s+0.05", plain(1_001, 50), "1.001s+0.05"),
        ("0+2", plain(0, 2_000), "0+2"),
        ("180+180", plain(10_800_000, 180_000), "180+180"),
        ("10800s+0s", plain(10_800_000, 0), "180+0"),
        ("5+3d2", delayed(300, 3, Delay::Simple(seconds(2))), "5+3d2"),
        ("5+3d0", plain(300_000, 3_000), "5+3"),
        ("5+0b1.5", delayed(300, 0, bronstein), "5+0b1.5"),
        ("5+3sb1.50s", delayed(300, 3, bronstein), "5+3b1.5"),
        (
            "40/90+30,30+30",
            staged(&[(40, 5_400, 30), (0, 1_800, 30)]),
            "40/90+30,30+30",
        ),
        (
            "40/5400s+30, 20/60+30, 90s+30",
            staged(&[(40, 5_400, 30), (20, 3_600, 30), (0, 90, 30)]),
            "40/90+30,20/60+30,90s+30",
        ),
    ] {
        assert_eq!(TimeControl::from_spoken(text), Ok(control), "{text}");
        assert_eq!(control.spoken(), again);
        assert_eq!(TimeControl::from_spoken(again), Ok(control));
    }
}

#[test]
fn what_was_meant_as_seconds_is_refused_with_a_hint() {
    for text in ["300+3", "40/300+3,30+30"] {
        let refused = TimeControl::from_spoken(text).unwrap_err();
        assert_eq!(refused, InvalidTimeControl::Minutes(300));
        assert!(refused.to_string().contains("300s+"), "{refused}");
    }
    for text in [
        "",
        "5",
        "+3",
        "5+",
        "5+-3",
        "five+3",
        "5+3+1",
        "1.2345+0",
        "s+1",
        "5m+1",
        "5+3d",
        "5+d2",
        "5d2",
        "5+3d2b2",
        "5+3D2",
        "/5+3",
        "x/5+3,1+0",
        "5+3,",
        ",5+3",
        "40/40/5+3,1+0",
        "5+3é",
    ] {
        let refused = TimeControl::from_spoken(text);
        assert_eq!(refused, Err(InvalidTimeControl::Spoken), "{text}");
    }
    for (text, expected) in [
        ("10801s+0", InvalidTimeControl::Initial),
        ("5+181", InvalidTimeControl::Increment),
        ("5+0d181", InvalidTimeControl::Delay),
        ("0+0", InvalidTimeControl::Zero),
        ("5+99999999999999999999", InvalidTimeControl::Increment),
        ("40/90+30", InvalidTimeControl::Repeating),
        ("90+30,30+30", InvalidTimeControl::StageMoves),
        ("99999/90+30,30+30", InvalidTimeControl::StageMoves),
        ("2/1+0,2/1+0,2/1+0,1+0", InvalidTimeControl::Stages),
    ] {
        let refused = TimeControl::from_spoken(text);
        assert_eq!(refused, Err(expected), "{text}");
    }
}

/// PGN standard 9.6.1, whose own examples are `40/9000`, `300`, `4500+60` and `*180`.
#[test]
fn pgn_is_written_and_read_as_the_standard_has_it() {
    let simple = Delay::Simple(seconds(2));
    let bronstein = Delay::Bronstein(Duration::from_millis(2_500));
    for (control, pgn) in [
        (plain(300_000, 0), "300+0"),
        (plain(4_500_000, 60_000), "4500+60"),
        (plain(10_500, 100), "10.5+0.1"),
        (plain(1, 0), "0.001+0"),
        (plain(0, 2_000), "0+2"),
        (
            staged(&[(40, 5_400, 30), (0, 1_800, 30)]),
            "40/5400+30:1800+30",
        ),
        (
            staged(&[(40, 7_200, 0), (20, 3_600, 0), (0, 900, 30)]),
            "40/7200:20/3600:900+30",
        ),
        (delayed(300, 0, simple), "300+2d"),
        (delayed(300, 3, simple), "300+3+2d"),
        (delayed(300, 0, bronstein), "300+0+2.5b"),
        (delayed(300, 3, bronstein), "300+3+2.5b"),
    ] {
        assert_eq!(control.pgn(), pgn);
        assert_eq!(control.to_string(), pgn);
        assert_eq!(pgn.parse(), Ok(control), "{pgn}");
    }
    for (pgn, control) in [
        ("300", plain(300_000, 0)),
        (" 180+2 ", plain(180_000, 2_000)),
        ("60.0+0.1000", plain(60_000, 100)),
        ("300+0+2d", delayed(300, 0, simple)),
        ("300+2.5b", delayed(300, 0, bronstein)),
        ("40/9000+0:3600+0", staged(&[(40, 9_000, 0), (0, 3_600, 0)])),
    ] {
        assert_eq!(pgn.parse(), Ok(control), "{pgn}");
    }
}

#[test]
fn what_no_match_has_is_told_from_what_is_no_pgn() {
    for (pgn, expected, why) in [
        ("?", InvalidTimeControl::Unknown, "not known"),
        ("-", InvalidTimeControl::Untimed, "no time control"),
        ("*180", InvalidTimeControl::Sandclock, "sandclock"),
        (
            "40/9000",
            InvalidTimeControl::Repeating,
            "rest of the match",
        ),
        (
            "40/9000:40/9000",
            InvalidTimeControl::Repeating,
            "no number of moves",
        ),
        (
            "1/86400:300",
            InvalidTimeControl::StageMoves,
            "2 to 600 moves",
        ),
        ("300:300", InvalidTimeControl::StageMoves, "before the last"),
        ("10801", InvalidTimeControl::Initial, "0 to 3 hours"),
        (
            "99999999999999999999",
            InvalidTimeControl::Initial,
            "0 to 3 hours",
        ),
        ("60+181", InvalidTimeControl::Increment, "0 to 180 seconds"),
        ("60+181d", InvalidTimeControl::Delay, "0 to 180 seconds"),
        ("0+0", InvalidTimeControl::Zero, "both be zero"),
        ("10+0.0001", InvalidTimeControl::Fraction, "milliseconds"),
    ] {
        let refused = pgn.parse::<TimeControl>().unwrap_err();
        assert_eq!(refused, expected, "{pgn}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
    for pgn in [
        "",
        "fast",
        "10 min",
        "60+",
        "+2",
        "1+2+3",
        "-60",
        "1e3",
        ".5+1",
        "60+NaN",
        "*",
        "*x",
        "60+2d+1",
        "60+1+2d+3",
        "60+d",
        "40/",
        "/60",
        "60:",
        "60+２",
    ] {
        let refused = pgn.parse::<TimeControl>();
        assert_eq!(refused, Err(InvalidTimeControl::Syntax), "{pgn}");
    }
}

/// Any control within the bounds.
fn any_control() -> impl Strategy<Value = TimeControl> {
    let time = |max_s: u64| {
        prop_oneof![
            Just(0),
            0..=max_s * 1000,
            (0..=max_s).prop_map(|s| s * 1000)
        ]
    };
    let delay = (0..3, time(180)).prop_map(|(kind, millis)| match kind {
        0 => Delay::None,
        1 => Delay::Simple(Duration::from_millis(millis)),
        _ => Delay::Bronstein(Duration::from_millis(millis)),
    });
    let stage = (TimeControl::STAGE_MOVES, time(10_800), time(180), delay);
    vec(stage, 1..=TimeControl::STAGES_MAX).prop_filter_map("all zero", |stages| {
        let last = stages.len() - 1;
        let stage = |(index, (moves, time_ms, increment_ms, delay))| Stage {
            moves: Some(moves).filter(|_| index < last),
            time: Duration::from_millis(time_ms),
            increment: Duration::from_millis(increment_ms),
            delay,
        };
        let stages: Vec<Stage> = stages.into_iter().enumerate().map(stage).collect();
        TimeControl::from_stages(&stages).ok()
    })
}

proptest! {
    #[test]
    fn every_form_of_a_control_is_read_back(control in any_control()) {
        prop_assert_eq!(TimeControl::from_spoken(&control.spoken()), Ok(control));
        prop_assert_eq!(control.pgn().parse(), Ok(control));
        let json = serde_json::to_string(&control).unwrap();
        prop_assert_eq!(serde_json::from_str::<TimeControl>(&json).unwrap(), control);
        let config = bincode::config::standard();
        let bytes = bincode::serde::encode_to_vec(control, config).unwrap();
        let read: (TimeControl, usize) = bincode::serde::decode_from_slice(&bytes, config).unwrap();
        prop_assert_eq!(read, (control, bytes.len()));
        let stages: Vec<Stage> = control.stages().collect();
        prop_assert_eq!(TimeControl::from_stages(&stages), Ok(control));
    }

    #[test]
    fn no_text_is_a_panic(text in "[0-9./+:,*sdb?é -]{0,24}") {
        if let Ok(control) = TimeControl::from_spoken(&text) {
            prop_assert_eq!(TimeControl::from_spoken(&control.spoken()), Ok(control));
        }
        if let Ok(control) = text.parse::<TimeControl>() {
            prop_assert_eq!(control.pgn().parse(), Ok(control));
        }
    }
}
