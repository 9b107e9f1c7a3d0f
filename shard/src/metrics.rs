//! What a shard counts and times, as Prometheus reads it. Nothing carries the name of a match or a
//! player.

use std::time::{Duration, Instant};

use program::CertificateMetrics;
use prometheus::core::{Collector, Metric};
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::tls::CertificateSource;
use crate::token_refusals::TokenRefusals;
use crate::transport::Transport;
use shard_core::{Counters, Figures, Shard, ShardSamples, Times};
use store::LivenessFigures;

/// From a fast loopback to a takeover, in seconds.
const SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
];
const BATCH: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The metrics of one shard. Handles are cheap to clone and to use: an atomic addition each.
pub struct Metrics {
    registry: Registry,
    began: Instant,
    pub(crate) door: DoorMetrics,
    pub(crate) store_seconds: StoreSeconds,
    pub(crate) slow_peers: IntCounter,
    pub(crate) joins_refused: IntCounter,
    pub(crate) traces_dropped: IntCounter,
    pub(crate) beats_refused: IntGauge,
    deaths: Deaths,
    pub(crate) address_shared: IntGauge,
    /// CPU time a second over the share that the process may use.
    pub(crate) load: Gauge,
    log_lines_dropped: IntCounter,
    pub(crate) tick_gaps: IntCounter,
    pub(crate) tick_gap_seconds: prometheus::Counter,
    ack_seconds: Histogram,
    takeover_seconds: Histogram,
    batch_matches: Histogram,
    matches_live: IntGauge,
    matches_in_memory: IntGauge,
    matches_above_capacity: IntGauge,
    peers: IntGauge,
    paused: IntGauge,
    draining: IntGauge,
    checkpoint_lag: Gauge,
    gated: IntGauge,
    refusals: IntCounterVec,
    counted: Counted,
}

/// What the endpoint counts.
#[derive(Clone)]
pub(crate) struct DoorMetrics {
    pub(crate) connections: IntGauge,
    pub(crate) handshakes_done: IntCounter,
    pub(crate) handshakes_failed: IntCounter,
    pub(crate) handshakes_late: IntCounter,
    pub(crate) refused: IntCounter,
    pub(crate) address_retries: IntCounter,
    pub(crate) tokens: TokenRefusals,
    by_transport: IntGaugeVec,
    origins_refused: IntCounterVec,
}

/// Latency of the store by operation.
#[derive(Clone)]
pub(crate) struct StoreSeconds {
    pub(crate) append: Histogram,
    pub(crate) heartbeat: Histogram,
    pub(crate) load: Histogram,
    pub(crate) claim: Histogram,
}

/// The counters of the state machine, which counts itself and is read with each heartbeat.
struct Counted {
    events: IntCounter,
    moves: IntCounter,
    batches: IntCounter,
    batch_retries: IntCounter,
    fenced: IntCounter,
    conflicts: IntCounter,
    duplicates: IntCounter,
    takeovers: IntCounter,
    given_for_load: IntCounter,
    rollbacks: IntCounter,
    lost: IntCounter,
}

impl Counted {
    fn new(on: &On<'_>) -> Self {
        Self {
            events: on.counter("events_confirmed_total", "Events that the store confirmed."),
            moves: on.counter("moves_total", "Moves that the store confirmed."),
            batches: on.counter("batches_total", "Batches that the store confirmed."),
            batch_retries: on.counter(
                "batch_retries_total",
                "Batches sent again after an answer that said nothing.",
            ),
            fenced: on.counter(
                "fenced_total",
                "Matches lost to another owner, found out at a write or by asking.",
            ),
            conflicts: on.counter(
                "conflicts_total",
                "Writes that found the log other than it must be.",
            ),
            duplicates: on.counter(
                "duplicates_total",
                "Writes that the store had confirmed before.",
            ),
            takeovers: on.counter("takeovers_total", "Matches of other shards claimed here."),
            given_for_load: on.counter(
                "matches_given_for_load_total",
                "Matches given to shards that use less of their CPU share.",
            ),
            rollbacks: on.counter(
                "rollbacks_total",
                "Matches whose confirmed events the store had lost, and was given again.",
            ),
            lost: on.counter(
                "matches_lost_total",
                "Matches whose confirmed events the store had lost, and could not be given again.",
            ),
        }
    }

