//! The integration tests: real QUIC, real stores, real processes killed with real signals.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod addresses;
mod admin;
mod alerts;
mod architecture;
mod attacks;
mod bench;
mod bots;
// mod browser_doors;
mod capacity;
mod certificates;
mod cli;
mod configuration;
mod contract;
mod crash;
mod crash_clock;
mod crowd;
mod demo;
mod detection;
mod dev;
mod documents;
mod doors;
mod examples;
mod export;
mod faults;
mod features;
mod finisher;
mod forgotten;
mod gate;
mod hand_over;
mod hostile;
mod https;
mod imports;
mod logs;
mod manifests;
mod migration;
mod named_players;
mod ownership;
mod package;
mod page;
mod pairing;
mod partition;
mod pgn_import;
mod play;
mod prefixes;
mod protocol;
mod python_chess;
mod python_client;
mod replay;
mod round_trips;
mod rules_library;
mod secrets;
mod serve;
mod signals;
mod simulation;
mod soak;
mod spectators;
mod store_down;
mod store_full;
mod traces;
mod upgrade;
mod watching;
mod zombie;
