//! What operators are shown of the shards of an installation, as JSON.

use game_core::ShardId;
use serde::{Deserialize, Serialize};
use store::ShardRecord;
use utoipa::ToSchema;

use shard_core::Figures;

/// What is known of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShardState {
    /// It plays.
    Live,
    /// It gives its matches away and takes no new ones.
    Draining,
    /// Its heartbeat stands still.
    Dead,
}

/// One shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShardView {
    /// Which process.
    #[schema(value_type = String)]
    pub id: ShardId,
    /// Whether it lives.
    pub state: ShardState,
    /// Where players reach it.
    pub address: String,
    /// Where its admin endpoint is reached, if the registry knows.
    pub admin: Option<String>,
    /// Matches that it holds.
    pub live_matches: u32,
    /// Matches that it is willing to hold.
    pub capacity: u32,
    /// Whether play is paused there for want of a store; absent if it was not asked.
    pub paused: Option<bool>,
    /// Why it is paused now, as the store or the way to it says; absent if it is not.
    #[serde(default)]
    pub pause_reason: Option<String>,
    /// What it has counted; absent if it was not asked.
    pub figures: Option<Figures>,
}

impl ShardView {
    /// A shard as the registry has it, which was not asked itself.
    #[must_use]
    pub fn registered(record: &ShardRecord, is_dead: bool) -> Self {
        Self {
            id: record.id,
            state: match (is_dead, record.draining) {
                (true, _) => ShardState::Dead,
                (false, true) => ShardState::Draining,
                (false, false) => ShardState::Live,
            },
            address: record.address.to_string(),
            admin: record.admin.map(|address| address.to_string()),
            live_matches: record.live,
            capacity: record.capacity,
            paused: None,
            pause_reason: None,
            figures: None,
        }
    }
}

/// The shards of the installation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShardList {
    /// By id.
    pub shards: Vec<ShardView>,
    /// Whether one that lives could not be asked.
    pub stale: bool,
}
