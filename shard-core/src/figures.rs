//! Counters of a shard, for the page.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Counters of one shard since its start, and gauges. The page computes rates and percentiles from the differences of
/// two of these.
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
    /// Writes refused because the log did not end where it must.
    pub conflicts_total: u64,
    /// Writes that the store had confirmed before.
    pub duplicates_total: u64,
    /// Matches whose confirmed events the store had lost and were written again.
    pub rollbacks_total: u64,
    /// Peers closed because they did not read.
    pub slow_peers_total: u64,
    /// Age of the write under way.
    pub checkpoint_lag_ms: f64,
    /// Matches whose output waits for the store.
    pub gate_matches: u64,
    /// Time from the receipt of a command to its confirmation.
    pub ack: Times,
    /// Time from a batch to the store's answer.
    pub store: Times,
}

/// A histogram of times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Times {
    /// Number of samples.
    pub count: u64,
    /// Their sum in milliseconds.
    pub sum_ms: f64,
    /// Pairs of a bound in milliseconds and the number of samples up to it; samples above the last bound are only in
    /// `count`.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub below_ms: Vec<(f64, u64)>,
}
