//! Traces on their way to the collector, on a thread of their own: exporting takes no time from players.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, SystemTime};

use game_core::ShardId;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, SpanId};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use prometheus::IntCounter;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::config::CollectorUrl;
use super::move_path::{MovePath, STAGES};

/// Upper bound on traces that wait to be exported; further ones are dropped.
const QUEUE_LEN: usize = 4_096;
/// Upper bound on traces in one request.
const REQUEST_LEN: usize = 512;
/// How long a trace waits for others to be exported with it.
const GATHER: Duration = Duration::from_millis(500);
/// The collector must accept a request within this time, retries included.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// At a shutdown, the remaining traces are exported within this time, or dropped.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);
/// Minimum interval between two log lines about a collector that accepts no traces.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Why there is no exporter.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExporterError {
    #[error("the exporter of traces cannot be made: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    #[error("the exporter of traces has no thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// The sender to the exporting thread.
pub(super) struct Exporter {
    queue: mpsc::Sender<MovePath>,
    /// Ends when the thread has exported all it will.
    done: oneshot::Receiver<()>,
}

impl Exporter {
    /// Starts the thread. It counts traces that the collector does not accept as dropped.
    pub(super) fn start(
        collector: &CollectorUrl,
        shard: ShardId,
        dropped: IntCounter,
    ) -> Result<Self, ExporterError> {
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{collector}/v1/traces"))
            .with_timeout(ANSWER_WITHIN)
            .build()?;
        exporter.set_resource(&resource(shard));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (queue, paths) = mpsc::channel(QUEUE_LEN);
        let (ended, done) = oneshot::channel();
        let thread = thread::Builder::new().name("traces".to_owned());
        thread.spawn(move || {
            runtime.block_on(export_all(paths, &exporter, shard, &dropped));
            // The receiver is gone if it took too long.
            let _ = ended.send(());
        })?;
        Ok(Self { queue, done })
    }

    /// Queues a complete path; returns whether it fitted.
    pub(super) fn give(&self, path: MovePath) -> bool {
        self.queue.try_send(path).is_ok()
    }

    pub(super) async fn finish(self) {
        drop(self.queue);
        if timeout(FLUSH_WITHIN, self.done).await.is_err() {
            tracing::warn!("the collector did not take the last traces in time");
        }
    }

    /// One whose paths a test reads.
    #[cfg(test)]
    pub(super) fn to_test(queue_len: usize) -> (Self, mpsc::Receiver<MovePath>) {
        let (queue, paths) = mpsc::channel(queue_len);
        let (_, done) = oneshot::channel();
        (Self { queue, done }, paths)
    }
}

/// What exports.
fn resource(shard: ShardId) -> Resource {
    let about = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", shard.to_string()),
    ];
    let resource = Resource::builder_empty().with_service_name("rookery");
    resource.with_attributes(about).build()
}

/// Exports until all senders are gone and all paths are exported.
async fn export_all(
    mut paths: mpsc::Receiver<MovePath>,
    exporter: &SpanExporter,
    shard: ShardId,
    dropped: &IntCounter,
) {
    let mut warned_at: Option<Instant> = None;
    while let Some(first) = paths.recv().await {
        let gathered_at = Instant::now() + GATHER;
        let mut gathered = vec![first];
        while gathered.len() < REQUEST_LEN
            && let Ok(Some(path)) = timeout_at(gathered_at, paths.recv()).await
        {
            gathered.push(path);
        }
        let exported = timeout(ANSWER_WITHIN, export(&gathered, exporter, shard)).await;
        let late = OTelSdkError::Timeout(ANSWER_WITHIN);
        if let Err(error) = exported.unwrap_or(Err(late)) {
            let traces = gathered.len();
            if warned_at.is_none_or(|at| at.elapsed() > WARN_EVERY) {
                warned_at = Some(Instant::now());
                tracing::warn!(%error, traces, "the collector takes no traces; they are dropped");
            }
            dropped.inc_by(traces as u64);
        }
    }
}