    fn follow(&self, counters: &Counters) {
        let pairs = [
            (&self.events, counters.events_confirmed),
            (&self.moves, counters.moves_confirmed),
            (&self.batches, counters.batches),
            (&self.batch_retries, counters.batch_retries),
            (&self.fenced, counters.fenced),
            (&self.conflicts, counters.conflicts),
            (&self.duplicates, counters.duplicates),
            (&self.takeovers, counters.takeovers),
            (&self.given_for_load, counters.given_for_load),
            (&self.rollbacks, counters.healed),
            (&self.lost, counters.lost),
        ];
        for (counter, value) in pairs {
            counter.inc_by(value.saturating_sub(counter.get()));
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let on = On(&registry);
        let version = on.gauges("build_info", "The version that runs.", "version");
        version
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Self {
            began: Instant::now(),
            door: DoorMetrics::new(&on),
            store_seconds: StoreSeconds::new(&on),
            slow_peers: on.counter(
                "slow_peers_total",
                "Peers sent away for not reading what they were sent.",
            ),
            joins_refused: on.counter(
                "joins_refused_total",
                "Joins with a good token that were refused at once: the player is revoked, has as many \
                 seats as it may, or comes too often, or the shard is full or stopping.",
            ),
            traces_dropped: on.counter(
                "traces_dropped_total",
                "Sampled commands whose trace no collector was given.",
            ),
            address_shared: on.gauge(
                "address_shared",
                "1 while another live shard announces this one's address to players.",
            ),
            beats_refused: on.gauge(
                "beats_refused",
                "1 while the store does not let this shard publish or hear beats.",
            ),
            deaths: Deaths::new(&on),
            load: on.level(
                "load_ratio",
                "CPU time a second over the process's share (--cpu-share), averaged over five seconds.",
            ),
            log_lines_dropped: on.counter(
                "log_lines_dropped_total",
                "Log lines of this process that could not be written.",
            ),
            tick_gaps: on.counter("tick_gaps_total", "Pauses of the process over 250 ms."),
            tick_gap_seconds: on.seconds("tick_gap_seconds_total", "Time lost to such pauses."),
            ack_seconds: on.histogram(
                "ack_seconds",
                "From the receipt of a command to its confirmation by the store.",
                SECONDS,
            ),
            takeover_seconds: on.histogram(
                "takeover_seconds",
                "From the begin of a takeover of a match until it could be played.",
                SECONDS,
            ),
            batch_matches: on.histogram("batch_matches", "Matches in a confirmed batch.", BATCH),
            matches_live: on.gauge("matches_live", "Matches in memory that are not over."),
            matches_in_memory: on.gauge("matches_in_memory", "Matches in memory."),
            matches_above_capacity: on.gauge(
                "matches_above_capacity",
                "Live matches beyond the shard's capacity, held as no other shard has room.",
            ),
            peers: on.gauge("peers", "Seat streams."),
            paused: on.gauge("paused", "1 while play is paused for want of a store."),
            draining: on.gauge("draining", "1 while no match is let in."),
            checkpoint_lag: on.level(
                "checkpoint_lag_seconds",
                "How long the write under way has waited for its answer.",
            ),
            gated: on.gauge("gate_matches", "Matches whose output waits for the store."),
            refusals: on.counters("refusals_total", "Refused commands, by reason.", "code"),
            counted: Counted::new(&on),
            registry,
        }
    }

    /// What is counted of the players' certificate; once for each shard.
    pub(crate) fn certificate(&self, source: &CertificateSource) -> CertificateMetrics {
        let renewal = match source {
            CertificateSource::Files { .. } => CertificateMetrics::BY_FILES,
            CertificateSource::Made => CertificateMetrics::BY_ITSELF,
        };
        let metrics = CertificateMetrics::register(&self.registry, "rookery", renewal);
        metrics.expect("the names are valid, and a shard keeps one certificate")
    }

    /// What Prometheus scrapes.
    #[must_use]
    pub fn render(&self) -> String {
        let dropped = &self.log_lines_dropped;
        dropped.inc_by(program::lines_dropped().saturating_sub(dropped.get()));
        let families = self.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }

    /// What the page shows.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let counted = &self.counted;
        Figures {
            uptime_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            connections: u64::try_from(self.door.connections.get()).unwrap_or(0),
            moves_total: counted.moves.get(),
            events_confirmed_total: counted.events.get(),
            takeovers_total: counted.takeovers.get(),
            fenced_total: counted.fenced.get(),
            conflicts_total: counted.conflicts.get(),
            duplicates_total: counted.duplicates.get(),
            rollbacks_total: counted.rollbacks.get(),
            slow_peers_total: self.slow_peers.get(),
            checkpoint_lag_ms: self.checkpoint_lag.get() * 1_000.0,
            gate_matches: u64::try_from(self.gated.get()).unwrap_or(0),
            ack: times(&self.ack_seconds),
            store: times(&self.store_seconds.append),
        }
    }

