//! The stored document of a tournament, and the stored result of a match: JSON with a version.
//!
//! A later version reads the documents of all earlier ones, so a key is never given another meaning, and a new one has a
//! default.

use game_core::{MatchId, Outcome, PlayerId, Termination, UnixMillis};
use protocol::http::{BoardResult, ByeView, PairingSystem, Terms};
use serde::{Deserialize, Serialize};
use store::{ArchivedMatch, StoreError};

use crate::finished::public_at;

/// The version that is written.
const VERSION: u8 = 1;

/// A tournament.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Document {
    version: u8,
    pub(super) name: String,
    pub(super) system: PairingSystem,
    pub(super) cycles: u16,
    pub(super) heads: u16,
    /// Number of planned rounds; 0 if nobody has said.
    pub(super) planned: u16,
    pub(super) terms: Terms,
    /// By starting number.
    pub(super) players: Vec<Entrant>,
    pub(super) rounds: Vec<Round>,
    /// The digest of the request that made it, by which its repetition is recognised.
    pub(super) request: String,
}

/// A player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entrant {
    pub(super) id: PlayerId,
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rating: Option<u16>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_bot: bool,
}

/// A round that has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) made_at: UnixMillis,
    /// With the start position of all its matches, and without the tags of each.
    pub(super) terms: Terms,
    pub(super) pairings: Vec<Pairing>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) byes: Vec<ByeView>,
    /// Whether matches of it may still have to be created.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_pending: bool,
    /// As that of the tournament.
    pub(super) request: String,
}

/// A match of a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pairing {
    pub(super) board: String,
    pub(super) white: u16,
    pub(super) black: u16,
    pub(super) match_id: MatchId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ruling: Option<BoardResult>,
}

impl Document {
    /// A tournament without rounds.
    pub(super) const fn new(
        name: String,
        (system, cycles, heads, planned): (PairingSystem, u16, u16, u16),
        terms: Terms,
        players: Vec<Entrant>,
        request: String,
    ) -> Self {
        Self {
            version: VERSION,
            name,
            system,
            cycles,
            heads,
            planned,
            terms,
            players,
            rounds: Vec::new(),
            request,
        }
    }

    /// The document of a stored body.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if it is none, or of a later version.
    pub(super) fn read(body: &str) -> Result<Self, StoreError> {
        let corrupt = |error| StoreError::Corrupt(format!("a tournament: {error}"));
        /// What every version has.
        #[derive(Deserialize)]
        struct Versioned {
            version: u8,
        }
        let Versioned { version } = serde_json::from_str(body).map_err(corrupt)?;
        if version != VERSION {
            return Err(StoreError::Corrupt(format!(
                "a tournament is of version {version}, and this program reads up to {VERSION}: use a newer one"
            )));
        }
        serde_json::from_str(body).map_err(corrupt)
    }

    pub(super) fn write(&self) -> Box<str> {
        let body = serde_json::to_string(self);
        body.expect("a document has text keys only").into()
    }

    /// The player with a starting number.
    pub(super) fn entrant(&self, number: u16) -> Option<&Entrant> {
        self.players.get(usize::from(number).checked_sub(1)?)
    }

    /// The round with a number, from 1.
    pub(super) fn round(&self, number: u16) -> Option<&Round> {
        self.rounds.get(usize::from(number).checked_sub(1)?)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.rounds.iter().any(|round| round.is_pending)
    }
}

/// How a match has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) termination: Termination,
    /// From when on spectators see it.
    pub(super) public_at: UnixMillis,
}

impl Ended {
    /// What is stored of a match that has ended.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if it cannot be read.
    pub(super) fn read(result: &str) -> Result<Self, StoreError> {
        serde_json::from_str(result)
            .map_err(|error| StoreError::Corrupt(format!("a result in a tournament: {error}")))
    }

    /// What it counts; `None` for an aborted match, unless a side did not come.
    pub(super) const fn counts(self) -> Option<BoardResult> {
        match (self.outcome, self.termination) {
            (Outcome::WhiteWins, _) => Some(BoardResult::WhiteWins),
            (Outcome::BlackWins, _) => Some(BoardResult::BlackWins),
            (Outcome::Draw, _) => Some(BoardResult::Draw),
            (Outcome::Aborted, Termination::WhiteNoStart) => Some(BoardResult::BlackByForfeit),
            (Outcome::Aborted, Termination::BlackNoStart) => Some(BoardResult::WhiteByForfeit),
            (Outcome::Aborted, _) => None,
        }
    }
}

/// What is kept of the end of a match.
pub(crate) fn result_of(archived: &ArchivedMatch) -> String {
    let (outcome, termination) = archived.outcome();
    let ended = Ended {
        outcome,
        termination,
        public_at: public_at(archived),
    };
    serde_json::to_string(&ended).expect("a result has text keys only")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is stored now is read for ever: this text must not change.
    const STORED: &str = r#"{"version":1,"name":"Öpen","system":"round_robin","cycles":1,"heads":1,"planned":1,"terms":{"variant":"standard","control":{"initial_ms":60000,"increment_ms":0}},"players":[{"id":"ann","name":"Ann","rating":1500},{"id":"bot","name":"Bot","is_bot":true}],"rounds":[{"made_at":1800000000000,"terms":{"variant":"standard","control":{"initial_ms":60000,"increment_ms":0}},"pairings":[{"board":"1","white":1,"black":2,"match_id":"0123456789AB","ruling":"1/2-1/2"}],"byes":[{"player":2,"kind":"half"}],"is_pending":true,"request":"cd"}],"request":"ab"}"#;

    #[test]
    fn a_stored_document_is_read() {
        let document = Document::read(STORED).unwrap();
        assert_eq!(document.name, "Öpen");
        assert_eq!(document.entrant(1).unwrap().rating, Some(1_500));
        assert!(document.entrant(2).unwrap().is_bot && document.is_pending());
        assert_eq!((document.entrant(0), document.entrant(3)), (None, None));
        let pairing = &document.round(1).unwrap().pairings[0];
        assert_eq!(pairing.ruling, Some(BoardResult::Draw));
        assert_eq!(Document::read(&document.write()).unwrap(), document);
    }

    #[test]
    fn a_later_version_is_refused_by_its_number() {
        let later = STORED.replacen(r#""version":1"#, r#""version":2"#, 1);
        let error = Document::read(&later).unwrap_err().to_string();
        assert!(error.contains("version 2"), "{error}");
        assert!(Document::read("{}").is_err());
    }

    #[test]
    fn a_stored_result_is_read_and_counts() {
        let read = |outcome: &str, termination: &str| {
            let text = format!(
                r#"{{"outcome":"{outcome}","termination":"{termination}","public_at":1800000000000}}"#
            );
            Ended::read(&text).unwrap().counts()
        };
        assert_eq!(
            read("white_wins", "checkmate"),
            Some(BoardResult::WhiteWins)
        );
        assert_eq!(
            read("black_wins", "adjudicated"),
            Some(BoardResult::BlackWins)
        );
        assert_eq!(read("draw", "stalemate"), Some(BoardResult::Draw));
        assert_eq!(
            read("aborted", "white_no_start"),
            Some(BoardResult::BlackByForfeit)
        );
        assert_eq!(
            read("aborted", "black_no_start"),
            Some(BoardResult::WhiteByForfeit)
        );
        assert_eq!(read("aborted", "aborted"), None);
    }
}
