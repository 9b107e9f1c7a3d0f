//! Players who were shut out.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};

use crate::error::StoreError;

/// How long a revocation is kept: a day longer than the longest life of a player token, 365 days.
pub const REVOCATION_KEPT: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The players whose tokens are void.
#[async_trait]
pub trait Revocations: Send + Sync + 'static {
    /// Denies a player everything from `at` on, for [`REVOCATION_KEPT`]. Of several times, the latest
    /// counts. Removes revocations that are older than that at `at`.
    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError>;

    /// When a player was revoked; `None` if never, or so long ago that every token of that time has expired.
    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError>;

    /// The players that were revoked at `since` or later, in no order.
    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError>;
}
