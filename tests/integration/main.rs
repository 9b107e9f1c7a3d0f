//! The integration tests: real QUIC, real stores, real processes killed with real signals.

mod architecture;
mod bots;
mod cli;
mod crash;
mod faults;
mod gate;
mod hostile;
mod migration;
mod ownership;
mod play;
mod python_chess;
mod replay;
mod simulation;
mod store_down;
