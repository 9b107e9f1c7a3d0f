//! Revoked players and void tokens in the file.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::tables::{REVOKED, VOID};
use crate::contract::{REVOCATION_KEPT, Revocations, Validity};
use crate::error::StoreError;

#[async_trait]
impl Revocations for EmbeddedStore {
    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        let player = player.clone();
        self.writer
            .write(move |txn| raise(txn, REVOKED, &player, at))
            .await
    }

    async fn restore(&self, player: &PlayerId) -> Result<bool, StoreError> {
        let player = player.clone();
        self.writer
            .write(move |txn| {
                let mut revoked = txn.open_table(REVOKED)?;
                let removed = revoked.remove(player.as_str())?;
                Ok(removed.is_some())
            })
            .await
    }

    async fn void_tokens(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        let player = player.clone();
        self.writer
            .write(move |txn| raise(txn, VOID, &player, at))
            .await
    }

    async fn validity(&self, player: &PlayerId) -> Result<Validity, StoreError> {
        let player = player.clone();
        self.writer
            .read(move |txn| {
                Ok(Validity {
                    revoked_at: at(txn, REVOKED, &player)?,
                    void_up_to: at(txn, VOID, &player)?,
                })
            })
            .await
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        let player = player.clone();
        self.writer.read(move |txn| at(txn, REVOKED, &player)).await
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        self.writer.read(move |txn| self::since(txn, since)).await
    }
}

/// Player id → a time in Unix milliseconds.
type Times = TableDefinition<'static, &'static str, u64>;

/// Raises a player's time, and removes entries that are older than any valid token.
fn raise(
    txn: &WriteTransaction,
    times: Times,
    player: &PlayerId,
    at: UnixMillis,
) -> Result<(), WriteFault> {
    let mut times = txn.open_table(times)?;
    let before = times.get(player.as_str())?.map(|before| before.value());
    times.insert(player.as_str(), before.unwrap_or_default().max(at.0))?;
    let old = u128::from(at.0).saturating_sub(REVOCATION_KEPT.as_millis());
    times.retain(|_, at| u128::from(at) >= old)?;
    Ok(())
}

fn at(
    txn: &ReadTransaction,
    times: Times,
    player: &PlayerId,
) -> Result<Option<UnixMillis>, WriteFault> {
    let at = txn.open_table(times)?.get(player.as_str())?;
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
