//! What one server did under one load, in figures.

use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use serde::Serialize;

use super::operators::{Watched, WatchedTally};
use super::rounds::{Datagrams, Took};
use super::seating::Handshakes;
use supervisor::Switches;

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
    /// The same with the matches made and nobody connected: what the server keeps of a match itself; absent where there
    /// are no matches without connections.
    pub kb_per_match_alone: Option<f64>,
    /// By how much the append-only file of Redis grew for a move, in bytes; absent where there is none.
    pub aof_bytes_per_move: Option<f64>,
    /// Connections made a second while the seats were taken: handshakes and, but for the relay, joins.
    pub handshakes_per_s: f64,
    /// CPU time of the server for one of them, in microseconds.
    pub server_us_per_handshake: f64,
    /// What the server's process did for a move.
    pub counts: Counts,
    /// What operators changed; absent where nobody asked.
    pub watched: Option<Watched>,
}

impl Figures {
    /// CPU time of the server and of Redis for a move, in microseconds.
    pub(super) fn with_redis_us(&self) -> f64 {
        self.server_us_per_move + self.redis_us_per_move.unwrap_or_default()
    }
}

/// What a server's process did for a move; absent where it is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Datagrams that it received, as clients count them; absent over TCP.
    pub datagrams_received: Option<f64>,
    /// Datagrams that it sent, as clients count them; absent over TCP.
    pub datagrams_sent: Option<f64>,
    /// System calls, where they were counted.
    pub system_calls: Option<f64>,
    /// How often a thread of it waited.
    pub switches_voluntary: f64,
    /// How often a thread of it had to leave its processor to another.
    pub switches_involuntary: f64,
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

/// What a server had resident, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// When it was started.
    pub(super) started: u64,
    /// How much more with the matches made and nobody seated.
    pub(super) alone: Option<u64>,
    /// With all seated.
    pub(super) seated: u64,
}

/// What is counted while a server is measured, over all rounds.
#[derive(Debug)]
pub(super) struct Tally {
    matches: u32,
    handshakes: Handshakes,
    memory: Memory,
    /// What it had resident at the end of the last round.
    pub(super) played_bytes: u64,
    pub(super) moves: u64,
    pub(super) elapsed: Duration,
    pub(super) server: Duration,
    pub(super) client: Duration,
    pub(super) redis: Option<Duration>,
    pub(super) log_bytes: Option<u64>,
    pub(super) switches: Switches,
    /// Moves, those of the warm-up too.
    pub(super) moves_of_all: u64,
    /// What these took.
    pub(super) datagrams: Option<Datagrams>,
    /// What these took, where it is counted.
    pub(super) system_calls: Option<u64>,
    ack: Histogram<u64>,
    relay: Histogram<u64>,
    /// Where operators ask.
    pub(super) watched: Option<WatchedTally>,
}

impl Tally {
    pub(super) fn new(
        matches: u32,
        handshakes: Handshakes,
        memory: Memory,
    ) -> Result<Self, CreationError> {
        Ok(Self {
            matches,
            handshakes,
            memory,
            played_bytes: memory.seated,
            moves: 0,
            elapsed: Duration::ZERO,
            server: Duration::ZERO,
            client: Duration::ZERO,
            redis: None,
            log_bytes: None,
            switches: Switches::default(),
            moves_of_all: 0,
            datagrams: None,
            system_calls: None,
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
        let kb_a_match = |bytes: u64| over(bytes as f64 / 1_024.0, f64::from(self.matches));
        let kb_per_match = |bytes: u64| kb_a_match(bytes.saturating_sub(self.memory.started));
        Figures {
            moves: self.moves,
            seconds,
            moves_per_s: over(self.moves as f64, seconds),
            server_us_per_move: us_per_move(self.server),
            redis_us_per_move: self.redis.map(us_per_move),
            client_us_per_move: us_per_move(self.client),
            ack_us: Percentiles::of(&self.ack),
            relay_us: Percentiles::of(&self.relay),
            kb_per_match: kb_per_match(self.memory.seated),
            kb_per_match_played: kb_per_match(self.played_bytes),
            kb_per_match_alone: self.memory.alone.map(kb_a_match),
            aof_bytes_per_move: self.log_bytes.map(|bytes| bytes as f64 / moves),
            handshakes_per_s: over(connections, self.handshakes.took.as_secs_f64()),
            server_us_per_handshake: self.handshakes.server.as_secs_f64() * 1e6 / connections,
            counts: self.counts(),
            watched: self.watched.as_ref().map(WatchedTally::figures),
        }
    }

    fn counts(&self) -> Counts {
        let a_move = |count: u64| over(count as f64, self.moves as f64);
        let of_all = |count: u64| over(count as f64, self.moves_of_all as f64);
        Counts {
            datagrams_received: self.datagrams.map(|some| of_all(some.received)),
            datagrams_sent: self.datagrams.map(|some| of_all(some.sent)),
            system_calls: self.system_calls.map(of_all),
            switches_voluntary: a_move(self.switches.voluntary),
            switches_involuntary: a_move(self.switches.involuntary),
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
        let memory = Memory {
            started: 1 << 20,
            alone: redis_us.map(|_| 1 << 18),
            seated: 9 << 20,
        };
        let mut tally = Tally::new(100, handshakes, memory).expect("bounds are right");
        let moves = 50_000;
        let used = |us: u64| Duration::from_micros(us * moves);
        tally.moves = moves;
        tally.played_bytes = 11 << 20;
        tally.elapsed = Duration::from_secs(4);
        tally.server = used(server_us);
        tally.client = used(30);
        tally.redis = redis_us.map(used);
        tally.log_bytes = redis_us.map(|_| 100 * moves);
        tally.switches = Switches {
            voluntary: moves / 4,
            involuntary: moves / 50,
        };
        tally.moves_of_all = 2 * moves;
        tally.datagrams = Some(Datagrams {
            received: 5 * moves,
            sent: 4 * moves,
        });
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
        assert_eq!(figures.kb_per_match_alone, Some(2.56));
        assert_eq!(figures.aof_bytes_per_move, Some(100.0));
        assert_eq!(figures.handshakes_per_s, 2_000.0);
        assert_eq!(figures.server_us_per_handshake, 600.0);
        assert_eq!((figures.ack_us.p50, figures.relay_us.p50), (300, 400));
        assert_eq!((figures.ack_us.p99, figures.relay_us.p999), (2_000, 3_001));
    }

    #[test]
    fn counts_are_for_a_move_and_absent_where_nobody_counts() {
        let counts = figures(40, None).counts;
        // Connections count the warm-up too, in which as many moves were made.
        assert_eq!(counts.datagrams_received, Some(2.5));
        assert_eq!(counts.datagrams_sent, Some(2.0));
        assert_eq!(counts.switches_voluntary, 0.25);
        assert_eq!(counts.switches_involuntary, 0.02);
        assert_eq!(counts.system_calls, None);
    }

    #[test]
    fn nothing_measured_makes_no_figure_that_json_cannot_hold() {
        assert_eq!(over(1.0, 0.0), 0.0);
    }
}
