//! What the parts of the installation hold.

use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use serde::Serialize;
use supervisor::resident_bytes;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::installation::Installation;

/// Interval between two readings.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Redis answers within this, on a busy disk too.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Memory in bytes, and keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// The shard's resident memory.
    pub shard: u64,
    /// The matchmaker's resident memory.
    pub matchmaker: u64,
    /// What Redis has allocated (`used_memory`).
    pub redis: u64,
    /// Keys in Redis.
    pub keys: u64,
}

impl Memory {
    /// The greater of both in each part.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            shard: self.shard.max(other.shard),
            matchmaker: self.matchmaker.max(other.matchmaker),
            redis: self.redis.max(other.redis),
            keys: self.keys.max(other.keys),
        }
    }

    /// Whether no part exceeds that of `bound`.
    #[must_use]
    pub const fn is_within(&self, bound: &Self) -> bool {
        self.shard <= bound.shard
            && self.matchmaker <= bound.matchmaker
            && self.redis <= bound.redis
            && self.keys <= bound.keys
    }
}

/// Reads them.
#[derive(Clone)]
pub(super) struct Scale {
    shard: String,
    matchmaker: String,
    redis: MultiplexedConnection,
    /// The longest that Redis delayed a reading.
    slowest: Duration,
}

impl Scale {
    pub(super) async fn new(installation: &Installation) -> Result<Self, String> {
        let client = redis::Client::open(installation.redis.url()).map_err(said)?;
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_MAX));
        let shard = installation.shards.first().ok_or("there is no shard")?;
        Ok(Self {
            shard: shard.pid().to_string(),
            matchmaker: installation.matchmaker_pid().to_string(),
            redis: client
                .get_multiplexed_async_connection_with_config(&patient)
                .await
                .map_err(said)?,
            slowest: Duration::ZERO,
        })
    }

    /// The longest that Redis delayed a reading: what a slow disk does to everyone, attacked or not.
    pub(super) const fn slowest(&self) -> Duration {
        self.slowest
    }

    pub(super) async fn read(&mut self) -> Result<Memory, String> {
        let asked = Instant::now();
        let info: String = redis::cmd("INFO")
            .arg("memory")
            .query_async(&mut self.redis)
            .await
            .map_err(said)?;
        self.slowest = self.slowest.max(asked.elapsed());
        let used = info
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        let used = used.and_then(|used| used.trim().parse().ok());
        let keys = redis::cmd("DBSIZE").query_async(&mut self.redis).await;
        Ok(Memory {
            shard: resident_bytes(&self.shard),
            matchmaker: resident_bytes(&self.matchmaker),
            redis: used.ok_or("Redis does not say how much it has allocated")?,
            keys: keys.map_err(said)?,
        })
    }

    /// The most that is seen until `end`.
    pub(super) async fn peak(&mut self, end: &CancellationToken) -> Result<Memory, String> {
        let mut peak = self.read().await?;
        while !end.is_cancelled() {
            sleep(LOOK_EVERY).await;
            peak = peak.max(self.read().await?);
        }
        Ok(peak)
    }

    /// Waits until everything is within `bound`, for at most `max`; what there is then.
    pub(super) async fn settle(&mut self, bound: &Memory, max: Duration) -> Result<Memory, String> {
        let end = Instant::now() + max;
        loop {
            let memory = self.read().await?;
            if memory.is_within(bound) || Instant::now() > end {
                return Ok(memory);
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

fn said(error: redis::RedisError) -> String {
    format!("Redis: {error}")
}
