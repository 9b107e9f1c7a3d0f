//! The `TimeControl` tag (PGN standard 9.6.1).

use game_core::TimeControl;

/// Why no match has the time control of a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoControl {
    /// The tag says something that matches do not have.
    #[error("{0}")]
    Unsupported(String),
    /// The tag is not written as the standard has it.
    #[error("not as the PGN standard writes it, for example 600 or 180+2")]
    Syntax,
}

/// Reads a tag; `None` where it says that the control is not known, or that there was none.
pub(super) fn read(text: &str) -> Result<Option<TimeControl>, NoControl> {
    let unsupported = |why: &str| Err(NoControl::Unsupported(why.to_owned()));
    let text = text.trim();
    if matches!(text, "" | "-" | "?") {
        return Ok(None);
    }
    if !text
        .bytes()
        .all(|c| c.is_ascii_digit() || b"+./:*".contains(&c))
    {
        return Err(NoControl::Syntax);
    }
    if text.contains([':', '/']) {
        return unsupported("matches have no stages of so many moves");
    }
    if text.starts_with('*') {
        return unsupported("matches have no sandclock");
    }
    let (initial, increment) = text.split_once('+').unwrap_or((text, "0"));
    let control = TimeControl::from_millis(millis(initial)?, millis(increment)?);
    control
        .map(Some)
        .map_err(|error| NoControl::Unsupported(error.to_string()))
}

/// Seconds with up to three digits behind the point, which is as fine as matches count.
fn millis(text: &str) -> Result<u64, NoControl> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return Err(NoControl::Syntax);
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 3 {
        let why = "matches count in milliseconds".to_owned();
        return Err(NoControl::Unsupported(why));
    }
    let number = |digits: &str| digits.parse::<u64>().ok();
    let seconds = number(whole).and_then(|seconds| seconds.checked_mul(1_000));
    let millis = number(&format!("{fraction:0<3}"));
    // What is too large for a number is above every bound too.
    Ok(seconds
        .zip(millis)
        .map_or(u64::MAX, |(seconds, millis)| seconds.saturating_add(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(initial_ms: u64, increment_ms: u64) -> TimeControl {
        TimeControl::from_millis(initial_ms, increment_ms).unwrap()
    }

    #[test]
    fn a_time_control_tag_is_read_as_the_standard_writes_it() {
        for (text, expected) in [
            ("600", Some(control(600_000, 0))),
            ("4500+60", Some(control(4_500_000, 60_000))),
            ("10+0.1", Some(control(10_000, 100))),
            ("0.5+0.25", Some(control(500, 250))),
            ("60.0+0.10", Some(control(60_000, 100))),
            (" 180+2 ", Some(control(180_000, 2_000))),
            ("-", None),
            ("?", None),
            ("", None),
        ] {
            assert_eq!(read(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_matches_do_not_have_is_told_from_what_cannot_be_read() {
        for (text, why) in [
            ("40/5400+30:1800+30", "stages"),
            ("40/9000", "stages"),
            ("1/86400", "stages"),
            ("*180", "sandclock"),
            ("10801", "0 to 3 hours"),
            ("99999999999999999999", "0 to 3 hours"),
            ("18446744073709551", "0 to 3 hours"),
            ("60+181", "0 to 180 seconds"),
            ("0+0", "both be zero"),
            ("0", "both be zero"),
            ("10+0.0001", "milliseconds"),
        ] {
            match read(text) {
                Err(NoControl::Unsupported(said)) => assert!(said.contains(why), "{text}: {said}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        for text in [
            "fast", "10 min", "60+", "+2", "1+2+3", "-60", "1e3", ".5+1", "60+NaN",
        ] {
            assert_eq!(read(text), Err(NoControl::Syntax), "{text}");
        }
    }

    #[test]
    fn the_server_s_own_export_is_read_back() {
        for (initial_ms, increment_ms) in [
            (10_000, 100),
            (0, 1),
            (1, 0),
            (333, 333),
            (10_800_000, 180_000),
            (59_999, 7),
        ] {
            let control = control(initial_ms, increment_ms);
            assert_eq!(read(&control.to_string()), Ok(Some(control)));
        }
    }
}
