//! What players may have only so many of at once.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};

use crate::error::StoreError;
use crate::holding::Holding;

/// What each player has at the moment, counted over all matchmakers.
#[async_trait]
pub trait Holdings: Send + Sync + 'static {
    /// Notes that a player has one thing more of a kind, `id`, unless there are `max` of them already.
    /// Says whether it is noted now, which it also is when it was before. An entry is kept for
    /// [`HOLDING_KEPT`](crate::HOLDING_KEPT) at least, be it over or not: who finds a list full looks
    /// which of them are over, and takes them out.
    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// What is noted of a player, with when, in no order.
    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError>;

    /// Takes entries out of a player's list.
    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError>;
}
