//! What the binary `bot-client` is made of: the bots, the replay, the soak and the terminal board, built on
//! the library `client`.

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
