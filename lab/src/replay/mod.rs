//! `bot-client replay`: every game of a PGN file is played as a match by two clients, and must come
//! out as in the file.

mod args;
mod control;
mod game;
mod notation;
mod opening;
mod pgn;
mod report;
mod seat;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use game_core::{ClockStart, ColorChoice, MatchId, Outcome, Seat, Termination, TimeControl};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::http::{NewChallenge, PlayerReply, Start, Terms};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use args::ReplayArgs;
pub(crate) use game::movetext;
pub use game::{Ending, Game, Remark, SkipKind, Unplayable, read_games};
pub use opening::{BookPosition, NoBookPosition, read_book};
use report::AckHistogram;
pub use report::{AckTimes, Failure, FailureKind, GameRemark, Report, Skip};
use seat::{Manner, Outlook, SeatPlayer};

use crate::acked_log::AckedLog;
use client::connection::ConnectionTimes;
use client::seat::{PlayerSeat, SeatSession, SeatTimes, SessionConfig};
use client::{Connector, Matchmaker, MatchmakerError};

/// A replay.
#[derive(Debug, Clone)]
pub struct ReplayConfig {
    /// Address of the matchmaker.
    pub matchmaker: String,
    /// The authorities to trust instead of the system's, if its address begins with `https`.
    pub ca: Option<PathBuf>,
    /// The file.
    pub pgn: PathBuf,
    /// Games played at once.
    pub concurrency: usize,
    /// Whether moves take the time that the file's clocks say, and flags are left to fall.
    pub real_time: bool,
    /// For games that name none.
    pub default_control: TimeControl,
    /// Which games.
    pub selection: Selection,
    /// Where to append a line for every acknowledgement.
    pub acked_log: Option<PathBuf>,
    /// How long to try when the server is away.
    pub patience: Duration,
    /// Whether to draw a progress bar on stderr, if that is a terminal.
    pub progress: bool,
}

impl ReplayConfig {
    /// All games of a file, 50 at once, as fast as the server goes.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn new(matchmaker: &str, pgn: PathBuf) -> Self {
        Self {
            matchmaker: matchmaker.to_owned(),
            ca: None,
            pgn,
            concurrency: 50,
            real_time: false,
            default_control: TimeControl::from_millis(600_000, 0).expect("10+0 is in bounds"),
            selection: Selection::default(),
            acked_log: None,
            patience: Duration::from_secs(60),
            progress: false,
        }
    }
}

/// Which games of a file are played.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Games with one of these places in the file, from 1; all if there is none.
    pub numbers: Vec<usize>,
    /// Games of which a tag holds this text.
    pub text: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl Selection {
    fn takes(&self, number: usize, tags: &HashMap<String, String>) -> bool {
        let number = self.numbers.is_empty() || self.numbers.contains(&number);
        let text = |text: &String| tags.values().any(|tag| tag.contains(text));
        number && self.text.as_ref().is_none_or(text)
    }
}

/// Why there was no replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There is no game to play.
    #[error("{path} holds no game to play (of {games})")]
    NoGames {
        /// The file.
        path: PathBuf,
        /// The games in it.
        games: usize,
    },
    /// The matchmaker cannot be reached.
    #[error(transparent)]
    Matchmaker(#[from] MatchmakerError),
    /// There is no socket.
    #[error("no UDP socket: {0}")]
    Socket(std::io::Error),
}

