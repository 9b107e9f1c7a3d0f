//! The binary `faults`: a fault-injection campaign against a cluster of real processes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lab::faults::{FaultKind, Sabotage};
use lab::soak::campaign::{Campaign, run};
use lab::soak::report::Report;
use supervisor::RedisKind;
use tests::process::binary;
use tests::runs::{Run, Runs, digest};

/// How the number of faults is called among what is counted.
const FAULTS: &str = "faults";

const EXAMPLES: &str = "\
Examples:
  faults --faults 100
      a hundred faults of all kinds on one Redis
  faults --faults 20 --only shard_kill,redis_kill --history history.jsonl && linearize history.jsonl
      and whether what all clients did is linearizable
  faults --faults 3000 --runs faults.jsonl
      three thousand in parts; started again, it goes on where it ended
  faults --store-kind cluster --json figures.json
      on a Redis Cluster";

/// Plays matches on a cluster of real processes, brings faults about, and holds what the players were
/// told against what is stored. Ends with 1 if a promise was broken.
#[derive(Debug, Parser)]
#[command(name = "faults", after_help = EXAMPLES)]
struct Args {
    /// Faults to bring about.
    #[arg(long, value_name = "N", default_value_t = 100)]
    faults: u32,
    /// Matches in play at any time.
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    matches: u16,
    /// Decides everything that is left to chance, but the machine's timing.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Between the beginnings of two faults, on average, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1_200,
          value_parser = clap::value_parser!(u64).range(1..=600_000))]
    every_ms: u64,
    /// How long a player thinks for a move at the most, in milliseconds; the least is a ninth of it.
    #[arg(long, value_name = "MS", default_value_t = 180,
          value_parser = clap::value_parser!(u64).range(0..=60_000))]
    think_ms: u64,
    /// How Redis is run: redis, unix, tls, valkey, sentinel or cluster.
    #[arg(long, value_name = "KIND", default_value_t = RedisKind::Single)]
    store_kind: RedisKind,
    /// Replicas that must have a write before it counts as stored; by default one where a replica can take over.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1))]
    store_replicas: Option<u32>,
    /// Only faults of these kinds, separated by commas.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    only: Vec<FaultKind>,
    /// Brings the faults about in parts, each with the next seed, notes each part in this file as a line of JSON, and counts
    /// what is noted there already.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["history", "json"])]
    runs: Option<PathBuf>,
    /// Faults in a part.
    #[arg(long, value_name = "N", default_value_t = 250, requires = "runs",
          value_parser = clap::value_parser!(u32).range(1..))]
    part: u32,
    /// Where to write every client's operations, a JSON object a line, for `linearize` (docs/histories.md).
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Where to write the figures, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where to keep the logs of the processes.
    #[arg(long, value_name = "DIRECTORY")]
    logs: Option<PathBuf>,
    /// A safeguard to take out, to see the checker notice: gate, position or relaxed-store.
    #[arg(long, value_name = "SAFEGUARD")]
    sabotage: Option<Sabotage>,
}

