//! What players hold, in the file.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::tables::{HELD, HELD_UNTIL};
use crate::contract::Holdings;
use crate::error::StoreError;
use crate::holding::{HOLDING_KEPT, Holding};

/// Above every id, whose characters are ASCII.
const ID_END: &str = "\u{7f}";
/// Old entries that are removed when one is added: more than one, so that their number falls.
const REMOVED_AT_ONCE: usize = 4;

#[async_trait]
impl Holdings for EmbeddedStore {
    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let (player, id) = (player.clone(), id.to_owned());
        self.writer
            .write(move |txn| hold(txn, &player, kind, &id, max, now))
            .await
    }

    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError> {
        let player = player.clone();
        self.writer.read(move |txn| held(txn, &player, kind)).await
    }

    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError> {
        let (player, ids) = (player.clone(), ids.to_vec());
        self.writer
            .write(move |txn| let_go(txn, &player, kind, &ids))
            .await
    }
}

fn hold(
    txn: &WriteTransaction,
    player: &PlayerId,
    kind: Holding,
    id: &str,
    max: u32,
    now: UnixMillis,
) -> Result<bool, WriteFault> {
    let (player, kind) = (player.as_str(), kind.key());
    let mut held = txn.open_table(HELD)?;
    if held.get((player, kind, id))?.is_some() {
        return Ok(true);
    }
    let theirs = held.range((player, kind, "")..(player, kind, ID_END))?;
    if theirs.count() >= max as usize {
        return Ok(false);
    }
    held.insert((player, kind, id), now.0)?;
    txn.open_table(HELD_UNTIL)?
        .insert((until(now.0), player, kind, id), ())?;
    drop(held);
    remove_old(txn, now, REMOVED_AT_ONCE)?;
    Ok(true)
}

/// Removes some of the expired entries; returns their number.
pub(super) fn remove_old(
    txn: &WriteTransaction,
    now: UnixMillis,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut held = txn.open_table(HELD)?;
    let mut expiries = txn.open_table(HELD_UNTIL)?;
    let old = expiries
        .range(..(now.0, "", "", ""))?
        .take(limit)
        .map(|entry| {
            let (key, _) = entry?;
            let (at, player, kind, id) = key.value();
            Ok((at, player.to_owned(), kind.to_owned(), id.to_owned()))
        })
        .collect::<Result<Vec<_>, WriteFault>>()?;
    for (at, player, kind, id) in &old {
        expiries.remove((*at, player.as_str(), kind.as_str(), id.as_str()))?;
        held.remove((player.as_str(), kind.as_str(), id.as_str()))?;
    }
    Ok(old.len())
}

fn held(
    txn: &ReadTransaction,
    player: &PlayerId,
    kind: Holding,
) -> Result<Vec<(String, UnixMillis)>, WriteFault> {
    let (player, kind) = (player.as_str(), kind.key());
    let held = txn.open_table(HELD)?;
    held.range((player, kind, "")..(player, kind, ID_END))?
        .map(|entry| {
            let (key, at) = entry?;
            Ok((key.value().2.to_owned(), UnixMillis(at.value())))
        })
        .collect()
}

fn let_go(
    txn: &WriteTransaction,
    player: &PlayerId,
    kind: Holding,
    ids: &[String],
) -> Result<(), WriteFault> {
    let (player, kind) = (player.as_str(), kind.key());
    let mut held = txn.open_table(HELD)?;
    let mut expiries = txn.open_table(HELD_UNTIL)?;
    for id in ids {
        let at = held.remove((player, kind, id.as_str()))?;
        if let Some(at) = at.map(|at| at.value()) {
            expiries.remove((until(at), player, kind, id.as_str()))?;
        }
    }
    Ok(())
}

/// When an entry that was made at `at` may be removed.
fn until(at: u64) -> u64 {
    at.saturating_add(HOLDING_KEPT.as_millis() as u64)
}
