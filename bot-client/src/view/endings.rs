//! How a match ends, as its board and its offers show it.

use game_core::{Outcome, PLIES_MAX, QUIET_PLIES_MAX, REPETITIONS_MAX, Seat, Termination};

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
            Termination::DeadPosition => position.is_dead() && outcome == Outcome::Draw,
            Termination::FivefoldRepetition => {
                self.repetitions() >= REPETITIONS_MAX && outcome == Outcome::Draw
            }
            Termination::SeventyFiveMoves => {
                position.quiet_plies() >= QUIET_PLIES_MAX && outcome == Outcome::Draw
            }
            Termination::MaxLength => outcome == Outcome::Draw,
            // Of the two that it takes, one has offered.
            Termination::DrawAgreement => {
                outcome == Outcome::Draw && self.has_offered(by.map(Seat::opponent))
            }
            Termination::Resignation => by.is_some_and(|loser| outcome == self.lost_by(loser)),
            // Who has offered a draw is content with it.
            Termination::TimeForfeit if self.has_offered(Some(self.turn().opponent())) => {
                outcome == Outcome::Draw
            }
            Termination::TimeForfeit => outcome == self.lost_by(self.turn()),
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

    /// The result if `loser` resigns or its flag falls: a draw if the opponent has nothing to mate with
    /// (FIDE 5.1.2 and 6.9).
    fn lost_by(&self, loser: Seat) -> Outcome {
        let winner = loser.opponent();
        if self.position.can_mate(winner) {
            Outcome::win_of(winner)
        } else {
            Outcome::Draw
        }
    }

    /// How often the position has stood on the board, this time included.
    #[must_use]
    pub fn repetitions(&self) -> usize {
        let mut position = self.start.clone();
        let mut seen = vec![position.repetition_key()];
        for &uci in &self.state.moves {
            if position.play_uci(uci).is_none() {
                break;
            }
            seen.push(position.repetition_key());
        }
        let present = self.position.repetition_key();
        seen.into_iter().filter(|&before| before == present).count()
    }

    /// Whether the rules end the match in this position, without anyone's doing.
    #[must_use]
    pub fn ends_by_itself(&self) -> bool {
        self.position.is_over()
            || self.position.quiet_plies() >= QUIET_PLIES_MAX
            || self.repetitions() >= REPETITIONS_MAX
            || self.ply() >= PLIES_MAX
    }
}
