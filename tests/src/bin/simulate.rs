//! The binary `simulate`: simulations of many seeds.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};
use tests::runs::digest;
use tests::simulation::{INCIDENTS_MAX, Machines, Plan};

const EXAMPLES: &str = "\
Examples:
  simulate --seeds 1000000
      a million seeds of the shards' state machines, on all cores; a second run goes on where this one ended
  simulate --of network --seeds 10000
  simulate --of core --seed 4711
      one seed, and what failed under it";

/// Simulates shards, a store that fails and players, under one seed after the other, and holds what the players were shown
/// against the log. Ends with 1 at the first seed under which something does not hold, shrunk to as few faults as it needs.
#[derive(Debug, Parser)]
#[command(name = "simulate", after_help = EXAMPLES)]
struct Args {
    /// What is simulated.
    #[arg(long, value_enum, default_value = "core")]
    of: Kind,
    /// How many seeds, from the first one that is not done.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    seeds: u64,
    /// This seed alone.
    #[arg(long, value_name = "SEED", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Threads; by default one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Where it is kept which seeds are done, as JSON.
    #[arg(long, value_name = "FILE", default_value = "target/simulate.json")]
    progress: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The state machines of several shards: hundreds a second.
    Core,
    /// Real shards and seats on a simulated network: some a second.
    Network,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Core => "core",
            Self::Network => "network",
        })
    }
}

/// What was done so far.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// The SHA-256 of the program that did it: seeds that another one did prove nothing of this one.
    program: String,
    core: Done,
    network: Done,
}

/// The seeds below `seeds` hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Done {
    seeds: u64,
    events: u64,
    /// By kind.
    faults: BTreeMap<String, u64>,
    changes_of_owner: u64,
    /// What else happened.
    counts: BTreeMap<String, u64>,
    /// CPU time on all cores, roughly, in seconds.
    core_seconds: f64,
}

impl Done {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        add_each(&mut self.faults, other.faults);
        add_each(&mut self.counts, other.counts);
        self.changes_of_owner += other.changes_of_owner;
        self.core_seconds += other.core_seconds;
    }
}

fn add_each(sums: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (name, n) in more {
        *sums.entry(name).or_default() += n;
    }
}

/// Numbers with their names, as people read them.
fn listed(numbers: &BTreeMap<String, u64>) -> String {
    let each = numbers.iter().map(|(name, n)| format!("{name} {n}"));
    each.collect::<Vec<_>>().join(", ")
}

impl Progress {
    /// Goes on where a run of this very program ended, and begins anew after any other.
    fn read(path: &Path) -> Result<Self, String> {
        let named = |error: &dyn fmt::Display| format!("--progress {}: {error}", path.display());
        let program = std::env::current_exe().and_then(|itself| digest(&itself));
        let program = program.map_err(|error| format!("this program cannot be read: {error}"))?;
        let fresh = Self {
            program,
            ..Self::default()
        };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(fresh),
            Err(error) => return Err(named(&error)),
        };
        let found: Self = serde_json::from_slice(&text).map_err(|error| named(&error))?;
        if found.program == fresh.program {
            return Ok(found);
        }
        program::complain!(
            "simulate: {} is of another program: counting begins anew",
            path.display()
        );
        Ok(fresh)
    }

    fn of(&mut self, kind: Kind) -> &mut Done {
        match kind {
            Kind::Core => &mut self.core,
            Kind::Network => &mut self.network,
        }
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(beside, path)
    }
}

fn named(faults: BTreeMap<impl fmt::Display, u64>) -> BTreeMap<String, u64> {
    let named = faults.into_iter().map(|(kind, n)| (kind.to_string(), n));
    named.collect()
}

/// Runs a seed with at most `faults_max` faults.
fn run(kind: Kind, seed: u64, faults_max: u64) -> Result<Done, String> {
    let began = Instant::now();
    let ran = catch_unwind(AssertUnwindSafe(|| match kind {
        Kind::Core => {
            let machines = Machines {
                faults_max: faults_max as u32,
                ..Machines::default()
            };
            let ran = machines.run(seed)?;
            Ok(Done {
                events: ran.events,
                changes_of_owner: ran.changes,
                counts: ran.counts().map(|(name, n)| (name.to_owned(), n)).into(),
                faults: named(ran.faults),
                ..Done::default()
            })
        }
        Kind::Network => {
            let plan = Plan {
                incidents_max: faults_max,
                ..Plan::storm()
            };
            let history = plan.run(seed)?;
            Ok(Done {
                events: history.logs.iter().map(|log| log.len() as u64).sum(),
                faults: named(history.incidents),
                changes_of_owner: history.takeovers as u64,
                ..Done::default()
            })
        }
    }));
    let done: Done = ran.unwrap_or_else(|_| Err("a panic, which is above".to_owned()))?;
    Ok(Done {
        core_seconds: began.elapsed().as_secs_f64(),
        ..done
    })
}

