//! The messages of a seat stream.

use std::fmt;
use std::time::Duration;

use game_core::{
    BySeat, ClockStart, CommandId, CommandKind, Epoch, EventKind, MatchId, MatchTags, Outcome,
    Player, PlayerId, Refusal, Rules, Seat, Termination, TimeControl, Uci, UnixMillis, Variant,
};
use serde::{Deserialize, Serialize};

use crate::codec::{grows, known};

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
    /// A line of chat, in the room of the seats or in that of the spectators. The shard answers with
    /// [`ServerBody::Said`] or [`ServerBody::NotSaid`].
    Say {
        /// The client's number for the line, which the answer repeats.
        id: u64,
        /// The line: 1 to [`CHAT_LEN_MAX`](crate::CHAT_LEN_MAX) characters.
        text: String,
    },
}

/// The request for a seat, or to watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The newest version of this protocol that the client knows, [`VERSION`](crate::VERSION). Read
    /// before the rest of the frame, which is not read if the shard does not know this version.
    pub version: u16,
    /// What the client wishes.
    pub flags: JoinFlags,
    /// The match to join; the token must be for it.
    pub match_id: MatchId,
    /// The seat token.
    pub token: String,
    /// The seq of the last event that the client saw, if it holds a state of the match. It then receives
    /// only the events after it, if the shard can send them in one frame.
    pub seen: Option<u32>,
}

/// What a client wishes of its stream, as bits. Bits without a meaning are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JoinFlags(pub u32);

impl JoinFlags {
    /// Nothing beside the usual.
    pub const NONE: Self = Self(0);
    /// The seat gets no lag compensation, as the client is not at the end of the line: a gateway.
    pub const NO_LAG_COMPENSATION: Self = Self(1);
    /// The shard sends a [`ServerBody::Heartbeat`] when it had nothing else to send for
    /// [`HEARTBEAT_EVERY`](crate::HEARTBEAT_EVERY).
    pub const HEARTBEATS: Self = Self(1 << 1);
    /// A spectator asks for the usual delay of public streams, also in a match without one.
    pub const DELAYED: Self = Self(1 << 2);
    /// Reserved: a shorter state, for browsers.
    pub const COMPACT: Self = Self(1 << 3);

    /// These and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
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

/// The calendar time of a server in microseconds since 1970-01-01T00:00:00Z. The times of one process
/// never decrease; those of two differ by what their clocks differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMicros(pub u64);

/// A server frame as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When it left the server. The clocks in it are as of then.
    pub time: UnixMicros,
    /// The frame.
    pub frame: ServerFrame,
}

/// What a shard sends. Its content depends only on writes that the store has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFrame {
    /// The epoch of the sender's ownership; a client ignores frames of a lower epoch than it knows.
    pub epoch: Epoch,
    /// The number of events in the match when the frame was made; for an event, its own number.
    pub seq: u32,
    /// The content.
    #[serde(deserialize_with = "known::or_default")]
    pub body: ServerBody,
}

