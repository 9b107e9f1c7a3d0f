//! The measurements of one attack, which the verdict is made of.

use serde::Serialize;

use super::acks::Latency;
use super::cpu::Cpu;
use super::memory::Memory;
use super::newcomers::Arrivals;
use super::probes::Livez;
use super::tally::Deeds;

/// What was measured before, during and after an attack.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AttackFacts {
    /// Newcomers before it.
    pub calm: Arrivals,
    /// Newcomers during it.
    pub attacked: Arrivals,
    /// Newcomers after it.
    pub afterwards: Arrivals,
    /// Acknowledgements before it.
    pub calm_acks: Latency,
    /// Acknowledgements during it.
    pub attacked_acks: Latency,
    /// The probes during it.
    pub livez: Vec<Livez>,
    /// CPU time before it.
    pub calm_cpu: Cpu,
    /// CPU time during it.
    pub attacked_cpu: Cpu,
    /// Memory before it.
    pub before: Memory,
    /// The most of each part during it.
    pub peak: Memory,
    /// Memory after a pause.
    pub after: Memory,
    /// The longest that Redis let anyone wait over all of this, in milliseconds: the disk's doing, as a rule.
    pub store_slowest_ms: f64,
    /// What the attacker did and was given.
    pub deeds: Deeds,
    /// Processes that ended, and lines of their logs that speak of a bug.
    pub alarms: Vec<String>,
}
