//! What one server did under one load, in figures.

use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use serde::Serialize;

use super::operators::{Watched, WatchedTally};
use super::rounds::Took;
use super::seating::Handshakes;

/// What one server did under one load. A KB is 1,024 bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Moves that were answered.
    pub moves: u64,
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// Moves a second.
    pub moves_per_s: f64,
    /// CPU time of the server for a move, in microseconds.
    pub server_us_per_move: f64,
    /// CPU time of Redis for a move, in microseconds; absent where there is none.
    pub redis_us_per_move: Option<f64>,
    /// CPU time of the clients for a move, of both of a pair together, in microseconds.
    pub client_us_per_move: f64,
    /// From sending a move until the mover has the answer, in microseconds.
    pub ack_us: Percentiles,
    /// From sending a move until the opponent has it, in microseconds.
    pub relay_us: Percentiles,
    /// Memory of the server a match, both its connections included, in KB: what it had resident with all
    /// seated, less what it had when it was started.
    pub kb_per_match: f64,
    /// The same at the end of the measurement: what has been played takes memory too. Where games were
    /// played out meanwhile, what is left of them counts.
    pub kb_per_match_played: f64,
    /// By how much the append-only file of Redis grew for a move, in bytes; absent where there is none.
    pub aof_bytes_per_move: Option<f64>,
    /// Connections made a second while the seats were taken: handshakes and, but for the relay, joins.
    pub handshakes_per_s: f64,
    /// CPU time of the server for one of them, in microseconds.
    pub server_us_per_handshake: f64,
    /// What operators changed; absent where nobody asked.
    pub watched: Option<Watched>,
}

/// Of a time, what so many did not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1,000.
    pub p999: u64,
}

/// [`Took`] in microseconds, small enough to keep each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) ack_us: u32,
    relay_us: u32,
    /// Operators were asking for pages then.
    pub(super) while_asked: bool,
}

impl Times {
    pub(super) fn new(took: Took, while_asked: bool) -> Self {
        let us = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        Self {
            ack_us: us(took.ack),
            relay_us: us(took.relay),
            while_asked,
        }
    }
}

/// In microseconds, up to a minute, three digits kept.
pub(super) fn times_histogram() -> Result<Histogram<u64>, CreationError> {
    Histogram::new_with_bounds(1, 60_000_000, 3)
}

/// What is counted while a server is measured, over all rounds.
#[derive(Debug)]
pub(super) struct Tally {
    matches: u32,
    handshakes: Handshakes,
    /// What the server had resident when it was started, in bytes.
    started_bytes: u64,
    /// The same with all seated.
    seated_bytes: u64,
    /// The same at the end of the last round.
    pub(super) played_bytes: u64,
    pub(super) moves: u64,
    pub(super) elapsed: Duration,
    pub(super) server: Duration,
    pub(super) client: Duration,
    pub(super) redis: Option<Duration>,
    pub(super) log_bytes: Option<u64>,
    ack: Histogram<u64>,
    relay: Histogram<u64>,
    /// Where operators ask.
    pub(super) watched: Option<WatchedTally>,
}

impl Tally {
    pub(super) fn new(
        matches: u32,
        handshakes: Handshakes,
        started_bytes: u64,
        seated_bytes: u64,
    ) -> Result<Self, CreationError> {
        Ok(Self {
            matches,
            handshakes,
            started_bytes,
            seated_bytes,
            played_bytes: seated_bytes,
            moves: 0,
            elapsed: Duration::ZERO,
            server: Duration::ZERO,
            client: Duration::ZERO,
            redis: None,
            log_bytes: None,
            ack: times_histogram()?,
            relay: times_histogram()?,
            watched: None,
        })
    }

