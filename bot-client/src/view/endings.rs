//! How a match ends, as its board and its offers show it.

use game_core::{Outcome, Seat, Termination};
use shakmaty::zobrist::Zobrist64;
use shakmaty::{Chess, EnPassantMode, Position};

use super::MatchView;
use crate::Violation;

impl MatchView {
    /// What the board and the offers show of the ending must be true; `by` is the seat that ended it.
    pub(super) fn check_ending(
        &self,
        by: Option<Seat>,
        outcome: Outcome,
        termination: Termination,
    ) -> Result<(), Violation> {
        let position = &self.position;
        let fits = match termination {
            Termination::Checkmate => {
                position.is_checkmate() && outcome.winner() == Some(self.turn().opponent())
            }
            Termination::Stalemate => position.is_stalemate() && outcome == Outcome::Draw,
            Termination::DeadPosition => {
                position.is_insufficient_material() && outcome == Outcome::Draw
            }
            Termination::FivefoldRepetition => self.repetitions() >= 5 && outcome == Outcome::Draw,
            Termination::SeventyFiveMoves => {
                position.halfmoves() >= 150 && outcome == Outcome::Draw
            }
            Termination::MaxLength => outcome == Outcome::Draw,
            // Of the two that it takes, one has offered.
            Termination::DrawAgreement => {
                outcome == Outcome::Draw && self.has_offered(by.map(Seat::opponent))
            }
            Termination::Resignation => outcome.winner().is_some(),
            // Who has offered a draw is content with it.
            Termination::TimeForfeit if self.has_offered(Some(self.turn().opponent())) => {
                outcome == Outcome::Draw
            }
            Termination::TimeForfeit => outcome.winner() != Some(self.turn()),
            Termination::Aborted | Termination::WhiteNoStart | Termination::BlackNoStart => {
                outcome == Outcome::Aborted
            }
            // An arbiter may decide anything.
            Termination::Adjudicated => true,
        };
        // A decided board allows no other ending.
        let decided = position.is_checkmate() || position.is_stalemate();
        let by_board = matches!(termination, Termination::Checkmate | Termination::Stalemate);
        if fits && (by_board || !decided) {
            Ok(())
        } else {
            Err(Violation::WrongEnding {
                outcome,
                termination,
                fen: self.fen(),
            })
        }
    }

    /// How often the position has stood on the board, this time included.
    #[must_use]
    pub fn repetitions(&self) -> usize {
        let hash = |position: &Chess| position.zobrist_hash::<Zobrist64>(EnPassantMode::Legal);
        let mut position = self.start.clone();
        let mut seen = vec![hash(&position)];
        for uci in &self.state.moves {
            let Ok(legal) = uci.to_move().to_move(&position) else {
                break;
            };
            position.play_unchecked(legal);
            seen.push(hash(&position));
        }
        let present = hash(&self.position);
        seen.into_iter().filter(|&before| before == present).count()
    }

    /// Whether the rules end the match in this position, without anyone's doing.
    #[must_use]
    pub fn ends_by_itself(&self) -> bool {
        self.position.is_game_over()
            || self.position.halfmoves() >= 150
            || self.repetitions() >= 5
            || self.state.moves.len() >= 1_200
    }
}
