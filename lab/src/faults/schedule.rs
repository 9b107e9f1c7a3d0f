//! Which fault comes next, and to whom: a pure choice from a seed and from what is faulty now.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use super::kind::{FaultKind, Needs};

/// One fault, with all that is left to chance decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What is done.
    pub kind: FaultKind,
    /// The shards that it is done to, or to whose connections.
    pub shards: Vec<usize>,
    /// The matchmaker that it is done to.
    pub matchmaker: Option<usize>,
    /// How long it lasts.
    pub lasts: Duration,
    /// How bad it is, from 0 to 1, where that can be more or less.
    pub severity: f64,
    /// Which of two ways, where there are two.
    pub other_way: bool,
}

/// Decides what comes next. Every kind comes about equally often, in an order drawn from the seed.
///
/// At least one shard is left in peace at any time, except by what touches them all: a fault that would
/// touch the last one waits its turn.
#[derive(Debug)]
pub struct Schedule {
    kinds: Vec<FaultKind>,
    deck: Vec<FaultKind>,
    dice: StdRng,
    matchmakers: usize,
    shards_faulty: Vec<bool>,
    weather_bad: Vec<bool>,
    matchmaker_faulty: bool,
    redis_faulty: bool,
}

impl Schedule {
    /// A schedule of these kinds for a cluster of so many shards and matchmakers.
    #[must_use]
    pub fn new(kinds: Vec<FaultKind>, seed: u64, shards: usize, matchmakers: usize) -> Self {
        Self {
            kinds,
            deck: Vec::new(),
            dice: StdRng::seed_from_u64(seed),
            matchmakers,
            shards_faulty: vec![false; shards],
            weather_bad: vec![false; shards],
            matchmaker_faulty: false,
            redis_faulty: false,
        }
    }

    /// The time to the next fault: `mean`, half of it more or less.
    pub fn pause(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(self.dice.random_range(0.5..1.5))
    }

    /// The next fault that can begin now; it is under way until it is [`ended`](Self::ended).
    pub fn begin(&mut self) -> Option<Fault> {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.kinds);
            self.deck.shuffle(&mut self.dice);
        }
        let possible = |kind: &FaultKind| self.is_possible(kind.needs());
        let kind = match self.deck.iter().position(possible) {
            Some(index) => self.deck.remove(index),
            None => return None,
        };
        let fault = self.draw(kind);
        self.mark(&fault, true);
        Some(fault)
    }

    /// A fault is over, and what it touched works again.
    pub fn ended(&mut self, fault: &Fault) {
        self.mark(fault, false);
    }

    fn is_possible(&self, needs: Needs) -> bool {
        let all = self.shards_faulty.len();
        let sound = self.shards_faulty.iter().filter(|faulty| !**faulty).count();
        let spared = usize::from(needs.shards > 0 && needs.shards < all);
        sound >= needs.shards.min(all) + spared
            && !(needs.redis && self.redis_faulty)
            && !(needs.matchmaker && self.matchmaker_faulty)
            && !(needs.weather && self.weather_bad.iter().all(|bad| *bad))
    }

    fn draw(&mut self, kind: FaultKind) -> Fault {
        let needs = kind.needs();
        let free = if needs.weather {
            &self.weather_bad
        } else {
            &self.shards_faulty
        };
        let free: Vec<usize> = (0..free.len()).filter(|&shard| !free[shard]).collect();
        let count = needs.shards.min(free.len()) + usize::from(needs.weather);
        let shards = free.sample(&mut self.dice, count).copied().collect();
        let matchmaker = self.dice.random_range(0..self.matchmakers);
        let (least_ms, most_ms) = kind.lasts_ms();
        let lasts_ms =
            least_ms as f64 * (most_ms as f64 / least_ms as f64).powf(self.dice.random());
        Fault {
            kind,
            shards,
            matchmaker: needs.matchmaker.then_some(matchmaker),
            lasts: Duration::from_secs_f64(lasts_ms / 1_000.0),
            severity: self.dice.random(),
            other_way: self.dice.random(),
        }
    }

    fn mark(&mut self, fault: &Fault, faulty: bool) {
        let needs = fault.kind.needs();
        let shards = if needs.weather {
            &mut self.weather_bad
        } else {
            &mut self.shards_faulty
        };
        for &shard in &fault.shards {
            shards[shard] = faulty;
        }
        if needs.redis {
            self.redis_faulty = faulty;
        }
        if needs.matchmaker {
            self.matchmaker_faulty = faulty;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const SHARDS: usize = 3;

    #[test]
    fn a_shard_is_always_left_in_peace_and_every_kind_has_its_turn() {
        for seed in 0..20 {
            let mut schedule = Schedule::new(FaultKind::ORDINARY.to_vec(), seed, SHARDS, 2);
            let mut counts: HashMap<FaultKind, usize> = HashMap::new();
            let mut under_way: Vec<Fault> = Vec::new();
            for n in 0..500 {
                match schedule.begin() {
                    Some(fault) => {
                        *counts.entry(fault.kind).or_default() += 1;
                        under_way.push(fault);
                    }
                    None => assert!(!under_way.is_empty(), "something can always begin"),
                }
                let touched = |fault: &&Fault| !fault.kind.needs().weather;
                let touched = under_way.iter().filter(touched);
                let mut shards: Vec<_> = touched.flat_map(|fault| &fault.shards).collect();
                let all = shards.len();
                shards.sort_unstable();
                shards.dedup();
                assert_eq!(shards.len(), all, "no shard has two faults");
                assert!(all < SHARDS, "{under_way:?}");
                if n % 3 != 0 && !under_way.is_empty() {
                    let fault = under_way.remove(n % under_way.len());
                    schedule.ended(&fault);
                }
            }
            assert_eq!(counts.len(), FaultKind::ORDINARY.len(), "{counts:?}");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        let draw = |seed| {
            let mut schedule = Schedule::new(FaultKind::ORDINARY.to_vec(), seed, SHARDS, 2);
            let next = |_| {
                let fault = schedule.begin();
                fault.iter().for_each(|fault| schedule.ended(fault));
                fault
            };
            (0..50).map(next).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