/// Plays the games, and reports what came of them.
///
/// # Errors
///
/// [`ReplayError`] when not one game could be begun, although the file has some.
pub async fn run(config: ReplayConfig) -> Result<Report, ReplayError> {
    let (games, mut report) = select(&config)?;
    if games.is_empty() {
        return Ok(report);
    }
    let worker = Arc::new(Worker::new(&config)?);
    // Without a matchmaker there is one error instead of one a game.
    worker.matchmaker.new_player(None).await?;
    let bar = progress_bar(config.progress, games.len());
    let began = Instant::now();
    let acks = play_all(&worker, games, config.concurrency.max(1), &mut report, &bar).await;
    bar.finish_and_clear();
    report.seconds = began.elapsed().as_secs_f64();
    worker.connector.wait_idle(Duration::from_secs(1)).await;
    report.failures.sort_by_key(|failure| failure.game);
    report.plies = acks.count();
    // Exact: a count of moves is far below 2⁵³.
    report.moves_per_s = report.plies as f64 / report.seconds.max(f64::EPSILON);
    report.ack_ms = acks.times();
    Ok(report)
}

/// Plays a bounded number of games at the same time, until all are played.
async fn play_all(
    worker: &Arc<Worker>,
    mut games: VecDeque<Game>,
    at_once: usize,
    report: &mut Report,
    bar: &ProgressBar,
) -> AckHistogram {
    let mut acks = AckHistogram::new();
    let mut playing = JoinSet::new();
    loop {
        while playing.len() < at_once
            && let Some(game) = games.pop_front()
        {
            let worker = Arc::clone(worker);
            playing.spawn(async move { worker.play(game).await });
        }
        let Some(played) = playing.join_next().await else {
            return acks;
        };
        // A task that panics is a bug of this program; it is not hidden as an error of the server.
        let played = played.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        report.resumed += played.resumed;
        acks.add(&played.acks);
        match &played.failure {
            None => report.games += 1,
            Some(failure) if failure.kind == FailureKind::Mismatch => {
                report.games += 1;
                report.mismatches += 1;
            }
            Some(_) => report.errors += 1,
        }
        report.failures.extend(played.failure);
        bar.inc(1);
        bar.set_message(format!("{} plies", acks.count()));
    }
}

/// The games to play, and a report that knows of those that are not.
fn select(config: &ReplayConfig) -> Result<(VecDeque<Game>, Report), ReplayError> {
    let path = config.pgn.clone();
    let read = game::read(&path, config.default_control).map_err(|error| ReplayError::File {
        path: path.clone(),
        error,
    })?;
    let (mut report, total) = (Report::default(), read.len());
    let mut games = VecDeque::new();
    for game in read {
        match game {
            Ok(game) if config.selection.takes(game.number, &game.tags) => games.push_back(game),
            Err(game) if config.selection.takes(game.number, &game.tags) => {
                report.skips.push(Skip {
                    game: game.number,
                    line: game.line,
                    kind: game.kind,
                    reason: game.why,
                });
            }
            Ok(_) | Err(_) => {}
        }
    }
    games.truncate(config.selection.limit.unwrap_or(usize::MAX));
    if games.is_empty() && report.skips.is_empty() {
        return Err(ReplayError::NoGames { path, games: total });
    }
    report.skipped = report.skips.len();
    for game in &games {
        let remarks = game.contradiction.iter().chain(&game.remarks);
        report.contradictions += usize::from(game.contradiction.is_some());
        report.remarks.extend(remarks.map(|remark| GameRemark {
            game: game.number,
            line: remark.line,
            reason: remark.what.clone(),
        }));
    }
    Ok((games, report))
}

