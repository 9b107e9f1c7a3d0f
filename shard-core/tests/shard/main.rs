//! The shard's state machine without a driver: its gate, its clocks, its batches, its answers to faults.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod chat;
mod clock_oracle;
mod clocks;
mod even_load;
mod faults;
mod gate;
mod gone;
mod hand_over;
mod healing;
mod joining;
mod operator;
mod presence;
mod property;
mod rematch;
mod room;
mod sets;
mod slow_store;
mod spectators;
mod starts;
mod takeover;
mod takeover_pace;
