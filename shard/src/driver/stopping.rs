//! How a shard stops: it hands its matches over, waits for the batch in flight, and closes its streams.

use std::time::Duration;

use game_core::ShardId;
use protocol::CloseCode;
use shard_core::Shard;
use store::Store;
use tokio::time::{sleep, timeout};

use super::{Driver, Sources};

/// How long a shutdown waits for the batch in flight.
const SHUTDOWN_FLUSH: Duration = Duration::from_secs(3);
/// How much longer than planned handing the matches over may take, if the store or the others are slow.
const HAND_OVER_MARGIN: Duration = Duration::from_secs(5);

impl Driver {
    /// Stops the shard gracefully, after handing its matches over if a time for that is given.
    pub(super) async fn stop(mut self, mut sources: Sources, hand_over_within: Option<Duration>) {
        if let Some(within) = hand_over_within {
            self.drain(&mut sources, within).await;
        }
        self.flush(&mut sources).await;
        self.shard.close_all(CloseCode::ShuttingDown);
        self.carry_out();
        // New peers learn that at once.
        drop(sources);
        // Waits for operations in flight: a heartbeat would register the shard again, and the others would
        // try to take over matches that are just being removed from its set.
        self.loads.close();
        self.tasks.close();
        let traced = async {
            if let Some(tracer) = self.tracer {
                tracer.finish().await;
            }
        };
        let _ = tokio::join!(timeout(SHUTDOWN_FLUSH, self.tasks.wait()), traced);
        leave(&*self.store, self.record.id).await;
    }

    /// Hands every match over to another shard, and plays the remaining ones meanwhile.
    async fn drain(&mut self, sources: &mut Sources, within: Duration) {
        let now = self.look();
        self.shard.drain(within, now);
        self.heartbeat();
        let limit = sleep(within + HAND_OVER_MARGIN);
        self.serve(sources, limit, Shard::is_drained).await;
        if !self.shard.is_drained() {
            tracing::warn!("not every match was handed over; other shards take the rest over");
        }
    }

    /// Waits for the batch in flight. Commands that arrive meanwhile are ignored, and clients retransmit them
    /// to the next owner.
    async fn flush(&mut self, sources: &mut Sources) {
        self.is_closing = true;
        let now = self.look();
        self.shard.advance(now);
        self.carry_out();
        let is_written = |shard: &Shard| !shard.is_writing();
        self.serve(sources, sleep(SHUTDOWN_FLUSH), is_written).await;
        if self.shard.is_writing() {
            tracing::warn!("the store did not confirm the last writes; no player has seen them");
        }
    }
}

/// Leaves the registry. Other shards take over the matches that remain in its set.
async fn leave(store: &dyn Store, id: ShardId) {
    match store.leave(id).await {
        Ok(0) => {}
        Ok(matches) => tracing::info!(shard = %id, matches, "other shards take the rest over"),
        Err(error) => {
            tracing::warn!(shard = %id, %error, "could not leave the registry; the others will notice");
        }
    }
}
