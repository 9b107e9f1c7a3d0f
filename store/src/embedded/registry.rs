//! The shards of this process, and their sets.
//!
//! The registry consists of all records and every shard whose set is not empty: no set can exist under an id
//! that it does not name.

use std::collections::BTreeMap;

use async_trait::async_trait;
use game_core::{Epoch, MatchId, ShardId};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::heads::head;
use super::tables::{ABOVE_IDS, HEADS, LEFT, OWNED, SHARDS, owners};
use crate::codec;
use crate::contract::Registry;
use crate::error::StoreError;
use crate::ownership::Status;
use crate::shard::{Registered, ShardRecord};

#[async_trait]
impl Registry for EmbeddedStore {
    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError> {
        let shard = shard.clone();
        self.writer.write(move |txn| beat(txn, &shard)).await
    }

    async fn shards(&self) -> Result<Vec<Registered>, StoreError> {
        self.writer.read(shards).await
    }

    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError> {
        let left = self.writer.write(move |txn| leave(txn, shard)).await?;
        self.board().notice();
        Ok(left)
    }

    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError> {
        self.writer
            .write(move |txn| remove(txn, shard, heartbeat))
            .await
    }

    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        self.writer.read(move |txn| owned(txn, shard)).await
    }

    async fn own(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        let matches = matches.to_vec();
        self.writer
            .write(move |txn| own(txn, shard, &matches))
            .await
    }

    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        let matches = matches.to_vec();
        self.writer
            .write(move |txn| disown(txn, shard, &matches))
            .await
    }

    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError> {
        let registry = self.writer.read(shards).await?;
        Ok(registry.iter().map(Registered::id).collect())
    }
}

fn beat(txn: &WriteTransaction, shard: &ShardRecord) -> Result<Vec<Registered>, WriteFault> {
    let id = shard.id.to_string();
    let left = txn.open_table(LEFT)?;
    let mut shards = txn.open_table(SHARDS)?;
    if left.get(id.as_str())?.is_none() {
        shards.insert(id.as_str(), codec::encode_shard(shard).as_ref())?;
    }
    registry(&shards, &left, &txn.open_table(OWNED)?)
}

fn shards(txn: &ReadTransaction) -> Result<Vec<Registered>, WriteFault> {
    registry(
        &txn.open_table(SHARDS)?,
        &txn.open_table(LEFT)?,
        &txn.open_table(OWNED)?,
    )
}

/// Sorted by id. A record that cannot be read hides neither itself nor the others.
fn registry(
    shards: &impl ReadableTable<&'static str, &'static [u8]>,
    left: &impl ReadableTable<&'static str, ()>,
    owned: &impl ReadableTable<(&'static str, &'static str), ()>,
) -> Result<Vec<Registered>, WriteFault> {
    let mut registry = BTreeMap::new();
    for entry in shards.iter()? {
        let (id, record) = entry?;
        let id = shard_id(id.value())?;
        let registered = match codec::decode_shard(record.value()) {
            Ok(record) => Registered::Recorded(record),
            Err(error) => {
                tracing::warn!(shard = %id, %error, "a shard's record cannot be read");
                let sign = crc32fast::hash(record.value()).into();
                Registered::Unreadable { id, sign }
            }
        };
        registry.insert(id, registered);
    }
    for name in owners(owned)? {
        let id = shard_id(&name)?;
        if let std::collections::btree_map::Entry::Vacant(place) = registry.entry(id) {
            place.insert(match left.get(name.as_str())? {
                Some(_) => Registered::Left(id),
                None => Registered::Absent(id),
            });
        }
    }
    Ok(registry.into_values().collect())
}

fn leave(txn: &WriteTransaction, shard: ShardId) -> Result<usize, WriteFault> {
    let id = shard.to_string();
    txn.open_table(LEFT)?.insert(id.as_str(), ())?;
    txn.open_table(SHARDS)?.remove(id.as_str())?;
    Ok(set(&txn.open_table(OWNED)?, shard)?.len())
}

fn remove(
    txn: &WriteTransaction,
    shard: ShardId,
    heartbeat: Option<u64>,
) -> Result<bool, WriteFault> {
    if !set(&txn.open_table(OWNED)?, shard)?.is_empty() {
        return Ok(false);
    }
    let id = shard.to_string();
    let mut shards = txn.open_table(SHARDS)?;
    let known = match shards.get(id.as_str())? {
        Some(record) => Some(codec::decode_shard(record.value())?.heartbeat),
        None => None,
    };
    if known != heartbeat {
        return Ok(false);
    }
    shards.remove(id.as_str())?;
    Ok(true)
}

fn owned(txn: &ReadTransaction, shard: ShardId) -> Result<Vec<MatchId>, WriteFault> {
    set(&txn.open_table(OWNED)?, shard)
}

fn set(
    owned: &impl ReadableTable<(&'static str, &'static str), ()>,
    shard: ShardId,
) -> Result<Vec<MatchId>, WriteFault> {
    let shard = shard.to_string();
    let range = (shard.as_str(), "")..(shard.as_str(), ABOVE_IDS);
    owned
        .range(range)?
        .map(|entry| {
            let (key, _) = entry?;
            let id = key.value().1.parse();
            id.map_err(|_| {
                StoreError::Corrupt("a shard owns an invalid match id".to_owned()).into()
            })
        })
        .collect()
}

fn own(
    txn: &WriteTransaction,
    shard: ShardId,
    matches: &[(MatchId, Epoch)],
) -> Result<(), WriteFault> {
    let name = shard.to_string();
    let mut owned = txn.open_table(OWNED)?;
    for (id, _) in matches {
        owned.insert((name.as_str(), id.as_str()), ())?;
    }
    Ok(())
}

/// An addition and its claim are one transaction here: the epoch of an addition is the head's epoch if that
/// shard owns the match, and otherwise a past one.
fn disown(
    txn: &WriteTransaction,
    shard: ShardId,
    matches: &[(MatchId, Epoch)],
) -> Result<(), WriteFault> {
    let name = shard.to_string();
    let mut owned = txn.open_table(OWNED)?;
    let heads = txn.open_table(HEADS)?;
    for (id, up_to) in matches {
        let stays = head(&heads, *id)?.is_some_and(|head| {
            head.status == Status::Live && head.owner == shard && head.epoch > *up_to
        });
        if !stays {
            owned.remove((name.as_str(), id.as_str()))?;
        }
    }
    Ok(())
}

fn shard_id(name: &str) -> Result<ShardId, WriteFault> {
    let id = name.parse();
    id.map_err(|_| StoreError::Corrupt("the registry names an invalid shard id".to_owned()).into())
}
