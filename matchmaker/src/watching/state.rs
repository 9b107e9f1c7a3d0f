//! What all requests of one matchmaker share of what is watched there.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lru::LruCache;
use protocol::http::LiveList;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::subscriptions::Subscriptions;
use crate::shard_client::ShardClient;

/// Upper bound on open streams of events.
const STREAMS_MAX: usize = 4_000;
/// Upper bound on lists that are remembered, up to 50 KB each.
const LISTS_MAX: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// The client for the shards, once the admin endpoint of this matchmaker has brought its credentials.
pub(crate) type ShardLink = Arc<OnceLock<ShardClient>>;

/// Lists of live matches, by what the shards were asked for, and when they were made.
type Lists = LruCache<String, (Instant, LiveList)>;

/// What is watched at one matchmaker.
pub(crate) struct Watching {
    pub(super) client: ShardLink,
    subscriptions: Mutex<Subscriptions>,
    /// A match has begun to be watched.
    pub(super) wake: Notify,
    /// One list is made at a time: requests that wait for it use its result.
    pub(super) lists: tokio::sync::Mutex<Lists>,
    /// One permit for each stream that may be open.
    pub(super) streams: Arc<Semaphore>,
}

impl Watching {
    pub(crate) fn new(client: ShardLink) -> Self {
        Self {
            client,
            subscriptions: Mutex::default(),
            wake: Notify::new(),
            lists: tokio::sync::Mutex::new(LruCache::new(LISTS_MAX)),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }

    /// The number of matches that are watched, and of open streams.
    pub(super) fn counts(&self) -> (usize, usize) {
        let streams = STREAMS_MAX - self.streams.available_permits().min(STREAMS_MAX);
        (self.subscriptions().len(), streams)
    }

    pub(super) fn subscriptions(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
