//! The shard's state machine, alone: its gate, its clocks, its batches, its answers to faults.

mod clocks;
mod faults;
mod gate;
mod joining;
mod property;
mod room;
mod takeover;
