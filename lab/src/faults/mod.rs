//! The fault-injection campaign: a cluster of real processes, matches that are played on it, faults
//! from a seed, and a checker that holds what the players were told against what is stored.

pub mod campaign;
pub mod checker;
pub mod cluster;
pub mod history;
pub mod inject;
pub mod player;
pub mod pulse;
pub mod report;
pub mod sabotage;
pub mod schedule;
pub mod table;
pub mod unattended;
pub mod verify;

pub use campaign::{Campaign, run};
pub use report::Report;
pub use sabotage::Sabotage;
pub use schedule::FaultKind;
