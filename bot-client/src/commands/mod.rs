//! The commands of the binary `bot-client`: arguments first, then validated values, then the work.

mod account;
mod bot;
mod identity;
mod play;

use std::io::{self, IsTerminal};

use clap::{CommandFactory, Parser, Subcommand};
use lab::bench;
use lab::command::{Failure, ServerArgs, say, say_json};
use lab::replay::{self, ReplayArgs};
use lab::soak::{self, SoakArgs};
use program::LogArgs;

use crate::engine_match::{self, MatchArgs};

pub use account::{LogInArgs, SignUpArgs};
pub use bot::BotArgs;
pub use identity::{PlayerArgs, TermsArgs};
pub use play::PlayArgs;

/// Plays on a Rookery server: people, bots, and recorded games.
///
/// Log lines go to stderr.
///
/// Exit codes: 0 all went well; 1 a game was lost to an error or differs from
/// its file, or a soak found a broken promise; 2 the command
/// line is wrong, a file cannot be read, or the server cannot be reached.
#[derive(Debug, Parser)]
#[command(name = "bot-client", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: CliCommand,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    Play(Box<PlayArgs>),
    Bot(Box<BotArgs>),
    Match(MatchArgs),
    SignUp(SignUpArgs),
    LogIn(LogInArgs),
    Replay(ReplayArgs),
    Soak(Box<SoakArgs>),
    Bench(Box<bench::BenchArgs>),
    Pages(settings::PagesArgs),
    #[command(hide = true)]
    BenchRelay(bench::RelayArgs),
    #[command(hide = true)]
    BenchPlain(bench::PlainArgs),
}

impl Cli {
    /// Whether log lines may go to stderr: not where that is the terminal that `play` draws on.
    #[must_use]
    pub fn may_log(&self) -> bool {
        let draws = matches!(self.command, CliCommand::Play(_)) && PlayArgs::takes_the_terminal();
        !(draws && io::stderr().is_terminal())
    }

    /// Whether one thread does all of it, as a shard's does: servers that a shard is compared with.
    #[must_use]
    pub const fn has_one_thread(&self) -> bool {
        matches!(
            self.command,
            CliCommand::BenchRelay(_) | CliCommand::BenchPlain(_)
        )
    }

    /// What is logged, and how.
    #[must_use]
    pub const fn log(&self) -> &LogArgs {
        &self.log
    }

    /// Does what the command line says.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        match self.command {
            CliCommand::Play(args) => play::run(&args, &self.server).await,
            CliCommand::Bot(args) => bot::run(&args, &self.server).await,
            CliCommand::Match(args) => engine_match::run(&args, &self.server).await,
            CliCommand::SignUp(args) => account::sign_up(&args, &self.server).await,
            CliCommand::LogIn(args) => account::log_in(&args, &self.server).await,
            CliCommand::Replay(args) => run_replay(&args, &self.server).await,
            CliCommand::Soak(args) => soak::run(&args, &self.server).await,
            CliCommand::Bench(args) => run_bench(&args).await,
            CliCommand::Pages(args) => args.write(Self::command()).map_err(|error| {
                Failure::setup(format!("{}: {error}", args.directory().display()))
            }),
            CliCommand::BenchRelay(args) => bench::serve_relay(&args).await.map_err(Failure::play),
            CliCommand::BenchPlain(args) => bench::serve_plain(&args).await.map_err(Failure::play),
        }
    }
}

async fn run_replay(args: &ReplayArgs, server: &ServerArgs) -> Result<(), Failure> {
    let report = replay::run(args.config(server)).await?;
    if args.json {
        say_json(&report)?;
    } else {
        say(&report.to_string());
    }
    if report.is_empty() {
        Err(Failure::setup("no game of the file was played"))
    } else if report.is_clean() {
        Ok(())
    } else {
        Err(Failure::play(
            "the replay differs from the file, or the file is damaged",
        ))
    }
}

async fn run_bench(args: &bench::BenchArgs) -> Result<(), Failure> {
    if args.physics {
        let physics = tokio::task::spawn_blocking(bench::physics).await;
        let physics = physics.map_err(Failure::play)?.map_err(Failure::play)?;
        if args.json {
            return say_json(&physics);
        }
        say(physics.to_string().trim_end());
        return Ok(());
    }
    let report = bench::run(args).await.map_err(Failure::play)?;
    if args.json {
        say_json(&report)?;
    } else {
        say(report.to_string().trim_end());
    }
    Ok(())
}
