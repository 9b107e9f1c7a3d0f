//! How a shard stops: its matches are given away, what is written is waited for, its peers are sent away.

use std::time::Duration;

use game_core::ShardId;
use protocol::CloseCode;
use shard_core::Shard;
use store::Store;
use tokio::time::{sleep, timeout};

use super::{Driver, Sources};

/// At a shutdown, the batch in flight is waited for so long.
const SHUTDOWN_FLUSH: Duration = Duration::from_secs(3);
/// At a shutdown, giving the matches away may take so long.
const HAND_OVER: Duration = Duration::from_secs(10);

impl Driver {
    /// Stops the shard in good order, after it has given its matches away if it is to `hand_over`.
    pub(super) async fn stop(mut self, mut sources: Sources, hand_over: bool) {
        if hand_over {
            self.drain(&mut sources).await;
        }
        self.flush(&mut sources).await;
        self.shard.close_all(CloseCode::ShuttingDown);
        self.carry_out();
        // Who comes now is to hear that at once.
        drop(sources);
        // What is under way is waited for: a heartbeat would find the shard gone, and matches that are on
        // their way out of its set would be looked for by the others.
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

    /// Gives every match to another shard, and plays on with those whose turn has not come.
    async fn drain(&mut self, sources: &mut Sources) {
        let now = self.look();
        self.shard.drain(now);
        self.heartbeat();
        self.serve(sources, sleep(HAND_OVER), Shard::is_drained)
            .await;
        if !self.shard.is_drained() {
            tracing::warn!("not every match was handed over; the others take over what is left");
        }
    }

    /// Waits for what is being written. Commands that come meanwhile are left to be sent again to the next
    /// owner.
    async fn flush(&mut self, sources: &mut Sources) {
        self.is_closing = true;
        let now = self.look();
        self.shard.turn(now);
        self.carry_out();
        let is_written = |shard: &Shard| !shard.is_writing();
        self.serve(sources, sleep(SHUTDOWN_FLUSH), is_written).await;
        if self.shard.is_writing() {
            tracing::warn!("the store did not confirm the last writes; nobody was told of them");
        }
    }
}

/// Leaves the registry. Matches that are in the shard's set still are the others' to take over.
async fn leave(store: &dyn Store, id: ShardId) {
    match store.leave(id).await {
        Ok(0) => {}
        Ok(matches) => tracing::info!(shard = %id, matches, "the others take over what is left"),
        Err(error) => {
            tracing::warn!(shard = %id, %error, "could not leave the registry; the others will notice");
        }
    }
}
