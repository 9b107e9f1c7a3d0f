//! Revoked players in the file.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::tables::REVOKED;
use super::writer::WriteFault;
use crate::contract::{REVOCATION_KEPT, Revocations};
use crate::error::StoreError;

#[async_trait]
impl Revocations for EmbeddedStore {
    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        let player = player.clone();
        self.writer.write(move |txn| revoke(txn, &player, at)).await
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        let player = player.clone();
        self.writer.read(move |txn| at(txn, &player)).await
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        self.writer.read(move |txn| self::since(txn, since)).await
    }
}

fn revoke(txn: &WriteTransaction, player: &PlayerId, at: UnixMillis) -> Result<(), WriteFault> {
    let mut revoked = txn.open_table(REVOKED)?;
    let before = revoked.get(player.as_str())?.map(|before| before.value());
    revoked.insert(player.as_str(), before.unwrap_or_default().max(at.0))?;
    let old = u128::from(at.0).saturating_sub(REVOCATION_KEPT.as_millis());
    revoked.retain(|_, at| u128::from(at) >= old)?;
    Ok(())
}

fn at(txn: &ReadTransaction, player: &PlayerId) -> Result<Option<UnixMillis>, WriteFault> {
    let at = txn.open_table(REVOKED)?.get(player.as_str())?;
    Ok(at.map(|at| UnixMillis(at.value())))
}

fn since(txn: &ReadTransaction, since: UnixMillis) -> Result<Vec<PlayerId>, WriteFault> {
    let mut players = Vec::new();
    for entry in txn.open_table(REVOKED)?.iter()? {
        let (player, at) = entry?;
        if at.value() >= since.0 {
            let player = player
                .value()
                .parse()
                .map_err(|_| StoreError::Corrupt("who was revoked is no player".to_owned()))?;
            players.push(player);
        }
    }
    Ok(players)
}
