//! The removal of expired data from the store, a little at a time.

use std::sync::Arc;
use std::time::Duration;

use game_core::UnixMillis;
use store::Store;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Interval after a step that left nothing due.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Interval while more is due: a step removes hundreds of matches, and one shard ends fewer than a hundred a
/// second.
const STEP_EVERY: Duration = Duration::from_millis(500);

/// Sweeps the store until `stop`. A failed step is retried later: nothing depends on its time.
pub(crate) async fn sweep(
    store: Arc<dyn Store>,
    calendar: fn() -> UnixMillis,
    stop: CancellationToken,
) {
    let sweeping = async {
        loop {
            let more = match store.sweep(calendar()).await {
                Ok(swept) => {
                    if swept.matches > 0 {
                        tracing::debug!(
                            matches = swept.matches,
                            "finished matches leave the store"
                        );
                    }
                    swept.more
                }
                Err(error) => {
                    tracing::debug!(%error, "nothing could be removed from the store");
                    false
                }
            };
            sleep(if more { STEP_EVERY } else { LOOK_EVERY }).await;
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = sweeping => {}
    }
}
