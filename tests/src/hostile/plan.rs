//! What is to be measured, and for how long.

use std::time::Duration;

use super::attack::AttackKind;

/// The measurement of some attacks.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which attacks, in this order.
    pub attacks: Vec<AttackKind>,
    /// How long each lasts, at least: it goes on until the newcomers of this time are in or have given up.
    pub length: Duration,
    /// Matches that are played meanwhile.
    pub matches: u16,
    /// A newcomer that has not played a match within this was kept out.
    pub patience: Duration,
    /// How long memory may take to be flat again.
    pub settle_max: Duration,
    /// Decides the moves and the nonsense.
    pub seed: u64,
}

impl Plan {
    /// How long the calm before an attack is measured.
    pub(super) fn calm(&self) -> Duration {
        (self.length / 2).clamp(Duration::from_secs(1), Duration::from_secs(10))
    }

    /// How long newcomers come after an attack.
    pub(super) fn afterwards(&self) -> Duration {
        (self.length / 4).clamp(Duration::from_secs(1), Duration::from_secs(5))
    }
}
