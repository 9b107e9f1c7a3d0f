//! A tournament as it is told.

use game_core::UnixMillis;
use protocol::http::{EntrantView, PairingView, RoundView, TournamentReply};
use store::{StoreError, Tournament, TournamentId};

use super::document::{Document, Ended, Pairing, Round};
use super::standings::{Results, counted, standings};

/// A tournament as it was read.
pub(super) struct Known {
    pub(super) revision: u64,
    pub(super) document: Document,
    pub(super) results: Results,
}

impl Known {
    /// What is stored, with the results that are public at `now`; with all without a time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if it cannot be read.
    pub(super) fn read(stored: &Tournament, now: Option<UnixMillis>) -> Result<Self, StoreError> {
        let mut results = Results::with_capacity(stored.results.len());
        for (id, result) in &stored.results {
            let ended = Ended::read(result)?;
            if now.is_none_or(|now| ended.public_at <= now) {
                results.insert(*id, ended);
            }
        }
        Ok(Self {
            revision: stored.revision,
            document: Document::read(&stored.body)?,
            results,
        })
    }

    /// The answer to whoever reads it.
    pub(super) fn reply(&self, id: &TournamentId) -> TournamentReply {
        let Document {
            name,
            system,
            planned,
            terms,
            players,
            rounds,
            ..
        } = &self.document;
        let rounds: Vec<RoundView> = (1..)
            .zip(rounds)
            .map(|(number, round)| self.round(number, round))
            .collect();
        let ended = |round: &RoundView| {
            let mut pairings = round.pairings.iter();
            pairings.all(|pairing| pairing.result.is_some())
        };
        let begun = u16::try_from(rounds.len()).unwrap_or(u16::MAX);
        let entrant = |(number, entrant): (u16, &super::document::Entrant)| EntrantView {
            number,
            id: entrant.id.clone(),
            name: entrant.name.clone(),
            rating: entrant.rating,
            is_bot: entrant.is_bot,
        };
        TournamentReply {
            id: id.to_string(),
            name: name.clone(),
            system: *system,
            rounds_planned: *planned,
            terms: terms.clone(),
            players: (1..).zip(players).map(entrant).collect(),
            is_over: *planned > 0 && begun >= *planned && rounds.iter().all(ended),
            rounds,
            standings: standings(&self.document, &self.results),
        }
    }

    fn round(&self, number: u16, round: &Round) -> RoundView {
        let pairing = |pairing: &Pairing| PairingView {
            board: pairing.board.clone(),
            white: pairing.white,
            black: pairing.black,
            match_id: pairing.match_id,
            result: counted(pairing.ruling, pairing.match_id, &self.results),
            termination: self
                .results
                .get(&pairing.match_id)
                .map(|ended| ended.termination),
            is_ruled: pairing.ruling.is_some(),
        };
        RoundView {
            round: number,
            made_at: round.made_at,
            start_at: round.terms.start_at,
            is_created: !round.is_pending,
            pairings: round.pairings.iter().map(pairing).collect(),
            byes: round.byes.clone(),
        }
    }
}
