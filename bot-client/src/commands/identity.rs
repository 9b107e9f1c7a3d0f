//! Who plays, and how an opponent is found, for the commands that play one match after another.

use std::cell::Cell;
use std::time::Duration;

use clap::Args;
use game_core::{ClockStart, ColorChoice, MatchId, TimeControl};
use protocol::http::{NewChallenge, NewTicket};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use client::pairing::{Pairing, PairingError, Search};
use client::{Matchmaker, MatchmakerError};
use lab::command::{Failure, note};

/// The time control that all commands play by default, so that those who play meet.
pub(super) const DEFAULT_CONTROL: &str = "5+3";

/// Whoever waits for an opponent is told so this often: enough to see that the program lives.
const WAITING_SAID_EVERY: Duration = Duration::from_secs(15);

/// Who plays.
#[derive(Debug, Clone, Args)]
pub struct PlayerArgs {
    /// What the player is called; by default the matchmaker finds a name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Play as the player of this token instead of as a new guest.
    #[arg(
        long,
        env = "ROOKERY_PLAYER_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub player_token: Option<String>,
}

impl PlayerArgs {
    /// The player token to act with.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`] when a guest is wanted and not to be had.
    pub(super) async fn token(&self, matchmaker: &Matchmaker) -> Result<String, MatchmakerError> {
        match &self.player_token {
            Some(token) => Ok(token.clone()),
            None => Ok(matchmaker.new_player(self.name.as_deref()).await?.token),
        }
    }
}

/// How an opponent is found.
#[derive(Debug, Clone, Args)]
pub struct TermsArgs {
    /// The colour to play in a challenge of one's own: white, black or random.
    #[arg(long, value_name = "COLOR", default_value = "random", value_parser = color)]
    pub color: ColorChoice,
    /// How long to wait for an opponent, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub wait: u64,
}

impl TermsArgs {
    /// A ticket for the pool of a time control.
    pub(super) const fn pool(time_control: TimeControl) -> Pairing {
        Pairing::Pool(NewTicket { time_control })
    }

    /// A challenge to anyone.
    pub(super) const fn challenge(&self, time_control: TimeControl) -> NewChallenge {
        NewChallenge {
            time_control,
            color: self.color,
            fen: None,
            clock_start: ClockStart::AfterFirstMoves,
            opponent: None,
        }
    }

    /// Finds an opponent; `asked` is told the id of the request.
    pub(super) async fn find(
        &self,
        matchmaker: &Matchmaker,
        token: &str,
        pairing: &Pairing,
        cancel: &CancellationToken,
        asked: impl FnOnce(&str),
    ) -> Result<MatchId, Failure> {
        let search = Search {
            matchmaker,
            token,
            wait_max: Duration::from_secs(self.wait),
            cancel,
        };
        let is_asked = Cell::new(false);
        let search = search.run(pairing, |request| {
            asked(&request.id);
            is_asked.set(true);
        });
        tokio::pin!(search);
        let began = Instant::now();
        let found = loop {
            match timeout(WAITING_SAID_EVERY, &mut search).await {
                Ok(found) => break found,
                Err(_) if is_asked.get() => {
                    let seconds = began.elapsed().as_secs();
                    note(&format!("No opponent yet, after {seconds} s."));
                }
                Err(_) => {}
            }
        };
        found.map_err(|error| match error {
            PairingError::Matchmaker(error) => Failure::setup(error),
            other => Failure::play(other),
        })
    }
}

fn color(text: &str) -> Result<ColorChoice, String> {
    match text {
        "white" => Ok(ColorChoice::White),
        "black" => Ok(ColorChoice::Black),
        "random" => Ok(ColorChoice::Random),
        _ => Err("a colour is white, black or random".into()),
    }
}