/// The fewest faults under which a seed still fails, and how it does.
fn shrunk(kind: Kind, seed: u64, mut why: String) -> (u64, String) {
    let mut fewest = INCIDENTS_MAX;
    for faults in (0..INCIDENTS_MAX).rev() {
        match run(kind, seed, faults) {
            Err(again) => (fewest, why) = (faults, again),
            Ok(_) => break,
        }
    }
    (fewest, why)
}

/// Seeds that are taken by threads one after the other.
struct Seeds {
    next: AtomicU64,
    end: u64,
    stopped: AtomicBool,
    failed: Mutex<Option<(u64, String)>>,
    done: Mutex<Done>,
}

impl Seeds {
    fn work(&self, kind: Kind) {
        while !self.stopped.load(Ordering::Relaxed) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.end {
                return;
            }
            match run(kind, seed, INCIDENTS_MAX) {
                Ok(done) => {
                    let mut all = self.done.lock().expect("nobody panics with it");
                    all.add(done);
                    all.seeds += 1;
                }
                Err(why) => {
                    self.stopped.store(true, Ordering::Relaxed);
                    let mut failed = self.failed.lock().expect("nobody panics with it");
                    if failed.as_ref().is_none_or(|(other, _)| *other > seed) {
                        *failed = Some((seed, why));
                    }
                    return;
                }
            }
        }
    }
}

impl Kind {
    /// Seeds between two times that it is kept how far it is.
    const fn kept_every(self) -> u64 {
        match self {
            Self::Core => 2_000,
            Self::Network => 50,
        }
    }
}

fn simulate(args: &Args) -> Result<(), String> {
    let kind = args.of;
    if let Some(seed) = args.seed {
        let ran = run(kind, seed, INCIDENTS_MAX);
        let done = ran.map_err(|why| failure(kind, seed, why))?;
        program::say!("{kind} seed {seed} holds: {done:?}");
        return Ok(());
    }
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let mut progress = Progress::read(&args.progress)?;
    let first = progress.of(kind).seeds;
    let (end, began) = (first + args.seeds, Instant::now());
    let mut from = first;
    while from < end {
        let to = (from + kind.kept_every()).min(end);
        let seeds = Seeds {
            next: AtomicU64::new(from),
            end: to,
            stopped: AtomicBool::new(false),
            failed: Mutex::default(),
            done: Mutex::default(),
        };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| seeds.work(kind));
            }
        });
        let failed = seeds.failed.into_inner().expect("nobody panics with it");
        if let Some((seed, why)) = failed {
            return Err(failure(kind, seed, why));
        }
        let done = seeds.done.into_inner().expect("nobody panics with it");
        progress.of(kind).add(done);
        progress.of(kind).seeds = to;
        let written = progress.write(&args.progress);
        written.map_err(|error| format!("{}: {error}", args.progress.display()))?;
        from = to;
        let per_s = (to - first) as f64 / began.elapsed().as_secs_f64();
        let left = Duration::from_secs_f64((end - to) as f64 / per_s.max(0.001));
        program::complain!(
            "simulate: {kind} seeds {first} to {to} hold, {per_s:.0} a second, {} min left",
            left.as_secs().div_ceil(60)
        );
    }
    let all = progress.of(kind);
    program::say!(
        "{} {kind} seeds hold: {} events, {} faults, {} changes of owner, {:.1} core-hours",
        all.seeds,
        all.events,
        all.faults.values().sum::<u64>(),
        all.changes_of_owner,
        all.core_seconds / 3_600.0
    );
    program::say!("Faults: {}.", listed(&all.faults));
    if !all.counts.is_empty() {
        program::say!("Besides: {}.", listed(&all.counts));
    }
    Ok(())
}

fn failure(kind: Kind, seed: u64, why: String) -> String {
    let (faults, why) = shrunk(kind, seed, why);
    format!(
        "{kind} seed {seed} with its first {faults} faults:\n{why}\n\nAgain: simulate --of {kind} --seed {seed}"
    )
}

fn main() -> ExitCode {
    let _flush = program::Flush;
    match simulate(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            program::complain!("simulate: {why}");
            ExitCode::FAILURE
        }
    }
}
