//! Transfers in the file.

use async_trait::async_trait;
use game_core::UnixMillis;
use redb::{ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::tables::{TRANSFER_EXPIRIES, TRANSFER_OF, TRANSFERS};
use crate::account::SecretDigest;
use crate::codec;
use crate::contract::Transfers;
use crate::error::StoreError;
use crate::transfer::Transfer;

#[async_trait]
impl Transfers for EmbeddedStore {
    async fn put_transfer(&self, transfer: &Transfer) -> Result<(), StoreError> {
        let transfer = transfer.clone();
        self.writer.write(move |txn| put(txn, &transfer)).await
    }

    async fn use_transfer(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<Transfer>, StoreError> {
        let digest = digest.to_string();
        self.writer
            .write(move |txn| redeem(txn, &digest, request, now))
            .await
    }
}

fn put(txn: &WriteTransaction, transfer: &Transfer) -> Result<(), WriteFault> {
    let mut all = txn.open_table(TRANSFERS)?;
    let (digest, player) = (transfer.digest.to_string(), transfer.player.as_str());
    if all.get(&*digest)?.is_some() {
        return Ok(());
    }
    let until = transfer.expires_at.0;
    let mut of = txn.open_table(TRANSFER_OF)?;
    let mut expiries = txn.open_table(TRANSFER_EXPIRIES)?;
    let former = of.insert(player, (until, &*digest))?;
    if let Some(former) = former {
        let (until, digest) = former.value();
        all.remove(digest)?;
        expiries.remove((until, digest, player))?;
    }
    all.insert(&*digest, codec::encode_transfer(transfer).as_ref())?;
    expiries.insert((until, &*digest, player), ())?;
    Ok(())
}

/// Removes the transfer of a player.
pub(super) fn remove_of(txn: &WriteTransaction, player: &str) -> Result<(), WriteFault> {
    let mut of = txn.open_table(TRANSFER_OF)?;
    if let Some(known) = of.remove(player)? {
        let (until, digest) = known.value();
        txn.open_table(TRANSFERS)?.remove(digest)?;
        let mut expiries = txn.open_table(TRANSFER_EXPIRIES)?;
        expiries.remove((until, digest, player))?;
    }
    Ok(())
}

fn redeem(
    txn: &WriteTransaction,
    digest: &str,
    request: u64,
    now: UnixMillis,
) -> Result<Option<Transfer>, WriteFault> {
    let mut all = txn.open_table(TRANSFERS)?;
    let found = all.get(digest)?.map(|bytes| decoded(bytes.value()));
    let Some(mut transfer) = found.transpose()? else {
        return Ok(None);
    };
    if now >= transfer.expires_at || transfer.used_by.is_some_and(|by| by != request) {
        return Ok(None);
    }
    transfer.used_by = Some(request);
    all.insert(digest, codec::encode_transfer(&transfer).as_ref())?;
    transfer.used_by = None;
    Ok(Some(transfer))
}

/// Removes some of the expired transfers; returns their number.
pub(super) fn remove_old(
    txn: &WriteTransaction,
    now: UnixMillis,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut all = txn.open_table(TRANSFERS)?;
    let mut of = txn.open_table(TRANSFER_OF)?;
    let mut expiries = txn.open_table(TRANSFER_EXPIRIES)?;
    let old = expiries
        .range(..(now.0, "", ""))?
        .take(limit)
        .map(|entry| {
            let (key, _) = entry?;
            let (until, digest, player) = key.value();
            Ok((until, digest.to_owned(), player.to_owned()))
        })
        .collect::<Result<Vec<_>, WriteFault>>()?;
    for (until, digest, player) in &old {
        all.remove(&**digest)?;
        expiries.remove((*until, &**digest, &**player))?;
        let newest = of.get(&**player)?.map(|newest| newest.value().1 == digest);
        if newest == Some(true) {
            of.remove(&**player)?;
        }
    }
    Ok(old.len())
}

fn decoded(bytes: &[u8]) -> Result<Transfer, WriteFault> {
    let transfer = codec::decode_transfer(bytes);
    transfer
        .map_err(|error| WriteFault::Refused(StoreError::Corrupt(format!("a transfer: {error}"))))
}
