//! Which fault comes when: from a seed, and known before the first one.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::think::exponential;

/// What can happen to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultKind {
    /// `kill -9` of a shard, and a new one in its place after a while.
    Kill,
    /// SIGSTOP of a shard for 1 to 15 s, then SIGCONT: it may find its matches taken over.
    Stop,
    /// SIGTERM of a shard, which hands its matches over, and a new one in its place.
    Drain,
    /// `kill -9` of a shard while Redis is stopped: what it has not stored is gone.
    KillInOutage,
    /// `kill -9` of Redis, and a new one that reads what was written.
    RedisKill,
    /// SIGSTOP of Redis for 1 to 8 s.
    RedisStop,
    /// `kill -9` of the shard that holds most players; once, by `--storm`.
    Storm,
}

impl FaultKind {
    /// Those that `--chaos` brings about.
    pub(super) const CHAOS: [Self; 6] = [
        Self::Kill,
        Self::Stop,
        Self::Drain,
        Self::KillInOutage,
        Self::RedisKill,
        Self::RedisStop,
    ];

    /// Its name on the command line and in reports.
    #[must_use]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Drain => "drain",
            Self::KillInOutage => "kill_in_outage",
            Self::RedisKill => "redis_kill",
            Self::RedisStop => "redis_stop",
            Self::Storm => "storm",
        }
    }

    /// The least and the longest time that it lasts, in milliseconds.
    const fn lasts_ms(self) -> (u64, u64) {
        match self {
            Self::Kill => (500, 8_000),
            Self::Stop => (1_000, 15_000),
            Self::Drain => (0, 0),
            Self::KillInOutage => (800, 3_000),
            Self::RedisKill => (500, 4_000),
            Self::RedisStop => (1_000, 8_000),
            Self::Storm => (2_000, 2_000),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::CHAOS.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::CHAOS.iter().map(|kind| kind.name()).collect();
            format!("the faults are {}", names.join(", "))
        })
    }
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fault {
    /// How long after the end of the one before it begins.
    pub(super) after: Duration,
    pub(super) kind: FaultKind,
    /// The number of the shard that it hits, if it hits one.
    pub(super) shard: usize,
    pub(super) lasts: Duration,
}

/// Faults without end, from a seed. All kinds come by equally often.
#[derive(Debug)]
pub(super) struct Schedule {
    dice: StdRng,
    kinds: Vec<FaultKind>,
    /// What is left of the present round of all kinds.
    round: Vec<FaultKind>,
    every: Duration,
    shards: usize,
}

impl Schedule {
    /// Faults of `kinds` on `shards` shards, with `every` between the end of one and the beginning of
    /// the next, on average.
    pub(super) fn new(seed: u64, kinds: &[FaultKind], every: Duration, shards: usize) -> Self {
        Self {
            dice: StdRng::seed_from_u64(seed),
            kinds: kinds.to_vec(),
            round: Vec::new(),
            every,
            shards,
        }
    }
}

impl Iterator for Schedule {
    type Item = Fault;

    fn next(&mut self) -> Option<Fault> {
        if self.round.is_empty() {
            self.round.clone_from(&self.kinds);
            self.round.shuffle(&mut self.dice);
        }
        let kind = self.round.pop()?;
        let (least, most) = kind.lasts_ms();
        // Never at once and never long after the average, so that short soaks see faults too.
        let pause = exponential(&mut self.dice).clamp(0.5, 1.5);
        Some(Fault {
            after: self.every.mul_f64(pause),
            kind,
            shard: self.dice.random_range(0..self.shards.max(1)),
            lasts: Duration::from_millis(self.dice.random_range(least..=most)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_faults_and_every_kind_comes_by() {
        let schedule = || Schedule::new(3, &FaultKind::CHAOS, Duration::from_secs(20), 3);
        let faults: Vec<Fault> = schedule().take(60).collect();
        assert_eq!(faults, schedule().take(60).collect::<Vec<_>>());
        for kind in FaultKind::CHAOS {
            let times = faults.iter().filter(|fault| fault.kind == kind).count();
            assert_eq!(times, 10, "{kind}");
        }
        for fault in faults {
            let stop = fault.kind == FaultKind::Stop;
            assert!(!stop || (1..=15).contains(&fault.lasts.as_secs()));
            assert!((10..=30).contains(&fault.after.as_secs()) && fault.shard < 3);
        }
    }

    #[test]
    fn faults_are_named_as_they_are_read() {
        for kind in FaultKind::CHAOS {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("storm".parse::<FaultKind>().is_err());
    }
}
