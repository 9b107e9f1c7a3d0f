//! Which store a command runs on.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use store::{EmbeddedStore, RedisConfig, RedisStore, Store, StoreError};
use tokio::time::{Instant, sleep};

/// Waits between tries to reach a store that does not answer at the start.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// A Redis that can be used, by its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoreUrl(RedisConfig);

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        RedisConfig::parse(text).map(Self)
    }
}

impl StoreUrl {
    /// The URL without a password.
    pub(super) fn shown(&self) -> String {
        settings::without_password(&self.0.url)
    }
}

/// The store of a process, from which each shard and the matchmaker get theirs.
pub(super) enum Backend {
    /// One database in this process, shared by all.
    Embedded(Arc<EmbeddedStore>),
    /// Redis; each gets connections of its own.
    Redis { config: RedisConfig, wait: Duration },
}

impl Backend {
    /// The embedded store in a directory, which is made if it is missing.
    pub(super) fn embedded(directory: &Path) -> Result<Self, StoreError> {
        EmbeddedStore::open(directory)
            .map(Arc::new)
            .map(Self::Embedded)
    }

    /// Redis at `url`; at the start it is waited for, up to `wait`. In `production` it must flush every
    /// write before it answers.
    pub(super) fn redis(url: &StoreUrl, wait: Duration, production: bool) -> Self {
        let config = RedisConfig {
            durable_only: production,
            ..url.0.clone()
        };
        Self::Redis { config, wait }
    }

    /// A store for one shard or matchmaker.
    pub(super) async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Embedded(store) => Ok(Arc::clone(store) as Arc<dyn Store>),
            Self::Redis { config, wait } => {
                let deadline = Instant::now() + *wait;
                loop {
                    match RedisStore::connect(config.clone()).await {
                        Ok(store) => return Ok(Arc::new(store)),
                        Err(error @ StoreError::Unavailable(_)) if Instant::now() < deadline => {
                            tracing::warn!(%error, "waiting for the store");
                            sleep(RETRY_EVERY).await;
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
}
