//! Attacks on a matchmaker and a shard beside honest players; docs/hostile.md says what they do.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use tests::hostile::{AttackKind, AttackReport, Plan, run};

/// Attacks a matchmaker and a shard of its own, one way after the other, while matches are played beside
/// it, and says what that did to honest players. It ends with 1 if an attack did harm.
#[derive(Debug, Parser)]
#[command(name = "hostile")]
struct Args {
    /// How long each attack lasts, in seconds.
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Matches that are played meanwhile.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=140))]
    matches: u16,
    /// Decides the moves and the nonsense.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Only these attacks, separated by commas.
    #[arg(long, value_name = "ATTACK", value_delimiter = ',')]
    only: Vec<AttackKind>,
    /// Where to write all figures, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A document whose table is to be replaced.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

fn main() -> ExitCode {
    let _flush = program::Flush;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            program::complain!("hostile: no runtime: {error}");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(attack(&Args::parse())) {
        Ok(report) if report.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            program::complain!("hostile: {error}");
            ExitCode::from(2)
        }
    }
}

async fn attack(args: &Args) -> Result<AttackReport, String> {
    let attacks = match args.only.as_slice() {
        [] => AttackKind::value_variants(),
        only => only,
    };
    let plan = Plan {
        attacks: attacks.to_vec(),
        length: Duration::from_secs(args.seconds),
        matches: args.matches,
        patience: Duration::from_secs(5),
        settle_max: Duration::from_secs(30),
        seed: args.seed,
    };
    let report = run(&plan, |row| program::complain!("{row}")).await?;
    program::complain!("{report}");
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        std::fs::write(path, json).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(path) = &args.markdown {
        let written = report.write_markdown(path);
        written.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(report)
}
