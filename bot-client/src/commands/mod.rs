//! The commands of the binary `bot-client`: arguments first, then validated values, then the work.

pub mod bench;
mod bot;
mod duration;
mod html;
mod identity;
mod play;
pub mod replay;
mod soak;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use program::LogArgs;
use serde::Serialize;

pub use bot::BotArgs;
use client::printable_json;
use client::{Matchmaker, MatchmakerError, SeatError, printable_lines};
pub use identity::{PlayerArgs, TermsArgs};
pub use play::PlayArgs;
use replay::{ReplayArgs, ReplayError};
pub use soak::SoakArgs;

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
    command: Command,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Play(Box<PlayArgs>),
    Bot(Box<BotArgs>),
    Replay(ReplayArgs),
    Soak(Box<SoakArgs>),
    Bench(Box<bench::BenchArgs>),
    #[command(hide = true)]
    BenchRelay(bench::RelayArgs),
}

/// Which server, for all commands.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// Address of the matchmaker. One that begins with https must have a certificate of an authority
    /// that this machine trusts, or that of --ca. Redirects are not followed.
    #[arg(
        long,
        global = true,
        env = "ROOKERY_MATCHMAKER",
        value_name = "URL",
        default_value = "http://127.0.0.1:7000"
    )]
    pub matchmaker: String,
    /// Trust the authorities in this file, in PEM, instead of those of the system.
    #[arg(long, global = true, env = "ROOKERY_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// How long to try when the server is away, in seconds: long enough for it to be restarted.
    #[arg(
        long,
        global = true,
        env = "ROOKERY_PATIENCE",
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub patience: u64,
}

impl ServerArgs {
    /// The matchmaker that is named.
    ///
    /// # Errors
    ///
    /// As [`Matchmaker::trusting`].
    pub fn client(&self) -> Result<Matchmaker, MatchmakerError> {
        Matchmaker::trusting(&self.matchmaker, self.ca.as_deref(), self.patience())
    }

    /// How long to try when the server is away.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

/// Why a command failed, which is also its exit code.
#[derive(Debug)]
pub enum Failure {
    /// Something was played and went wrong: exit code 1.
    Play(String),
    /// Nothing could be played: exit code 2.
    Setup(String),
}

impl Failure {
    /// A failure of the command line, a file or the way to the server.
    pub(crate) fn setup(why: impl fmt::Display) -> Self {
        Self::Setup(why.to_string())
    }

    /// A failure in play.
    pub(crate) fn play(why: impl fmt::Display) -> Self {
        Self::Play(why.to_string())
    }

    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Play(_) => ExitCode::from(1),
            Self::Setup(_) => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Play(why) | Self::Setup(why) => f.write_str(why),
        }
    }
}

impl From<SeatError> for Failure {
    fn from(error: SeatError) -> Self {
        match error {
            SeatError::Matchmaker(_) | SeatError::Connect(_) | SeatError::GaveUp { .. } => {
                Self::setup(error)
            }
            SeatError::Violation(_) | SeatError::Closed(_) => Self::play(error),
        }
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        Self::setup(error)
    }
}

impl From<MatchmakerError> for Failure {
    fn from(error: MatchmakerError) -> Self {
        Self::setup(error)
    }
}

impl Cli {
    /// Whether log lines may go to stderr: not where that is the terminal that `play` draws on.
    #[must_use]
    pub fn may_log(&self) -> bool {
        let draws = matches!(self.command, Command::Play(_)) && PlayArgs::takes_the_terminal();
        !(draws && io::stderr().is_terminal())
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
            Command::Play(args) => play::run(&args, &self.server).await,
            Command::Bot(args) => bot::run(&args, &self.server).await,
            Command::Replay(args) => run_replay(&args, &self.server).await,
            Command::Soak(args) => soak::run(&args, &self.server).await,
            Command::Bench(args) => run_bench(&args).await,
            Command::BenchRelay(args) => bench::serve_relay(&args).await.map_err(Failure::play),
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
    let report = bench::run(args).await.map_err(Failure::play)?;
    if args.json {
        say_json(&report)?;
    } else {
        say(report.to_string().trim_end());
    }
    Ok(())
}

/// Prints a line on stderr, for people, where stdout is for results.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable_lines(line));
}

/// Prints lines on stdout, without what a terminal would act on.
pub(crate) fn say(line: &str) {
    say_drawn(&printable_lines(line));
}

/// Prints one JSON value, as a line on stdout.
pub(crate) fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(value).map_err(Failure::play)?;
    say_drawn(&printable_json(&json));
    Ok(())
}

/// Prints a line on stdout that was made here, with its colours. A reader that has gone away has seen what
/// it wanted.
pub(crate) fn say_drawn(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
