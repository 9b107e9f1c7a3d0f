//! Revoked players on Redis.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redis::{Pipeline, Value, cmd};

use super::{RedisStore, reply};
use crate::contract::{REVOCATION_KEPT, Revocations};
use crate::error::StoreError;

#[async_trait]
impl Revocations for RedisStore {
    /// One command does it; the other one only removes earlier what would be removed anyway.
    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        let key = self.keys.revoked();
        let mut pipeline = Pipeline::with_capacity(2);
        let add = pipeline.cmd("ZADD").arg(&key).arg("GT");
        add.arg(at.0).arg(player.as_str());
        remove_old(&mut pipeline, &key, at);
        self.control.run_kept(&pipeline).await.map(|_| ())
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        let mut read = cmd("ZSCORE");
        read.arg(self.keys.revoked()).arg(player.as_str());
        match self.one(read).await? {
            Value::Nil => Ok(None),
            score => reply::parsed(&score).map(|at| Some(UnixMillis(at))),
        }
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        let mut read = cmd("ZRANGEBYSCORE");
        read.arg(self.keys.revoked()).arg(since.0).arg("+inf");
        let answer = self.one(read).await?;
        reply::array(&answer)?.iter().map(reply::parsed).collect()
    }
}

/// Removes the revocations that are older than any valid token.
pub(super) fn remove_old(pipeline: &mut Pipeline, key: &str, now: UnixMillis) {
    let old = u128::from(now.0).saturating_sub(REVOCATION_KEPT.as_millis());
    let remove = pipeline.cmd("ZREMRANGEBYSCORE").arg(key);
    remove.arg("-inf").arg(format!("({old}"));
}
