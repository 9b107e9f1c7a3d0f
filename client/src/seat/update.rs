//! The timeouts, updates and errors of a seat.

use std::time::Duration;

use game_core::{CommandId, CommandKind, Seat};
use protocol::{CHAT_LEN_MAX, ChatLine, ChatRefusal, CloseCode, WireEvent, WireRefusal};

use super::unanswered::{Acked, Unanswered};

/// How long a seat waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatTimes {
    /// How long a shard may leave a command or a `Join` unanswered before the session reconnects.
    pub answer_max: Duration,
    /// How long a command, a `Join` or a ping may remain unanswered before the matchmaker is asked where the match is
    /// now, while the connection is kept; at least four round trips. If it names another shard, the session moves
    /// there.
    pub ask_after: Duration,
    /// How long a connection may bring no packet before it sends a ping
    /// ([`ConnectionTimes::keep_alive`](crate::connection::ConnectionTimes)); `None` if only commands show that the
    /// shard does not answer.
    pub pings_after: Option<Duration>,
    /// How long a shard may send nothing at all, in a match that is not over, before the session reconnects;
    /// `None` to rely on the connection's own timeout, as when a person may think for minutes.
    pub silence_max: Option<Duration>,
    /// How long a connection may bring no packet, not even the acknowledgement of a ping, before it counts as
    /// out of reach and both clocks in view stop ([`Update::Unresponsive`]). It must be well above
    /// [`ConnectionTimes::keep_alive`](crate::connection::ConnectionTimes), which makes the pings. `None` if
    /// nobody watches the clocks: they stop only when the connection is lost.
    pub unresponsive_after: Option<Duration>,
    /// A command that was refused for a reason that passes is sent again after this.
    pub retry_after: Duration,
    /// Whether a connection that is lost after the end of the match is restored, as for a rematch and for chat.
    pub returns_after_end: bool,
}

impl SeatTimes {
    /// For people, who watch the clocks, over connections with
    /// [`ConnectionTimes::interactive`](crate::connection::ConnectionTimes::interactive): a player who loses
    /// the shard knows it within two seconds. A ping goes out after 0.75 s of silence and is repeated until
    /// it is acknowledged, for which 0.85 s are left: twice the round trip of a distant mobile network.
    #[must_use]
    pub fn interactive() -> Self {
        Self {
            unresponsive_after: Some(Duration::from_millis(1_600)),
            pings_after: Some(Duration::from_millis(750)),
            returns_after_end: true,
            ..Self::default()
        }
    }
}

impl Default for SeatTimes {
    fn default() -> Self {
        Self {
            answer_max: Duration::from_secs(2),
            ask_after: Duration::from_millis(300),
            pings_after: None,
            silence_max: None,
            unresponsive_after: None,
            retry_after: Duration::from_millis(250),
            returns_after_end: false,
        }
    }
}

/// What a seat learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The seat is taken, and the view shows the match. Events that were missed while the seat was not
    /// connected are in the view already, and are not reported again.
    Joined {
        /// Whether the seat was connected before.
        again: bool,
    },
    /// The match did something.
    Event {
        /// Its number.
        seq: u32,
        /// What happened.
        event: WireEvent,
    },
    /// A command took effect.
    Acked {
        /// Which, and which event it caused.
        acked: Acked,
        /// From the command to its answer, reconnections included.
        after: Duration,
    },
    /// A command changed nothing, and is not tried again.
    Refused {
        /// Which command.
        id: CommandId,
        /// The command.
        kind: CommandKind,
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
    /// The opponent is gone while to move, or no longer is; [`MatchView::gone`](crate::MatchView::gone) counts.
    Gone {
        /// Which seat is empty.
        seat: Seat,
        /// In how long this seat may claim the match; `None` if the opponent is back or has nothing to do.
        claim_in: Option<Duration>,
    },
    /// New lines of chat, which are in the view already.
    Chat(Vec<ChatLine>),
    /// A line of chat of this client was said.
    Said {
        /// Which line.
        id: u64,
    },
    /// A line of chat of this client was not said.
    NotSaid {
        /// Which line.
        id: u64,
        /// Why.
        reason: ChatRefusal,
    },
    /// The store does not answer: clocks stand still.
    Paused,
    /// The clocks are known afresh, and run.
    Clock,
    /// The connection brings nothing any more: clocks stand still in view, as it is unknown whether the shard
    /// or the network has failed.
    Unresponsive,
    /// The connection brings something again, and was not lost.
    Responsive,
    /// The connection is lost, and is being restored: clocks stand still in view.
    Reconnecting(Loss),
    /// The session is over.
    Closed(CloseCode),
}

/// Why a connection is closed and restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The shard closed the stream for a reason that passes.
    #[error("the shard closed the seat: {0}")]
    Closed(CloseCode),
    /// The connection or the stream broke.
    #[error("{0}")]
    Broken(String),
    /// No answer to a command or to `Join`.
    #[error("the shard does not answer")]
    NoAnswer,
    /// Nothing was heard for too long.
    #[error("the shard is silent")]
    Silent,
    /// The client dropped it.
    #[error("dropped on purpose")]
    Dropped,
    /// The matchmaker names another shard.
    #[error("the match is on another shard now")]
    Moved,
    /// A shard that lost the match to another one spoke.
    #[error("the shard does not own the match any more")]
    OldOwner,
}

/// A command that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Too many commands wait for their answers.
    #[error("{} commands wait for an answer already", Unanswered::MAX)]
    TooMany,
    /// The session is over.
    #[error("the session is over")]
    Over,
    /// A line of chat can be said only while the seat is taken.
    #[error("the connection is being restored")]
    Away,
    /// A line of chat is too long.
    #[error("a line has {CHAT_LEN_MAX} characters at most")]
    LineTooLong,
}