    /// Reads what the state machine has counted.
    pub(crate) fn follow(&self, shard: &Shard, capacity: u32, lag: Duration) {
        let status = shard.status();
        self.matches_live.set(status.live.into());
        self.matches_above_capacity
            .set(status.live.saturating_sub(capacity).into());
        self.matches_in_memory.set(status.in_memory.into());
        self.peers.set(status.peers.into());
        self.paused.set(status.paused.into());
        self.draining.set(status.draining.into());
        self.checkpoint_lag.set(lag.as_secs_f64());
        self.gated
            .set(i64::try_from(shard.gated()).unwrap_or(i64::MAX));
        self.counted.follow(&shard.counters());
        self.deaths.follow(shard.liveness_figures());
        for (code, count) in shard.refusals() {
            let counter = self.refusals.with_label_values(&[code]);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }

    /// Records the times that the state machine has measured.
    pub(crate) fn measured(&self, measured: ShardSamples) {
        for ack in measured.acks {
            self.ack_seconds.observe(ack.as_secs_f64());
        }
        for takeover in measured.takeovers {
            self.takeover_seconds.observe(takeover.as_secs_f64());
        }
        for matches in measured.batches {
            self.batch_matches.observe(matches as f64);
        }
    }
}

/// What this shard concluded about others.
struct Deaths {
    suspicions: IntCounter,
    by_evidence: IntCounter,
    by_silence: IntCounter,
    needless: IntCounter,
}

impl Deaths {
    fn new(on: &On<'_>) -> Self {
        let deaths = on.counters(
            "shard_deaths_total",
            "Other shards that this one took for dead, by evidence that their process had ended, or by their \
             silence.",
            "by",
        );
        Self {
            suspicions: on.counter(
                "suspicions_total",
                "Times that another shard's beat was missing, and evidence was asked for.",
            ),
            by_evidence: deaths.with_label_values(&["evidence"]),
            by_silence: deaths.with_label_values(&["silence"]),
            needless: on.counter(
                "needless_takeovers_total",
                "Shards that were taken for dead, and were seen alive again under the same id.",
            ),
        }
    }

    fn follow(&self, figures: LivenessFigures) {
        let pairs = [
            (&self.suspicions, figures.suspicions),
            (&self.by_evidence, figures.deaths_by_evidence),
            (&self.by_silence, figures.deaths_by_silence),
            (&self.needless, figures.needless_takeovers),
        ];
        for (counter, value) in pairs {
            counter.inc_by(value.saturating_sub(counter.get()));
        }
    }
}

impl DoorMetrics {
    fn new(on: &On<'_>) -> Self {
        let handshakes = on.counters(
            "handshakes_total",
            "Handshakes, by how they ended.",
            "result",
        );
        Self {
            connections: on.gauge("connections", "Connections, handshakes under way included."),
            handshakes_done: handshakes.with_label_values(&["done"]),
            handshakes_failed: handshakes.with_label_values(&["failed"]),
            handshakes_late: handshakes.with_label_values(&["late"]),
            refused: on.counter("connections_refused_total", "Attempts refused at a limit."),
            address_retries: on.counter(
                "address_retries_total",
                "Attempts that had to prove their address first.",
            ),
            tokens: TokenRefusals::new(&on.counters(
                "seat_tokens_refused_total",
                "Seat tokens that were refused, by reason.",
                "reason",
            )),
            by_transport: on.gauges(
                "transport_connections",
                "Connections whose handshake is complete, by transport.",
                "transport",
            ),
            origins_refused: on.counters(
                "origins_refused_total",
                "Pages of other origins that were refused, by transport.",
                "transport",
            ),
        }
    }

