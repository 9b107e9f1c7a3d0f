//! When a frame left the server, on the clock of this process.

use std::time::{Duration, Instant};

use protocol::UnixMicros;

/// What is known of the server's clock over one connection.
///
/// Every frame has the time at which it left, and arrives later by the time that it was under way. The difference
/// between the two clocks is nearest to the truth in the frame that was under way for the shortest time; what is
/// left is the time of that frame itself, of which half a round trip is the best guess (RFC 5905 section 8). So the
/// error is at most half a round trip, however the network splits it between both directions, and however long
/// other frames were under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerTime {
    /// The first frame: when it arrived, and when it left.
    first: Option<(Instant, UnixMicros)>,
    /// The least that a frame was under way, in microseconds longer than the first, and when it arrived.
    least: Option<(i64, Instant)>,
    /// The shortest round trip.
    round_trip: Option<Duration>,
}

impl ServerTime {
    /// By how much two clocks may drift apart: 100 microseconds a second, as quartz may. A least time becomes
    /// doubtful by as much.
    const DRIFT_PER_MILLION: u128 = 100;

    /// The transport has measured a round trip.
    pub(crate) fn measured(&mut self, round_trip: Duration) {
        let least = self
            .round_trip
            .map_or(round_trip, |known| known.min(round_trip));
        self.round_trip = Some(least);
    }

    /// When a frame that arrives `now` left the server; `now` if it does not say.
    pub(crate) fn sent_at(&mut self, time: UnixMicros, now: Instant) -> Instant {
        if time == UnixMicros(0) {
            return now;
        }
        let (first_at, first_time) = *self.first.get_or_insert((now, time));
        let here = micros(now.saturating_duration_since(first_at));
        let there = time.0.wrapping_sub(first_time.0).cast_signed();
        let longer = here.saturating_sub(there);
        let aged = self.least.map(|(least, at)| {
            let age = now.saturating_duration_since(at).as_micros();
            let drift = i64::try_from(age * Self::DRIFT_PER_MILLION / 1_000_000);
            least.saturating_add(drift.unwrap_or(i64::MAX))
        });
        let least = match aged {
            Some(least) if least < longer => least,
            _ => {
                self.least = Some((longer, now));
                longer
            }
        };
        let waited = u64::try_from(longer - least).unwrap_or(0);
        let under_way = Duration::from_micros(waited) + self.round_trip.unwrap_or_default() / 2;
        now.checked_sub(under_way).unwrap_or(now)
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const EPOCH: u64 = 1_767_225_600_000_000;

    proptest! {
        /// Whatever the network does to single frames: once one was under way for the shortest time, every later
        /// frame is known to have left within half a round trip of when it did.
        #[test]
        fn the_time_of_a_frame_is_known_to_within_half_a_round_trip(
            there in 1_000_u64..80_000,
            back in 1_000_u64..80_000,
            offset in 0_u64..1_000_000_000,
            delays in vec((1_000_u64..3_000_000, 0_u64..2_000_000), 1..40),
        ) {
            let start = Instant::now() + Duration::from_secs(60);
            let mut server = ServerTime::default();
            server.measured(Duration::from_micros(there + back));
            let mut left = 0;
            let mut arrived = 0;
            for (index, (wait, late)) in delays.into_iter().enumerate() {
                left += wait;
                let late = if index == 0 { 0 } else { late };
                // A stream delivers in order.
                arrived = (left + back + late).max(arrived);
                let now = start + Duration::from_micros(arrived);
                let known = server.sent_at(UnixMicros(EPOCH + offset + left), now);
                let truth = start + Duration::from_micros(left);
                let error = known.max(truth) - known.min(truth);
                // At most 2 minutes of drift are allowed for.
                let bound = Duration::from_micros((there + back) / 2 + 1 + 12_000);
                prop_assert!(error <= bound, "{error:?} with {there} there and {back} back");
            }
        }
    }

    #[test]
    fn a_frame_that_waited_longer_left_as_long_before() {
        let start = Instant::now() + Duration::from_secs(60);
        let ms = Duration::from_millis;
        let mut server = ServerTime::default();
        let at = |ms: u64| UnixMicros(EPOCH + ms * 1_000);
        assert_eq!(server.sent_at(at(0), start), start);
        let mut left = |sent: u64, came: u64| server.sent_at(at(sent), start + ms(came)) - start;
        // To the millisecond: so much is left for clocks that drift.
        assert_eq!(left(100, 900).as_millis(), 100);
        // A faster one shows that the first was late too.
        assert_eq!(left(1_000, 970), ms(970));
        assert_eq!(left(1_100, 1_100).as_millis(), 1_070);
    }

    #[test]
    fn clocks_that_drift_are_followed() {
        let start = Instant::now();
        let mut server = ServerTime::default();
        server.sent_at(UnixMicros(EPOCH), start);
        // After an hour the own clock is 100 ms ahead: 28 microseconds a second.
        let hour = 3_600_000_000;
        let now = start + Duration::from_micros(hour + 100_000);
        assert_eq!(server.sent_at(UnixMicros(EPOCH + hour), now), now);
    }

    #[test]
    fn a_frame_without_a_time_left_when_it_came() {
        let now = Instant::now();
        let mut server = ServerTime::default();
        server.measured(Duration::from_secs(1));
        assert_eq!(server.sent_at(UnixMicros(0), now), now);
        // Nonsense does no harm.
        server.sent_at(UnixMicros(u64::MAX), now);
        server.sent_at(UnixMicros(1), now);
    }
}
