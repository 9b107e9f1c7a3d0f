//! The binary `power`: a campaign of power cuts.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lab::power::campaign::{PowerCampaign, PowerStore, run};
use tests::process::binary;

const EXAMPLES: &str = "\
Examples:
  power --cuts 1000
      a thousand cuts on the embedded store, an hour or so
  power --store redis --cuts 1000 --json power.json
  power --store redis-everysec --cuts 20
      on a Redis that answers before it flushes: promises must be found broken";

/// Plays on a server whose machine loses its power again and again: files keep what was flushed, and of the rest what a disk
/// may keep. Ends with 1 if a player was told of anything that is not in the store then.
#[derive(Debug, Parser)]
#[command(name = "power", after_help = EXAMPLES)]
struct Args {
    /// Where matches are kept: embedded, redis or redis-everysec.
    #[arg(long, value_name = "STORE", default_value = "embedded")]
    store: PowerStore,
    /// Power cuts.
    #[arg(long, value_name = "N", default_value_t = 20)]
    cuts: u32,
    /// Between two of them, on average, in milliseconds; by default 2500 on the embedded store, and 10000 on Redis, where
    /// matches are taken over first.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(100..=600_000))]
    every_ms: Option<u64>,
    /// Matches in play at a time.
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    matches: u32,
    /// Decides what is lost in each cut, and how players play.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where to write every client's operations, a JSON object a line, for `linearize` (docs/histories.md).
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Where to write the figures, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let _flush = program::Flush;
    match campaign(&Args::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            program::complain!("power: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns how many promises were broken.
fn campaign(args: &Args) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    let report = run(&PowerCampaign {
        server: binary("rookery"),
        players: binary("bot-client"),
        store: args.store,
        cuts: args.cuts,
        every: args
            .every_ms
            .map_or(args.store.calm(), Duration::from_millis),
        matches: args.matches,
        seed: args.seed,
        history: args
            .history
            .as_deref()
            .map(std::path::absolute)
            .transpose()?,
    })?;
    program::complain!("power: {report}");
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, json).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(report.violations)
}
