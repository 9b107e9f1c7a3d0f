//! The simulations of `tests::simulation`: under every seed of a run all promises hold, and the checks notice a store or a
//! shard without a safeguard.
//!
//! `ROOKERY_SIM_SEED=<n>` runs one seed alone of those on a simulated network and prints its history, `ROOKERY_SIM_SEED=a..b`
//! a range. The binary `simulate` runs many.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use tests::simulation::{Breach, History, Incident, Machines, Plan, Ran};

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

/// The state machines of shards alone, on what two hundred seeds bring.
#[test]
fn promises_hold_for_the_machines_alone() {
    let began = Instant::now();
    let mut total = Ran::default();
    for seed in 0..200 {
        let ran = Machines::default().run(seed);
        total.add(ran.unwrap_or_else(|why| panic!("core seed {seed}: {why}")));
    }
    eprintln!("in {:?}: {total:?}", began.elapsed());
    assert!(
        total.changes > 200 && total.faults_in_all() > 200 && total.unanswered > 200,
        "{total:?}"
    );
    assert!(
        total.failovers > 20 && total.healed > 5 && total.lost > 0 && total.needless > 20,
        "{total:?}"
    );
    assert_eq!(total.faults.len(), 12, "{total:?}");
}

/// One history for a seed, to the microsecond.
#[test]
fn the_same_seed_of_the_machines_makes_the_same_history() {
    for seed in 0..50 {
        let run = || Machines::default().run(seed).unwrap();
        assert_eq!(run(), run(), "core seed {seed}");
    }
}

/// As docs/checking.md says.
#[test]
fn the_machines_notice_a_store_that_breaks_its_contract() {
    for breach in [
        Breach::NoEpochCheck,
        Breach::NoPositionCheck,
        Breach::Forgets,
        Breach::NoReplica,
    ] {
        let machines = Machines {
            breach: Some(breach),
            ..Machines::default()
        };
        machines_notice(&machines, 50);
    }
}

#[cfg(feature = "sabotage")]
#[test]
fn the_machines_notice_the_absence_of_a_safeguard() {
    use shard_core::Sabotage;
    for (sabotage, within) in [
        (Sabotage::Gate, 50),
        (Sabotage::StoreTime, 50),
        (Sabotage::Healing, 100),
        (Sabotage::Evidence, 100),
        (Sabotage::Silence, 50),
    ] {
        let mut machines = Machines::default();
        machines.limits.sabotage = Some(sabotage);
        machines_notice(&machines, within);
    }
}

fn machines_notice(machines: &Machines, within: u64) {
    let failing = |seed: u64| {
        let machines = machines.clone();
        // A shard that is told nonsense may panic, which is noticed too.
        let ran = std::panic::catch_unwind(move || machines.run(seed));
        !matches!(ran, Ok(Ok(_)))
    };
    let first = (0..within).find(|seed| failing(*seed));
    let first = first.unwrap_or_else(|| panic!("nothing noticed {machines:?} in {within} seeds"));
    let (breach, limits) = (machines.breach, &machines.limits);
    eprintln!("{breach:?} was noticed under seed {first} of {limits:?}");
}
