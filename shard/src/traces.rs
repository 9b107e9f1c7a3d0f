//! The path of a move as a trace. The driver records the times of the sampled commands, and a separate thread
//! exports them. The shard's state machine does not know about traces.

mod config;
mod export;
mod move_path;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use game_core::{MatchId, ShardId};
use opentelemetry::TraceId;
use prometheus::IntCounter;
use store::{Append, Appended};
use tokio::time::Instant;

use crate::Metrics;
pub use config::{CollectorUrl, CollectorUrlError, SampleRatio, SampleRatioError, TraceConfig};
use export::Exporter;
use move_path::MovePath;
use shard_core::Accepted;

/// Upper bound on sampled commands that wait for the store; further ones are not traced.
const WAITING_MAX: usize = 4_096;
/// A command that is not confirmed within this time is not traced: play has paused.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Records the paths of sampled commands, and passes them on once their frames have been sent.
pub(crate) struct Tracer {
    shard: ShardId,
    sample: SampleRatio,
    /// What the store has not confirmed.
    waiting: HashMap<MatchId, Vec<MovePath>>,
    waiting_len: usize,
    in_flight: Option<Arc<[Append]>>,
    /// What is confirmed, and about to leave.
    leaving: Vec<MovePath>,
    exporter: Exporter,
    dropped: IntCounter,
}

impl Tracer {
    /// A tracer with its exporter; `None`, which is logged, if the exporter cannot be made.
    pub(crate) fn start(config: &TraceConfig, shard: ShardId, metrics: &Metrics) -> Option<Self> {
        let dropped = metrics.traces_dropped.clone();
        match Exporter::start(&config.collector, shard, dropped.clone()) {
            Ok(exporter) => Some(Self::new(config.sample, shard, exporter, dropped)),
            Err(error) => {
                tracing::warn!(%error, "there are no traces");
                None
            }
        }
    }

    fn new(sample: SampleRatio, shard: ShardId, exporter: Exporter, dropped: IntCounter) -> Self {
        Self {
            shard,
            sample,
            waiting: HashMap::new(),
            waiting_len: 0,
            in_flight: None,
            leaving: Vec::new(),
            exporter,
            dropped,
        }
    }

    /// Whether the next command is to be traced, should it be accepted.
    pub(crate) fn samples(&self) -> bool {
        rand::random_bool(self.sample.0)
    }

    /// A sampled command was accepted. The times are of its receipt, and of the begin and the end of its
    /// application.
    pub(crate) fn accepted(&mut self, what: Accepted, is_move: bool, times: [Instant; 3]) {
        if self.waiting_len == WAITING_MAX {
            self.dropped.inc();
            return;
        }
        let path = MovePath {
            id: TraceId::from_bytes(rand::random()),
            name: if is_move { "move" } else { "command" },
            what,
            batch_matches: 0,
            times: times.into(),
        };
        self.waiting_len += 1;
        self.waiting.entry(what.match_id).or_default().push(path);
    }

    /// A batch goes to the store, for the first time or again.
    pub(crate) fn sent(&mut self, batch: &Arc<[Append]>, at: Instant) {
        self.in_flight = Some(Arc::clone(batch));
        if self.waiting.is_empty() {
            return;
        }
        for append in &**batch {
            let waiting = self.waiting.get_mut(&append.match_id);
            let held = waiting.into_iter().flatten();
            for path in held.filter(|path| path.what.seq <= last_seq(append)) {
                path.batch_matches = batch.len();
                if path.is_in("batch") {
                    path.times.push(at);
                }
            }
        }
    }

    /// The store has answered the batch in flight. Lost events are written again; refused ones belong to
    /// another shard or to none, and are not traced.
    pub(crate) fn answered(&mut self, answers: &[Appended], at: Instant) {
        let Some(batch) = self.in_flight.take() else {
            return;
        };
        if self.waiting.is_empty() {
            return;
        }
        for (append, answer) in batch.iter().zip(answers) {
            match answer {
                Appended::Stored { .. } => self.stored(append, at),
                Appended::Rollback { .. } | Appended::Unanswered(_) => {}
                Appended::Fenced(owner) if owner.epoch < append.epoch => {}
                _ => self.refused(append.match_id),
            }
        }
    }

    fn stored(&mut self, append: &Append, at: Instant) {
        let Some(waiting) = self.waiting.get_mut(&append.match_id) else {
            return;
        };
        let held = append.after + 1..=last_seq(append);
        let is_stored = |path: &mut MovePath| path.is_in("append") && held.contains(&path.what.seq);
        let stored = waiting.extract_if(.., is_stored).map(|mut path| {
            path.what.epoch = append.epoch;
            path.times.push(at);
            path
        });
        let before = self.leaving.len();
        self.leaving.extend(stored);
        self.waiting_len -= self.leaving.len() - before;
        if waiting.is_empty() {
            self.waiting.remove(&append.match_id);
        }
    }

    fn refused(&mut self, match_id: MatchId) {
        let lost = self
            .waiting
            .remove(&match_id)
            .map_or(0, |paths| paths.len());
        self.waiting_len -= lost;
        self.dropped.inc_by(lost as u64);
    }

    /// All frames that could be sent have been sent.
    pub(crate) fn frames_left(&mut self) {
        if self.leaving.is_empty() {
            return;
        }
        let at = Instant::now();
        for mut path in self.leaving.drain(..) {
            path.times.push(at);
            let Accepted {
                match_id,
                epoch,
                seq,
                ply,
            } = path.what;
            tracing::debug!(%match_id, %epoch, shard = %self.shard, trace_id = %path.id, seq, ply,
                "a traced {} is acknowledged", path.name);
            if !self.exporter.give(path) {
                self.dropped.inc();
            }
        }
    }

    /// Drops paths that have waited for too long.
    pub(crate) fn forget_old(&mut self, now: Instant) {
        self.waiting.retain(|_, waiting| {
            waiting.retain(|path| now.saturating_duration_since(path.times[0]) < WAIT_MAX);
            !waiting.is_empty()
        });
        let left = self.waiting.values().map(Vec::len).sum();
        self.dropped.inc_by((self.waiting_len - left) as u64);
        self.waiting_len = left;
    }

    /// Exports what is left, as long as the collector does not take too long for it.
    pub(crate) async fn finish(self) {
        self.exporter.finish().await;
    }
}

/// The last event that a write holds.
fn last_seq(append: &Append) -> u32 {
    append.after + u32::try_from(append.records.len()).unwrap_or(u32::MAX - append.after)
}

#[cfg(test)]
mod tests;
