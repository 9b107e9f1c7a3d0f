//! `rookery check`: whether a configuration can be used.

use clap::{Args, Subcommand};
use settings::Effective;
use store::{RedisConfig, RedisStore, StoreError};

use super::{Failure, dev, shard};

/// Check a configuration without starting anything: read all that it names, and print what is in force
/// as TOML, with where each value comes from. A Redis is asked whether its settings and the user's rights
/// will do; one that does not answer is warned about on stderr. Ends with 0 if all of it can be used.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(subcommand)]
    what: Checked,
}

/// What is to be started some day, with the options that it would have.
#[derive(Debug, Subcommand)]
enum Checked {
    Shard(Box<shard::ShardArgs>),
    /// The matchmaker of a deployment; the same as the program rookery-matchmaker.
    Matchmaker(matchmaker::Args),
    Dev(dev::DevArgs),
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
    };
    if let Some(store) = store {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(ask(store))?;
    }
    program::print(effective).map_err(|error| format!("stdout: {error}").into())
}

/// Whether a Redis will do, if it can be asked: a configuration may be checked where it cannot.
async fn ask(store: RedisConfig) -> Result<(), Failure> {
    match RedisStore::connect(store).await {
        Ok(_) => Ok(()),
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
