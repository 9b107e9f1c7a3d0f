//! `bot-client play`: a person plays in the terminal.

mod dialog;
mod input;
mod joining;
mod lines;
mod opponent;
mod saved;
mod status;
mod stdin;

mod tui;
mod words;
mod wrong;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use game_core::{MatchId, Seat};
use protocol::http::NewChallenge;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::identity::{PlayerArgs, TermsArgs};
use client::connection::ConnectionTimes;
use client::pairing::Pairing;
use client::seat::{PlayerSeat, SeatSource, SessionConfig, Watch};
use client::{Connector, Matchmaker};
use dialog::Dialog;
use joining::join;
use lab::command::{Failure, ServerArgs, cancelled_by_signals, say};
use lab::engine::{EngineKind, EngineSettings};
use lab::terminal;
use opponent::{Opponent, SeatedOpponent};
use saved::{SavedBot, SavedSeat};

/// Play a match in the terminal.
///
/// By default against whoever waits in the pool of the same terms. Type a move (e4, Nf3, O-O or e2e4),
/// click it, or type `help`. Where stdin or stdout is no terminal, or TERM is dumb, the board is printed after
/// each move and moves are read from stdin, a line each. With NO_COLOR set, pieces are letters: upper
/// case for White.
///
/// Leaving (`quit`, Ctrl-C, or a closed terminal) does not end the match: `play --resume ID` takes
/// the seat again.
#[derive(Debug, Clone, Args)]
pub struct PlayArgs {
    /// Play against a bot of this program: `random`, or `uci:PATH` for a program that speaks UCI, for
    /// example uci:/usr/games/stockfish.
    #[arg(long, value_name = "ENGINE", group = "opponent")]
    against_bot: Option<EngineKind>,
    /// Append what the bot's program writes to stderr to this file.
    #[arg(long, value_name = "FILE")]
    engine_stderr: Option<PathBuf>,
    /// `new` makes a challenge and prints its id; the id of a challenge accepts it.
    #[arg(long, value_name = "new|ID", group = "opponent")]
    challenge: Option<String>,
    /// Take again the seat of a match that was left.
    #[arg(long, value_name = "MATCH", group = "opponent")]
    resume: Option<MatchId>,
    /// Which seat to take again, where both players of the match share this computer's account: white
    /// or black.
    #[arg(long = "as", value_name = "SEAT", requires = "resume", value_parser = seat)]
    resume_as: Option<Seat>,
    /// Watch a match.
    #[arg(long, value_name = "MATCH", group = "opponent")]
    watch: Option<MatchId>,
    /// Draw letters instead of chess symbols.
    #[arg(long, env = "ROOKERY_ASCII")]
    ascii: bool,
    /// Leave the mouse to the terminal, which can then mark text.
    #[arg(long)]
    no_mouse: bool,
    #[command(flatten)]
    pub(super) terms: TermsArgs,
    #[command(flatten)]
    player: PlayerArgs,
}

fn seat(text: &str) -> Result<Seat, String> {
    match text {
        "white" => Ok(Seat::White),
        "black" => Ok(Seat::Black),
        _ => Err("a seat is white or black".into()),
    }
}

impl PlayArgs {
    /// Whether the whole terminal is drawn on, so that log lines would spoil it.
    pub(super) fn takes_the_terminal() -> bool {
        std::io::stdin().is_terminal() && terminal::has_screen()
    }

    /// What the bot's program is started with.
    fn engine_settings(&self) -> EngineSettings {
        EngineSettings {
            stderr: self.engine_stderr.clone(),
            ..EngineSettings::default()
        }
    }
}

/// Plays the match that the command line asks for.
///
/// # Errors
///
/// [`Failure`].
pub(super) async fn run(args: &PlayArgs, server: &ServerArgs) -> Result<(), Failure> {
    let cancel = cancelled_by_signals()?;
    let connector = Connector::bind(1, ConnectionTimes::interactive()).map_err(Failure::setup)?;
    let evening = Evening {
        args,
        matchmaker: server.client()?,
        connector: Arc::new(connector),
        config: SessionConfig {
            patience: server.patience(),
            ..SessionConfig::interactive()
        },
        cancel,
    };
    let played = evening.play().await;
    evening.connector.wait_idle(Duration::from_secs(1)).await;
    played
}

/// All that one call of `play` needs.
struct Evening<'a> {
    args: &'a PlayArgs,
    matchmaker: Matchmaker,
    connector: Arc<Connector>,
    config: SessionConfig,
    cancel: CancellationToken,
}

/// A seat that was found, and the bot across the board, if it is one of ours.
struct Found {
    seat: SavedSeat,
    bot: Option<Opponent>,
}

