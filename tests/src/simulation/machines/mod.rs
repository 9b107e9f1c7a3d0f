//! Shards as plain state machines: several of them, the model of a store that is slow, deaf and late, and players. Nothing
//! here waits, sends or reads a clock: what happens next is the earliest entry of one queue.
//!
//! `plan` is what is simulated, `process` a shard process, `player` what a player knows. `hall` has all of them and the queue;
//! `driving` is what a process does there, as a driver does it: rounds, beats, heartbeats, requests to the store; `playing` what
//! players do. `verdict` holds what they were shown against the log.

mod driving;
mod hall;
mod plan;
mod player;
mod playing;
mod process;
mod time;
mod verdict;

pub use plan::{Machines, Ran};

use hall::Hall;

impl Machines {
    /// Runs the simulation of a seed, and judges it.
    ///
    /// # Errors
    ///
    /// In words: what does not hold.
    pub fn run(&self, seed: u64) -> Result<Ran, String> {
        let mut hall = Hall::new(self.clone(), seed);
        hall.play()?;
        verdict::check(&hall)?;
        Ok(hall.ran())
    }
}