fn progress_bar(wanted: bool, games: usize) -> ProgressBar {
    if !wanted {
        return ProgressBar::hidden();
    }
    // Drawn on stderr, and only if that is a terminal.
    let bar = ProgressBar::new(games as u64);
    let template = "{bar:30} {pos}/{len} games, {msg}, {elapsed}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What came of one game.
struct Played {
    failure: Option<Failure>,
    resumed: u64,
    acks: AckHistogram,
}

/// What all games share.
struct Worker {
    matchmaker: Matchmaker,
    connector: Arc<Connector>,
    session: SessionConfig,
    manner: Manner,
}

impl Worker {
    /// In a replay something always happens soon, so a dead server is found out early.
    const TIMES: ConnectionTimes = ConnectionTimes {
        handshake_max: Duration::from_secs(5),
        keep_alive: Duration::from_secs(3),
        idle_max: Duration::from_secs(12),
    };
    /// UDP sockets; one buffer alone overflows when all games move at once.
    const SOCKETS: usize = 4;

    fn new(config: &ReplayConfig) -> Result<Self, ReplayError> {
        let acked_log = config.acked_log.as_deref().map(AckedLog::open).transpose();
        let acked_log = acked_log.map_err(|error| ReplayError::File {
            path: config.acked_log.clone().unwrap_or_default(),
            error,
        })?;
        let silence_max = (!config.real_time).then_some(Duration::from_secs(4));
        let connector = Connector::bind(Self::SOCKETS, Self::TIMES).map_err(ReplayError::Socket)?;
        Ok(Self {
            matchmaker: Matchmaker::trusting(
                &config.matchmaker,
                config.ca.as_deref(),
                config.patience,
            )?,
            connector: Arc::new(connector),
            session: SessionConfig {
                times: SeatTimes {
                    answer_max: Duration::from_secs(4),
                    silence_max,
                    ..SeatTimes::default()
                },
                patience: config.patience,
                ..SessionConfig::default()
            },
            manner: Manner {
                real_time: config.real_time,
                acked_log,
                patience: config.patience,
            },
        })
    }

    async fn play(&self, game: Game) -> Played {
        let mut played = Played {
            failure: None,
            resumed: 0,
            acks: AckHistogram::new(),
        };
        let mut match_id = None;
        let failed = match self.play_match(&game, &mut match_id, &mut played).await {
            Ok(None) => None,
            Ok(Some(difference)) => Some((FailureKind::Mismatch, difference)),
            Err(error) => Some((FailureKind::Error, error.to_string())),
        };
        played.failure = failed.map(|(kind, reason)| Failure {
            game: game.number,
            line: game.last_line,
            site: game.tag("Site").to_owned(),
            match_id,
            kind,
            reason,
        });
        played
    }

    /// Plays a game; how it differs from the file, if it does.
    async fn play_match(
        &self,
        game: &Game,
        match_id: &mut Option<MatchId>,
        played: &mut Played,
    ) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
        let [white, black] = [Seat::White, Seat::Black].map(|seat| game.player_name(seat));
        let white = self.matchmaker.new_player(white.as_deref()).await?;
        let black = self.matchmaker.new_player(black.as_deref()).await?;
        let id = self.pair(game, &white, &black).await?;
        *match_id = Some(id);
        let (mut white_resumed, mut black_resumed) = (0, 0);
        let mut black_acks = AckHistogram::new();
        let both = tokio::try_join!(
            self.sit(
                game,
                Seat::White,
                id,
                white,
                &mut played.acks,
                &mut white_resumed
            ),
            self.sit(
                game,
                Seat::Black,
                id,
                black,
                &mut black_acks,
                &mut black_resumed
            ),
        );
        played.acks.add(&black_acks);
        played.resumed += white_resumed + black_resumed;
        let (white, black) = both?;
        let pgn = self.matchmaker.pgn(id).await?;
        Ok(difference(game, &self.manner, [&white, &black], &pgn))
    }

    async fn pair(
        &self,
        game: &Game,
        white: &PlayerReply,
        black: &PlayerReply,
    ) -> Result<MatchId, MatchmakerError> {
        // Only what counts from the start can be resigned before both have moved.
        let clock_start = if game.moves.len() < 2 {
            ClockStart::AtOnce
        } else {
            ClockStart::default()
        };
        let challenge = NewChallenge {
            terms: Terms {
                variant: game.variant,
                start: game.start_fen.clone().map_or(Start::Usual, Start::Fen),
                clock_start,
                ..Terms::usual(game.time_control)
            },
            color: ColorChoice::White,
            opponent: Some(black.player.clone()),
            opponent_name: None,
            open: false,
            expires_in_s: None,
        };
        let challenge = self
            .matchmaker
            .create_challenge(&white.token, &challenge)
            .await?;
        let accepted = self
            .matchmaker
            .accept_challenge(&black.token, &challenge.id)
            .await?;
        accepted.match_id.ok_or_else(|| MatchmakerError::Nonsense {
            url: format!(
                "{}/v1/challenges/{}/accept",
                self.matchmaker.base(),
                challenge.id
            ),
            why: "an accepted challenge has no match".into(),
        })
    }

    async fn sit(
        &self,
        game: &Game,
        seat: Seat,
        id: MatchId,
        player: PlayerReply,
        acks: &mut AckHistogram,
        resumed: &mut u64,
    ) -> Result<Outlook, Box<dyn std::error::Error + Send + Sync>> {
        let source = Arc::new(PlayerSeat {
            matchmaker: self.matchmaker.clone(),
            token: player.token,
        });
        let connector = Arc::clone(&self.connector);
        let in_seat = |error: &dyn std::fmt::Display| format!("{seat}: {error}");
        let session = SeatSession::join(connector, source, id, self.session)
            .await
            .map_err(|error| in_seat(&error))?;
        let player = SeatPlayer::new(game, seat, &self.manner, session);
        let outlook = player.play(acks, resumed).await;
        Ok(outlook.map_err(|error| in_seat(&error))?)
    }
}

