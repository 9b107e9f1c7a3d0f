//! `rookery check`: whether a configuration can be used.

use clap::{Args, Subcommand};
use settings::Effective;

use super::{Failure, dev, shard};

/// Check a configuration without starting anything: read all that it names, and print what is in force
/// as TOML, with where each value comes from. Redis is not asked. Ends with 0 if it can be used.
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
    match args.what {
        Checked::Shard(args) => args.validate().map(drop)?,
        Checked::Matchmaker(args) => args.check()?,
        Checked::Dev(args) => args.validate().map(drop)?,
    }
    program::print(effective).map_err(|error| format!("stdout: {error}").into())
}
