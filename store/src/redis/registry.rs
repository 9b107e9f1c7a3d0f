//! The shards on Redis, and what each may own.

use game_core::{MatchId, ShardId};
use redis::{Pipeline, Value, cmd};

use super::{RedisStore, reply};
use crate::codec;
use crate::contract::{ShardRecord, StoreError};

impl RedisStore {
    /// The id first, the record after it: an id without a record is passed over. Calls `answered` when
    /// the record is stored and the registry is still to be read.
    pub(super) async fn beat(
        &self,
        shard: &ShardRecord,
        answered: &(dyn Fn() + Send + Sync),
    ) -> Result<Vec<ShardRecord>, StoreError> {
        let id = shard.id.to_string();
        let mut pipeline = Pipeline::new();
        pipeline.cmd("SADD").arg(self.keys.shards()).arg(&id);
        pipeline
            .cmd("HSET")
            .arg(self.keys.shard(&id))
            .arg("heartbeat")
            .arg(shard.heartbeat)
            .arg("record")
            .arg(codec::encode_shard(shard).as_ref());
        pipeline.cmd("SMEMBERS").arg(self.keys.shards());
        let answers = self.control.run(&pipeline).await?;
        answered();
        self.read_records(answers.last()).await
    }

    pub(super) async fn read_registry(&self) -> Result<Vec<ShardRecord>, StoreError> {
        let mut read = cmd("SMEMBERS");
        read.arg(self.keys.shards());
        let ids = self.one(read).await?;
        self.read_records(Some(&ids)).await
    }

    /// Sorted by id. One record that cannot be read must not hide the others: it is warned about
    /// and left out.
    async fn read_records(&self, ids: Option<&Value>) -> Result<Vec<ShardRecord>, StoreError> {
        let ids = reply::array(ids.ok_or_else(|| reply::strange("a registry"))?)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(ids.len());
        for id in ids {
            pipeline
                .cmd("HGET")
                .arg(self.keys.shard(reply::text(id)?))
                .arg("record");
        }
        let answers = self.control.run(&pipeline).await?;
        let mut shards: Vec<_> = answers.iter().filter_map(readable).collect();
        shards.sort_unstable_by_key(|shard| shard.id);
        Ok(shards)
    }

    /// The record first: what is left if this stops half-way is an id without one.
    pub(super) async fn remove_shard(&self, shard: ShardId) -> Result<(), StoreError> {
        let id = shard.to_string();
        let mut pipeline = Pipeline::new();
        pipeline.cmd("DEL").arg(self.keys.shard(&id));
        pipeline.cmd("SREM").arg(self.keys.shards()).arg(&id);
        self.control.run(&pipeline).await.map(|_| ())
    }

    pub(super) async fn read_owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        let mut read = cmd("SMEMBERS");
        read.arg(self.keys.owned(shard));
        let answer = self.one(read).await?;
        let mut matches = reply::array(&answer)?
            .iter()
            .map(reply::parsed)
            .collect::<Result<Vec<_>, _>>()?;
        matches.sort_unstable();
        Ok(matches)
    }

    pub(super) async fn remove_owned(
        &self,
        shard: ShardId,
        matches: &[MatchId],
    ) -> Result<(), StoreError> {
        if matches.is_empty() {
            return Ok(());
        }
        let mut remove = cmd("SREM");
        remove.arg(self.keys.owned(shard));
        for id in matches {
            remove.arg(id.as_str());
        }
        self.one(remove).await.map(|_| ())
    }
}

fn readable(answer: &Value) -> Option<ShardRecord> {
    if *answer == Value::Nil {
        return None;
    }
    let record = reply::bytes(answer).and_then(|bytes| {
        codec::decode_shard(bytes).map_err(|error| StoreError::Corrupt(error.to_string()))
    });
    record
        .inspect_err(|error| tracing::warn!(%error, "a shard's record is passed over"))
        .ok()
}
