//! Simulations: what happens follows from a seed, and nothing waits.
//!
//! - [`Plan`]: real shards and real seats on a simulated network, store and clock, on one thread and tokio's paused
//!   clock. A second holds some of them.
//! - [`Machines`]: the state machines of several shards alone, with the model of a store, and nothing of a network but its
//!   delays. A second holds hundreds.
//!
//! In the first, the seed decides the faults, the moves, the times, quinn's own choices and the names of all. It
//! does not decide the secrets of TLS, which change the bytes of packets but not their sizes; the ids
//! of commands, which no history names; the order of hash maps; and which of several ready branches a
//! `select!` of tokio takes. So every question has a fate of its own (`dice.rs`), and what comes
//! at one moment has an order. Two runs of a seed are compared to the last packet.
//!
//! A process dies there by falling silent on both sides: its tasks are left behind, cut off. What only
//! the system can do to a process (to lose its disk) is for other tests.

mod cluster;
#[cfg(test)]
mod contract;
mod dice;
mod endpoints;
mod faulty;
mod machines;
mod network;
mod oracle;
mod player;
mod scenario;
mod world;

pub use machines::{FaultKind, Machines, Ran};
pub use network::Traffic;
pub use scenario::{History, INCIDENTS_MAX, Incident, Plan};
pub use world::Breach;
