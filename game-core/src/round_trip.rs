//! The round trip of a connection, as it is recorded with a move.

use std::num::NonZeroU16;
use std::time::Duration;

/// The round trip of a player's connection in whole milliseconds, rounded down. Longer ones count as
/// [`MAX_MS`](Self::MAX_MS).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// One more than the milliseconds, so that an optional one takes two bytes.
pub struct RoundTrip(NonZeroU16);

// A match keeps one for each move.
const _: () = assert!(size_of::<Option<RoundTrip>>() == 2);

impl RoundTrip {
    /// The longest that is told apart, in milliseconds.
    pub const MAX_MS: u16 = u16::MAX - 1;

    /// A round trip of `ms` milliseconds, of which at most [`MAX_MS`](Self::MAX_MS) count.
    #[must_use]
    pub const fn from_millis(ms: u16) -> Self {
        Self(NonZeroU16::MIN.saturating_add(ms))
    }

    /// Its length in milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u16 {
        self.0.get() - 1
    }
}

impl From<Duration> for RoundTrip {
    fn from(measured: Duration) -> Self {
        Self::from_millis(u16::try_from(measured.as_millis()).unwrap_or(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_in_whole_milliseconds_up_to_a_bound() {
        for (micros, ms) in [
            (0, 0),
            (999, 0),
            (1_000, 1),
            (38_999, 38),
            (65_534_000, 65_534),
            (65_535_000, 65_534),
            (u64::MAX, 65_534),
        ] {
            let round_trip = RoundTrip::from(Duration::from_micros(micros));
            assert_eq!(round_trip.as_millis(), ms, "{micros}");
        }
        assert_eq!(
            RoundTrip::from_millis(u16::MAX).as_millis(),
            RoundTrip::MAX_MS
        );
    }
}
