//! The shards of this process, and what each may own.
//!
//! The registry is what is recorded, and besides every shard whose set is not empty: no set can stand under
//! an id that it does not name.

use std::collections::BTreeMap;

use game_core::{Epoch, MatchId, ShardId};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::matches::head;
use super::tables::{HEADS, LEFT, OWNED, SHARDS};
use super::writer::Fault;
use crate::codec;
use crate::contract::{Registered, ShardRecord, Status, StoreError};

/// Above every id, whose characters are ASCII.
const ABOVE_IDS: &str = "\u{7f}";

pub(super) fn beat(txn: &WriteTransaction, shard: &ShardRecord) -> Result<Vec<Registered>, Fault> {
    let id = shard.id.to_string();
    let left = txn.open_table(LEFT)?;
    let mut shards = txn.open_table(SHARDS)?;
    if left.get(id.as_str())?.is_none() {
        shards.insert(id.as_str(), codec::encode_shard(shard).as_ref())?;
    }
    registry(&shards, &left, &txn.open_table(OWNED)?)
}

pub(super) fn shards(txn: &ReadTransaction) -> Result<Vec<Registered>, Fault> {
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
) -> Result<Vec<Registered>, Fault> {
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

/// The shards whose sets are not empty, by one look for each.
pub(super) fn owners(
    owned: &impl ReadableTable<(&'static str, &'static str), ()>,
) -> Result<Vec<String>, Fault> {
    let mut owners: Vec<String> = Vec::new();
    loop {
        let after = owners.last().map_or("", String::as_str);
        let Some(entry) = owned.range((after, ABOVE_IDS)..)?.next() else {
            return Ok(owners);
        };
        let owner = entry?.0.value().0.to_owned();
        owners.push(owner);
    }
}

pub(super) fn leave(txn: &WriteTransaction, shard: ShardId) -> Result<usize, Fault> {
    let id = shard.to_string();
    txn.open_table(LEFT)?.insert(id.as_str(), ())?;
    txn.open_table(SHARDS)?.remove(id.as_str())?;
    Ok(set(&txn.open_table(OWNED)?, shard)?.len())
}

pub(super) fn remove(
    txn: &WriteTransaction,
    shard: ShardId,
    heartbeat: Option<u64>,
) -> Result<bool, Fault> {
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

pub(super) fn owned(txn: &ReadTransaction, shard: ShardId) -> Result<Vec<MatchId>, Fault> {
    set(&txn.open_table(OWNED)?, shard)
}

fn set(
    owned: &impl ReadableTable<(&'static str, &'static str), ()>,
    shard: ShardId,
) -> Result<Vec<MatchId>, Fault> {
    let shard = shard.to_string();
    let range = (shard.as_str(), "")..(shard.as_str(), ABOVE_IDS);
    owned
        .range(range)?
        .map(|entry| {
            let (key, _) = entry?;
            let id = key.value().1.parse();
            id.map_err(|_| StoreError::Corrupt("a shard owns what is no match".to_owned()).into())
        })
        .collect()
}

/// An addition and its claim are one transaction here: which epoch an addition was for is the head's epoch,
/// if the match is that shard's, and else one that is over.
pub(super) fn disown(
    txn: &WriteTransaction,
    shard: ShardId,
    matches: &[(MatchId, Epoch)],
) -> Result<(), Fault> {
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

fn shard_id(name: &str) -> Result<ShardId, Fault> {
    let id = name.parse();
    id.map_err(|_| StoreError::Corrupt("the registry names what is no shard".to_owned()).into())
}
