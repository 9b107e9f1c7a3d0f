//! `bot-client bot`: an engine plays one match after another.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use game_core::{CommandKind, MatchId, Outcome, Seat, Termination};
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::identity::{PlayerArgs, TermsArgs};
use client::connection::ConnectionTimes;
use client::pairing::Pairing;
use client::seat::{PlayerSeat, SeatSession, SessionConfig};
use client::{Connector, MatchView};
use lab::command::{Failure, ServerArgs, cancelled_by_signals, note, say, say_json};
use lab::engine::{EngineError, EngineKind, EngineSettings, EngineSupply};
use lab::player::{PlayError, Player, give_up};

/// Lets an engine play matches, one after another.
///
/// By default it takes whoever waits in the pool of its terms: start two of these, and they play each
/// other. It declines draws and takebacks, and comes back after any loss of the connection. If its engine
/// dies, hangs or makes an illegal move, it resigns that match (or aborts one that has not begun), starts
/// the engine again, after a pause that grows while that goes on, and plays the next. It ends at once if
/// the engine cannot be started, and with exit code 1 if a match was lost to it. What an engine writes to
/// stderr is logged as warnings, unless --engine-stderr names a file for it.
#[derive(Debug, Clone, Args)]
pub struct BotArgs {
    /// What chooses the moves: `random`, or `uci:PROGRAM ARGUMENTS` for a program that speaks UCI, quoted
    /// as for a shell, for example uci:/usr/games/stockfish or "uci:/opt/lc0 --weights='my net.pb'".
    #[arg(long, value_name = "ENGINE", default_value = "random")]
    engine: EngineKind,
    /// An option of the UCI program, for example "Skill Level=3"; may be given often. What the variant
    /// needs (UCI_Variant, UCI_Chess960) is set for each match.
    #[arg(long, visible_alias = "engine-option", value_name = "NAME=VALUE", value_parser = uci_option)]
    uci_option: Vec<(String, String)>,
    /// Append what the engine writes to stderr to this file, instead of logging it.
    #[arg(long, value_name = "FILE")]
    engine_stderr: Option<PathBuf>,
    /// What the engine is not told of its clock, in milliseconds: the way to the server and back, and what
    /// this machine may be late.
    #[arg(long, value_name = "MS", default_value_t = 50)]
    margin: u64,
    /// Matches to play.
    #[arg(long, value_name = "N", default_value_t = 1)]
    games: u32,
    /// Accept this challenge instead of waiting in the pool.
    #[arg(long, value_name = "ID", conflicts_with_all = ["open", "games"])]
    challenge: Option<String>,
    /// Make challenges that anyone may accept instead of waiting in the pool; their ids are printed.
    #[arg(long)]
    open: bool,
    /// Take at least so long for a move, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    think_ms: u64,
    /// Print one JSON object a match on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) terms: TermsArgs,
    #[command(flatten)]
    player: PlayerArgs,
}

fn uci_option(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !text.contains(['\n', '\r']) => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("an option is written NAME=VALUE".into()),
    }
}

/// What came of one match.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Played {
    #[serde(rename = "match")]
    match_id: MatchId,
    seat: Option<Seat>,
    white: String,
    black: String,
    outcome: Outcome,
    termination: Termination,
    plies: u16,
    seconds: f64,
    resumed: u32,
    /// How the engine failed, if the match was given up for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine_failure: Option<String>,
}

/// Plays the matches that the command line asks for.
///
/// # Errors
///
/// [`Failure`].
pub(super) async fn run(args: &BotArgs, server: &ServerArgs) -> Result<(), Failure> {
    let cancel = cancelled_by_signals()?;
    let matchmaker = server.client()?;
    let settings = EngineSettings {
        options: args.uci_option.clone(),
        stderr: args.engine_stderr.clone(),
        margin: Duration::from_millis(args.margin),
        ..EngineSettings::default()
    };
    // Terms that no match can have are not found out by waiting.
    args.terms.terms()?;
    let mut engines = EngineSupply::start(&args.engine, &settings)
        .await
        .map_err(Failure::setup)?;
    if args.challenge.is_none() && !engines.plays(args.terms.variant) {
        return Err(Failure::setup(EngineError::Variant(args.terms.variant)));
    }
    let token = args.player.bot_token(&matchmaker).await?;
    let connector = Connector::bind(1, ConnectionTimes::default()).map_err(Failure::setup)?;
    let bot = Bot {
        args,
        seat: Arc::new(PlayerSeat { matchmaker, token }),
        connector: Arc::new(connector),
        config: SessionConfig {
            patience: server.patience(),
            ..SessionConfig::default()
        },
        cancel,
    };
    let played = bot.play_all(&mut engines).await;
    bot.connector.wait_idle(FAREWELL).await;
    played
}

/// The shard learns that a seat is left, or a match given up, within this.
const FAREWELL: Duration = Duration::from_secs(3);

struct Bot<'a> {
    args: &'a BotArgs,
    seat: Arc<PlayerSeat>,
    connector: Arc<Connector>,
    config: SessionConfig,
    cancel: CancellationToken,
}

