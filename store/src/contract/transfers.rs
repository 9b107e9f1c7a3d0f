//! Going on as the same player on another device.

use async_trait::async_trait;
use game_core::UnixMillis;

use crate::account::SecretDigest;
use crate::error::StoreError;
use crate::transfer::Transfer;

/// The codes by which players move to other devices. A code is removed once it has expired.
#[async_trait]
pub trait Transfers: Send + Sync + 'static {
    /// Stores a new code, which replaces the former one of the same player. A repetition with the same digest changes
    /// nothing.
    async fn put_transfer(&self, transfer: &Transfer) -> Result<(), StoreError>;

    /// Uses a code at `now`, and returns it as it was made. Of several requests only the first has an answer, to
    /// whichever process they come; a repetition of it, recognised by `request`, has the same one.
    async fn use_transfer(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<Transfer>, StoreError>;
}
