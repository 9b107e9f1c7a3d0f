//! A store that may come up later than the matchmaker.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use store::{Append, Appended, Front, MatchLog, Store, StoreError};
use tokio::time::sleep;
use tracing::{info, warn};

/// A [`Store`] that answers [`StoreError::Unavailable`] until [`connect`](Self::connect) has found
/// the real one, and passes everything on from then on.
#[derive(Default)]
pub struct LateStore {
    real: OnceLock<Arc<dyn Store>>,
}

impl LateStore {
    const PAUSE_MIN: Duration = Duration::from_millis(250);
    const PAUSE_MAX: Duration = Duration::from_secs(5);

    /// Calls `open` until it gives a store, with pauses that double from 250 ms to 5 s, each drawn
    /// between its half and its whole so that matchmakers do not come all at once. Says in the log
    /// what it waits for.
    ///
    /// # Errors
    ///
    /// What `open` fails with when trying again cannot help: all but
    /// [`StoreError::Unavailable`].
    pub async fn connect<F>(&self, mut open: impl FnMut() -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<Arc<dyn Store>, StoreError>>,
    {
        let mut pause = Self::PAUSE_MIN;
        let mut attempt = 1_u64;
        loop {
            match open().await {
                Ok(store) => {
                    info!(attempt, "connected to the store");
                    let _ = self.real.set(store);
                    return Ok(());
                }
                Err(error @ StoreError::Unavailable(_)) => {
                    let pause = pause.mul_f64(rand::random_range(0.5..=1.0));
                    let retry_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                    warn!(%error, attempt, retry_ms, "cannot reach the store yet; trying again");
                    sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
            pause = (2 * pause).min(Self::PAUSE_MAX);
            attempt += 1;
        }
    }
}

impl Front<dyn Store> for LateStore {
    fn behind(&self) -> Result<&dyn Store, StoreError> {
        match self.real.get() {
            Some(real) => Ok(&**real),
            None => Err(StoreError::Unavailable("not connected yet".to_owned())),
        }
    }
}

#[async_trait]
impl MatchLog for LateStore {
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        Front::<dyn Store>::behind(self)?.append(batch).await
    }
}
