//! `rookery check`: whether a configuration can be used, and whether a store has forgotten a match.

mod addresses;

use std::time::Duration;

use clap::{Args, Subcommand};
use settings::Effective;
use store::{Durability, RedisConfig, RedisStore, StoreArgs, StoreError, audit};
use tokio::time::{Instant, sleep};

use super::backend::Backend;
use super::{Failure, dev, serve, shard};

/// Between two scans of a store that is not at rest.
const SCAN_EVERY: Duration = Duration::from_millis(500);

/// Check a configuration without starting anything: read every file that it names, and print the values in
/// effect as TOML, with the origin of each. Redis' settings and its user's rights are checked; a Redis or a matchmaker that
/// does not answer causes a warning on stderr, and so do live shards that announce one address. Ends with 0
/// if the configuration can be used.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(subcommand)]
    what: Checked,
}

/// What is to be started some day, with the options that it would have.
#[derive(Debug, Subcommand)]
enum Checked {
    Shard(Box<shard::ShardArgs>),
    /// The matchmaker of a deployment.
    Matchmaker(matchmaker::Args),
    Dev(dev::DevArgs),
    Serve(Box<serve::ServeArgs>),
    Gateway(Box<::gateway::GatewayArgs>),
    Matches(MatchesArgs),
}

/// Scan a store for what is forgotten: live matches that no shard will attend to, and sets, records and
/// hints without the shard or the match that they belong to; and live shards that announce one address.
/// Prints a line for each, and ends with 1 if there is any. It reads the names of everything stored, a thousand at a time.
#[derive(Debug, Args)]
struct MatchesArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// How long something must be found before it counts, in seconds: matches change hands meanwhile, and
    /// those of a shard that has just died are still to be taken over.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(0..=3600))]
    within: u64,
}

pub(super) fn run(args: CheckArgs, effective: &Effective) -> Result<(), Failure> {
    let store = match args.what {
        Checked::Shard(args) => {
            args.validate().map(drop)?;
            Some(args.redis())
        }
        Checked::Matchmaker(args) => Some(args.check()?),
        Checked::Dev(args) => {
            args.validate().map(drop)?;
            args.redis()
        }
        Checked::Serve(args) => {
            args.validate(None).map(drop)?;
            None
        }
        Checked::Gateway(args) => {
            runtime()?.block_on(ask_matchmaker(&args))?;
            None
        }
        Checked::Matches(args) => {
            return tokio::runtime::Runtime::new()?.block_on(scan(args));
        }
    };
    if let Some(store) = store {
        runtime()?.block_on(ask(store))?;
    }
    program::print(effective).map_err(|error| format!("stdout: {error}").into())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Whether a gateway knows its matchmaker, and that answers: if not now, then perhaps later.
async fn ask_matchmaker(args: &::gateway::GatewayArgs) -> Result<(), Failure> {
    if let Some(error) = ::gateway::check(&args.config()).await? {
        program::complain!("warning: --matchmaker (ROOKERY_MATCHMAKER): {error}");
    }
    Ok(())
}

/// Whether Redis' settings are sufficient, if it can be reached: a configuration may be checked elsewhere.
/// Shards that share an address cause a warning and no failure, as the configuration may belong to neither.
async fn ask(store: RedisConfig) -> Result<(), Failure> {
    match RedisStore::connect(store).await {
        Ok(store) => {
            let durability = store.durability();
            if durability != Durability::Always {
                program::complain!("warning: the durability of the store is {durability}");
            }
            for shared in addresses::shared(&store).await? {
                program::complain!("warning: {shared}");
            }
            Ok(())
        }
        Err(error @ StoreError::Unavailable(_)) => {
            program::complain!(
                "warning: --store (ROOKERY_STORE): {error}; its settings and the rights of the user are \
                 not checked"
            );
            Ok(())
        }
        Err(error) => Err(format!("--store (ROOKERY_STORE): {error}").into()),
    }
}

async fn scan(args: MatchesArgs) -> Result<(), Failure> {
    let within = Duration::from_secs(args.within);
    let redis = args.store.redis(false);
    let store = Backend::redis(redis, args.store.options.wait());
    let store = store.open().await?;
    let end = Instant::now() + within;
    let findings = loop {
        let findings = audit(&*store, None).await?;
        if findings.is_empty() || Instant::now() >= end {
            break findings;
        }
        sleep(SCAN_EVERY).await;
    };
    for finding in &findings {
        program::print(format_args!("{finding}\n"))?;
    }
    let shared = addresses::shared(&*store).await?;
    for shared in &shared {
        program::print(format_args!("{shared}\n"))?;
    }
    match (findings.len(), shared.len()) {
        (0, 0) => Ok(()),
        (0, _) => Err("live shards announce one address".into()),
        (found, _) => Err(format!("{found} things are forgotten or left over in the store").into()),
    }
}
