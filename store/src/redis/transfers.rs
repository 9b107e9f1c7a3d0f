//! Transfers on Redis.

use async_trait::async_trait;
use game_core::UnixMillis;

use super::accounts::{corrupt, life_ms};
use super::{RedisStore, reply, script};
use crate::account::SecretDigest;
use crate::codec;
use crate::contract::Transfers;
use crate::error::StoreError;
use crate::transfer::Transfer;

#[async_trait]
impl Transfers for RedisStore {
    async fn put_transfer(&self, transfer: &Transfer) -> Result<(), StoreError> {
        let keys = [
            self.keys.transfer_of(&transfer.player),
            self.keys.transfers(),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.code_put, &keys);
        call.arg(transfer.digest.to_string())
            .arg(codec::encode_transfer(transfer).as_ref())
            .arg(transfer.expires_at.0)
            .arg(life_ms(transfer.made_at, transfer.expires_at));
        self.one_kept(call).await.map(|_| ())
    }

    async fn use_transfer(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<Transfer>, StoreError> {
        let key = self.keys.transfer(digest);
        let mut call = script::call(&self.scripts.code_use, &[&key]);
        call.arg(request).arg(now.0);
        let answer = self.one_kept(call).await?;
        let body = reply::bytes(&answer)?;
        if body.is_empty() {
            return Ok(None);
        }
        let transfer = codec::decode_transfer(body);
        transfer
            .map(Some)
            .map_err(|error| corrupt("a transfer", &error))
    }
}
