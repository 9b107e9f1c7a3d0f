//! Players who were shut out, and tokens that were revoked.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};

use crate::error::StoreError;

/// How long a revocation is kept: a day longer than the longest life of a player token, 365 days.
pub const REVOCATION_KEPT: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What limits the validity of a player's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    /// Since when the player is shut out, whatever the token; `None` if the player is not.
    pub revoked_at: Option<UnixMillis>,
    /// Player tokens that were signed at this time or earlier are void.
    pub void_up_to: Option<UnixMillis>,
}

/// The players who are shut out, and the tokens that are void.
///
/// An operator revokes a player, who is then refused everything until an operator restores the player. A player who
/// changes the password, or logs out everywhere, voids the tokens that were signed before.
#[async_trait]
pub trait Revocations: Send + Sync + 'static {
    /// Denies a player everything from `at` on, until [`restore`](Self::restore) or for [`REVOCATION_KEPT`]. Of several
    /// times, the latest counts. Removes revocations that are older than that at `at`.
    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError>;

    /// Admits a revoked player again; returns whether the player was revoked.
    async fn restore(&self, player: &PlayerId) -> Result<bool, StoreError>;

    /// Voids the player tokens of a player that were signed at `at` or earlier, for [`REVOCATION_KEPT`]. Of several
    /// times, the latest counts.
    async fn void_tokens(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError>;

    /// What limits the validity of a player's tokens.
    async fn validity(&self, player: &PlayerId) -> Result<Validity, StoreError>;

    /// When a player was revoked; `None` if the player is not, or was so long ago that every token of that time has
    /// expired.
    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError>;

    /// The players that are revoked since `since` or later, in no order.
    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError>;
}
