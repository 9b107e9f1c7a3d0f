//! One game: its match on the server, and the seats in it that play here.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use client::seat::{
    CommandError, PlayerSeat, SeatError, SeatSession, SessionConfig, Update, Watch,
};
use client::{Connector, Matchmaker, MatchmakerError};
use game_core::{
    BySeat, ColorChoice, CommandKind, MatchId, Outcome, Seat, StartPosition, Termination, Uci,
    WithMove,
};
use lab::command::note;
use lab::engine::{EngineError, EngineScore, EngineSupply, Report, Task};
use lab::player::give_up;
use protocol::http::{NewChallenge, Terms};
use protocol::{CloseCode, WireRefusal};
use tokio::time::Instant;

use super::adjudication::{Adjudicator, Rules};
use super::conduct::{Act, Conduct, SeatNow};
use super::notes::Notes;
use super::record::{Ending, Failed, Finished, MoveNote};
use super::schedule::Scheduled;

/// Why a game could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum GameError {
    /// The matchmaker did not do what was asked.
    #[error(transparent)]
    Matchmaker(#[from] MatchmakerError),
    /// A seat is lost.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// A command was not taken.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// An engine cannot be started.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What is kept of the game cannot be written.
    #[error("the notes of the game: {0}")]
    Notes(#[from] std::io::Error),
    /// The shard closed a seat before the end.
    #[error("the shard closed a seat before the match was over: {0}")]
    Closed(CloseCode),
    /// A legal move was refused.
    #[error("the legal move {uci} was refused: {reason}")]
    Refused {
        /// The move.
        uci: Uci,
        /// Why.
        reason: WireRefusal,
    },
    /// The run was begun with another command line.
    #[error(
        "the server has game {0} of this run on other terms: go on with the same command line, or give another -run"
    )]
    OtherTerms(u32),
    /// The match is aborted each time.
    #[error(
        "the match of game {number} was aborted {attempts} times: is each engine on another machine connected, and does \
         it move within 15 seconds?"
    )]
    NeverPlayed {
        /// Which game.
        number: u32,
        /// How often it was tried.
        attempts: u32,
    },
    /// A match is not as it was asked for.
    #[error("match {0} has another start position than it was made with")]
    OtherStart(MatchId),
}

/// What all games of a run share.
#[derive(Debug)]
pub(super) struct Setting {
    /// The matchmaker.
    pub(super) matchmaker: Matchmaker,
    /// The way to shards.
    pub(super) connector: Arc<Connector>,
    /// How seats behave.
    pub(super) session: SessionConfig,
    /// The identity of the run.
    pub(super) run: String,
    /// When games are ended before their end.
    pub(super) rules: Rules,
}

/// One game to be played.
#[derive(Debug)]
pub(super) struct GameToPlay {
    /// Which game.
    pub(super) scheduled: Scheduled,
    /// On which terms.
    pub(super) terms: Terms,
    /// The player tokens of both engines.
    pub(super) tokens: BySeat<String>,
    /// The engines that run here.
    pub(super) engines: BySeat<Option<EngineSupply>>,
    /// Where its notes are kept.
    pub(super) notes: Option<PathBuf>,
}

/// What came of a game.
#[derive(Debug)]
pub(super) struct Played {
    /// The game.
    pub(super) finished: Finished,
    /// How an engine failed in it.
    pub(super) failed: Option<Failed>,
    /// The engines, for the next game. One that was thinking when the game ended is gone.
    pub(super) engines: BySeat<Option<EngineSupply>>,
    /// How often seats were taken again after a loss of the connection.
    pub(super) resumed: u32,
}

/// How a match stands on the server when it is over.
struct Over {
    moves: Vec<Uci>,
    result: (Outcome, Termination),
}