/// The kinds of server frame.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
        #[serde(deserialize_with = "known::or_default")]
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
    /// Both clocks; the running one counts from the time of this frame. It ends a
    /// [`Paused`](Self::Paused), and the wait for a side to move that was absent. The side to move
    /// receives it repeatedly while it thinks, at growing intervals.
    Clock(ClockView),
    /// The last frame of the stream.
    Closed(#[serde(deserialize_with = "known::or_default")] crate::CloseCode),
    /// The shard does not know the version of the [`Join`]; [`Closed`](Self::Closed) follows. This kind
    /// has the same bytes in every version.
    Unsupported {
        /// The oldest version that the shard knows.
        min: u16,
        /// The newest version that the shard knows.
        max: u16,
    },
    /// Nothing: the shard is there. Only for a peer that asked for it
    /// ([`JoinFlags::HEARTBEATS`]).
    Heartbeat,
    /// The opponent of the receiver is gone while to move. Sent to the present seat every
    /// [`GONE_REPEATED_EVERY`](crate::GONE_REPEATED_EVERY).
    Gone {
        /// The seat that is empty.
        seat: Seat,
        /// From when on the receiver may claim the match, counted from the time of this frame; 0 if it
        /// may now. `None`: the opponent is back, or has nothing to do.
        claim_in_ms: Option<u32>,
    },
    /// Lines of chat in the room of the peer, in order: after the join those that are kept, at most
    /// [`CHAT_KEPT_MAX`](crate::CHAT_KEPT_MAX), then each new one.
    Chat(#[serde(with = "grows::each")] Vec<ChatLine>),
    /// A line of this peer was said.
    Said {
        /// Which line.
        id: u64,
    },
    /// A line of this peer was not said.
    NotSaid {
        /// Which line.
        id: u64,
        /// Why.
        #[serde(deserialize_with = "known::or_default")]
        reason: ChatRefusal,
    },
    /// A frame of a kind that this version does not know. Skipped by a client, and never sent.
    #[default]
    Unknown,
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
}

/// What a peer that joins has missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// The full state.
    State(#[serde(with = "grows")] MatchState),
    /// The events after the `seen` of the [`Join`], without gaps, each with its seq.
    Events(#[serde(with = "grows::each")] Vec<(u32, WireEvent)>),
}

/// The full state of a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchState {
    /// Who plays.
    pub players: BySeat<SeatView>,
    /// The rules of the game.
    pub variant: Variant,
    /// How much time each side has.
    pub controls: BySeat<TimeControl>,
    /// When the clocks begin to count.
    pub clock_start: ClockStart,
    /// When play begins, if not as soon as the match is made.
    pub start_at: Option<UnixMillis>,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// By how many seconds spectators are behind.
    pub spectator_delay_s: u8,
    /// Whether players and spectators can chat.
    pub chat: bool,
    /// The rules that differ from the usual ones. A client ignores those that it does not know, as the
    /// shard enforces them.
    #[serde(with = "rule_bits")]
    pub rules: Rules,
    /// Where the match belongs.
    pub tags: Option<TagsView>,
    /// The position at ply 0 as FEN, unless it is the initial position of the variant.
    pub start_fen: Option<String>,
    /// The position now, as FEN.
    pub fen: String,
    /// The moves that stand, from ply 0.
    pub moves: Vec<Uci>,
    /// The seq of the last event that changed the line of moves, by which the next move is named; 0
    /// before the first.
    pub position_seq: u32,
    /// The seat whose draw offer stands.
    pub draw_offer: Option<Seat>,
    /// The seat whose request for a takeback stands.
    pub takeback_offer: Option<Seat>,
    /// The seat whose offer of a rematch stands.
    pub rematch_offer: Option<Seat>,
    /// The match that both agreed on after this one.
    pub rematch: Option<MatchId>,
    /// How it ended, if it has.
    pub result: Option<(Outcome, Termination)>,
}

/// The bits of rules, of which unknown ones are dropped.
mod rule_bits {
    use game_core::{Rule, Rules};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(rules: &Rules, to: S) -> Result<S::Ok, S::Error> {
        rules.to_bits().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rules, D::Error> {
        let bits = u16::deserialize(from)?;
        let is_set = |rule: &Rule| bits & *rule as u16 != 0;
        Ok(Rule::ALL.into_iter().filter(is_set).collect())
    }
}

/// A player as shown to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatView {
    /// The id of the player.
    pub id: PlayerId,
    /// The name in records.
    pub name: String,
    /// The rating before the match, if the player has one.
    pub rating: Option<u16>,
    /// Whether a program plays.
    pub is_bot: bool,
}

impl From<&Player> for SeatView {
    fn from(player: &Player) -> Self {
        Self {
            id: player.id.clone(),
            name: player.name.as_ref().into(),
            rating: player.rating,
            is_bot: player.is_bot,
        }
    }
}

/// Where a match belongs, for records. Each has at most [`MatchTags::LEN_MAX`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagsView {
    /// The event that it is part of.
    #[serde(default)]
    pub event: Option<String>,
    /// The round of the event.
    #[serde(default)]
    pub round: Option<String>,
    /// The board in the round.
    #[serde(default)]
    pub board: Option<String>,
    /// Where it is played.
    #[serde(default)]
    pub site: Option<String>,
}

