//! What players hold, on Redis.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redis::cmd;

use super::{RedisStore, reply, script};
use crate::contract::Holdings;
use crate::error::StoreError;
use crate::holding::{HOLDING_KEPT, Holding};

#[async_trait]
impl Holdings for RedisStore {
    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let mut call = script::call(&self.scripts.hold, &[&self.keys.held(player, kind)]);
        call.arg(id).arg(now.0).arg(max).arg(HOLDING_KEPT.as_secs());
        Ok(reply::parsed::<u8>(&self.one(call).await?)? == 1)
    }

    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError> {
        let mut read = cmd("ZRANGE");
        read.arg(self.keys.held(player, kind)).arg(0).arg(-1);
        read.arg("WITHSCORES");
        let answer = self.one(read).await?;
        let (pairs, rest) = reply::array(&answer)?.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(reply::strange("a player's list"));
        }
        pairs
            .iter()
            .map(|[id, at]| Ok((reply::text(id)?.to_owned(), UnixMillis(reply::parsed(at)?))))
            .collect()
    }

    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut remove = cmd("ZREM");
        remove.arg(self.keys.held(player, kind)).arg(ids);
        self.one(remove).await.map(|_| ())
    }
}