/// Plays a game, from wherever an earlier process has left it.
pub(super) async fn play(setting: &Setting, mut game: GameToPlay) -> Result<Played, GameError> {
    /// A match that is aborted though no engine failed is played again so often.
    const ATTEMPTS_MAX: u32 = 20;
    let number = game.scheduled.number;
    for seat in Seat::BOTH {
        if let Some(supply) = &mut game.engines[seat] {
            supply.ready().await?;
        }
    }
    let mut resumed = 0;
    for attempt in 1..=ATTEMPTS_MAX {
        let Some(match_id) = make_match(setting, &game, attempt).await? else {
            continue;
        };
        let base = setting.matchmaker.base();
        note(&format!("Game {number}: {base}/match/{match_id}"));
        let reply = match setting.matchmaker.match_reply(match_id).await {
            Ok(reply) => reply,
            // It was over long ago, and nobody has it any more.
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        let start = start_of(&reply.terms, match_id)?;
        let mut notes = Notes::open(game.notes.as_deref(), match_id)?;
        let over = match reply.outcome.zip(reply.termination) {
            Some(result) => Over {
                moves: reply.moves,
                result,
            },
            None => {
                let engines = std::mem::take(&mut game.engines);
                let mut table =
                    Table::join(setting, engines, &game.tokens, match_id, &mut notes).await?;
                let over = table.play().await;
                resumed += table.resumed();
                game.engines = table.leave().await;
                over?
            }
        };
        if let Some(ending) = Ending::of(over.result, notes.failure()) {
            let server_pgn = setting.matchmaker.pgn(match_id).await?;
            let plies = 1..=u16::MAX;
            let of_move = plies
                .zip(&over.moves)
                .map(|(ply, uci)| notes.of_move(ply, *uci));
            let finished = Finished {
                scheduled: game.scheduled,
                match_id,
                start,
                notes: of_move.collect(),
                moves: over.moves,
                ending,
                server_pgn,
            };
            return Ok(Played {
                finished,
                failed: notes.failure().cloned(),
                engines: game.engines,
                resumed,
            });
        }
        tracing::warn!(number, %match_id, "the match was aborted, and is played again");
    }
    Err(GameError::NeverPlayed {
        number,
        attempts: ATTEMPTS_MAX,
    })
}

/// Plays one seat of a match that somebody else has made. Returns the engine, unless it was thinking at the end, and how the
/// match ended.
pub(super) async fn sit(
    setting: &Setting,
    (match_id, seat): (MatchId, Seat),
    token: &str,
    mut engine: EngineSupply,
) -> Result<(Option<EngineSupply>, (Outcome, Termination)), GameError> {
    engine.ready().await?;
    let tokens = BySeat::new_with(|_| token.to_owned());
    let mut engines = BySeat::default();
    engines[seat] = Some(engine);
    let mut notes = Notes::open(None, match_id)?;
    let mut table = Table::join(setting, engines, &tokens, match_id, &mut notes).await?;
    let over = table.play().await;
    let mut engines = table.leave().await;
    Ok((engines[seat].take(), over?.result))
}

fn is_missing(error: &MatchmakerError) -> bool {
    let gone = [
        "match_not_found",
        "challenge_not_found",
        "challenge_cancelled",
        "challenge_declined",
    ];
    error.code().is_some_and(|code| gone.contains(&code))
}

fn start_of(terms: &Terms, id: MatchId) -> Result<StartPosition, GameError> {
    terms
        .start_position(0)
        .map_err(|_| GameError::OtherStart(id))
}

/// The match of a game: made now, or by an earlier process under the same keys. `None` if it was never made and cannot be any
/// more, or is forgotten.
async fn make_match(
    setting: &Setting,
    game: &GameToPlay,
    attempt: u32,
) -> Result<Option<MatchId>, GameError> {
    let number = game.scheduled.number;
    let challenge = NewChallenge {
        color: ColorChoice::White,
        ..NewChallenge::new(game.terms.clone())
    };
    let key = format!("{}/{number}/{attempt}", setting.run);
    let matchmaker = &setting.matchmaker;
    let made = matchmaker
        .create_challenge_once(&key, &game.tokens.white, &challenge)
        .await;
    let made = made.map_err(|error| match error.code() {
        Some("idempotency_key_reused") => GameError::OtherTerms(number),
        _ => error.into(),
    })?;
    let accepted = matchmaker
        .accept_challenge_once(&format!("{key}/accept"), &game.tokens.black, &made.id)
        .await;
    match accepted {
        Ok(accepted) => Ok(accepted.match_id),
        // The match of a challenge has its id, and outlives it.
        Err(error) if is_missing(&error) => Ok(made.id.parse().ok()),
        Err(error) => Err(error.into()),
    }
}

/// What an engine came to, with the engine.
type Thinking = Pin<Box<dyn Future<Output = (EngineSupply, Chosen)> + Send>>;

struct Chosen {
    choice: Result<Uci, EngineError>,
    report: Report,
    took: Duration,
}

/// A seat that plays here.
struct LocalSeat {
    session: SeatSession,
    /// Absent while it thinks.
    engine: Option<EngineSupply>,
    thinking: Option<(u32, Thinking)>,
    /// The position for which a move was sent.
    moved_at: Option<u32>,
}

/// What a seat has heard.
enum Heard {
    Update(Update),
    Chosen(Chosen),
}

impl LocalSeat {
    /// Waits for what comes first. It may be dropped while it waits.
    async fn next(&mut self) -> Result<Heard, SeatError> {
        let Some((_, thinking)) = &mut self.thinking else {
            return Ok(Heard::Update(self.session.next().await?));
        };
        tokio::select! {
            biased;
            update = self.session.next() => Ok(Heard::Update(update?)),
            (engine, chosen) = thinking => {
                self.engine = Some(engine);
                Ok(Heard::Chosen(chosen))
            }
        }
    }

    /// Lets the engine think about the position in view.
    fn think(&mut self) {
        let Some(mut engine) = self.engine.take() else {
            return;
        };
        let began = Instant::now();
        let task = Task::of(self.session.view(), began.into_std());
        let position = self.session.view().position_seq();
        let thinking = Box::pin(async move {
            let (choice, report) = match engine.at_work() {
                Some(working) => (working.choose(&task).await, working.report()),
                None => (Err(EngineError::Died(None)), Report::default()),
            };
            let took = began.elapsed();
            let chosen = Chosen {
                choice,
                report,
                took,
            };
            (engine, chosen)
        });
        self.thinking = Some((position, thinking));
    }

    fn now(&self, seat: Seat) -> SeatNow {
        let view = self.session.view();
        SeatNow {
            plies: view.ply(),
            is_to_move: view.is_my_turn(),
            has_begun: view.has_begun(),
            is_offered_a_draw: view.draw_offer() == Some(seat.opponent()),
        }
    }
}

/// A match in play, as this process sees it.
struct Table<'a> {
    seats: BySeat<Option<LocalSeat>>,
    /// Watches where no seat plays here.
    watch: Option<SeatSession>,
    conduct: Conduct,
    notes: &'a mut Notes,
}

