//! Shards as plain state machines: several of them, the model of a store that is slow, deaf and late, and players. Nothing
//! here waits, sends or reads a clock: what happens next is the earliest entry of one queue.
//!
//! - `plan` is what is simulated, `kinds` the faults, `process` a shard process with its `hearing`, `player` what a player
//!   knows, `replica` what the store's second server has. `hall` has all of them and the queue.
//! - `driving` is what a process does there, as a driver does it; `signs` its beats, heartbeats and questions for evidence;
//!   `asking` what becomes of its questions to the store.
//! - `playing` is what players do, `shown` what they are shown.
//! - `faults` and `failover` are what goes wrong.
//! - `verdict` holds what players were shown against the log; `judging`, whom a process takes for dead against who lives.

mod asking;
mod driving;
mod failover;
mod faults;
mod hall;
mod hearing;
mod judging;
mod kinds;
mod plan;
mod player;
mod playing;
mod process;
mod replica;
mod shown;
mod signs;
mod time;
mod verdict;

pub use kinds::FaultKind;
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
