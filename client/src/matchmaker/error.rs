//! What goes wrong between a client and a matchmaker.

use std::path::PathBuf;
use std::time::Duration;

use protocol::http::Problem;

/// Why a request to the matchmaker failed. Texts from the matchmaker contain no control sequences.
#[derive(Debug, thiserror::Error)]
pub enum MatchmakerError {
    /// It answered with a problem.
    #[error("{} ({})", .0.detail, .0.code)]
    Problem(Problem),
    /// It did not answer, or was not ready, until the patience ended.
    #[error("the matchmaker at {base} cannot be reached (tried for {waited:.1?}): {last}")]
    Unreachable {
        /// Its address.
        base: String,
        /// How long it was tried.
        waited: Duration,
        /// How the last attempt failed.
        last: String,
    },
    /// It limits this client's requests, and still did when the patience ended.
    #[error(
        "{} ({}; tried for {waited:.1?}); a load generator is let through by the matchmaker's option \
         --limit-exempt CIDR (ROOKERY_LIMIT_EXEMPT) with the address that it comes from",
        .problem.detail, .problem.code
    )]
    Limited {
        /// The limit.
        problem: Problem,
        /// How long it was tried.
        waited: Duration,
    },
    /// The answer is not of this protocol.
    #[error("the answer of {url} makes no sense: {why}")]
    Nonsense {
        /// The requested URL.
        url: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// It names another address. Following it would send the player's token there.
    #[error(
        "the matchmaker at {base} names another address, {to}, and is not followed there; to play there, \
         give --matchmaker {to}"
    )]
    Moved {
        /// The address that was used.
        base: String,
        /// The one that it names.
        to: String,
    },
    /// There is no trusted connection to it.
    #[error(
        "no trusted connection to {base}: {why}; an authority of your own is named by --ca FILE \
         (ROOKERY_CA)"
    )]
    Tls {
        /// Its address.
        base: String,
        /// What TLS objects to.
        why: String,
    },
    /// The authorities to trust cannot be had.
    #[error("{}: {why}", .file.as_ref().map_or_else(
        || "no authority is installed on this machine; name one by --ca FILE (ROOKERY_CA)".to_owned(),
        |file| format!("--ca (ROOKERY_CA): {}", file.display())
    ))]
    Authority {
        /// The file that was named; `None` for those of the system.
        file: Option<PathBuf>,
        /// Why.
        why: String,
    },
    /// The address is none.
    #[error(
        "{0:?} is not the address of a matchmaker; expected for example http://127.0.0.1:7000 or \
         https://chess.example.org"
    )]
    Address(String),
    /// An authority is of no use without TLS.
    #[error("--ca (ROOKERY_CA) is for addresses that begin with https, and {0} does not")]
    NoTls(String),
    /// No ticket or challenge has such an id.
    #[error("{0:?} is not the id of a ticket or challenge")]
    Id(String),
    /// No request has such an idempotency key.
    #[error("an idempotency key is 1 to 255 visible ASCII characters")]
    Key,
    /// No player has such a token.
    #[error("the player token holds what no token does")]
    Token,
}

impl MatchmakerError {
    /// Whether asking again later can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Limited { .. })
    }

    /// The stable code of a [`Problem`].
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) | Self::Limited { problem, .. } => Some(&problem.code),
            _ => None,
        }
    }
}
