//! What is simulated, and what came of it.

use shard_core::ShardLimits;

use crate::simulation::world::Breach;

/// Upper bound on faults.
pub(super) const FAULTS_MAX: u32 = 6;

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Machines {
    /// Those of every shard.
    pub limits: ShardLimits,
    /// How the store breaks its contract.
    pub breach: Option<Breach>,
    /// Upper bound on faults: a failing seed is shrunk by a lower one.
    pub faults_max: u32,
}

impl Default for Machines {
    fn default() -> Self {
        Self {
            limits: ShardLimits::default(),
            breach: None,
            faults_max: FAULTS_MAX,
        }
    }
}

/// What one simulation came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ran {
    /// Faults that happened.
    pub faults: u32,
    /// Events in the logs.
    pub events: u64,
    /// Claims beyond the first of each match, and hand-overs.
    pub changes: u64,
    /// Questions whose answer was lost, refused or late.
    pub unanswered: u64,
    /// A digest of all that the players were shown and when.
    pub digest: u64,
}

impl Ran {
    /// Adds what another came to.
    pub fn add(&mut self, other: Self) {
        self.faults += other.faults;
        self.events += other.events;
        self.changes += other.changes;
        self.unanswered += other.unanswered;
        self.digest ^= other.digest;
    }
}