impl Evening<'_> {
    async fn play(&self) -> Result<(), Failure> {
        if let Some(match_id) = self.args.watch {
            let token = self.args.player.token(&self.matchmaker).await?;
            let matchmaker = self.matchmaker.clone();
            let mut dialog = self
                .sit(match_id, Arc::new(Watch { matchmaker, token }))
                .await?;
            self.look(&mut dialog, None, &mut None).await?;
            return dialog.leave().await.map_err(Failure::play);
        }
        let Found { mut seat, bot } = self.find().await?;
        let mut bot = bot.map(|bot| {
            let (matchmaker, connector) = (self.matchmaker.clone(), Arc::clone(&self.connector));
            bot.sit(matchmaker, connector, seat.match_id, self.config)
        });
        let mut typed = None;
        let played = loop {
            match self.play_match(&mut seat, bot.as_mut(), &mut typed).await {
                Ok(Some(rematch)) => {
                    seat.match_id = rematch;
                    seat.seat = None;
                }
                Ok(None) => break Ok(()),
                Err(failure) => break Err(failure),
            }
        };
        if let Some(bot) = bot {
            bot.stop().await;
        }
        played
    }

    /// Plays one match; the next one, if both players agreed on a rematch.
    async fn play_match(
        &self,
        seat: &mut SavedSeat,
        bot: Option<&mut SeatedOpponent>,
        typed: &mut Option<mpsc::Receiver<String>>,
    ) -> Result<Option<MatchId>, Failure> {
        let folder = saved::folder();
        let mut kept = folder.as_deref().map(|folder| seat.save(folder));
        let source = PlayerSeat {
            matchmaker: self.matchmaker.clone(),
            token: seat.token.clone(),
        };
        let mut dialog = self.sit(seat.match_id, Arc::new(source)).await?;
        seat.seat = dialog.view().seat();
        if let Some(Ok(())) = kept {
            kept = folder.as_deref().map(|folder| seat.save(folder));
        }
        let looked = self.look(&mut dialog, bot, typed).await;
        let rematch = dialog.rematch().filter(|_| looked.is_ok());
        if dialog.is_over() {
            if let Some(folder) = &folder {
                seat.forget(folder);
            }
            // What stood on the whole terminal is gone with it.
            if PlayArgs::takes_the_terminal() && rematch.is_none() {
                say(&dialog.status());
            }
            if rematch.is_none() {
                self.say_what_remains(seat.match_id).await;
            }
        } else {
            let options = self.matchmaker.options();
            say(&comeback(&options, seat, matches!(kept, Some(Ok(())))));
        }
        let left = dialog.leave().await.map_err(Failure::play);
        looked.and(left).map(|()| rematch)
    }

    /// After the end: the record, where it stays, and how to play on.
    async fn say_what_remains(&self, id: MatchId) {
        let base = self.matchmaker.base();
        match self.matchmaker.pgn(id).await {
            Ok(pgn) => say(&format!("\n{}\n", pgn.trim_end())),
            Err(error) => say(&format!("The record cannot be had now: {error}")),
        }
        let terms = self.args.terms.as_flags();
        let again = match &self.args.against_bot {
            Some(engine) => format!("--against-bot '{engine}'"),
            None => "--challenge new".into(),
        };
        let options = self.matchmaker.options();
        say(&format!(
            "Match {id}; its record stays at {base}/v1/matches/{id}/pgn\n\
             Play again: bot-client play {options} {terms} {again}"
        ));
    }

    async fn sit(&self, id: MatchId, source: Arc<dyn SeatSource>) -> Result<Dialog, Failure> {
        let connector = Arc::clone(&self.connector);
        let session = join(connector, source, id, self.config).await?;
        Ok(Dialog::new(session))
    }

    /// Lets the player see and act until the match is over or the player leaves. `typed` are the lines of stdin,
    /// once they are listened to.
    async fn look(
        &self,
        dialog: &mut Dialog,
        bot: Option<&mut SeatedOpponent>,
        typed: &mut Option<mpsc::Receiver<String>>,
    ) -> Result<(), Failure> {
        let style = terminal::style(self.args.ascii);
        let bot_failed = async {
            match bot {
                Some(bot) => bot.failed().await,
                None => std::future::pending().await,
            }
        };
        if PlayArgs::takes_the_terminal() {
            let drawing = tui::Drawing {
                pieces: style.pieces,
                mouse: !self.args.no_mouse,
            };
            return tui::run(dialog, drawing, bot_failed, &self.cancel).await;
        }
        let typed =
            typed.get_or_insert_with(|| stdin::listen(std::io::BufReader::new(std::io::stdin())));
        // What is piped in ends with its match.
        let stays = std::io::stdin().is_terminal();
        tokio::select! {
            played = lines::run(dialog, typed, style, stays) => played.map_err(Failure::play),
            why = bot_failed => Err(Failure::play(why)),
            () = self.cancel.cancelled() => Ok(()),
        }
    }

    /// Finds a seat in the way that the command line says.
    async fn find(&self) -> Result<Found, Failure> {
        if let Some(match_id) = self.args.resume {
            return self.find_again(match_id).await;
        }
        // Terms that no match can have are not found out by waiting.
        self.args.terms.terms()?;
        let token = self.args.player.token(&self.matchmaker).await?;
        if let Some(kind) = &self.args.against_bot {
            return self.find_bot(kind, token).await;
        }
        let pairing = match self.args.challenge.as_deref() {
            None => self.args.terms.pool()?,
            Some("new") => Pairing::Challenge(self.args.terms.challenge()?),
            Some(id) => Pairing::Accept(id.to_owned()),
        };
        let options = self.matchmaker.options();
        let announce = |id: &str| match &pairing {
            Pairing::Challenge(_) => say(&format!(
                "Your challenge is {id}. Your opponent accepts it with:\n\n  \
                 bot-client play {options} --challenge {id}\n\nWaiting…"
            )),
            _ => say(&format!(
                "Waiting for an opponent in the pool {}… (Ctrl-C to stop)",
                self.args.terms.spoken_time()
            )),
        };
        let terms = &self.args.terms;
        let (matchmaker, cancel) = (&self.matchmaker, &self.cancel);
        let match_id = terms
            .find(matchmaker, &token, &pairing, cancel, announce)
            .await?;
        Ok(self.found(match_id, token, None))
    }

    async fn find_again(&self, match_id: MatchId) -> Result<Found, Failure> {
        if let Some(token) = &self.args.player.player_token {
            return Ok(self.found(match_id, token.clone(), None));
        }
        let seat = saved::folder()
            .ok_or_else(|| "there is no home folder".to_owned())
            .and_then(|folder| {
                let seat = self.args.resume_as;
                SavedSeat::load(&folder, match_id, seat).map_err(|why| why.to_string())
            })
            .map_err(|why| {
                Failure::setup(format!(
                    "cannot take a seat again in match {match_id}: {why}"
                ))
            })?;
        if seat.matchmaker != self.matchmaker.base() {
            let theirs = &seat.matchmaker;
            return Err(Failure::setup(format!(
                "match {match_id} is played at another server: add --matchmaker {theirs}"
            )));
        }
        let bot = match &seat.bot {
            None => None,
            Some(bot) => {
                let kind: EngineKind = bot.engine.parse().map_err(Failure::setup)?;
                let settings = self.args.engine_settings();
                let started = Opponent::start(&kind, &settings, bot.token.clone()).await;
                Some(started.map_err(Failure::setup)?)
            }
        };
        Ok(Found { seat, bot })
    }

    async fn find_bot(&self, kind: &EngineKind, token: String) -> Result<Found, Failure> {
        let name = match kind {
            EngineKind::Random => "Random bot".to_owned(),
            EngineKind::Uci(program) => {
                let stem = program
                    .path
                    .file_stem()
                    .map(std::ffi::OsStr::to_string_lossy);
                let name = stem.and_then(|stem| protocol::name::clean(&stem));
                name.unwrap_or_else(|| "Bot".to_owned())
            }
        };
        let guest = self.matchmaker.new_bot(Some(&name)).await?;
        let settings = self.args.engine_settings();
        let bot = Opponent::start(kind, &settings, guest.token).await;
        let bot = bot.map_err(Failure::setup)?;
        bot.check_variant(self.args.terms.variant)
            .map_err(Failure::setup)?;
        let challenge = NewChallenge {
            opponent: Some(guest.player),
            opponent_name: None,
            ..self.args.terms.challenge()?
        };
        let made = self.matchmaker.create_challenge(&token, &challenge).await?;
        let accepted = self
            .matchmaker
            .accept_challenge(&bot.token, &made.id)
            .await?;
        let match_id = accepted
            .match_id
            .ok_or_else(|| Failure::setup("the matchmaker names no match"))?;
        let saved = SavedBot {
            token: bot.token.clone(),
            engine: kind.to_string(),
        };
        let Found { seat, .. } = self.found(match_id, token, Some(saved));
        Ok(Found {
            seat,
            bot: Some(bot),
        })
    }

    fn found(&self, match_id: MatchId, token: String, bot: Option<SavedBot>) -> Found {
        let matchmaker = self.matchmaker.base().to_owned();
        let seat = SavedSeat {
            matchmaker,
            match_id,
            token,
            seat: None,
            bot,
        };
        Found { seat, bot: None }
    }
}

/// How to come back to a match that was left; `options` name its matchmaker.
fn comeback(options: &str, seat: &SavedSeat, is_kept: bool) -> String {
    let SavedSeat {
        match_id,
        token,
        seat,
        ..
    } = seat;
    let which = seat.map_or_else(String::new, |seat| format!("--as {seat} "));
    // The token is as good as a password: it is shown only where it could not be kept.
    let token = if is_kept {
        String::new()
    } else {
        format!("ROOKERY_PLAYER_TOKEN={token} ")
    };
    format!(
        "The match goes on, and so does your clock. To come back:\n\n  \
         {token}bot-client play {options} {which}--resume {match_id}"
    )
}
