//! Metrics of the installation as this matchmaker sees it.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::finisher::FinisherFigures;
use crate::registry::RegistryView;

/// The registry as text.
pub(crate) fn render(view: &RegistryView, finisher: &FinisherFigures) -> String {
    gather(view, finisher).unwrap_or_else(|error| {
        tracing::error!(%error, "metrics cannot be written");
        String::new()
    })
}

fn gather(view: &RegistryView, finisher: &FinisherFigures) -> prometheus::Result<String> {
    let registry = Registry::new();
    let build = Opts::new("rookery_build_info", "The version that runs.");
    let build = IntGaugeVec::new(build, &["version"])?;
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    registry.register(Box::new(build))?;
    let help = "Log lines of this process that could not be written.";
    let dropped = IntCounter::new("rookery_log_lines_dropped_total", help)?;
    dropped.inc_by(program::lines_dropped());
    registry.register(Box::new(dropped))?;
    let help = "Shards in the registry, by whether they live.";
    let shards = IntGaugeVec::new(Opts::new("rookery_registry_shards", help), &["state"])?;
    let (live, draining, dead) = view.counts();
    for (state, count) in [("live", live), ("draining", draining), ("dead", dead)] {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        shards.with_label_values(&[state]).set(count);
    }
    registry.register(Box::new(shards))?;
    for (name, help, value) in [
        (
            "rookery_registry_matches",
            "Matches that the live shards hold, by their records.",
            view.records().map(|record| i64::from(record.live)).sum(),
        ),
        (
            "rookery_registry_capacity",
            "Matches that the live shards are willing to hold.",
            view.records()
                .map(|record| i64::from(record.capacity))
                .sum(),
        ),
    ] {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(value);
        registry.register(Box::new(gauge))?;
    }
    let deaths = view.figures();
    for (name, help, value) in [
        (
            "rookery_suspicions_total",
            "Times that a shard's beat was missing, and evidence was asked for.",
            deaths.suspicions,
        ),
        (
            "rookery_needless_takeovers_total",
            "Shards that were taken for dead, and were seen alive again under the same id.",
            deaths.needless_takeovers,
        ),
    ] {
        let counter = IntCounter::new(name, help)?;
        counter.inc_by(value);
        registry.register(Box::new(counter))?;
    }
    let help = "Shards that this matchmaker took for dead, by evidence that their process had ended, or by their \
                silence.";
    let by = IntCounterVec::new(Opts::new("rookery_shard_deaths_total", help), &["by"])?;
    for (cause, count) in [
        ("evidence", deaths.deaths_by_evidence),
        ("silence", deaths.deaths_by_silence),
    ] {
        by.with_label_values(&[cause]).inc_by(count);
    }
    registry.register(Box::new(by))?;
    let help = "1 while the store does not let this matchmaker publish or hear beats.";
    let refused = IntGauge::new("rookery_beats_refused", help)?;
    refused.set(view.beats_refused().into());
    registry.register(Box::new(refused))?;
    let room = view.room();
    for (name, help, value) in [
        (
            "rookery_store_used_bytes",
            "Memory of the store that counts against its limit, as of a few seconds ago.",
            room.used_bytes,
        ),
        (
            "rookery_store_limit_bytes",
            "The store's limit on that (maxmemory of Redis); 0 if it has none.",
            room.limit_bytes.unwrap_or(0),
        ),
        (
            "rookery_store_full",
            "Whether new matches, challenges and tickets are refused for want of room in the store.",
            u64::from(!room.is_for_new()),
        ),
    ] {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(Box::new(gauge))?;
    }
    gather_finisher(&registry, finisher)?;
    TextEncoder::new().encode_to_string(&registry.gather())
}

/// What follows from the end of matches.
fn gather_finisher(registry: &Registry, figures: &FinisherFigures) -> prometheus::Result<()> {
    for (name, help, value) in [
        (
            "rookery_outbox_waiting",
            "Matches that have ended and are not archived, rated and published yet.",
            figures.waiting(),
        ),
        (
            "rookery_outbox_age_seconds",
            "Since when the oldest of them waits; 0 if none does.",
            figures.oldest_age_s(),
        ),
        (
            "rookery_outbox_stuck",
            "Those that this matchmaker cannot process: the log says why.",
            figures.stuck(),
        ),
    ] {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(Box::new(gauge))?;
    }
    for (name, help, value) in [
        (
            "rookery_matches_finished_total",
            "Matches that this matchmaker has archived, rated and published.",
            figures.finished(),
        ),
        (
            "rookery_matches_rated_total",
            "Matches whose players this matchmaker has rated.",
            figures.rated(),
        ),
        (
            "rookery_outbox_failures_total",
            "Steps between the end of a match and its publication that failed, and are tried again.",
            figures.failures(),
        ),
    ] {
        let counter = IntCounter::new(name, help)?;
        counter.inc_by(value);
        registry.register(Box::new(counter))?;
    }
    Ok(())
}

/// Adds a metric to a registry. Its name is a literal, valid and no other's; tests register them all.
pub(crate) fn registered<T: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<T>,
) -> T {
    let metric = made.expect("the name of a metric is valid");
    let added = registry.register(Box::new(metric.clone()));
    added.expect("the name of a metric is its own");
    metric
}
