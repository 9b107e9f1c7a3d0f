//! Why a seat stream, or a whole connection, is closed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why the shard closes a seat stream (in [`crate::ServerBody::Closed`]) or a connection (as QUIC's
/// application error code, RFC 9000 section 20.2). The numbers are stable: clients may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCode {
    /// All is said.
    Done,
    /// A frame could not be decoded, was too long, or came out of place.
    ProtocolViolation,
    /// The token is not one that this cluster's matchmaker signed, or not for a seat.
    TokenInvalid,
    /// The token's time is over: ask the matchmaker for a new one.
    TokenExpired,
    /// The token is for another match than the one asked for.
    TokenWrongMatch,
    /// No match has this id.
    MatchNotFound,
    /// Another shard owns the match: ask the matchmaker where it lives.
    NotOwner,
    /// Another connection has taken this seat.
    Superseded,
    /// The shard is going away: ask the matchmaker where the match lives.
    ShuttingDown,
    /// The store cannot be reached, so the match cannot be loaded now: try again.
    StoreUnavailable,
    /// The peer does not read what it is sent.
    SlowPeer,
    /// A frame was begun and not finished, or no `Join` was sent, in time.
    Deadline,
    /// The shard holds all the connections, streams or matches that it may.
    Full,
    /// Commands came faster than allowed for too long.
    RateLimited,
    /// A fault of the server; the match is resumed from its checkpoint.
    Internal,
}

impl CloseCode {
    const ALL: [Self; 15] = [
        Self::Done,
        Self::ProtocolViolation,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenWrongMatch,
        Self::MatchNotFound,
        Self::NotOwner,
        Self::Superseded,
        Self::ShuttingDown,
        Self::StoreUnavailable,
        Self::SlowPeer,
        Self::Deadline,
        Self::Full,
        Self::RateLimited,
        Self::Internal,
    ];

    /// The number that stands on the wire as QUIC's application error code.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The code of a number; `None` for one that this version does not know.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        usize::try_from(number)
            .ok()
            .and_then(|index| Self::ALL.get(index))
            .copied()
    }

    /// Whether asking the matchmaker and joining again can help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::TokenExpired
                | Self::NotOwner
                | Self::ShuttingDown
                | Self::StoreUnavailable
                | Self::SlowPeer
                | Self::Deadline
                | Self::Full
                | Self::Internal
        )
    }

    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::ProtocolViolation => "protocol_violation",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::TokenWrongMatch => "token_wrong_match",
            Self::MatchNotFound => "match_not_found",
            Self::NotOwner => "not_owner",
            Self::Superseded => "superseded",
            Self::ShuttingDown => "shutting_down",
            Self::StoreUnavailable => "store_unavailable",
            Self::SlowPeer => "slow_peer",
            Self::Deadline => "deadline",
            Self::Full => "full",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