impl<'a> Table<'a> {
    async fn join(
        setting: &Setting,
        mut engines: BySeat<Option<EngineSupply>>,
        tokens: &BySeat<String>,
        match_id: MatchId,
        notes: &'a mut Notes,
    ) -> Result<Self, GameError> {
        let is_here = BySeat::new_with(|seat| engines[seat].is_some());
        let join = |token: &str| {
            let source = Arc::new(PlayerSeat {
                matchmaker: setting.matchmaker.clone(),
                token: token.to_owned(),
            });
            SeatSession::join(
                Arc::clone(&setting.connector),
                source,
                match_id,
                setting.session,
            )
        };
        let mut seats: BySeat<Option<LocalSeat>> = BySeat::default();
        for seat in Seat::BOTH {
            if is_here[seat] {
                let session = join(&tokens[seat]).await?;
                seats[seat] = Some(LocalSeat {
                    session,
                    engine: engines[seat].take(),
                    thinking: None,
                    moved_at: None,
                });
            }
        }
        let mut watch = None;
        if !is_here.white && !is_here.black {
            let source = Arc::new(Watch {
                matchmaker: setting.matchmaker.clone(),
                token: tokens.white.clone(),
            });
            let connector = Arc::clone(&setting.connector);
            watch = Some(SeatSession::join(connector, source, match_id, setting.session).await?);
        }
        let adjudicator = Adjudicator::new(setting.rules, is_here);
        let mut table = Self {
            seats,
            watch,
            conduct: Conduct::new(adjudicator),
            notes,
        };
        table.give_up_again()?;
        Ok(table)
    }

