//! A request with a key of the client's choice.

use std::time::Duration;

use game_core::MatchId;

/// How long an entry is kept: a client that repeats a request later than this means a new one.
pub const REQUEST_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a request that was begun and not ended is taken to be running. Longer than any request takes; after it,
/// the process that ran it has ended.
pub const REQUEST_RUNS: Duration = Duration::from_secs(20);

/// A digest of all that a request says.
pub type RequestDigest = [u8; 32];

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is the caller's to carry out; what it creates has this id.
    New(MatchId),
    /// Another process is carrying it out.
    Running,
    /// The key was used for another request.
    Other,
    /// It was carried out, and answered so.
    Done(Vec<u8>),
}
