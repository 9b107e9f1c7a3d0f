//! What is simulated, and what came of it.

use std::collections::BTreeMap;

use shard_core::ShardLimits;

use super::kinds::FaultKind;
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// Faults that happened.
    pub faults: BTreeMap<FaultKind, u64>,
    /// Events in the logs.
    pub events: u64,
    /// Claims beyond the first of each match, and hand-overs.
    pub changes: u64,
    /// Questions whose answer was lost, refused or late.
    pub unanswered: u64,
    /// Replicas that took over.
    pub failovers: u64,
    /// Events that the store had and a failover took away.
    pub rolled_back: u64,
    /// Matches that a failover took events from, and that had them again in the end.
    pub healed: u64,
    /// Matches that a failover took events from for good, which was said.
    pub lost: u64,
    /// Players that began anew because they had heard of a later epoch than any owner had after a failover.
    pub stuck: u64,
    /// Shards that were taken for dead and lived.
    pub needless: u64,
    /// A digest of all that the players were shown and when.
    pub digest: u64,
}

impl Ran {
    /// Adds what another came to.
    pub fn add(&mut self, other: Self) {
        for (kind, n) in other.faults {
            *self.faults.entry(kind).or_default() += n;
        }
        self.events += other.events;
        self.changes += other.changes;
        self.unanswered += other.unanswered;
        self.failovers += other.failovers;
        self.rolled_back += other.rolled_back;
        self.healed += other.healed;
        self.lost += other.lost;
        self.stuck += other.stuck;
        self.needless += other.needless;
        self.digest ^= other.digest;
    }

    /// What happened beside faults and changes of owner, by name.
    #[must_use]
    pub const fn counts(&self) -> [(&'static str, u64); 7] {
        [
            ("unanswered", self.unanswered),
            ("failovers", self.failovers),
            ("rolled_back", self.rolled_back),
            ("healed", self.healed),
            ("lost", self.lost),
            ("stuck", self.stuck),
            ("needless_takeovers", self.needless),
        ]
    }

    /// All faults that happened.
    #[must_use]
    pub fn faults_in_all(&self) -> u64 {
        self.faults.values().sum()
    }
}
