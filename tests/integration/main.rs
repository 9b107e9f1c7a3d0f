//! The integration tests: real QUIC, real stores, real processes killed with real signals.

mod architecture;
mod cli;
mod crash;
mod gate;
mod hostile;
mod python_chess;
mod replay;
mod store_down;
