//! The shards of this process, and what each may own.

use game_core::{MatchId, ShardId};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::tables::{OWNED, SHARDS};
use super::writer::Fault;
use crate::codec;
use crate::contract::{ShardRecord, StoreError};

pub(super) fn beat(txn: &WriteTransaction, shard: &ShardRecord) -> Result<Vec<ShardRecord>, Fault> {
    let mut shards = txn.open_table(SHARDS)?;
    shards.insert(
        shard.id.to_string().as_str(),
        codec::encode_shard(shard).as_ref(),
    )?;
    all(&shards)
}

pub(super) fn shards(txn: &ReadTransaction) -> Result<Vec<ShardRecord>, Fault> {
    all(&txn.open_table(SHARDS)?)
}

/// Sorted by id. One record that cannot be read must not hide the others: it is warned about and
/// left out.
fn all(
    shards: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<Vec<ShardRecord>, Fault> {
    let mut records = Vec::new();
    for entry in shards.iter()? {
        match codec::decode_shard(entry?.1.value()) {
            Ok(record) => records.push(record),
            Err(error) => tracing::warn!(%error, "a shard's record is passed over"),
        }
    }
    Ok(records)
}

pub(super) fn remove(txn: &WriteTransaction, shard: ShardId) -> Result<(), Fault> {
    txn.open_table(SHARDS)?.remove(shard.to_string().as_str())?;
    Ok(())
}

pub(super) fn owned(txn: &ReadTransaction, shard: ShardId) -> Result<Vec<MatchId>, Fault> {
    let shard = shard.to_string();
    // Above every id, whose characters are ASCII.
    let range = (shard.as_str(), "")..(shard.as_str(), "\u{7f}");
    let owned = txn.open_table(OWNED)?;
    owned
        .range(range)?
        .map(|entry| {
            let (key, _) = entry?;
            let id = key.value().1.parse();
            id.map_err(|_| StoreError::Corrupt("a shard owns what is no match".to_owned()).into())
        })
        .collect()
}

pub(super) fn disown(
    txn: &WriteTransaction,
    shard: ShardId,
    matches: &[MatchId],
) -> Result<(), Fault> {
    let shard = shard.to_string();
    let mut owned = txn.open_table(OWNED)?;
    for id in matches {
        owned.remove((shard.as_str(), id.as_str()))?;
    }
    Ok(())
}
