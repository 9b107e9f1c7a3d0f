//! Why a seat stream, or a whole connection, is closed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why the shard closes a seat stream (in [`crate::ServerBody::Closed`]) or a connection (as QUIC's
/// application error code, RFC 9000 section 20.2). The numbers are stable: clients may rely on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum CloseCode {
    /// The stream has ended normally: the client left, or the match is over.
    Done,
    /// A frame could not be decoded, was too long, or is not allowed at this point of the stream.
    ProtocolViolation,
    /// The token was not signed by this cluster's matchmaker, or is not a seat token.
    TokenInvalid,
    /// The token has expired: request a new one from the matchmaker.
    TokenExpired,
    /// The token is for another match than the one asked for.
    TokenWrongMatch,
    /// No match has this id.
    MatchNotFound,
    /// Another shard owns the match: request its address from the matchmaker.
    NotOwner,
    /// Another connection has taken this seat.
    Superseded,
    /// The shard is shutting down: request the new address of the match from the matchmaker.
    ShuttingDown,
    /// The store cannot be reached, so the match cannot be loaded now: retry.
    StoreUnavailable,
    /// The peer does not read what it is sent.
    SlowPeer,
    /// The timeout for the rest of a frame, or for the `Join`, has expired.
    Deadline,
    /// The shard is at its limit of connections, streams or matches.
    Full,
    /// The rate limit of commands or joins is exceeded: retry later.
    RateLimited,
    /// An internal error of the server; the match is resumed from its checkpoint.
    Internal,
    /// The shard does not know the version of the `Join`; [`crate::ServerBody::Unsupported`] names those
    /// that it knows.
    Unsupported,
    /// A reason that this version does not know; never sent.
    #[default]
    Unknown = u32::MAX,
}

impl CloseCode {
    /// Every code that has a meaning, at the index of its number.
    pub const ALL: [Self; 16] = [
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
        Self::Unsupported,
    ];

    /// The number on the wire, as QUIC's application error code.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The code of a number; `None` for a number that this version does not know.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        usize::try_from(number)
            .ok()
            .and_then(|index| Self::ALL.get(index))
            .copied()
    }

    /// Whether requesting the address again and rejoining can succeed.
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
                | Self::RateLimited
                | Self::Internal
                | Self::Unknown
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
            Self::Unsupported => "unsupported",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::CloseCode;

    #[test]
    fn numbers_and_names_are_stable() {
        let expected = [
            (0, "done"),
            (1, "protocol_violation"),
            (2, "token_invalid"),
            (3, "token_expired"),
            (4, "token_wrong_match"),
            (5, "match_not_found"),
            (6, "not_owner"),
            (7, "superseded"),
            (8, "shutting_down"),
            (9, "store_unavailable"),
            (10, "slow_peer"),
            (11, "deadline"),
            (12, "full"),
            (13, "rate_limited"),
            (14, "internal"),
            (15, "unsupported"),
        ];
        let actual = CloseCode::ALL.map(|code| (code.number(), code.code()));
        assert_eq!(actual, expected);
    }

    #[test]
    fn a_number_gives_its_code_back_and_unknown_ones_none() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(code.number().into()), Some(code));
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.code(), "JSON and the stable name agree");
        }
        for unknown in [16, 255, u64::from(u32::MAX) + 1, u64::MAX] {
            assert_eq!(CloseCode::from_number(unknown), None);
        }
    }

    #[test]
    fn a_client_comes_back_only_where_that_can_help() {
        let retryable = CloseCode::ALL
            .into_iter()
            .filter(|code| code.is_retryable());
        let names: Vec<_> = retryable.map(CloseCode::code).collect();
        assert_eq!(
            names,
            [
                "token_expired",
                "not_owner",
                "shutting_down",
                "store_unavailable",
                "slow_peer",
                "deadline",
                "full",
                "rate_limited",
                "internal"
            ]
        );
    }
}
