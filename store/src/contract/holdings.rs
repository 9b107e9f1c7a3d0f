//! What players may have a limited number of.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};

use crate::error::StoreError;
use crate::holding::Holding;

/// What each player has at the moment, counted over all matchmakers.
#[async_trait]
pub trait Holdings: Send + Sync + 'static {
    /// Adds `id` to what a player has of a kind, unless there are `max` entries already. Returns whether it
    /// is in the list now, which includes an earlier addition. An entry is kept for
    /// [`HOLDING_KEPT`](crate::HOLDING_KEPT) at least, be it over or not: who finds a list full looks which
    /// of them are over, and takes them out.
    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// A player's entries and when each was added, in no order.
    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError>;

    /// Removes entries from a player's list.
    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError>;
}
