//! The calendar of this machine, in UTC: for records, tokens and certificates, never for clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// Milliseconds since 1970-01-01T00:00:00Z; 0 on a machine whose clock stands before that.
#[must_use]
pub fn unix_ms() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since 1970-01-01T00:00:00Z; 0 on a machine whose clock stands before that.
#[must_use]
pub fn unix_s() -> i64 {
    i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX)
}

fn since_1970() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO)
}

/// A time in seconds since 1970 as RFC 3339 writes it, in UTC and to the second.
#[must_use]
pub fn rfc3339(unix_s: i64) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(unix_s) else {
        return format!("{unix_s} s after 1970");
    };
    let (hour, minute, second) = time.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", time.date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_says() {
        // The examples of RFC 3339 section 5.8 that are whole seconds in UTC or can be, and the edges.
        for (unix_s, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (482_196_050, "1985-04-12T23:20:50Z"),
            (851_042_397, "1996-12-20T00:39:57Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (i64::MAX, "9223372036854775807 s after 1970"),
        ] {
            assert_eq!(rfc3339(unix_s), expected);
        }
    }

    #[test]
    fn both_units_tell_one_time() {
        let before_s = unix_s();
        let ms = unix_ms();
        let between_s = i64::try_from(ms / 1_000).unwrap();
        assert!((before_s..=unix_s()).contains(&between_s));
        assert!(before_s > 1_700_000_000, "this machine's clock is set");
    }
}