fn main() -> ExitCode {
    let _flush = program::Flush;
    #[cfg(feature = "sabotage")]
    if std::env::args().nth(1).as_deref() == Some("shard") {
        return sabotaged_shard();
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            program::complain!("faults: no runtime: {error}");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(campaign(Args::parse())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            program::complain!("faults: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every promise was kept.
async fn campaign(args: Args) -> Result<bool, String> {
    if args.sabotage.is_some() && !cfg!(feature = "sabotage") {
        return Err("--sabotage wants a build with --features sabotage".to_owned());
    }
    #[cfg(feature = "sabotage")]
    if args.sabotage == Some(Sabotage::RelaxedStore) {
        slow_the_flush_down()?;
    }
    let kinds = match args.sabotage {
        _ if !args.only.is_empty() => args.only,
        Some(sabotage) => sabotage.kinds(),
        None => FaultKind::ordinary_on(args.store_kind),
    };
    let impossible = |kind: &&FaultKind| !kind.is_possible_on(args.store_kind);
    if let Some(kind) = kinds.iter().find(impossible) {
        let store = args.store_kind;
        return Err(format!(
            "{kind} cannot be brought about on --store-kind {store}"
        ));
    }
    let usual = Campaign::on(args.store_kind, binary("rookery"));
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let campaign = Campaign {
        store_replicas: args.store_replicas.unwrap_or(usual.store_replicas),
        faults: args.faults,
        matches: args.matches.into(),
        seed: args.seed,
        kinds,
        every: Duration::from_millis(args.every_ms),
        thinks: (
            Duration::from_millis(args.think_ms / 9),
            Duration::from_millis(args.think_ms),
        ),
        sabotage: args.sabotage.map(|sabotage| (sabotage, this)),
        logs: args.logs,
        history: args.history,
        ..usual
    };
    if let Some(path) = &args.runs {
        let runs =
            Runs::open(path).map_err(|error| format!("--runs {}: {error}", path.display()))?;
        return in_parts(&campaign, args.part, runs).await;
    }
    let report = run(&campaign).await?;
    program::complain!("{report}");
    if let Some(path) = args.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        std::fs::write(&path, json).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(report.is_clean())
}

/// Brings about in parts what is missing of the campaign's faults, until a promise is broken.
async fn in_parts(campaign: &Campaign, part: u32, mut runs: Runs) -> Result<bool, String> {
    let said = |error: std::io::Error| error.to_string();
    while runs.violations() == 0 {
        let left = u64::from(campaign.faults).saturating_sub(runs.sum(FAULTS));
        if left == 0 {
            break;
        }
        let next = Campaign {
            faults: u32::try_from(left).unwrap_or(u32::MAX).min(part),
            seed: campaign.seed + runs.len() as u64,
            ..campaign.clone()
        };
        let report = run(&next).await?;
        program::complain!("{report}");
        runs.add(noted(&report, digest(&campaign.server).map_err(said)?))
            .map_err(said)?;
    }
    program::say!("{runs}");
    Ok(runs.violations() == 0)
}

fn noted(report: &Report, program: String) -> Run {
    let mut counts: BTreeMap<String, u64> = report
        .faults
        .iter()
        .map(|(kind, &times)| (format!("of them {kind}"), times))
        .collect();
    counts.insert(FAULTS.to_owned(), report.faults.values().sum());
    counts.insert("matches".to_owned(), report.matches_finished);
    counts.insert("commands".to_owned(), report.commands.values().sum());
    Run {
        program,
        seed: report.seed,
        seconds: report.seconds,
        counts,
        violations: report.violations,
    }
}

/// This binary as `rookery shard`, of a build from which safeguards can be taken out.
#[cfg(feature = "sabotage")]
fn sabotaged_shard() -> ExitCode {
    let parsed = settings::parse::<server::commands::Cli>(std::env::args_os(), None)
        .unwrap_or_else(|refused| refused.exit());
    match server::commands::run(parsed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            program::complain!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs this process anew with a library in it, and in its Redis, that makes flushes slow; returns
/// there alone.
#[cfg(feature = "sabotage")]
fn slow_the_flush_down() -> Result<(), String> {
    use std::process::{Command, exit};
    if std::env::var_os("LD_PRELOAD").is_some() {
        return Ok(());
    }
    let said = |error: std::io::Error| error.to_string();
    let directory = tempfile::tempdir().map_err(said)?;
    let library = lab::faults::sabotage::slow_flush(directory.path()).map_err(said)?;
    let status = Command::new(std::env::current_exe().map_err(said)?)
        .args(std::env::args_os().skip(1))
        .env("LD_PRELOAD", library)
        .status()
        .map_err(said)?;
    drop(directory);
    exit(status.code().unwrap_or(2));
}
