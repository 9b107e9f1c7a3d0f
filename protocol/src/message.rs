//! The messages of a seat stream.

use game_core::{BySeat, CommandId, CommandKind, Epoch, EventKind, MatchId, Seat, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::format::{grows, known};
use crate::{ChatRefusal, ClockView, CloseCode, MatchState, Role, WireRefusal};

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
    /// The player leaves on purpose; the shard answers with [`CloseCode::Done`].
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
    /// Reserved: a spectator asks to be behind, also in a match whose terms do not ask for it.
    pub const DELAYED: Self = Self(1 << 2);
    /// Reserved: a shorter state, for browsers.
    pub const COMPACT: Self = Self(1 << 3);
    /// The same as [`HEARTBEATS`](Self::HEARTBEATS), after
    /// [`FAST_HEARTBEAT_EVERY`](crate::FAST_HEARTBEAT_EVERY): for a page, which cannot ping.
    pub const FAST_HEARTBEATS: Self = Self(1 << 4);

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
    Closed(#[serde(deserialize_with = "known::or_default")] CloseCode),
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
#[expect(
    clippy::large_enum_variant,
    reason = "it is part of a Joined, which is boxed"
)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// The full state.
    State(#[serde(with = "grows")] MatchState),
    /// The events after the `seen` of the [`Join`], without gaps, each with its seq.
    Events(#[serde(with = "grows::each")] Vec<(u32, WireEvent)>),
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
