//! A simulation of membership, detection and takeover in large clusters: the real state machines of shards on
//! simulated time, over a store that is a queue in front of each node.
//!
//! `world` is the cluster; `nodes` is what the store's nodes have to do, and what that costs; `report` says what
//! came of it. Nothing here reads a clock, so the same plan gives the same figures.

mod nodes;
mod plan;
mod report;
mod world;

pub use nodes::Costs;
pub use plan::Plan;
pub use report::Outcome;
pub use world::simulate;
