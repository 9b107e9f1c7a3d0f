//! Real shards and real seats on a simulated network, store and clock: one seed, one history.
//!
//! Everything runs on one thread and on tokio's paused clock, so a minute of play takes as long as its
//! computation. `ROOKERY_SIM_SEED=<n>` runs one seed alone and prints its history.

mod cluster;
mod dice;
mod endpoints;
mod faulty;
mod network;
mod oracle;
mod player;
mod scenario;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use scenario::{History, Incident};

/// The seeds of a run of the suite.
const SEEDS: Range<u64> = 0..100;

/// The seeds asked for: `ROOKERY_SIM_SEED` is one, or a range as in `0..5000`.
fn asked_for() -> Option<Range<u64>> {
    let text = std::env::var("ROOKERY_SIM_SEED").ok()?;
    let number = |text: &str| text.parse().expect("ROOKERY_SIM_SEED is `n` or `a..b`");
    let (first, end) = match text.split_once("..") {
        Some((first, end)) => (number(first), number(end)),
        None => (number(&text), number(&text) + 1),
    };
    Some(first..end)
}

#[test]
fn promises_hold_under_every_mix_of_faults() {
    let began = Instant::now();
    let seeds = asked_for().unwrap_or(SEEDS);
    let alone = seeds.end - seeds.start == 1;
    let mut total = Total::default();
    let mut failed = Vec::new();
    for seed in seeds {
        match scenario::run(seed) {
            Ok(history) => {
                if alone {
                    eprintln!("{history:#?}");
                }
                total.add(&history);
            }
            Err(why) => failed.push(format!("ROOKERY_SIM_SEED={seed}: {why}")),
        }
    }
    eprintln!("in {:?}: {total:#?}", began.elapsed());
    assert!(
        failed.is_empty(),
        "{} failed\n{}",
        failed.len(),
        failed.join("\n\n")
    );
}

/// Packets included: the same sizes at the same times on the same paths.
#[test]
fn the_same_seed_makes_the_same_history() {
    for seed in SEEDS.take(10) {
        let run = || scenario::run(seed).unwrap_or_else(|why| panic!("{why}"));
        let (one, two) = (run(), run());
        for (one, two) in one.seen.iter().zip(&two.seen) {
            for (one, two) in one.iter().zip(two) {
                assert_eq!(one, two, "ROOKERY_SIM_SEED={seed}");
            }
        }
        assert_eq!(one, two, "ROOKERY_SIM_SEED={seed}");
    }
}

/// What happened in all simulations together, so that one sees what was tested.
#[derive(Debug, Default)]
struct Total {
    histories: u64,
    simulated: Duration,
    incidents: BTreeMap<Incident, u64>,
    store_failures: BTreeMap<&'static str, u64>,
    datagrams: u64,
    lost: u64,
    doubled: u64,
    late: u64,
    cut: u64,
    resumed: u64,
    takeovers: usize,
    events: usize,
}

impl Total {
    fn add(&mut self, history: &History) {
        self.histories += 1;
        self.simulated += history.took;
        for (&incident, n) in &history.incidents {
            *self.incidents.entry(incident).or_default() += n;
        }
        for (&failure, n) in &history.store_failures {
            *self.store_failures.entry(failure).or_default() += n;
        }
        let traffic = history.traffic;
        self.datagrams += traffic.sent;
        self.lost += traffic.lost;
        self.doubled += traffic.doubled;
        self.late += traffic.late;
        self.cut += traffic.cut;
        self.resumed += u64::from(history.resumed);
        self.takeovers += history.takeovers;
        self.events += history.logs.iter().map(Vec::len).sum::<usize>();
    }
}