    /// Tells the conduct of the moves that it does not know: those of an earlier process, and of engines elsewhere.
    fn catch_up(&mut self) {
        let Some(session) = self.sessions().max_by_key(|session| session.view().ply()) else {
            return;
        };
        let view = session.view();
        let known = self.conduct.adjudicator.plies();
        if known >= view.ply() {
            return;
        }
        let first = view.start().turn();
        let unknown = view.moves()[usize::from(known)..].to_vec();
        for (ply, uci) in (known + 1..=u16::MAX).zip(unknown) {
            let score = self.notes.of_move(ply, uci).and_then(|note| note.score);
            let mover = if ply % 2 == 1 {
                first
            } else {
                first.opponent()
            };
            let score = score.map(EngineScore::centipawns);
            self.conduct.adjudicator.moved(mover, score);
        }
    }

    /// Gives the match up that an earlier process was about to give up.
    fn give_up_again(&mut self) -> Result<(), GameError> {
        let failed = self.notes.failure().map(|failed| failed.seat);
        if let Some(local) = failed.and_then(|seat| self.seats[seat].as_mut())
            && local.session.view().result().is_none()
        {
            let command = give_up(&local.session);
            local.session.command(command)?;
        }
        Ok(())
    }

    fn sessions(&self) -> impl Iterator<Item = &SeatSession> {
        let seats = Seat::BOTH
            .into_iter()
            .filter_map(|seat| self.seats[seat].as_ref());
        seats.map(|seat| &seat.session).chain(&self.watch)
    }

    fn resumed(&self) -> u32 {
        self.sessions().map(SeatSession::resumed).sum()
    }

    /// Plays until every session here has seen the result.
    async fn play(&mut self) -> Result<Over, GameError> {
        loop {
            let is_over = |session: &SeatSession| {
                let machine = session.machine();
                session.view().result().is_some()
                    && (machine.unanswered() == 0 || machine.over().is_some())
            };
            if self.sessions().all(is_over)
                && let Some(session) = self.sessions().next()
                && let Some(result) = session.view().result()
            {
                let moves = session.view().moves().to_vec();
                return Ok(Over { moves, result });
            }
            self.catch_up();
            for seat in Seat::BOTH {
                self.act(seat)?;
            }
            let (white, black) = (&mut self.seats.white, &mut self.seats.black);
            let watch = &mut self.watch;
            let (seat, heard) = tokio::select! {
                heard = next(white) => (Some(Seat::White), heard?),
                heard = next(black) => (Some(Seat::Black), heard?),
                heard = watched(watch) => (None, Heard::Update(heard?)),
            };
            match (seat, heard) {
                (Some(seat), Heard::Chosen(chosen)) => self.chosen(seat, chosen)?,
                (seat, Heard::Update(update)) => self.learn(seat, update)?,
                (None, Heard::Chosen(_)) => {}
            }
        }
    }

    /// Lets a seat do what it has to do now.
    fn act(&mut self, seat: Seat) -> Result<(), GameError> {
        let Some(local) = &mut self.seats[seat] else {
            return Ok(());
        };
        let view = local.session.view();
        if view.result().is_some() || self.notes.failure().is_some() {
            return Ok(());
        }
        let position = view.position_seq();
        // A search for a position that is no more is of no use.
        if local
            .thinking
            .as_ref()
            .is_some_and(|(about, _)| *about != position)
        {
            return Ok(());
        }
        match self.conduct.next(seat, local.now(seat)) {
            Act::Command(command) => drop(local.session.command(command)?),
            Act::Think if local.thinking.is_none() && local.moved_at != Some(position) => {
                local.think();
            }
            Act::Think | Act::Wait => {}
        }
        Ok(())
    }

