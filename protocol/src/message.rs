//! The messages of a seat stream.

use std::fmt;
use std::time::Duration;

use game_core::{
    BySeat, ClockStart, CommandId, CommandKind, Epoch, EventKind, MatchId, Outcome, PlayerId,
    Refusal, Seat, Termination, TimeControl, Uci, UnixMillis,
};
use serde::{Deserialize, Serialize};

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientFrame {
    /// The first frame of a seat stream, and only the first.
    Join(Join),
    /// A command of the seat.
    Command {
        /// The client's number for it. The same command sent again bears the same number; another one
        /// under it is refused.
        id: CommandId,
        /// What is asked for.
        kind: CommandKind,
    },
    /// The player leaves on purpose; the shard answers with [`CloseCode::Done`](crate::CloseCode).
    Leave,
}

/// The claim to a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The match that the client means; the token must be for it.
    pub match_id: MatchId,
    /// The seat token.
    pub token: String,
    /// The seq of the last event that the client saw, if it has the match before its eyes: it is
    /// then sent the missing events alone, where the shard still has them.
    pub seen: Option<u32>,
}

/// What a peer may do in a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Plays White.
    White,
    /// Plays Black.
    Black,
    /// Watches.
    Spectator,
}

impl Role {
    /// The seat of a player; `None` for a spectator.
    #[must_use]
    pub const fn seat(self) -> Option<Seat> {
        match self {
            Self::White => Some(Seat::White),
            Self::Black => Some(Seat::Black),
            Self::Spectator => None,
        }
    }
}

impl From<Seat> for Role {
    fn from(seat: Seat) -> Self {
        match seat {
            Seat::White => Self::White,
            Seat::Black => Self::Black,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::White => "white",
            Self::Black => "black",
            Self::Spectator => "spectator",
        })
    }
}

/// What a shard sends. Nothing in it depends on a write that the store has not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFrame {
    /// The epoch of the ownership that speaks; a client ignores frames of a lower one than it knows.
    pub epoch: Epoch,
    /// Number of events that the match had when this was said; for an event its own number.
    pub seq: u32,
    /// What is said.
    pub body: ServerBody,
}

/// The kinds of server frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerBody {
    /// The answer to `Join`: the seat is taken.
    Joined(Box<Joined>),
    /// The match did something.
    Event(WireEvent),
    /// A command took effect, now or at an earlier sending.
    Ack {
        /// Which command.
        command_id: CommandId,
        /// The seq of the event that it caused.
        event: u32,
    },
    /// A command changed nothing.
    Refused {
        /// Which command.
        command_id: CommandId,
        /// Why.
        reason: WireRefusal,
    },
    /// A seat was taken or left.
    Presence {
        /// Which seat.
        seat: Seat,
        /// Whether somebody sits in it now.
        connected: bool,
    },
    /// The store does not answer: clocks stand still and nothing is acknowledged until it does. Said
    /// again every [`PAUSED_SAID_EVERY`](crate::PAUSED_SAID_EVERY).
    Paused,
    /// Play goes on: the clocks stand as given, and the named one runs from the receipt of this.
    /// Ends a [`Paused`](Self::Paused), and the wait for a side to move that was absent. The side to
    /// move is told so again while it thinks, less and less often.
    Clock(ClockView),
    /// The last frame of the stream.
    Closed(crate::CloseCode),
}

/// The answer to a [`Join`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// What the peer may do.
    pub role: Role,
    /// What the peer has to know to stand where the match stands.
    pub catch_up: CatchUp,
    /// Both clocks at this moment, after all of `catch_up`.
    pub clock: ClockView,
    /// Who is connected.
    pub connected: BySeat<bool>,
    /// Whether play is paused for want of a store.
    pub paused: bool,
    /// The server's calendar time.
    pub server_time: UnixMillis,
}

/// How a peer that joins learns what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// All there is to know.
    State(MatchState),
    /// The events after the `seen` of the [`Join`], without gaps, each with its seq.
    Events(Vec<(u32, WireEvent)>),
}

/// All there is to know of a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchState {
    /// Who plays.
    pub players: BySeat<SeatView>,
    /// How much time each side has.
    pub time_control: TimeControl,
    /// When the clocks begin to count.
    pub clock_start: ClockStart,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// The position at ply 0 as FEN, unless it is the initial position of chess.
    pub start_fen: Option<String>,
    /// The position now, as FEN.
    pub fen: String,
    /// All moves from ply 0.
    pub moves: Vec<Uci>,
    /// The seat whose draw offer stands.
    pub draw_offer: Option<Seat>,
    /// How it ended, if it has.
    pub result: Option<(Outcome, Termination)>,
}

/// A player as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatView {
    /// Who.
    pub id: PlayerId,
    /// The name for the records.
    pub name: String,
}

/// Both clocks at one moment, in milliseconds, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClockView {
    /// What White has left.
    pub white_ms: u32,
    /// What Black has left.
    pub black_ms: u32,
    /// The seat whose clock counts down from this moment.
    pub running: Option<Seat>,
}

impl ClockView {
    /// The view of exact clocks.
    #[must_use]
    pub fn new(clocks: BySeat<Duration>, running: Option<Seat>) -> Self {
        let ms = |clock: Duration| u32::try_from(clock.as_millis()).unwrap_or(u32::MAX);
        Self {
            white_ms: ms(clocks.white),
            black_ms: ms(clocks.black),
            running,
        }
    }

    /// What `seat` has left.
    #[must_use]
    pub fn of(&self, seat: Seat) -> Duration {
        Duration::from_millis(u64::from(match seat {
            Seat::White => self.white_ms,
            Seat::Black => self.black_ms,
        }))
    }
}

/// An event as players and spectators see it; its seq stands in the frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireEvent {
    /// The seat that caused it; `None` where time, the rules or an arbiter did.
    pub seat: Option<Seat>,
    /// What happened.
    pub kind: EventKind,
    /// Both clocks after it; the running one counts from the receipt of this frame.
    pub clock: ClockView,
}

/// Why a command changed nothing: a rule of the match, or a limit of the shard. The names are
/// stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WireRefusal {
    /// A rule of the match.
    Match(Refusal),
    /// A spectator cannot act.
    NotAPlayer,
    /// Commands come faster than allowed.
    RateLimited,
    /// So much of this match already waits for the store that no more is taken; try again.
    Paused,
}

impl WireRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Match(refusal) => refusal.code(),
            Self::NotAPlayer => "not_a_player",
            Self::RateLimited => "rate_limited",
            Self::Paused => "paused",
        }
    }
}

impl fmt::Display for WireRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