impl TagsView {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether each tag has 1 to [`MatchTags::LEN_MAX`] bytes, and no control character.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let is_valid = |tag: &String| {
            (1..=MatchTags::LEN_MAX).contains(&tag.len()) && !tag.contains(char::is_control)
        };
        let tags = [&self.event, &self.round, &self.board, &self.site];
        tags.into_iter().flatten().all(is_valid)
    }
}

impl From<&MatchTags> for TagsView {
    fn from(tags: &MatchTags) -> Self {
        let text = |tag: &Option<Box<str>>| tag.as_deref().map(String::from);
        Self {
            event: text(&tags.event),
            round: text(&tags.round),
            board: text(&tags.board),
            site: text(&tags.site),
        }
    }
}

impl From<TagsView> for MatchTags {
    fn from(tags: TagsView) -> Self {
        let text = |tag: Option<String>| tag.map(String::into_boxed_str);
        Self {
            event: text(tags.event),
            round: text(tags.round),
            board: text(tags.board),
            site: text(tags.site),
        }
    }
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
    /// For how long the running clock still stands, as its side has a simple delay.
    pub delay_ms: u32,
}

impl ClockView {
    /// The view of exact clocks, of which the running one still stands for `delay`.
    #[must_use]
    pub fn new(clocks: BySeat<Duration>, running: Option<Seat>, delay: Duration) -> Self {
        let ms = |clock: Duration| u32::try_from(clock.as_millis()).unwrap_or(u32::MAX);
        Self {
            white_ms: ms(clocks.white),
            black_ms: ms(clocks.black),
            running,
            delay_ms: ms(delay),
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
    /// Both clocks after it; the running one counts from the time of the frame, in a
    /// [`CatchUp`] from when it happened.
    pub clock: ClockView,
    /// What happened; `None` if this version does not know the kind of event. Such an event has a seq and
    /// clocks like any other, and changes nothing else that this version knows of. Never `None` in what is
    /// sent.
    #[serde(with = "known")]
    pub kind: Option<EventKind>,
}

/// A line of chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLine {
    /// The seat that said it; `None` for a spectator.
    pub seat: Option<Seat>,
    /// The name of who said it.
    pub name: String,
    /// What was said.
    pub text: String,
    /// When.
    pub at: UnixMillis,
}

/// Why a line was not said. The names are stable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChatRefusal {
    /// It has more than [`CHAT_LEN_MAX`](crate::CHAT_LEN_MAX) characters.
    TooLong,
    /// The last line of the player was less than a second ago.
    RateLimited,
    /// The match has no chat, or the peer has no right to say anything.
    ChatOff,
    /// The store does not answer; retry later.
    Unavailable,
    /// It has no visible character.
    Empty,
    /// A reason that this version does not know; never sent.
    #[default]
    Unknown,
}

impl ChatRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::RateLimited => "rate_limited",
            Self::ChatOff => "chat_off",
            Self::Unavailable => "unavailable",
            Self::Empty => "empty",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for ChatRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a command changed nothing: a rule of the match, or a limit of the shard. The names are
/// stable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "ReadRefusal")]
pub enum WireRefusal {
    /// A rule of the match.
    Match(Refusal),
    /// A spectator cannot act.
    NotAPlayer,
    /// The rate limit of commands is exceeded.
    RateLimited,
    /// Too many events of this match wait for the store; retry later.
    Paused,
    /// A reason that this version does not know; never sent.
    #[default]
    Unknown,
}

/// A [`WireRefusal`] as it is read: also the reasons of a match may have become more.
#[derive(Deserialize)]
enum ReadRefusal {
    Match(#[serde(with = "known")] Option<Refusal>),
    NotAPlayer,
    RateLimited,
    Paused,
    Unknown,
}

impl From<ReadRefusal> for WireRefusal {
    fn from(read: ReadRefusal) -> Self {
        match read {
            ReadRefusal::Match(Some(refusal)) => Self::Match(refusal),
            ReadRefusal::NotAPlayer => Self::NotAPlayer,
            ReadRefusal::RateLimited => Self::RateLimited,
            ReadRefusal::Paused => Self::Paused,
            ReadRefusal::Match(None) | ReadRefusal::Unknown => Self::Unknown,
        }
    }
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
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for WireRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
