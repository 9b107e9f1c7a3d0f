//! Revoked players and void tokens on Redis.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redis::{Pipeline, Value, cmd};

use super::{RedisStore, reply};
use crate::contract::{REVOCATION_KEPT, Revocations, Validity};
use crate::error::StoreError;

#[async_trait]
impl Revocations for RedisStore {
    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        self.raise(&self.keys.revoked(), player, at).await
    }

    async fn restore(&self, player: &PlayerId) -> Result<bool, StoreError> {
        let mut remove = cmd("ZREM");
        remove.arg(self.keys.revoked()).arg(player.as_str());
        Ok(reply::parsed::<u8>(&self.one_kept(remove).await?)? == 1)
    }

    async fn void_tokens(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        self.raise(&self.keys.void(), player, at).await
    }

    async fn validity(&self, player: &PlayerId) -> Result<Validity, StoreError> {
        let mut pipeline = Pipeline::with_capacity(2);
        for key in [self.keys.revoked(), self.keys.void()] {
            pipeline.cmd("ZSCORE").arg(key).arg(player.as_str());
        }
        match self.control.run(&pipeline).await?.as_slice() {
            [revoked, void] => Ok(Validity {
                revoked_at: time(revoked)?,
                void_up_to: time(void)?,
            }),
            _ => Err(reply::strange("a revocation")),
        }
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        let mut read = cmd("ZSCORE");
        read.arg(self.keys.revoked()).arg(player.as_str());
        time(&self.one(read).await?)
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        let mut read = cmd("ZRANGEBYSCORE");
        read.arg(self.keys.revoked()).arg(since.0).arg("+inf");
        let answer = self.one(read).await?;
        reply::array(&answer)?.iter().map(reply::parsed).collect()
    }
}

impl RedisStore {
    /// Raises a player's time in a list. One command does it; the other one only removes earlier what would be removed
    /// anyway.
    async fn raise(&self, key: &str, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::with_capacity(2);
        let add = pipeline.cmd("ZADD").arg(key).arg("GT");
        add.arg(at.0).arg(player.as_str());
        remove_old(&mut pipeline, key, at);
        self.control.run_kept(&pipeline).await.map(|_| ())
    }
}

fn time(score: &Value) -> Result<Option<UnixMillis>, StoreError> {
    match score {
        Value::Nil => Ok(None),
        score => reply::parsed(score).map(|at| Some(UnixMillis(at))),
    }
}

/// Removes the entries that are older than any valid token.
pub(super) fn remove_old(pipeline: &mut Pipeline, key: &str, now: UnixMillis) {
    let old = u128::from(now.0).saturating_sub(REVOCATION_KEPT.as_millis());
    let remove = pipeline.cmd("ZREMRANGEBYSCORE").arg(key);
    remove.arg("-inf").arg(format!("({old}"));
}
