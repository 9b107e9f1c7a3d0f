//! The shards on Redis, and their sets.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, MatchId, ShardId};
use redis::{Pipeline, Value, cmd};

use super::keys::escaped;
use super::link::Kept;
use super::{RedisStore, reply, script};
use crate::codec;
use crate::contract::Registry;
use crate::error::StoreError;
use crate::ownership::{Ownership, Status};
use crate::shard::{Registered, ShardRecord};

/// How long the departure of a shard is remembered. It rejects a heartbeat that was in flight when the shard
/// left, and saves the others the failure detection; without it they take its matches over anyway.
const LEFT_KNOWN: Duration = Duration::from_secs(24 * 60 * 60);
/// Keys that one step of a scan over all keys reads.
const SCAN_COUNT: usize = 1_000;

#[async_trait]
impl Registry for RedisStore {
    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError> {
        self.heartbeat_in_steps(shard, &|| {}).await
    }

    async fn heartbeat_in_steps(
        &self,
        shard: &ShardRecord,
        answered: &(dyn Fn() + Send + Sync),
    ) -> Result<Vec<Registered>, StoreError> {
        // Concurrently, so that the heartbeat takes no longer.
        let (surveyed, registry) =
            tokio::join!(self.survey_now_and_then(), self.beat(shard, answered));
        surveyed.and(registry)
    }

