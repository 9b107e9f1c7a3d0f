//! The matchmaker: players, challenges, tickets, seats, over HTTP ([`protocol::http`] lists it).
//!
//! It keeps no state between requests but its key, its configuration and a soft view of the registry of
//! shards. So any number of matchmakers serve one store, and any of them may die at any moment. Races between
//! matchmakers are decided by compare-and-set in the store; work that a dead matchmaker left half done is
//! finished by whichever reads it next (`assign`).
//!
//! [`run`] serves players and [`operate`] serves operators. A program that has an open store passes that; the
//! binary passes a [`LateStore`], which may connect after the matchmaker has started.

// Configuration.
mod config;

mod archive_args;
mod limit_args;
mod page_args;
mod pool_terms;
mod webhook_config;
mod webhook_figures;
mod webhook_keys;

// Who players are.
mod identity;

// Pure decisions.
mod glicko;
pub mod pairing;
mod places;
mod registry;
mod schedule;

// The operations behind requests.
mod allowances;
mod assign;
mod bounds;
mod endings;
mod pool_board;
mod problem;
mod service;
mod terms;
mod waiting;
mod wakers;
mod waves;

// The edge: HTTP in, HTTP out.
mod extract;
mod identified;

mod accounts;
mod archive;
mod challenges;
mod clock;
mod events;
mod feed;
mod finished;
mod idempotency;
mod matches;
mod page_routes;
mod players;
mod pools;
mod probes;
mod ratings;
mod seats;
mod tickets;
mod transfers;

mod lobby;
mod watching;

// Matches that belong together.
mod tournaments;

mod access_log;
mod described;
mod limits;
mod request_metrics;
mod router;
mod serve;

// What follows from the end of matches.
mod finisher;

// What goes out by itself.
mod webhooks;

// A store that connects late.
mod late;

// The admin endpoint.
mod metrics;
mod operators;
mod shard_client;

// A process of its own.
mod process;

pub use archive_args::{ArchiveArgs, InvalidArchive, InvalidWebhooks, open_archive};
pub use config::{Args, Config, ConfigError, Identity, Settings, check_site};
pub use identity::{Guests, IdentityArgs, InvalidIdentity, IssuerConfig, SignUp};
pub use late::LateStore;
pub use limit_args::LimitArgs;
pub use operators::operate;
pub use page_args::{InvalidPools, PageArgs};
pub use pool_terms::{InvalidPool, PoolTerms};
pub use process::{Failure, start};
pub use serve::{Https, SharedState, run};
pub use webhook_config::{Pace, WebhookConfig};
pub use webhook_keys::WebhookKeys;

#[cfg(test)]
mod tests;
