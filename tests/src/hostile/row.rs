//! What was measured of one attack.

use serde::Serialize;

use super::attack::AttackKind;
use super::facts::Facts;
use super::verdict::{Verdict, judge};

/// One attack, and what it did to everyone else.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Which attack.
    pub attack: AttackKind,
    /// What came of it.
    pub verdict: Verdict,
    /// What was measured.
    #[serde(flatten)]
    pub facts: Facts,
}

impl Row {
    pub(super) fn new(attack: AttackKind, facts: Facts) -> Self {
        Self {
            attack,
            verdict: judge(&facts),
            facts,
        }
    }
}
