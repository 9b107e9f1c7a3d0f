//! Which store a command runs on.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use store::{EmbeddedStore, MemoryStore, RedisConfig, RedisStore, RedisUrl, Store, StoreError};
use tokio::time::{Instant, sleep};

/// Waits between tries to reach a store that does not answer at the start.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// What `rookery dev` keeps matches in, if not in its data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DevStore {
    /// Nothing that outlives the process.
    Memory,
    /// A Redis.
    Redis(RedisUrl),
}

impl FromStr for DevStore {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if RedisUrl::NONE.contains(&text) {
            return Ok(Self::Memory);
        }
        text.parse().map(Self::Redis)
    }
}

/// The store of a process, from which each shard and the matchmaker get theirs.
#[derive(Clone)]
pub(super) enum Backend {
    /// One database in this process, shared by all.
    Embedded(Arc<EmbeddedStore>),
    /// Maps in this process, shared by all, that end with it.
    Memory(Arc<MemoryStore>),
    /// Redis; each gets connections of its own.
    Redis {
        config: Box<RedisConfig>,
        wait: Option<Duration>,
    },
}

impl Backend {
    /// The embedded store in a directory, which is made if it is missing.
    ///
    /// Like the others, it keeps matches for `finished_keep` after their end.
    pub(super) fn embedded(directory: &Path, finished_keep: Duration) -> Result<Self, StoreError> {
        let store = EmbeddedStore::open(directory)?.keeping_finished(finished_keep);
        Ok(Self::Embedded(Arc::new(store)))
    }

    /// A store that ends with the process.
    pub(super) fn memory(finished_keep: Duration) -> Self {
        let store = MemoryStore::new().keeping_finished(finished_keep);
        Self::Memory(Arc::new(store))
    }

    /// Redis; at the start it is waited for, up to `wait`, or for as long as it takes.
    pub(super) fn redis(config: RedisConfig, wait: Option<Duration>) -> Self {
        let config = Box::new(config);
        Self::Redis { config, wait }
    }

    /// What it is, for operators; a password is left out.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Embedded(_) => "embedded".to_owned(),
            Self::Memory(_) => "in memory only".to_owned(),
            Self::Redis { config, .. } => settings::without_password(&config.url),
        }
    }

    /// A store for one shard or matchmaker.
    pub(super) async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Embedded(store) => Ok(Arc::clone(store) as Arc<dyn Store>),
            Self::Memory(store) => Ok(Arc::clone(store) as Arc<dyn Store>),
            Self::Redis { config, wait } => {
                let deadline = wait.map(|wait| Instant::now() + wait);
                loop {
                    match RedisStore::connect((**config).clone()).await {
                        Ok(store) => return Ok(Arc::new(store)),
                        Err(error @ StoreError::Unavailable(_))
                            if deadline.is_none_or(|deadline| Instant::now() < deadline) =>
                        {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dev_runs_without_a_store() {
        for none in ["none", "memory:"] {
            assert_eq!(none.parse::<DevStore>().ok(), Some(DevStore::Memory));
            let refused = none.parse::<RedisUrl>().expect_err("a shard needs a store");
            assert!(refused.to_string().contains("rookery dev"), "{refused}");
        }
        let redis = "redis://127.0.0.1:6379".parse();
        assert!(matches!(redis, Ok(DevStore::Redis(_))));
        assert!("nowhere".parse::<DevStore>().is_err());
    }
}
