//! A store that may connect after the process has started.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use store::{Append, Appended, Front, MatchLog, Store, StoreError};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

/// A [`Store`] that answers [`StoreError::Unavailable`] until [`connect`](Self::connect) has opened the real one,
/// and then forwards every call to it.
#[derive(Default)]
pub struct LateStore {
    real: OnceLock<Arc<dyn Store>>,
}

impl LateStore {
    const PAUSE_MIN: Duration = Duration::from_millis(250);
    const PAUSE_MAX: Duration = Duration::from_secs(5);

    /// Calls `open` until it returns a store, with a backoff that doubles from 250 ms to 5 s, each pause drawn
    /// between its half and its whole so that matchmakers do not connect all at once. Attempts are logged.
    ///
    /// # Errors
    ///
    /// Any error of `open` that trying again cannot cure: all but [`StoreError::Unavailable`].
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

    /// The same, for at most `limit`; `None` for as long as it takes.
    ///
    /// # Errors
    ///
    /// Also [`StoreError::Unavailable`] if there is no store in time.
    pub async fn connect_within<F>(
        &self,
        limit: Option<Duration>,
        open: impl FnMut() -> F,
    ) -> Result<(), StoreError>
    where
        F: Future<Output = Result<Arc<dyn Store>, StoreError>>,
    {
        let Some(limit) = limit else {
            return self.connect(open).await;
        };
        let connected = timeout(limit, self.connect(open)).await;
        connected.unwrap_or_else(|_| {
            let why = format!("it did not answer within {} s", limit.as_secs());
            Err(StoreError::Unavailable(why))
        })
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
