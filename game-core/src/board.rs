//! The board of a match: the position, the positions before it, and what the rules conclude.

use crate::limits::{
    PLIES_MAX, QUIET_PLIES_CLAIM, QUIET_PLIES_MAX, REPETITIONS_CLAIM, REPETITIONS_MAX,
};
use crate::{Move, Outcome, Position, Seat, Termination};

/// How a match ends: who won, and why.
pub(crate) type BoardEnding = (Outcome, Termination);

/// The position on the board, with what the rules need of the positions before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Board {
    /// The position.
    position: Position,
    /// Half-moves made in the match.
    ply: u16,
    /// Keys of the positions that can still come back, the present one last (FIDE 9.2.3).
    seen: Vec<u64>,
    /// The end of the match, once the rules have ended it.
    verdict: Option<BoardEnding>,
    /// The draw that can be claimed.
    claim: Option<BoardEnding>,
}

impl Board {
    /// Memory for keys is allocated in steps: doubling would waste half of the memory in most matches.
    const STEP: usize = 16;

    /// The board at ply 0, with a position that is not over.
    pub(crate) fn new(position: Position) -> Self {
        let mut board = Self {
            seen: vec![position.repetition_key()],
            position,
            ply: 0,
            verdict: None,
            claim: None,
        };
        // A position from the middle of a game may have its fifty moves behind it.
        board.claim = board.claimable(1);
        board
    }

    /// The position.
    pub(crate) const fn position(&self) -> &Position {
        &self.position
    }

    /// Half-moves made in the match.
    pub(crate) const fn ply(&self) -> u16 {
        self.ply
    }

    /// The side to move.
    pub(crate) fn turn(&self) -> Seat {
        self.position.turn()
    }

    /// The end of the match, if the rules have ended it.
    pub(crate) const fn verdict(&self) -> Option<BoardEnding> {
        self.verdict
    }

    /// The draw that the side to move can claim, if the position has occurred three times (FIDE 9.2) or
    /// fifty moves were made without a capture or a pawn move (FIDE 9.3).
    pub(crate) const fn claim(&self) -> Option<BoardEnding> {
        self.claim
    }

    /// Heap memory in bytes.
    #[cfg(test)]
    pub(crate) const fn heap_bytes(&self) -> usize {
        self.seen.capacity() * size_of::<u64>()
    }

    /// Plays a move that the position gave out.
    pub(crate) fn play(&mut self, legal: Move) {
        if self.position.is_irreversible(legal) {
            self.seen.clear();
        }
        self.position.play(legal);
        self.ply = self.ply.saturating_add(1);
        if self.seen.len() == self.seen.capacity() {
            self.seen.reserve_exact(Self::STEP);
        }
        self.seen.push(self.position.repetition_key());
        let repetitions = self.repetitions();
        self.verdict = self.conclude(repetitions);
        self.claim = self.claimable(repetitions);
    }

    /// The result if `loser` runs out of time or resigns now.
    ///
    /// FIDE 6.9 and 5.1.2 give a draw where the opponent cannot mate, or win as the variant has it, by
    /// any sequence of legal moves. Only the material is considered, as on Lichess: an opponent whose material could mate in some
    /// position wins, even if the position on the board is blocked.
    pub(crate) fn outcome_lost_by(&self, loser: Seat) -> Outcome {
        let winner = loser.opponent();
        if self.position.can_mate(winner) {
            Outcome::win_of(winner)
        } else {
            Outcome::Draw
        }
    }

    /// The end that the rules conclude from the position. The variant's own end is checked first, then
    /// mate, as it takes precedence when the same move completes a repetition or the 75 moves
    /// (FIDE 9.6.2).
    fn conclude(&self, repetitions: usize) -> Option<BoardEnding> {
        let draw = |termination| Some((Outcome::Draw, termination));
        if let Some(winner) = self.position.variant_end() {
            let outcome = winner.map_or(Outcome::Draw, Outcome::win_of);
            Some((outcome, Termination::VariantEnd))
        } else if self.position.is_checkmate() {
            let winner = self.turn().opponent();
            Some((Outcome::win_of(winner), Termination::Checkmate))
        } else if self.position.is_stalemate() {
            draw(Termination::Stalemate)
        } else if self.position.is_dead() {
            draw(Termination::DeadPosition)
        } else if repetitions >= REPETITIONS_MAX {
            draw(Termination::FivefoldRepetition)
        } else if self.position.quiet_plies() >= QUIET_PLIES_MAX {
            draw(Termination::SeventyFiveMoves)
        } else if self.ply >= PLIES_MAX {
            draw(Termination::MaxLength)
        } else {
            None
        }
    }

    fn claimable(&self, repetitions: usize) -> Option<BoardEnding> {
        let draw = |termination| Some((Outcome::Draw, termination));
        if repetitions >= REPETITIONS_CLAIM {
            draw(Termination::ThreefoldRepetition)
        } else if self.position.quiet_plies() >= QUIET_PLIES_CLAIM {
            draw(Termination::FiftyMoves)
        } else {
            None
        }
    }

    /// How often the position has occurred, this time included.
    fn repetitions(&self) -> usize {
        let present = self.seen.last();
        let same = |before: &&u64| Some(*before) == present;
        self.seen.iter().filter(same).count()
    }
}
