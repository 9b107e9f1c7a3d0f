//! The commands of the binary `rookery`: arguments first, then validated values, then the work.

mod backend;
mod backup;
mod check;
mod cluster;
mod cluster_shard;
mod control;
mod data_dir;
mod demo;
mod dev;
mod dev_bots;
mod endpoint;
mod failure;
mod gateway;
mod healthcheck;
mod import;
mod ready_file;
mod retention;
mod serve;
mod shard;
mod tombstone;
mod traces;
mod web_door;

use clap::{CommandFactory, Parser, Subcommand};
use program::LogArgs;
use settings::{PagesArgs, Parsed};

pub use failure::Failure;

/// The command that is meant where none is named.
pub const DEFAULT_COMMAND: &str = "dev";

/// An authoritative server for real-time chess: what a player was shown is never lost.
///
/// Without a command it does what `rookery dev` does: a matchmaker and two shards in this process, on
/// an embedded store, ready to be played on.
#[derive(Debug, Parser)]
#[command(name = "rookery", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<CliCommand>,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    Dev(dev::DevArgs),
    Demo(demo::DemoArgs),
    Serve(Box<serve::ServeArgs>),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Shard(Box<shard::ShardArgs>),
    Healthcheck(healthcheck::HealthcheckArgs),
    /// The matchmaker of a deployment.
    Matchmaker(matchmaker::Args),
    Gateway(Box<::gateway::GatewayArgs>),
    Check(check::CheckArgs),
    Tombstone(tombstone::TombstoneArgs),
    Pages(PagesArgs),
    Import(Box<import::ImportArgs>),
}

/// Runs the command that the command line names.
///
/// # Errors
///
/// [`Failure`] describes what went wrong and what to do.
pub fn run(
    Parsed {
        args: cli,
        effective,
        unread,
    }: Parsed<Cli>,
) -> Result<(), Failure> {
    let command = cli
        .command
        .ok_or("name a command; `rookery --help` lists them")?;
    if let Some(filter) = command.default_log() {
        cli.log.start(filter)?;
    }
    let is_check = matches!(command, CliCommand::Check(_));
    for variable in &unread {
        // A matchmaker starts its own log first.
        if is_check {
            program::complain!("warning: {variable}");
        } else {
            tracing::warn!("{variable}");
        }
    }
    match command {
        CliCommand::Dev(args) => dev::run(&args),
        CliCommand::Demo(args) => demo::run(&args),
        CliCommand::Serve(args) => serve::run(&args, &effective),
        CliCommand::Backup(args) => backup::back_up(&args),
        CliCommand::Restore(args) => backup::restore(&args),
        CliCommand::Shard(args) => shard::run(&args, &effective),
        CliCommand::Healthcheck(args) => healthcheck::run(&args),
        CliCommand::Matchmaker(args) => {
            let parsed = Parsed {
                args,
                effective,
                unread,
            };
            tokio::runtime::Runtime::new()?.block_on(matchmaker::start(parsed))
        }
        CliCommand::Gateway(args) => gateway::run(&args),
        CliCommand::Check(args) => check::run(args, &effective),
        CliCommand::Tombstone(args) => tombstone::run(&args),
        CliCommand::Pages(args) => Ok(args.write(Cli::command())?),
        CliCommand::Import(args) => import::run(&args),
    }
}

impl CliCommand {
    /// What is logged by default; `None` for what starts its own log.
    fn default_log(&self) -> Option<&'static str> {
        match self {
            // It draws on the terminal: only what goes wrong belongs between its lines.
            Self::Demo(_)
            | Self::Healthcheck(_)
            | Self::Check(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Pages(_)
            | Self::Import(_) => Some("error"),
            // A line for each request would hide the others, as would one for each page that says nonsense.
            Self::Dev(_)
            | Self::Serve(_)
            | Self::Shard(_)
            | Self::Gateway(_)
            | Self::Tombstone(_) => {
                Some("info,matchmaker::access_log=warn,web_transport_quinn=error")
            }
            Self::Matchmaker(_) => None,
        }
    }
}
