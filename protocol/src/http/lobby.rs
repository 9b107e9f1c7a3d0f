//! What the browser page needs besides: the pools of the lobby, and moving to another device.

use game_core::{TimeControl, UnixMillis, Variant};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema::Control;

/// The pools that an installation offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolsReply {
    /// In the operator's order.
    pub pools: Vec<PoolView>,
}

/// A pool. `POST /v1/tickets` with its variant, control and `rated` enters it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolView {
    /// Its name, as people write its terms: `3+2`, `5+0 rated`, `3+2 crazyhouse`.
    pub id: String,
    /// The rules of the game.
    #[schema(value_type = String)]
    pub variant: Variant,
    /// The control of both seats.
    #[schema(value_type = Control)]
    pub control: TimeControl,
    /// Whether results count for ratings.
    pub rated: bool,
    /// How many players wait there, as pairing sees them.
    pub waiting: usize,
    /// How long the players of its last matches waited, in milliseconds: the median. Absent if none was made in the last
    /// hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub wait_ms: Option<u32>,
    /// How many live matches have its terms, whether they come of the pool or of a challenge. Absent if no shard can be
    /// asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub playing: Option<usize>,
}

/// Requests a code with which the caller goes on as the same player on another device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTransfer {}

/// A code with which a player goes on at another device, once. Who has it can act as the player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferReply {
    /// The code: 24 characters of 0-9, A-Z and a-z.
    pub code: String,
    /// When it expires, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub expires_at: UnixMillis,
}
