//! The binary `rookery`: its commands, and what operators are answered by a shard.

pub mod commands;
mod operators;