    pub(super) fn add_times(&mut self, times: &[Times]) {
        for times in times {
            self.ack.saturating_record(times.ack_us.into());
            self.relay.saturating_record(times.relay_us.into());
            if let Some(watched) = &mut self.watched {
                watched.add(times);
            }
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let moves = self.moves.max(1) as f64;
        let us_per_move = |time: Duration| time.as_secs_f64() * 1e6 / moves;
        let connections = f64::from(self.handshakes.connections.max(1));
        let seconds = self.elapsed.as_secs_f64();
        let kb_per_match = |bytes: u64| {
            let bytes = bytes.saturating_sub(self.started_bytes) as f64;
            over(bytes / 1_024.0, f64::from(self.matches))
        };
        Figures {
            moves: self.moves,
            seconds,
            moves_per_s: over(self.moves as f64, seconds),
            server_us_per_move: us_per_move(self.server),
            redis_us_per_move: self.redis.map(us_per_move),
            client_us_per_move: us_per_move(self.client),
            ack_us: Percentiles::of(&self.ack),
            relay_us: Percentiles::of(&self.relay),
            kb_per_match: kb_per_match(self.seated_bytes),
            kb_per_match_played: kb_per_match(self.played_bytes),
            aof_bytes_per_move: self.log_bytes.map(|bytes| bytes as f64 / moves),
            handshakes_per_s: over(connections, self.handshakes.took.as_secs_f64()),
            server_us_per_handshake: self.handshakes.server.as_secs_f64() * 1e6 / connections,
            watched: self.watched.as_ref().map(WatchedTally::figures),
        }
    }
}

/// A quotient, and 0 where there is none: JSON knows no infinity.
pub(super) fn over(dividend: f64, divisor: f64) -> f64 {
    if divisor > 0.0 {
        dividend / divisor
    } else {
        0.0
    }
}

impl Percentiles {
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a server did that took so many microseconds a move, and Redis as many as given.
    pub(in crate::bench) fn figures(server_us: u64, redis_us: Option<u64>) -> Figures {
        let handshakes = Handshakes {
            connections: 200,
            took: Duration::from_millis(100),
            server: Duration::from_millis(120),
        };
        let mut tally = Tally::new(100, handshakes, 1 << 20, 9 << 20).expect("bounds are right");
        let moves = 50_000;
        let used = |us: u64| Duration::from_micros(us * moves);
        tally.moves = moves;
        tally.played_bytes = 11 << 20;
        tally.elapsed = Duration::from_secs(4);
        tally.server = used(server_us);
        tally.client = used(30);
        tally.redis = redis_us.map(used);
        tally.log_bytes = redis_us.map(|_| 100 * moves);
        let took = |ack, relay| {
            let took = Took {
                ack: Duration::from_micros(ack),
                relay: Duration::from_micros(relay),
            };
            Times::new(took, false)
        };
        tally.add_times(&[took(300, 400); 98]);
        tally.add_times(&[took(2_000, 3_000); 2]);
        tally.figures()
    }

    #[test]
    fn figures_are_for_a_move_a_match_and_a_handshake() {
        let figures = figures(40, Some(10));
        assert_eq!(figures.moves_per_s, 12_500.0);
        assert_eq!(figures.server_us_per_move, 40.0);
        assert_eq!(figures.redis_us_per_move, Some(10.0));
        assert_eq!(figures.client_us_per_move, 30.0);
        assert_eq!(figures.kb_per_match, 81.92);
        assert_eq!(figures.kb_per_match_played, 102.4);
        assert_eq!(figures.aof_bytes_per_move, Some(100.0));
        assert_eq!(figures.handshakes_per_s, 2_000.0);
        assert_eq!(figures.server_us_per_handshake, 600.0);
        assert_eq!((figures.ack_us.p50, figures.relay_us.p50), (300, 400));
        assert_eq!((figures.ack_us.p99, figures.relay_us.p999), (2_000, 3_001));
    }

    #[test]
    fn nothing_measured_makes_no_figure_that_json_cannot_hold() {
        assert_eq!(over(1.0, 0.0), 0.0);
    }
}
