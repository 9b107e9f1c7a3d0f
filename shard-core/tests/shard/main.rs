//! The shard's state machine without a driver: its gate, its clocks, its batches, its answers to faults.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod clock_oracle;
mod clocks;
mod faults;
mod gate;
mod hand_over;
mod healing;
mod joining;
mod operator;
mod presence;
mod property;
mod room;
mod sets;
mod slow_store;
mod takeover;
