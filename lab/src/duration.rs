//! How durations are written on the command line.

use std::time::Duration;

/// A duration with its unit: `250ms`, `20s`, `10m` or `1h`, with a fraction where one is wanted; `0`
/// needs none.
///
/// # Errors
///
/// In words, for the command line.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || "a duration is a number with a unit: 250ms, 20s, 10m or 1h".to_owned();
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0)];
    let unit = units.iter().find_map(|&(unit, seconds)| {
        let number = text.strip_suffix(unit)?;
        Some(number.parse::<f64>().ok()? * seconds)
    });
    let seconds = unit.ok_or_else(wrong)?;
    // A day is longer than any duration here.
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err(wrong());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, ms) in [
            ("250ms", 250),
            ("20s", 20_000),
            ("1.5m", 90_000),
            ("1h", 3_600_000),
            ("0", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)));
        }
        for text in ["", "20", "s", "-1s", "NaNs", "infs", "1d", "2000000h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
