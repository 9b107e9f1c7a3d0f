//! Why a command or a line of chat changed nothing.

use std::fmt;

use game_core::Refusal;
use serde::{Deserialize, Serialize};

use crate::format::known;

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
