//! The times of one command on its way.

use opentelemetry::TraceId;
use shard_core::Accepted;
use tokio::time::Instant;

/// What happens to a command from one of its times to the next, in order.
pub(super) const STAGES: [&str; 5] = ["queue", "apply", "batch", "append", "send"];

/// The path of one command so far.
#[derive(Debug, Clone)]
pub(super) struct MovePath {
    pub(super) id: TraceId,
    /// "move" or "command".
    pub(super) name: &'static str,
    pub(super) what: Accepted,
    /// Matches in the batch that contains it.
    pub(super) batch_matches: usize,
    /// Its receipt, and the end of each stage so far.
    pub(super) times: Vec<Instant>,
}

impl MovePath {
    /// Whether the next stage to end is `stage`.
    pub(super) fn is_in(&self, stage: &str) -> bool {
        STAGES.get(self.times.len() - 1) == Some(&stage)
    }
}
