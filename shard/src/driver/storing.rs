//! The driver's questions to the store, each in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use game_core::{Epoch, MatchId, ShardId, UnixMillis};
use prometheus::Histogram;
use store::{Append, Store};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::boot_clock::boot_clock;
use super::{Answer, Driver, SCAN_EVERY};
use crate::metrics::StoreSeconds;

/// Revocations older than this are of players whose seat tokens have all expired: a seat token lives for an
/// hour at most, and the clocks of two machines may differ by a good part of another.
const SEAT_TOKEN_LIFE_MAX: Duration = Duration::from_secs(2 * 60 * 60);

impl Driver {
    pub(super) fn ask<F>(&self, question: impl FnOnce(Arc<dyn Store>) -> F)
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let (answers, loads) = (self.answers.clone(), Arc::clone(&self.loads));
        let question = question(Arc::clone(&self.store));
        self.tasks.spawn(async move {
            // It is closed when the shard ends: what has not begun by then is nobody's question any more.
            if let Ok(_turn) = loads.acquire_owned().await {
                let _ = answers.send(question.await).await;
            }
        });
    }

    pub(super) fn disown(&self, shard: ShardId, matches: Vec<(MatchId, Epoch)>) {
        let store = Arc::clone(&self.store);
        self.tasks.spawn(async move {
            if let Err(error) = store.disown(shard, &matches).await {
                tracing::debug!(%error, "a settled match stays in a shard's set for now");
            }
        });
    }

    pub(super) fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) {
        let store = Arc::clone(&self.store);
        self.tasks.spawn(async move {
            if let Err(error) = store.deregister(shard, heartbeat).await {
                tracing::debug!(%shard, %error, "a dead shard stays in the registry for now");
            }
        });
    }

    pub(super) fn heartbeat(&mut self) {
        let now = self.look();
        let lag = self.shard.checkpoint_lag(now);
        self.metrics.follow(&self.shard, lag);
        if let Some(tracer) = &mut self.tracer {
            tracer.forget_old(self.last_look);
        }
        if self.heartbeat_under_way {
            return;
        }
        self.heartbeat_under_way = true;
        self.shard.heartbeat_sent(now, boot_clock());
        self.record.heartbeat += 1;
        let mut record = self.shard.record(&self.record);
        record.draining |= self
            .address_shared
            .is_some_and(|shared| shared.is_ours_to_yield);
        let (store, answers) = (Arc::clone(&self.store), self.answers.clone());
        let timer = self.metrics.store_seconds.heartbeat.clone();
        let seat_token_ms = SEAT_TOKEN_LIFE_MAX.as_millis() as u64;
        let revoked_since = UnixMillis(now.calendar.0.saturating_sub(seat_token_ms));
        self.tasks.spawn(async move {
            // A full queue holds answers enough.
            let reached = || _ = answers.try_send(Answer::HeartbeatReached);
            let answer = timed(&timer, store.heartbeat_in_steps(&record, &reached)).await;
            let alive = answer.is_ok();
            let _ = answers.send(Answer::Heartbeat(answer)).await;
            if alive && let Ok(players) = store.revoked_since(revoked_since).await {
                let _ = answers.send(Answer::Revoked(players)).await;
            }
            if alive
                && record.heartbeat.is_multiple_of(SCAN_EVERY)
                && let Ok(matches) = store.owned(record.id).await
            {
                let _ = answers.send(Answer::Assigned(matches)).await;
            }
        });
    }
}

/// The task that talks to the store about writes: one batch after the other.
pub(super) async fn write_batches(
    store: Arc<dyn Store>,
    mut batches: mpsc::Receiver<Arc<[Append]>>,
    answers: mpsc::Sender<Answer>,
    times: StoreSeconds,
) {
    while let Some(batch) = batches.recv().await {
        let answer = timed(&times.append, store.append(&batch)).await;
        if answers
            .send(Answer::Appended(answer, Instant::now()))
            .await
            .is_err()
        {
            break;
        }
    }
}

/// How long an operation takes that succeeds or fails; one that never ends is not counted.
pub(super) async fn timed<T>(histogram: &Histogram, operation: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let answer = operation.await;
    histogram.observe(begun.elapsed().as_secs_f64());
    answer
}
