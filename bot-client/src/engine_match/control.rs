//! Time controls as programs that play matches of engines write them: `MOVES/TIME+INCREMENT`, in seconds.

use std::time::Duration;

use game_core::{Delay, InvalidTimeControl, Stage, TimeControl};

use super::words::{InvalidWords, invalid};

/// Reads a time control, for example `10+0.1`, `1:30+1` or `40/60`.
///
/// With a number of moves, the same time comes again after as many moves twice, as often as a match allows; what comes
/// the third time is for the rest.
pub(super) fn parse(text: &str) -> Result<TimeControl, InvalidWords> {
    let unreadable = || {
        invalid(format!(
            "tc={text} is no time control, such as 10+0.1, 40/60 or 1:30+1 (MOVES/TIME+INCREMENT in seconds)"
        ))
    };
    if text == "inf" {
        return Err(invalid(
            "tc=inf: a match on a server has a time; give one that is long enough, and nodes= or depth=",
        ));
    }
    let (moves, times) = match text.split_once('/') {
        Some((moves, times)) => (Some(moves.parse::<u16>().map_err(|_| unreadable())?), times),
        None => (None, text),
    };
    let (time, increment) = times.split_once('+').unwrap_or((times, "0"));
    let (minutes, seconds) = time.split_once(':').unwrap_or(("0", time));
    let minutes: u64 = minutes.parse().map_err(|_| unreadable())?;
    let seconds = millis(seconds).ok_or_else(unreadable)?;
    let time = minutes.saturating_mul(60_000).saturating_add(seconds);
    let stage = Stage {
        moves,
        time: Duration::from_millis(time),
        increment: Duration::from_millis(millis(increment).ok_or_else(unreadable)?),
        delay: Delay::None,
    };
    let last = Stage {
        moves: None,
        ..stage
    };
    let stages: &[Stage] = match moves {
        None => &[last],
        Some(_) => &[stage, stage, last],
    };
    TimeControl::from_stages(stages)
        .map_err(|error: InvalidTimeControl| invalid(format!("tc={text}: {error}")))
}

/// Seconds with up to three digits behind the point; `None` for anything else.
fn millis(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    if fraction.len() > 3 {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let fraction: u64 = format!("{fraction:0<3}").parse().ok()?;
    whole.checked_mul(1_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_read_as_seconds() {
        for (text, initial, increment) in [
            ("10+0.1", 10_000, 100),
            ("60", 60_000, 0),
            ("1:30+1", 90_000, 1_000),
            ("0.5+0.05", 500, 50),
            (".25+1", 250, 1_000),
        ] {
            let expected = TimeControl::from_millis(initial, increment).unwrap();
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        let staged = parse("40/60+0.5").unwrap();
        let stages: Vec<_> = staged
            .stages()
            .map(|stage| (stage.moves, stage.time.as_secs()))
            .collect();
        assert_eq!(stages, [(Some(40), 60), (Some(40), 60), (None, 60)]);
    }

    #[test]
    fn what_no_match_can_have_is_refused() {
        for (text, why) in [
            ("inf", "nodes="),
            ("fast", "MOVES/TIME"),
            ("10+", "MOVES/TIME"),
            ("10+0.0001", "MOVES/TIME"),
            ("-5", "MOVES/TIME"),
            ("0+0", "both be zero"),
            ("1/60", "2 to 600"),
            ("99999", "3 hours"),
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
