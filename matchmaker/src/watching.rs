//! Public watching: live matches as their shards have them in memory.
//!
//! A matchmaker asks each shard a few times a second for the matches that somebody watches here, all in one request, and
//! all who watch a match share its answers. A shard tells what spectators see, with their delay. A match that no shard
//! has in memory is read from the store.

mod state;
mod subscriptions;

pub(crate) mod follower;
mod reading;

// The routes.
pub(crate) mod list;
pub(crate) mod stream;

pub(crate) use self::state::{ShardLink, Watching};
pub(crate) use self::subscriptions::Seen;
