//! What was measured of one attack.

use serde::Serialize;

use super::attack::AttackKind;
use super::facts::AttackFacts;
use super::verdict::{Verdict, judge};

/// One attack, and what it did to everyone else.
#[derive(Debug, Clone, Serialize)]
pub struct AttackRow {
    /// Which attack.
    pub attack: AttackKind,
    /// What came of it.
    pub verdict: Verdict,
    /// What was measured.
    #[serde(flatten)]
    pub facts: AttackFacts,
}

impl AttackRow {
    pub(super) fn new(attack: AttackKind, facts: AttackFacts) -> Self {
        Self {
            attack,
            verdict: judge(&facts),
            facts,
        }
    }
}
