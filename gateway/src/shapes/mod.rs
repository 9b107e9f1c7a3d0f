//! The shapes of this API's JSON, made of what the matchmaker and the shards say.

pub(crate) mod challenge;
pub(crate) mod game;
pub(crate) mod names;
pub(crate) mod user;
