//! What chooses a bot's moves.

mod options;
mod report;
mod said;
mod stderr;
mod supply;
mod uci;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use game_core::{BySeat, Delay, Move, Position, Seat, TimeControl, Uci, Variant};
use rand::seq::IndexedRandom;

use client::MatchView;
pub use report::{EngineScore, Report};
pub use said::Said;
pub use supply::EngineSupply;
pub use uci::UciEngine;

/// Which engine, as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineKind {
    /// Any legal move, each as likely as any other.
    Random,
    /// A program that speaks UCI.
    Uci(Program),
}

/// A program and what it is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it is; a bare name is looked up in `PATH`.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// What else a program is started with; nothing of it is for engines of this program's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// UCI's options: names and values.
    pub options: Vec<(String, String)>,
    /// The file to which its stderr is appended; without one it is logged.
    pub stderr: Option<PathBuf>,
    /// What it is not told of its clock: the way to the server and back, and what this machine may be late.
    pub margin: Duration,
    /// The directory that it is started in; without one, that of this program.
    pub directory: Option<PathBuf>,
    /// What bounds each of its searches beside the clock.
    pub limits: Vec<SearchLimit>,
    /// Whether it thinks about an untimed first move as its clock says, as if that ran; by default it is given a
    /// second.
    pub first_moves_by_clock: bool,
}

/// A bound on a search, beside the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchLimit {
    /// The number of nodes.
    Nodes(u64),
    /// The depth in plies.
    Depth(u16),
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            options: Vec::new(),
            stderr: None,
            margin: Duration::from_millis(50),
            directory: None,
            limits: Vec::new(),
            first_moves_by_clock: false,
        }
    }
}

/// Text that names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an engine is `random` or `uci:PROGRAM ARGUMENTS`, quoted as for a shell, for example \
     uci:/usr/games/stockfish"
)]
pub struct InvalidEngine;

impl FromStr for EngineKind {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, InvalidEngine> {
        match text.split_once(':') {
            None if text == "random" => Ok(Self::Random),
            Some(("uci", command)) => {
                let mut words = shlex::split(command).ok_or(InvalidEngine)?.into_iter();
                let path = words.next().filter(|path| !path.is_empty());
                Ok(Self::Uci(Program {
                    path: path.ok_or(InvalidEngine)?.into(),
                    args: words.collect(),
                }))
            }
            _ => Err(InvalidEngine),
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("random"),
            Self::Uci(program) => write!(f, "uci:{program}"),
        }
    }
}

/// As a shell would read it.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string_lossy();
        let words = std::iter::once(path.as_ref()).chain(self.args.iter().map(String::as_str));
        // Only a NUL cannot be quoted, and no program is started with one.
        f.write_str(&shlex::try_join(words).unwrap_or_else(|_| path.clone().into_owned()))
    }
}

