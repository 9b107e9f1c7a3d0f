//! The matchmaker: players, challenges, tickets, seats, over HTTP ([`protocol::http`] lists it).
//!
//! It keeps nothing between requests but its key, its configuration and a soft view of the registry
//! of shards, so that any number of matchmakers serve one store and any of them may die at any
//! moment. What two of them could disagree on is decided by compare-and-set in the store; what one
//! of them left half done is finished by whoever reads it next (`assign`).
//!
//! [`run`] is all of it. A program that has its store at hand passes that; the binary passes a
//! [`LateStore`], which may come up later than the matchmaker.

// What it runs with.
mod config;

mod limit_args;

// Pure decisions.
mod pairing;
mod places;
mod rates;
mod registry;

// What a request may do.
mod assign;
mod bounds;
mod problem;
mod service;

// The edge: HTTP in, HTTP out.
mod extract;

mod challenges;
mod matches;
mod players;
mod probes;
mod seats;
mod tickets;

mod access_log;
mod limits;
mod request_metrics;
mod router;
mod serve;

// The other edge: a store that is not there yet.
mod late;

// What operators see and do.
mod metrics;
mod operators;
mod shard_client;

// A process of its own.
mod process;

pub use config::{Args, Config, ConfigError, Settings};
pub use late::LateStore;
pub use limit_args::LimitArgs;
pub use operators::operate;
pub use process::{Failure, start};
pub use serve::{Shared, run};

#[cfg(test)]
mod tests;