    /// The connections by one transport.
    pub(crate) fn transport(&self, transport: Transport) -> IntGauge {
        self.by_transport.with_label_values(&[transport.label()])
    }

    /// The pages of other origins that came by one transport.
    pub(crate) fn origins_refused(&self, transport: Transport) -> IntCounter {
        self.origins_refused.with_label_values(&[transport.label()])
    }
}

impl StoreSeconds {
    fn new(on: &On<'_>) -> Self {
        let by = on.histograms(
            "store_seconds",
            "Answer times of the store.",
            "operation",
            SECONDS,
        );
        Self {
            append: by.with_label_values(&["append"]),
            heartbeat: by.with_label_values(&["heartbeat"]),
            load: by.with_label_values(&["load"]),
            claim: by.with_label_values(&["claim"]),
        }
    }
}

/// Cumulative counts of a histogram.
fn times(histogram: &Histogram) -> Times {
    let metric = histogram.metric();
    let histogram = metric.get_histogram();
    let buckets = histogram.get_bucket().iter();
    Times {
        count: histogram.get_sample_count(),
        sum_ms: histogram.get_sample_sum() * 1_000.0,
        below_ms: buckets
            .map(|bucket| (bucket.upper_bound() * 1_000.0, bucket.cumulative_count()))
            .collect(),
    }
}

/// Makes metrics on a registry, each with the prefix of all.
struct On<'a>(&'a Registry);

impl On<'_> {
    /// Names are literals here, all valid and distinct; a test makes them all.
    fn register<T: Collector + Clone + 'static>(&self, made: prometheus::Result<T>) -> T {
        let metric = made.expect("the name of a metric is valid");
        self.0
            .register(Box::new(metric.clone()))
            .expect("the name of a metric is its own");
        metric
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(named(name), help))
    }

    fn seconds(&self, name: &str, help: &str) -> prometheus::Counter {
        self.register(prometheus::Counter::new(named(name), help))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(named(name), help), &[label]))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(named(name), help))
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> prometheus::IntGaugeVec {
        let opts = Opts::new(named(name), help);
        self.register(prometheus::IntGaugeVec::new(opts, &[label]))
    }

    fn level(&self, name: &str, help: &str) -> Gauge {
        self.register(Gauge::new(named(name), help))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::new(named(name), help).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(opts))
    }

    fn histograms(&self, name: &str, help: &str, label: &str, buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts::new(named(name), help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, &[label]))
    }
}

fn named(name: &str) -> String {
    format!("rookery_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_rendered_with_its_prefix() {
        let text = Metrics::new().render();
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names: Vec<&str> = names.collect();
        assert!(names.len() > 25, "{text}");
        assert!(
            names.iter().all(|name| name.starts_with("rookery_")),
            "{text}"
        );
    }

    #[test]
    fn times_are_cumulative_and_in_milliseconds() {
        let metrics = Metrics::new();
        metrics.measured(ShardSamples {
            acks: vec![Duration::from_millis(2), Duration::from_millis(200)],
            ..ShardSamples::default()
        });
        let ack = metrics.figures().ack;
        assert_eq!(ack.count, 2);
        assert!((ack.sum_ms - 202.0).abs() < 0.001);
        let below = |ms: f64| {
            ack.below_ms
                .iter()
                .find(|(le, _)| *le == ms)
                .map(|(_, n)| *n)
        };
        assert_eq!(
            (below(1.0), below(2.5), below(250.0)),
            (Some(0), Some(1), Some(2))
        );
    }
}
