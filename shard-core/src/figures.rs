//! What a shard counts, for the page.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What one shard has counted since its start, and where it stands. The page takes rates and
/// percentiles from the differences of two of these.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Figures {
    /// Milliseconds since the start.
    pub uptime_ms: u64,
    /// Connections, handshakes under way included.
    pub connections: u64,
    /// Moves that the store confirmed.
    pub moves_total: u64,
    /// Events that the store confirmed.
    pub events_confirmed_total: u64,
    /// Matches of other shards claimed here.
    pub takeovers_total: u64,
    /// Matches lost to another owner.
    pub fenced_total: u64,
    /// Writes that found the log other than it must be.
    pub conflicts_total: u64,
    /// Writes that the store had confirmed before.
    pub duplicates_total: u64,
    /// Matches whose confirmed events the store had lost, and was given again.
    pub rollbacks_total: u64,
    /// Peers sent away for not reading what they were sent.
    pub slow_peers_total: u64,
    /// How long the write under way has waited for its answer.
    pub checkpoint_lag_ms: f64,
    /// Matches whose output waits for the store.
    pub gate_matches: u64,
    /// From the receipt of a command to its confirmation.
    pub ack: Times,
    /// From a batch to the store's answer.
    pub store: Times,
}

/// A histogram of times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Times {
    /// How many were taken.
    pub count: u64,
    /// Their sum in milliseconds.
    pub sum_ms: f64,
    /// Pairs of a bound in milliseconds and how many were at most that; what is above the last bound
    /// is in `count` alone.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub below_ms: Vec<(f64, u64)>,
}
