//! What an attacker has done, and what it must not have been given.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// What came of an attack, from the attacker's side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deeds {
    /// How often what was done or answered.
    pub counts: BTreeMap<&'static str, u64>,
    /// Promises that were broken, by how often.
    pub breaches: BTreeMap<String, u64>,
}

/// Deeds that several tasks of an attack count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<Mutex<Deeds>>);

/// Breaches that are told apart; the texts of more are not kept.
const BREACHES_MAX: usize = 20;

impl Tally {
    /// One more of these.
    pub(super) fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    /// Adds `n` to a count.
    pub(super) fn add(&self, what: &'static str, n: u64) {
        *self.deeds().counts.entry(what).or_default() += n;
    }

    /// How many of these there are.
    pub(super) fn get(&self, what: &str) -> u64 {
        self.deeds().counts.get(what).copied().unwrap_or_default()
    }

    /// A promise was broken.
    pub(super) fn breach(&self, what: impl Into<String>) {
        let (mut deeds, what) = (self.deeds(), what.into());
        if deeds.breaches.len() < BREACHES_MAX || deeds.breaches.contains_key(&what) {
            *deeds.breaches.entry(what).or_default() += 1;
        }
    }

    /// All of it.
    pub(super) fn deeds(&self) -> MutexGuard<'_, Deeds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
