//! What the commands of a client's binary share: which server they mean, how they fail, and what they print.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use client::{Matchmaker, MatchmakerError, SeatError, printable_json, printable_lines};
use program::Hangup;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::replay::ReplayError;

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
    #[must_use]
    pub fn setup(why: impl fmt::Display) -> Self {
        Self::Setup(why.to_string())
    }

    /// A failure in play.
    #[must_use]
    pub fn play(why: impl fmt::Display) -> Self {
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
            SeatError::Matchmaker(_)
            | SeatError::Connect(_)
            | SeatError::GaveUp { .. }
            | SeatError::Unsupported { .. } => Self::setup(error),
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

/// A token that the first Ctrl-C (or SIGTERM, or the end of the terminal) cancels; the second one ends the process at once.
///
/// # Errors
///
/// [`Failure::Setup`] where signals cannot be watched.
pub fn cancelled_by_signals() -> Result<CancellationToken, Failure> {
    let cancel = CancellationToken::new();
    program::watch_signals(cancel.clone(), Hangup::Stops).map_err(Failure::setup)?;
    Ok(cancel)
}

/// Prints a line on stderr, for people, where stdout is for results.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable_lines(line));
}

/// Prints lines on stdout, without what a terminal would act on.
pub fn say(line: &str) {
    say_drawn(&printable_lines(line));
}

/// Prints one JSON value, as a line on stdout.
///
/// # Errors
///
/// [`Failure::Play`] where the value makes no JSON.
pub fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(value).map_err(Failure::play)?;
    say_drawn(&printable_json(&json));
    Ok(())
}

/// Prints a line on stdout that was made here, with its colours. A reader that has gone away has seen what
/// it wanted.
pub fn say_drawn(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
