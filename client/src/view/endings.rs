//! How a match ends, as its board and its offers show it.

use game_core::{Outcome, Rule, Seat, Termination};

use super::MatchView;
use crate::Violation;

impl MatchView {
    /// What the board, the offers and the terms show of the ending must be true; `by` is the seat that ended it.
    pub(super) fn check_ending(
        &self,
        by: Option<Seat>,
        outcome: Outcome,
        termination: Termination,
    ) -> Result<(), Violation> {
        let fits = match self.verdict() {
            // A decided board allows no other ending.
            Some(verdict) => verdict == (outcome, termination),
            None => self.allows_ending(by, outcome, termination),
        };
        if fits {
            Ok(())
        } else {
            Err(Violation::WrongEnding {
                outcome,
                termination,
                fen: self.fen(),
            })
        }
    }

    /// How the rules and the terms have ended the match, whether or not the event of it has come.
    fn verdict(&self) -> Option<(Outcome, Termination)> {
        self.line.verdict().or_else(|| {
            let asked = self.claims_draw || self.rules().has(Rule::AutoClaim);
            let claim = self.line.claim().filter(|_| asked)?;
            Some((Outcome::Draw, claim))
        })
    }

    /// Whether a seat, time or an arbiter may end the match so.
    fn allows_ending(&self, by: Option<Seat>, outcome: Outcome, termination: Termination) -> bool {
        let turn = self.turn();
        let drawn = outcome == Outcome::Draw;
        match termination {
            // Of the two that it takes, one has offered.
            Termination::DrawAgreement => drawn && self.has_offered(by.map(Seat::opponent)),
            Termination::Resignation => by.is_some_and(|loser| outcome == self.lost_by(loser)),
            Termination::ThreefoldRepetition | Termination::FiftyMoves => {
                drawn && self.line.claim() == Some(termination)
            }
            Termination::Abandoned => {
                by == Some(turn.opponent()) && (drawn || outcome == self.lost_by(turn))
            }
            // Who has offered a draw is content with it.
            Termination::TimeForfeit if self.has_offered(Some(turn.opponent())) => drawn,
            Termination::TimeForfeit => outcome == self.lost_by(turn),
            Termination::Aborted => by.is_some() && outcome == Outcome::Aborted,
            Termination::WhiteNoStart => turn == Seat::White && outcome == Outcome::Aborted,
            Termination::BlackNoStart => turn == Seat::Black && outcome == Outcome::Aborted,
            // An arbiter may decide anything.
            Termination::Adjudicated => true,
            // These are the verdict of a board.
            Termination::Checkmate
            | Termination::Stalemate
            | Termination::DeadPosition
            | Termination::VariantEnd
            | Termination::FivefoldRepetition
            | Termination::SeventyFiveMoves
            | Termination::MaxLength => false,
        }
    }

    /// The result if `loser` resigns, is gone or its flag falls: a draw if the opponent has nothing to win with
    /// (FIDE 5.1.2 and 6.9).
    fn lost_by(&self, loser: Seat) -> Outcome {
        let winner = loser.opponent();
        if self.position().can_mate(winner) {
            Outcome::win_of(winner)
        } else {
            Outcome::Draw
        }
    }

    /// How often the position has stood on the board, this time included.
    #[must_use]
    pub fn repetitions(&self) -> usize {
        self.line.repetitions()
    }

    /// The draw that the side to move can claim in this position (FIDE 9.2 and 9.3); `None` after the end.
    #[must_use]
    pub fn claimable_draw(&self) -> Option<Termination> {
        self.line.claim().filter(|_| self.result().is_none())
    }

    /// Whether the rules end the match in this position, without anyone's doing.
    #[must_use]
    pub fn ends_by_itself(&self) -> bool {
        self.verdict().is_some()
    }
}