async fn export(paths: &[MovePath], exporter: &SpanExporter, shard: ShardId) -> OTelSdkResult {
    let calendar = Calendar {
        instant: Instant::now(),
        time: SystemTime::now(),
    };
    let spans = paths.iter().flat_map(|path| spans(path, shard, &calendar));
    exporter.export(spans.collect()).await
}

/// One moment on both clocks.
struct Calendar {
    instant: Instant,
    time: SystemTime,
}

impl Calendar {
    /// A moment of the past.
    fn at(&self, past: Instant) -> SystemTime {
        self.time - self.instant.saturating_duration_since(past)
    }
}

/// The span of a whole path, and one below it for each stage.
fn spans(path: &MovePath, shard: ShardId, calendar: &Calendar) -> Vec<SpanData> {
    let times: Vec<_> = path.times.iter().map(|&at| calendar.at(at)).collect();
    let (Some(&received_at), Some(&left_at)) = (times.first(), times.last()) else {
        return Vec::new();
    };
    let mut root = span(path, SpanId::INVALID, path.name, [received_at, left_at]);
    root.span_kind = SpanKind::Server;
    root.attributes = vec![
        KeyValue::new("match_id", path.what.match_id.to_string()),
        KeyValue::new("epoch", as_i64(path.what.epoch.0)),
        KeyValue::new("shard", shard.to_string()),
        KeyValue::new("seq", i64::from(path.what.seq)),
        KeyValue::new("ply", i64::from(path.what.ply)),
        KeyValue::new("batch_matches", as_i64(path.batch_matches as u64)),
    ];
    let parent = root.span_context.span_id();
    let stages = STAGES.into_iter().zip(times.windows(2));
    let stages = stages.map(|(name, ends)| span(path, parent, name, [ends[0], ends[1]]));
    std::iter::once(root).chain(stages).collect()
}

fn span(path: &MovePath, parent: SpanId, name: &'static str, ends: [SystemTime; 2]) -> SpanData {
    static SCOPE: OnceLock<InstrumentationScope> = OnceLock::new();
    let scope = SCOPE.get_or_init(|| InstrumentationScope::builder("rookery").build());
    SpanData {
        span_context: SpanContext::new(
            path.id,
            SpanId::from_bytes(rand::random()),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: parent,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: ends[0],
        end_time: ends[1],
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope.clone(),
    }
}

/// Attributes have no unsigned numbers.
fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use opentelemetry::TraceId;

    use super::*;
    use shard_core::Accepted;

    #[test]
    fn the_stages_fill_the_span_of_the_move() {
        let now = Instant::now();
        let begin = now - Duration::from_millis(500);
        let path = MovePath {
            id: TraceId::from_bytes([7; 16]),
            name: "move",
            what: Accepted {
                match_id: game_core::MatchId::from_random(1),
                epoch: game_core::Epoch(2),
                seq: 3,
                ply: 3,
            },
            batch_matches: 4,
            times: (0..6)
                .map(|n| begin + Duration::from_millis(n * n))
                .collect(),
        };
        let calendar = Calendar {
            instant: now,
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        };
        let spans = spans(&path, ShardId::from_random(5), &calendar);
        let root = &spans[0];
        assert_eq!(root.name, "move");
        assert_eq!(root.parent_span_id, SpanId::INVALID);
        let begin = SystemTime::UNIX_EPOCH + Duration::from_millis(500);
        assert_eq!(root.start_time, begin);
        assert_eq!(root.end_time, begin + Duration::from_millis(25));
        let mut at = root.start_time;
        for (span, name) in spans[1..].iter().zip(STAGES) {
            assert_eq!(span.name, name);
            assert_eq!(span.start_time, at);
            assert_eq!(span.parent_span_id, root.span_context.span_id());
            assert_eq!(span.span_context.trace_id(), path.id);
            at = span.end_time;
        }
        assert_eq!((spans.len(), at), (6, root.end_time));
        let epoch = KeyValue::new("epoch", 2);
        assert!(root.attributes.contains(&epoch), "{root:?}");
    }
}
