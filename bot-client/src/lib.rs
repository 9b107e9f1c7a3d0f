//! A client of Rookery: the matchmaker over HTTP, seats in matches over QUIC, and the bots, the
//! replay and the terminal board that are built on them.

pub mod acked_log;
pub mod board;
pub mod certificate;
pub mod cluster;
pub mod commands;
pub mod connection;
pub mod draws;
pub mod engine;
mod lines;
pub mod matchmaker;
pub mod pairing;
pub mod player;
mod printable;
mod retry;
pub mod seat;
mod sockets;
pub mod terminal;
mod turns;
pub mod udp_proxy;
pub mod unattended;
mod view;
mod violation;

pub use connection::Connector;
pub use matchmaker::{Matchmaker, MatchmakerError};
pub use printable::{printable, printable_lines};
pub use seat::{SeatError, SeatSession, SessionConfig, Update};
pub use view::{MatchView, Standstill};
pub use violation::Violation;
