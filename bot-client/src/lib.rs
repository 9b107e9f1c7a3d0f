//! The parts of the binary `bot-client`: playing in the terminal, bots and UCI engines, the replay of PGN files, the
//! soak test and the benchmark. They are built on the library `client`, which is the crate to use in other programs.
//!
//! [`commands`] has a module for each command, [`board`] draws positions, [`engine`] runs UCI engines, and
//! [`cluster`] starts servers as local processes.

pub mod acked_log;
pub mod board;
pub mod cluster;
pub mod commands;
pub mod draws;
pub mod engine;
mod lines;
pub mod player;
pub mod terminal;
pub mod udp_proxy;
pub mod unattended;