impl Bot<'_> {
    async fn play_all(&self, engines: &mut EngineSupply) -> Result<(), Failure> {
        let mut lost = 0;
        for _ in 0..self.args.games {
            let played = self.play_one(engines).await?;
            if self.args.json {
                say_json(&played)?;
            } else {
                say(&played.to_string());
            }
            if played.engine_failure.is_some() {
                engines.failed();
                lost += 1;
            } else {
                engines.worked();
            }
        }
        if lost > 0 {
            let games = self.args.games;
            let why = format!("{lost} of {games} matches were given up, as the engine failed");
            return Err(Failure::play(why));
        }
        Ok(())
    }

    async fn play_one(&self, engines: &mut EngineSupply) -> Result<Played, Failure> {
        let engine = tokio::select! {
            ready = engines.ready() => ready.map_err(|error| {
                Failure::setup(format!("the engine cannot be started again: {error}"))
            })?,
            () = self.cancel.cancelled() => return Err(Failure::play("interrupted")),
        };
        let id = self.find().await?;
        let source = Arc::clone(&self.seat);
        let connector = Arc::clone(&self.connector);
        let mut session = SeatSession::join(connector, source, id, self.config).await?;
        let began = Instant::now();
        let think_min = Duration::from_millis(self.args.think_ms);
        let played = {
            let mut player = Player::new(engine, think_min);
            tokio::select! {
                played = player.play(&mut session) => Some(played),
                () = self.cancel.cancelled() => None,
            }
        };
        let Some(played) = played else {
            interrupted(&mut session).await;
            return Err(Failure::play(format!("interrupted in match {id}")));
        };
        let (result, engine_failure) = match played {
            Ok(result) => (result, None),
            Err(PlayError::Engine { error, result }) => (result, Some(error.to_string())),
            Err(error) => return Err(Failure::play(format!("match {id}: {error}"))),
        };
        let resumed = session.resumed();
        let mut played = Played::of(session.view(), result, began.elapsed(), resumed);
        played.engine_failure = engine_failure;
        session.leave().await.map_err(Failure::play)?;
        Ok(played)
    }

    async fn find(&self) -> Result<MatchId, Failure> {
        let terms = &self.args.terms;
        let pairing = match &self.args.challenge {
            Some(id) => Pairing::Accept(id.clone()),
            None if self.args.open => Pairing::Challenge(terms.challenge()?),
            None => terms.pool()?,
        };
        let announce = |id: &str| {
            let (control, wait) = (terms.spoken_time(), terms.wait);
            let place = if self.args.open {
                format!("for a challenge at {control}")
            } else {
                format!("in the pool {control}")
            };
            note(&format!(
                "Waiting for an opponent {place}, {wait} s at most."
            ));
            if self.args.open {
                // With --json it stands on a line of its own kind.
                let json = serde_json::json!({ "challenge": id });
                say(&if self.args.json {
                    json.to_string()
                } else {
                    format!("challenge {id}")
                });
            }
        };
        let (matchmaker, token) = (&self.seat.matchmaker, &self.seat.token);
        terms
            .find(matchmaker, token, &pairing, &self.cancel, announce)
            .await
    }
}

/// Gives the match up, so that the opponent need not wait for the clock.
async fn interrupted(session: &mut SeatSession) {
    let command: CommandKind = give_up(session);
    if session.command(command).is_err() {
        return;
    }
    let answered = async {
        while session.machine().unanswered() > 0 && session.machine().over().is_none() {
            if session.next().await.is_err() {
                break;
            }
        }
    };
    // Past it the clock ends the match.
    let _ = timeout(FAREWELL, answered).await;
}

impl Played {
    fn of(
        view: &MatchView,
        (outcome, termination): (Outcome, Termination),
        after: Duration,
        resumed: u32,
    ) -> Self {
        Self {
            match_id: view.id(),
            seat: view.seat(),
            white: view.players().white.name.clone(),
            black: view.players().black.name.clone(),
            outcome,
            termination,
            plies: view.ply(),
            seconds: after.as_secs_f64(),
            resumed,
            engine_failure: None,
        }
    }
}

impl std::fmt::Display for Played {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seat = self
            .seat
            .map_or_else(|| "nobody".to_owned(), |seat| seat.to_string());
        write!(
            f,
            "match {}: {} - {} {} by {} after {} plies in {:.1} s, as {seat}",
            self.match_id,
            self.white,
            self.black,
            self.outcome,
            self.termination,
            self.plies,
            self.seconds,
        )?;
        match &self.engine_failure {
            Some(error) => write!(f, "; given up: {error}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::commands::play::PlayArgs;

    #[derive(Debug, Parser)]
    enum Either {
        Play(Box<PlayArgs>),
        Bot(Box<BotArgs>),
    }

    /// Those who follow the README in two terminals wait in the same pool.
    #[test]
    fn play_and_bot_meet_by_default() {
        let control = |command: &str, flags: &[&str]| {
            let line = ["bot-client", command]
                .into_iter()
                .chain(flags.iter().copied());
            Either::try_parse_from(line).map(|either| match either {
                Either::Play(args) => args.terms.time_control,
                Either::Bot(args) => args.terms.time_control,
            })
        };
        let minutes = |flags: &[&str]| {
            let both = ["play", "bot"].map(|command| control(command, flags).unwrap());
            assert_eq!(both[0], both[1]);
            both[0]
        };
        assert_eq!(minutes(&[]).initial(), Duration::from_secs(300));
        let five = minutes(&["--time-control", "5+3"]);
        assert_eq!(five.initial(), Duration::from_secs(300));
        for command in ["play", "bot"] {
            let refused = control(command, &["--time-control", "300+3"]).unwrap_err();
            assert!(refused.to_string().contains("300s+"), "{refused}");
        }
    }
}