    /// The engine of a seat is done.
    fn chosen(&mut self, seat: Seat, chosen: Chosen) -> Result<(), GameError> {
        let Some(local) = &mut self.seats[seat] else {
            return Ok(());
        };
        let about = local.thinking.take().map(|(position, _)| position);
        let view = local.session.view();
        let position = view.position_seq();
        match chosen.choice {
            Ok(uci) => {
                if view.result().is_some() || about != Some(position) {
                    return Ok(());
                }
                let plies = view.ply() + 1;
                let begins = view.has_begun() || plies >= 2;
                let note = MoveNote {
                    score: chosen.report.score,
                    depth: chosen.report.depth,
                    took: chosen.took,
                };
                self.notes.moved(plies, uci, note)?;
                let score = note.score.map(EngineScore::centipawns);
                let (with, behind) = self.conduct.chosen(seat, begins, score);
                local.moved_at = Some(position);
                local.session.play_with(uci, with)?;
                if let Some(command) = behind {
                    local.session.command(command)?;
                }
            }
            Err(error) => {
                if let Some(engine) = &mut local.engine {
                    engine.failed();
                }
                if view.result().is_some() {
                    return Ok(());
                }
                tracing::error!(match_id = %view.id(), %seat, %error, "an engine failed");
                self.notes.failed(&Failed {
                    seat,
                    why: error.to_string(),
                })?;
                let command = give_up(&local.session);
                local.session.command(command)?;
            }
        }
        Ok(())
    }

    fn learn(&mut self, seat: Option<Seat>, update: Update) -> Result<(), GameError> {
        let local = seat.and_then(|seat| self.seats[seat].as_mut());
        let session = match (local, &mut self.watch) {
            (Some(local), _) => &mut local.session,
            (None, Some(watch)) => watch,
            (None, None) => return Ok(()),
        };
        let is_over = session.view().result().is_some();
        match update {
            Update::Closed(code) if !is_over => return Err(GameError::Closed(code)),
            Update::Refused { kind, reason, .. } if !is_over => match kind {
                CommandKind::Move {
                    position_seq,
                    uci,
                    with,
                } => {
                    if session.view().position_seq() != position_seq {
                        return Ok(());
                    }
                    if with == WithMove::Nothing {
                        return Err(GameError::Refused { uci, reason });
                    }
                    // An earlier process has offered a draw not long ago.
                    session.play(uci)?;
                }
                // The match began in between.
                CommandKind::Abort if session.view().has_begun() => {
                    session.command(CommandKind::Resign)?;
                }
                CommandKind::Resign | CommandKind::OfferDraw | CommandKind::AcceptDraw => {
                    tracing::warn!(match_id = %session.view().id(), ?kind, %reason, "the game goes on");
                    self.conduct.refused();
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    /// Leaves all seats, and returns the engines that do not think.
    async fn leave(self) -> BySeat<Option<EngineSupply>> {
        let mut engines = BySeat::default();
        let mut sessions: Vec<SeatSession> = self.watch.into_iter().collect();
        let BySeat { white, black } = self.seats;
        for (seat, local) in [(Seat::White, white), (Seat::Black, black)] {
            if let Some(local) = local {
                engines[seat] = local.engine;
                sessions.push(local.session);
            }
        }
        for session in sessions {
            // The result is known.
            let _ = session.leave().await;
        }
        engines
    }
}

async fn next(seat: &mut Option<LocalSeat>) -> Result<Heard, SeatError> {
    match seat {
        // A session that is closed says so again and again.
        Some(seat) if seat.session.machine().over().is_none() => seat.next().await,
        _ => std::future::pending().await,
    }
}

async fn watched(watch: &mut Option<SeatSession>) -> Result<Update, SeatError> {
    match watch {
        Some(session) if session.machine().over().is_none() => session.next().await,
        _ => std::future::pending().await,
    }
}
