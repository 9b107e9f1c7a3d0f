//! What operators see of the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use game_core::UnixMillis;
use store::OutboxTag;

/// Counters of this matchmaker's worker, and what it saw last of all outboxes. Clones are of the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct FinisherFigures(Arc<Figures>);

#[derive(Debug, Default)]
struct Figures {
    finished: AtomicU64,
    rated: AtomicU64,
    failures: AtomicU64,
    stuck: AtomicU64,
    waiting: AtomicU64,
    oldest_age_ms: AtomicU64,
}

impl FinisherFigures {
    /// An entry is done.
    pub(super) fn count_finished(&self) {
        self.0.finished.fetch_add(1, Ordering::Relaxed);
    }

    /// Ratings were changed.
    pub(super) fn count_rated(&self) {
        self.0.rated.fetch_add(1, Ordering::Relaxed);
    }

    /// A step failed.
    pub(super) fn count_failure(&self) {
        self.0.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of entries that no retry helps.
    pub(super) fn set_stuck(&self, count: usize) {
        self.0.stuck.store(count as u64, Ordering::Relaxed);
    }

    /// The outboxes at `now`.
    pub(super) fn see(&self, tags: &[OutboxTag], now: UnixMillis) {
        let waiting = tags.iter().map(|tag| tag.waiting).sum();
        let oldest = tags.iter().filter_map(|tag| tag.oldest_at).min();
        let age_ms = oldest.map_or(0, |oldest| now.0.saturating_sub(oldest.0));
        self.0.waiting.store(waiting, Ordering::Relaxed);
        self.0.oldest_age_ms.store(age_ms, Ordering::Relaxed);
    }

    /// Entries that this worker has done.
    pub(crate) fn finished(&self) -> u64 {
        self.0.finished.load(Ordering::Relaxed)
    }

    /// Matches whose players this worker has rated.
    pub(crate) fn rated(&self) -> u64 {
        self.0.rated.load(Ordering::Relaxed)
    }

    /// Steps that failed.
    pub(crate) fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Entries that no retry helps.
    pub(crate) fn stuck(&self) -> u64 {
        self.0.stuck.load(Ordering::Relaxed)
    }

    /// Entries of all outboxes.
    pub(crate) fn waiting(&self) -> u64 {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Age of the oldest one, in whole seconds; 0 where the store reads no clock.
    pub(crate) fn oldest_age_s(&self) -> u64 {
        self.0.oldest_age_ms.load(Ordering::Relaxed) / 1_000
    }
}
