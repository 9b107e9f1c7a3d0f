//! Real shards and real seats on a simulated network, store and clock: one seed, one history.
//!
//! Everything runs on one thread and on tokio's paused clock, so a minute of play takes as long as its
//! computation. `ROOKERY_SIM_SEED=<n>` runs one seed alone and prints its history.
//!
//! The seed decides the faults, the moves, the times, quinn's own choices and the names of all. It
//! does not decide the secrets of TLS, which change the bytes of packets but not their sizes; the ids
//! of commands, which no history names; the order of hash maps; and which of several ready branches a
//! `select!` of tokio takes. So every question has a fate of its own ([`dice::Dice`]), and what comes
//! at one moment has an order. Two runs of a seed are compared to the last packet.
//!
//! A process dies here by falling silent on both sides: its tasks are left behind, cut off. What only
//! the system can do to a process (to stop it for a while, to lose its disk) is for other tests.

mod cluster;
mod contract;
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

use scenario::{History, Incident, Plan};
use world::Breach;

/// The seeds of a run of the suite.
const SEEDS: Range<u64> = 0..60;

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

/// Runs a plan under many seeds; all must pass.
fn all_hold(plan: &Plan) {
    let began = Instant::now();
    let seeds = asked_for().unwrap_or(SEEDS);
    let alone = seeds.end - seeds.start == 1;
    let mut total = Total::default();
    let mut failed = Vec::new();
    for seed in seeds {
        match plan.run(seed) {
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
    let why = failed.join("\n\n");
    assert!(failed.is_empty(), "{} failed\n{why}", failed.len());
}

/// Looks for a seed under which the checks notice what was broken; the first few dozen will do.
fn is_noticed(plan: &Plan) {
    let noticed = (0..500).find_map(|seed| Some((seed, plan.run(seed).err()?)));
    let (seed, why) = noticed.unwrap_or_else(|| panic!("nothing noticed {plan:?}"));
    eprintln!("with {:?}, seed {seed}: {why}", plan.breach);
}

#[test]
fn promises_hold_under_every_mix_of_faults() {
    all_hold(&Plan::storm());
}

#[test]
fn a_seat_survives_the_change_of_its_address() {
    all_hold(&Plan::wandering());
}

/// The position alone stops a fork, but a new owner must also know that nobody writes behind its
/// back: else a player who saw the last write of the former owner comes to one who has not.
#[test]
fn the_checks_notice_a_store_without_the_check_of_epochs() {
    let breach = Some(Breach::NoEpochCheck);
    is_noticed(&Plan {
        breach,
        ..Plan::storm()
    });
}

#[test]
fn the_checks_notice_a_store_without_the_check_of_positions() {
    let breach = Some(Breach::NoPositionCheck);
    is_noticed(&Plan {
        breach,
        ..Plan::storm()
    });
}

#[test]
fn the_checks_notice_a_store_that_forgets() {
    let breach = Some(Breach::Forgets);
    is_noticed(&Plan {
        breach,
        ..Plan::storm()
    });
}

#[cfg(feature = "sabotage")]
#[test]
fn the_checks_notice_the_absence_of_the_gate() {
    let mut plan = Plan::storm();
    plan.limits.sabotage = Some(shard_core::Sabotage::Gate);
    is_noticed(&plan);
}

/// Packets included: the same sizes at the same times on the same paths.
#[test]
fn the_same_seed_makes_the_same_history() {
    let plan = Plan::storm();
    for seed in asked_for().unwrap_or(0..10) {
        let run = || {
            let mut history = plan.run(seed).unwrap_or_else(|why| panic!("{why}"));
            // An operation that ends with its process, or with the simulation, may be counted or not.
            history.store_failures.clear();
            history
        };
        let (one, two) = (run(), run());
        let lines = |history: &History| history.seen.concat();
        for (one, two) in lines(&one).iter().zip(&lines(&two)) {
            assert_eq!(one, two, "ROOKERY_SIM_SEED={seed}");
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