/// How the match differs from the game in the file, if it does.
fn difference(game: &Game, manner: &Manner, outlooks: [&Outlook; 2], pgn: &str) -> Option<String> {
    for (seat, outlook) in Seat::BOTH.into_iter().zip(outlooks) {
        let Some((outcome, termination)) = outlook.result else {
            return Some(format!("{seat} saw no result"));
        };
        if outcome != game.outcome || !fits(game, manner, termination) {
            let (expected, ending) = (game.outcome, game.ending);
            return Some(format!(
                "{seat} saw {outcome} by {termination}, the file has {expected} by {ending}"
            ));
        }
        if outlook.moves != game.moves {
            return Some(format!("{seat} saw other moves than the file has"));
        }
        if outlook.fen != game.final_fen {
            let (fen, expected) = (&outlook.fen, &game.final_fen);
            return Some(format!(
                "{seat} saw {fen} at the end, the file leads to {expected}"
            ));
        }
    }
    match game::movetext(pgn) {
        Err(why) => Some(format!("the server's PGN: {why}")),
        Ok((sans, _)) if sans != game.sans => Some(format!(
            "the server's PGN has other moves than the file: {}",
            sans.join(" ")
        )),
        Ok((_, result)) if result != game.outcome.as_pgn() => Some(format!(
            "the server's PGN says {result}, the file {}",
            game.outcome
        )),
        Ok(_) => None,
    }
}

/// Whether a match that was to end as the file says could end in this way.
fn fits(game: &Game, manner: &Manner, termination: Termination) -> bool {
    use Termination::{
        Checkmate, DeadPosition, DrawAgreement, FivefoldRepetition, MaxLength, Resignation,
        SeventyFiveMoves, Stalemate, TimeForfeit, VariantEnd,
    };
    let is_drawn = game.outcome == Outcome::Draw;
    match game.ending {
        Ending::ByTheRules => matches!(
            termination,
            Checkmate
                | Stalemate
                | DeadPosition
                | FivefoldRepetition
                | SeventyFiveMoves
                | MaxLength
                | VariantEnd
        ),
        Ending::TimeForfeit(_) if manner.real_time => termination == TimeForfeit,
        Ending::TimeForfeit(_) if is_drawn => termination == DrawAgreement,
        Ending::Agreement => termination == DrawAgreement,
        Ending::TimeForfeit(_) | Ending::Resignation(_) => termination == Resignation,
    }
}
