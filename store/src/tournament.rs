//! A tournament as it is stored: its document, and the results of its matches.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use game_core::{MatchId, UnixMillis};

use crate::error::StoreError;

/// How long a tournament is kept after its document was last changed.
pub const TOURNAMENT_KEPT: Duration = Duration::from_secs(2 * 366 * 24 * 60 * 60);

/// Upper bound on a document, in bytes.
pub const TOURNAMENT_LEN_MAX: usize = 1024 * 1024;

/// Upper bound on the result of a match, in bytes.
pub const RESULT_LEN_MAX: usize = 1024;

/// Upper bound on matches that one change of a tournament adds.
pub const ROUND_MATCHES_MAX: usize = 1_000;

/// Upper bound on tournaments that are listed at once.
pub const TOURNAMENTS_PAGE_MAX: usize = 100;

/// Names a tournament: 1 to 40 characters of the organiser's choice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TournamentId(Box<str>);

/// Why a text does not name a tournament.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the id of a tournament is 1 to {max} characters of 0-9, A-Z, a-z, _ and -, the first of them a digit or a letter",
    max = TournamentId::LEN_MAX
)]
pub struct InvalidTournamentId;

impl TournamentId {
    /// Upper bound on an id, in characters.
    pub const LEN_MAX: usize = 40;

    /// Its characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TournamentId {
    type Err = InvalidTournamentId;

    fn from_str(text: &str) -> Result<Self, InvalidTournamentId> {
        let is_one = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let begins = text
            .as_bytes()
            .first()
            .is_some_and(u8::is_ascii_alphanumeric);
        if begins && text.len() <= Self::LEN_MAX && text.bytes().all(is_one) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidTournamentId)
        }
    }
}

impl fmt::Display for TournamentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tournament.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tournament {
    /// How often its document was changed, from 1.
    pub revision: u64,
    /// The document: JSON, which the store does not read.
    pub body: Box<str>,
    /// The results of its matches that have ended, in the order of their ids.
    pub results: Vec<(MatchId, Box<str>)>,
}

/// A new document of a tournament.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TournamentChange {
    /// Which tournament.
    pub id: TournamentId,
    /// The revision that this document was made from; 0 for a new tournament.
    pub expected: u64,
    /// The document.
    pub body: Box<str>,
    /// The matches that belong to the tournament from now on, beside those of before.
    pub matches: Vec<MatchId>,
    /// Whether matches of it are still to be created.
    pub is_pending: bool,
    /// When the change was made.
    pub at: UnixMillis,
}

impl TournamentChange {
    /// Refuses what no store keeps.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let too_long = self.body.len() > TOURNAMENT_LEN_MAX;
        if too_long || self.matches.len() > ROUND_MATCHES_MAX {
            let text = format!(
                "tournament {} has a document of {} bytes and {} new matches: at most {TOURNAMENT_LEN_MAX} \
                 and {ROUND_MATCHES_MAX} are kept",
                self.id,
                self.body.len(),
                self.matches.len()
            );
            return Err(StoreError::Unfit(text));
        }
        Ok(())
    }
}

/// Refuses a result that no store keeps.
pub(crate) fn check_result(result: &str) -> Result<(), StoreError> {
    if result.is_empty() || result.len() > RESULT_LEN_MAX {
        let text = format!(
            "a result of {} bytes: 1 to {RESULT_LEN_MAX} are kept",
            result.len()
        );
        return Err(StoreError::Unfit(text));
    }
    Ok(())
}

/// What became of a [`TournamentChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TournamentChanged {
    /// The document is this one, at the revision after the expected one.
    Done,
    /// Nothing was changed, as the document has this revision; 0 if there is none.
    Stale(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_documented() {
        for good in ["a", "club-2026_A", &"x".repeat(40)] {
            assert_eq!(good.parse::<TournamentId>().unwrap().to_string(), good);
        }
        for bad in ["", "-a", "_a", "a b", "ä", "a/b", &"x".repeat(41)] {
            assert_eq!(
                bad.parse::<TournamentId>(),
                Err(InvalidTournamentId),
                "{bad}"
            );
        }
    }
}
