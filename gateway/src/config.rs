//! What a gateway runs with.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use client::MatchmakerError;

use crate::limits::LimitArgs;

/// What a gateway runs with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The matchmaker's address, for example `http://127.0.0.1:7000`.
    pub matchmaker: String,
    /// The file of the authorities that are trusted for it instead of the system's.
    pub ca: Option<PathBuf>,
    /// The address by which people reach the installation, for links to games and players.
    pub site: String,
    /// Limits on clients.
    pub limits: LimitArgs,
    /// How long requests under way have to end at a shutdown.
    pub grace: Duration,
}

impl Config {
    /// A gateway of this matchmaker, which is also where people play.
    #[must_use]
    pub fn new(matchmaker: String) -> Self {
        Self {
            site: matchmaker.clone(),
            matchmaker,
            ca: None,
            limits: LimitArgs::default(),
            grace: Duration::from_secs(2),
        }
    }
}

/// Why a gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The matchmaker's address, or the authorities for it.
    #[error("--matchmaker (ROOKERY_MATCHMAKER): {0}")]
    Matchmaker(#[from] MatchmakerError),
    /// No sockets.
    #[error("the system has no socket for matches: {0}")]
    Sockets(#[from] io::Error),
}