/// Why an engine has no move.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program cannot be started.
    #[error("cannot start {path}: {error}")]
    Start {
        /// The program.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The file for its stderr cannot be opened.
    #[error("cannot write the engine's stderr to {path}: {error}")]
    Stderr {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The program ended, or closed its pipes.
    #[error("the engine died{}", .0.as_deref().map(|said| format!("; it said {said:?}")).unwrap_or_default())]
    Died(
        /// The last line that it wrote to stderr.
        Option<String>,
    ),
    /// The program did not answer in time.
    #[error("the engine did not answer `{asked}` within {max:?}")]
    Hung {
        /// What it was told.
        asked: &'static str,
        /// The time it had.
        max: Duration,
    },
    /// The program does not know the rules of the match.
    #[error("the engine does not play {0}: it has no option for it")]
    Variant(Variant),
    /// The program answered with something that is no legal move.
    #[error("the engine's move {0:?} is not legal")]
    IllegalMove(String),
    /// There is nothing to choose from.
    #[error("there is no legal move")]
    NoMove,
}

/// The position to choose a move in, and the time there is.
#[derive(Debug, Clone)]
pub struct Task {
    start: Position,
    moves: Vec<Uci>,
    position: Position,
    controls: BySeat<TimeControl>,
    left: BySeat<Duration>,
    /// First moves are not timed, but must come soon or the match is aborted.
    is_timed: bool,
}

impl Task {
    /// The match as it stands.
    #[must_use]
    pub fn of(view: &MatchView, now: Instant) -> Self {
        Self {
            start: view.start().clone(),
            moves: view.moves().to_vec(),
            position: view.position().clone(),
            controls: *view.controls(),
            left: BySeat::new_with(|seat| view.remaining(seat, now)),
            is_timed: view.has_begun(),
        }
    }

    /// The same position with no more than `max` on either clock: an engine that goes by its clock
    /// then thinks less.
    #[must_use]
    pub fn hurried(mut self, max: Duration) -> Self {
        self.left = BySeat::new_with(|seat| self.left[seat].min(max));
        self
    }

    /// The rules of the match.
    fn variant(&self) -> Variant {
        self.start.variant()
    }

    /// The number of moves of `seat` so far.
    fn moves_of(&self, seat: Seat) -> u16 {
        let moves = u16::try_from(self.moves.len()).unwrap_or(u16::MAX - 1);
        (moves + u16::from(self.start.turn() == seat)) / 2
    }

    /// What `seat` earns by a move, as UCI has it: an increment. A delay is as good as one.
    fn earned(&self, seat: Seat) -> Duration {
        let stage = self.controls[seat].stage_at(self.moves_of(seat));
        let delay = match stage.delay {
            Delay::None => Duration::ZERO,
            Delay::Simple(delay) | Delay::Bronstein(delay) => delay,
        };
        stage.increment + delay
    }

    /// How many moves the side to move makes, this one included, until it gets the time of its next stage;
    /// `None` in its last stage.
    fn moves_to_go(&self) -> Option<u16> {
        let seat = self.position.turn();
        let made = self.moves_of(seat);
        let mut ends = 0_u16;
        for stage in self.controls[seat].stages() {
            ends = ends.saturating_add(stage.moves?);
            if made < ends {
                return Some(ends - made);
            }
        }
        None
    }

    /// What the side to move has left.
    fn own_time(&self) -> Duration {
        self.left[self.position.turn()]
    }

    /// UCI's `position` command.
    fn position_command(&self) -> String {
        let variant = self.variant();
        // Engines of Chess960 do not agree on what `startpos` is.
        let is_usual = variant != Variant::Chess960 && self.start == Position::initial(variant);
        let mut command = if is_usual {
            "position startpos".to_owned()
        } else {
            format!("position fen {}", self.start.fen())
        };
        if !self.moves.is_empty() {
            command.push_str(" moves");
            for uci in &self.moves {
                command.push(' ');
                command.push_str(&uci.to_string());
            }
        }
        command
    }

    /// The move that `text` names, if it is legal.
    fn legal(&self, text: &str) -> Option<Uci> {
        let uci: Uci = text.parse().ok()?;
        self.position.resolve(uci).map(Move::uci)
    }
}

/// An engine at work.
#[derive(Debug)]
pub enum Engine {
    /// Chooses at random.
    Random,
    /// A child process; it is killed when this is dropped.
    Uci(Box<UciEngine>),
}

impl Engine {
    /// Starts an engine.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when a program does not start or does not speak UCI.
    pub async fn start(kind: &EngineKind, settings: &EngineSettings) -> Result<Self, EngineError> {
        match kind {
            EngineKind::Random => Ok(Self::Random),
            EngineKind::Uci(program) => {
                let engine = UciEngine::start(program, settings).await?;
                Ok(Self::Uci(Box::new(engine)))
            }
        }
    }

    /// Whether it knows the rules of a variant.
    #[must_use]
    pub fn plays(&self, variant: Variant) -> bool {
        match self {
            Self::Random => true,
            Self::Uci(engine) => engine.plays(variant),
        }
    }

    /// Asks whether it is there and ready: between matches a program may have died unnoticed.
    ///
    /// # Errors
    ///
    /// [`EngineError`], after which the engine is of no more use.
    pub async fn check(&mut self) -> Result<(), EngineError> {
        match self {
            Self::Random => Ok(()),
            Self::Uci(engine) => engine.check().await,
        }
    }

    /// What it said of the search for its last move; nothing, if it chooses at random.
    #[must_use]
    pub fn report(&self) -> Report {
        match self {
            Self::Random => Report::default(),
            Self::Uci(engine) => engine.report(),
        }
    }

    /// Chooses a move. It may be dropped while it thinks.
    ///
    /// # Errors
    ///
    /// [`EngineError`], after which the engine is of no more use.
    pub async fn choose(&mut self, task: &Task) -> Result<Uci, EngineError> {
        match self {
            Self::Random => {
                let legal = task.position.legal_moves();
                let chosen = legal.choose(&mut rand::rng());
                chosen.map(|legal| legal.uci()).ok_or(EngineError::NoMove)
            }
            Self::Uci(engine) => engine.choose(task).await,
        }
    }
}

#[cfg(test)]
mod tests;
