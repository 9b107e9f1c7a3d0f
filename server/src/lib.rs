//! The commands of the binary `rookery`: `serve`, `backup`, `restore`, `dev`, `demo`, `shard`, `matchmaker`, `check` and `healthcheck`.
//!
//! [`commands`] parses arguments, validates them, and starts shards and matchmakers from the crates of these names.
//! The module `operators` implements the admin endpoint's [`Source`](admin::Source) for a shard.

pub mod commands;
mod operators;
