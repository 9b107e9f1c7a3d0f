//! What a simulation of a large cluster is of.

use super::nodes::Costs;

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Shards at the beginning.
    pub shards: usize,
    /// Matches of each.
    pub matches: usize,
    /// Shards that are killed, all at the same moment.
    pub killed: usize,
    /// Nodes of the store that hold matches; one more holds the registry.
    pub nodes: usize,
    /// What requests cost.
    pub costs: Costs,
}
