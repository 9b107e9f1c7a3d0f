//! What the driver keeps of a seat stream.

use std::time::Duration;

use game_core::PlayerId;
use protocol::JoinFlags;
use tokio::time::Instant;

use super::Outlet;
use crate::transport::Link;

/// A seat stream as the driver knows it.
pub(super) struct Peer {
    pub(super) outlet: Outlet,
    pub(super) link: Link,
    pub(super) player: PlayerId,
    /// When it last sent a command or, before the first, when it joined.
    pub(super) heard_at: Instant,
    /// When it was last sent a frame.
    pub(super) sent_at: Instant,
    pub(super) flags: JoinFlags,
    pub(super) lag: LagMeter,
}

/// What a peer's connection costs its moves, by the transport's own estimate of the round trip, which no peer
/// can raise without slowing its own packets.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LagMeter {
    last: Duration,
    variation: Duration,
}

impl LagMeter {
    /// Half of the present round trip and its variation, which follows as the RTT's does in RFC 9002 (section
    /// 5.3): three quarters of what it was, and a quarter of the newest change.
    pub(super) fn measure(&mut self, round_trip: Duration) -> Duration {
        if self.last.is_zero() {
            self.last = round_trip;
        }
        let change = round_trip.abs_diff(self.last);
        self.variation = self.variation * 3 / 4 + change / 4;
        self.last = round_trip;
        round_trip / 2 + self.variation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_half_the_round_trip_and_its_variation() {
        let ms = Duration::from_millis;
        let mut lag = LagMeter::default();
        assert_eq!(lag.measure(ms(80)), ms(40));
        assert_eq!(lag.measure(ms(80)), ms(40));
        // A change of 80 ms adds a quarter of it, which then wears off.
        assert_eq!(lag.measure(ms(160)), ms(80 + 20));
        assert_eq!(lag.measure(ms(160)), ms(80 + 15));
    }
}
