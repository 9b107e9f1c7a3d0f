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
        /// The client's number for the command. A retransmitted command has the same number; another
        /// command under a used number is refused.
        id: CommandId,
        /// The request.
        kind: CommandKind,
    },
    /// The player leaves on purpose; the shard answers with [`CloseCode::Done`](crate::CloseCode).
    Leave,
}

/// The request for a seat, or to watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The match to join; the token must be for it.
    pub match_id: MatchId,
    /// The seat token.
    pub token: String,
    /// The seq of the last event that the client saw, if it holds a state of the match. It then receives
    /// only the events after it, if the shard can send them in one frame.
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

/// What a shard sends. Its content depends only on writes that the store has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFrame {
    /// The epoch of the sender's ownership; a client ignores frames of a lower epoch than it knows.
    pub epoch: Epoch,
    /// The number of events in the match when the frame was made; for an event, its own number.
    pub seq: u32,
    /// The content.
    pub body: ServerBody,
}

/// The kinds of server frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerBody {
    /// The answer to `Join`: the seat is taken.
    Joined(Box<Joined>),
    /// An event of the match.
    Event(WireEvent),
    /// A command has taken effect, now or when it was first received.
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
        /// Whether its player is connected now.
        connected: bool,
    },
    /// The store does not answer: until it does, clocks stand still and nothing is acknowledged.
    /// Repeated every [`PAUSED_REPEATED_EVERY`](crate::PAUSED_REPEATED_EVERY).
    Paused,
    /// Both clocks; the running one counts from the receipt of this frame. It ends a
    /// [`Paused`](Self::Paused), and the wait for a side to move that was absent. The side to move
    /// receives it repeatedly while it thinks, at growing intervals.
    Clock(ClockView),
    /// The last frame of the stream.
    Closed(crate::CloseCode),
}

/// The answer to a [`Join`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// What the peer may do.
    pub role: Role,
    /// What the peer lacks to know the match up to the frame's seq.
    pub catch_up: CatchUp,
    /// Both clocks now, after all of `catch_up`.
    pub clock: ClockView,
    /// Who is connected.
    pub connected: BySeat<bool>,
    /// Whether play is paused because the store does not answer.
    pub paused: bool,
    /// The server's calendar time.
    pub server_time: UnixMillis,
}

/// What a peer that joins has missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// The full state.
    State(MatchState),
    /// The events after the `seen` of the [`Join`], without gaps, each with its seq.
    Events(Vec<(u32, WireEvent)>),
}

/// The full state of a match.
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

/// A player as shown to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatView {
    /// The id of the player.
    pub id: PlayerId,
    /// The name in records.
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

/// An event as sent to players and spectators; its seq is in the frame.
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
    /// The rate limit of commands is exceeded.
    RateLimited,
    /// Too many events of this match wait for the store; retry later.
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