    async fn shards(&self) -> Result<Vec<Registered>, StoreError> {
        self.survey_now_and_then().await?;
        self.read_registry().await
    }

    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError> {
        let id = shard.to_string();
        let keys = [
            self.keys.shards(),
            self.keys.shard(&id),
            self.keys.left(&id),
            self.keys.owned(&id),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.leave, &keys);
        call.arg(&id).arg(LEFT_KNOWN.as_secs());
        let left = reply::parsed(&self.one(call).await?)?;
        self.beats.notice().await;
        Ok(left)
    }

    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError> {
        let id = shard.to_string();
        let keys = [
            self.keys.shards(),
            self.keys.shard(&id),
            self.keys.owned(&id),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.deregister, &keys);
        let heartbeat = heartbeat.map_or(String::new(), |heartbeat| heartbeat.to_string());
        call.arg(&id).arg(heartbeat);
        Ok(reply::parsed::<u8>(&self.one(call).await?)? == 1)
    }

    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        let mut read = cmd("ZRANGE");
        read.arg(self.keys.owned(&shard.to_string())).arg(0).arg(-1);
        let answer = self.one(read).await?;
        let mut matches = reply::array(&answer)?
            .iter()
            .map(reply::parsed)
            .collect::<Result<Vec<_>, _>>()?;
        matches.sort_unstable();
        Ok(matches)
    }

    async fn own(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        if matches.is_empty() {
            return Ok(());
        }
        let hints = self.hints(shard, matches.iter().copied());
        self.one_kept(hints).await.map(|_| ())
    }

    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        let matches = match self.replicas {
            0 => matches.to_vec(),
            _ => self.given_up(shard, matches).await?,
        };
        if matches.is_empty() {
            return Ok(());
        }
        let key = self.keys.owned(&shard.to_string());
        let mut call = script::call(&self.scripts.disown, &[&key]);
        for (id, epoch) in &matches {
            call.arg(id.as_str()).arg(epoch.0);
        }
        self.one(call).await.map(|_| ())
    }

    /// Scans all keys step by step, so that the server is not blocked.
    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError> {
        let prefixes = [self.keys.shard(""), self.keys.owned("")];
        let registry = self.read_registry().await?;
        let mut traces: BTreeSet<_> = registry.iter().map(Registered::id).collect();
        for prefix in prefixes {
            let pattern = format!("{}*", escaped(&prefix));
            let mut after = None;
            loop {
                let (names, next) = self.control.keys(after, &pattern, SCAN_COUNT).await?;
                for name in &names {
                    let id = reply::text(name)?.strip_prefix(&prefix);
                    traces.extend(id.and_then(|id| id.parse::<ShardId>().ok()));
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(traces.into_iter().collect())
    }
}

impl RedisStore {
    /// Of these matches those that a shard does not own, as replicas have it. Whoever asks for them to be taken out of its
    /// set may have read a claim that a failover has undone since.
    async fn given_up(
        &self,
        shard: ShardId,
        matches: &[(MatchId, Epoch)],
    ) -> Result<Vec<(MatchId, Epoch)>, StoreError> {
        let mut pipeline = Pipeline::with_capacity(matches.len());
        for (id, _) in matches {
            pipeline.add_command(script::call(&self.scripts.head, &[&self.keys.head(*id)]));
        }
        let answers = self.control.run_apart(&pipeline, Kept::Twice).await;
        let mut given_up = Vec::with_capacity(matches.len());
        for (one, answer) in matches.iter().zip(answers) {
            let owner = reply::head(&answer?)?;
            let is_owned = |found: Ownership| found.status == Status::Live && found.owner == shard;
            if !owner.is_some_and(is_owned) {
                given_up.push(*one);
            }
        }
        Ok(given_up)
    }

    /// Calls `answered` when the record is stored and the registry is still to be read.
    async fn beat(
        &self,
        shard: &ShardRecord,
        answered: &(dyn Fn() + Send + Sync),
    ) -> Result<Vec<Registered>, StoreError> {
        let id = shard.id.to_string();
        let keys = [
            self.keys.shards(),
            self.keys.shard(&id),
            self.keys.left(&id),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.heartbeat, &keys);
        call.arg(&id)
            .arg(shard.heartbeat)
            .arg(codec::encode_shard(shard).as_ref());
        let mut pipeline = Pipeline::new();
        pipeline.add_command(call);
        pipeline.cmd("SMEMBERS").arg(self.keys.shards());
        let answers = self.control.run(&pipeline).await?;
        answered();
        self.read_records(answers.last()).await
    }

    async fn read_registry(&self) -> Result<Vec<Registered>, StoreError> {
        let mut read = cmd("SMEMBERS");
        read.arg(self.keys.shards());
        let ids = self.one(read).await?;
        self.read_records(Some(&ids)).await
    }

    /// Sorted by id. A record that cannot be read hides neither itself nor the others.
    async fn read_records(&self, ids: Option<&Value>) -> Result<Vec<Registered>, StoreError> {
        let ids = reply::array(ids.ok_or_else(|| reply::strange("a registry"))?)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(2 * ids.len());
        for id in ids {
            let id = reply::text(id)?;
            let fields = &["heartbeat", "record"];
            pipeline.cmd("HMGET").arg(self.keys.shard(id)).arg(fields);
            pipeline.cmd("EXISTS").arg(self.keys.left(id));
        }
        let answers = self.control.run_each(&pipeline).await?;
        let mut shards = Vec::with_capacity(ids.len());
        for (id, answers) in ids.iter().zip(answers.chunks_exact(2)) {
            // An invalid id is not one of our shards.
            match reply::parsed(id) {
                Ok(id) => shards.push(registered(id, &answers[0], &answers[1])?),
                Err(error) => tracing::warn!(%error, "the registry names an invalid shard id"),
            }
        }
        shards.sort_unstable_by_key(Registered::id);
        Ok(shards)
    }
}

/// What the answers to `HMGET` of a shard's record and `EXISTS` of its mark of having left mean.
///
/// # Errors
///
/// When they mean that the server cannot answer now.
fn registered(id: ShardId, record: &Value, left: &Value) -> Result<Registered, StoreError> {
    let fields = match record {
        Value::ServerError(error) => match reply::server_error(error) {
            // Not a hash: whatever it is, it does not prove death.
            StoreError::Corrupt(error) => {
                tracing::warn!(shard = %id, error, "a shard's record cannot be read");
                return Ok(Registered::Unreadable { id, sign: 0 });
            }
            error => return Err(error),
        },
        fields => reply::array(fields)?,
    };
    if let Value::ServerError(error) = left {
        return Err(reply::server_error(error));
    }
    let is_empty = fields.iter().all(|field| *field == Value::Nil);
    if is_empty && *left == Value::Int(1) {
        return Ok(Registered::Left(id));
    }
    if is_empty {
        return Ok(Registered::Absent(id));
    }
    let [heartbeat, record] = fields else {
        return Err(reply::strange("a shard's record"));
    };
    let decoded = reply::bytes(record).ok().map(codec::decode_shard);
    Ok(match decoded {
        Some(Ok(record)) if record.id == id => Registered::Recorded(record),
        unreadable => {
            tracing::warn!(shard = %id, ?unreadable, "a shard's record cannot be read");
            Registered::Unreadable {
                id,
                sign: sign_of_life(&[heartbeat, record]),
            }
        }
    })
}

/// A number that changes when any of these does.
fn sign_of_life(fields: &[&Value]) -> u64 {
    let mut digest = crc32fast::Hasher::new();
    for field in fields {
        digest.update(reply::bytes(field).unwrap_or_default());
        digest.update(b"\0");
    }
    digest.finalize().into()
}
