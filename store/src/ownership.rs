//! Who may write a match.

use game_core::{Epoch, ShardId};
use serde::{Deserialize, Serialize};

/// The life of a stored match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being played, or waiting for its players.
    Live,
    /// Ended. Its owner may add records about a rematch to the log; it cannot change hands any more.
    Finished,
}

/// Who may write a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ownership {
    /// The fencing number; 0 until the first claim.
    pub epoch: Epoch,
    /// The shard that holds it; at epoch 0 the one that the matchmaker chose.
    pub owner: ShardId,
    /// Whether the match is still to be played.
    pub status: Status,
}
