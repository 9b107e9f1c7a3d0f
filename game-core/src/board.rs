//! The board of a match: the position, what stood there before, and what the rules make of it.

use shakmaty::uci::UciMove;
use shakmaty::zobrist::Zobrist64;
use shakmaty::{Chess, EnPassantMode, Move, Position};

use crate::{Outcome, Seat, StartPosition, Termination, Uci};

/// How a match ends: who won, and why.
pub(crate) type Ending = (Outcome, Termination);

/// A position reached in play, and what the rules conclude from how it was reached.
#[derive(Debug, Clone)]
pub(crate) struct Board {
    /// Where the pieces stand now.
    position: Chess,
    /// Half-moves made in the match.
    ply: u16,
    /// Hashes of the positions that can still come back, the present one last. They hold castling
    /// rights, the side to move, and en passant only where it is a legal move (FIDE 9.2.3).
    seen: Vec<u64>,
    /// Set once the rules have ended the match.
    verdict: Option<Ending>,
}

impl Board {
    /// 600 moves a side.
    pub(crate) const PLIES_MAX: u16 = 2 * 600;
    /// 75 moves a side (FIDE 9.6.2).
    pub(crate) const QUIET_PLIES_MAX: u32 = 2 * 75;
    /// FIDE 9.6.1.
    const REPETITIONS_MAX: usize = 5;

    /// The board at ply 0.
    pub(crate) fn new(start: &StartPosition) -> Self {
        let position = start.position();
        Self {
            seen: vec![hash(&position)],
            position,
            ply: 0,
            // A start position is never over already.
            verdict: None,
        }
    }

    /// Where the pieces stand.
    pub(crate) const fn position(&self) -> &Chess {
        &self.position
    }

    /// Half-moves made in the match.
    pub(crate) const fn ply(&self) -> u16 {
        self.ply
    }

    /// The side to move.
    pub(crate) fn turn(&self) -> Seat {
        self.position.turn().into()
    }

    /// How the rules have ended the match.
    pub(crate) const fn verdict(&self) -> Option<Ending> {
        self.verdict
    }

    /// Heap memory in bytes.
    #[cfg(test)]
    pub(crate) const fn heap_bytes(&self) -> usize {
        self.seen.capacity() * size_of::<u64>()
    }

    /// The legal move that `uci` names, and its canonical form. `None` if the rules do not allow
    /// it here.
    pub(crate) fn resolve(&self, uci: Uci) -> Option<(Move, Uci)> {
        let legal = uci.to_move().to_move(&self.position).ok()?;
        Some((legal, self.canonical(legal)?))
    }

    /// Every legal move in its canonical form.
    pub(crate) fn legal_moves(&self) -> Vec<Uci> {
        let moves = self.position.legal_moves();
        moves.iter().filter_map(|&m| self.canonical(m)).collect()
    }

    /// Plays a move that [`resolve`](Self::resolve) found legal here.
    pub(crate) fn play(&mut self, legal: Move) {
        if self.position.is_irreversible(legal) {
            self.seen.clear();
        }
        self.position.play_unchecked(legal);
        self.ply = self.ply.saturating_add(1);
        self.seen.push(hash(&self.position));
        self.verdict = self.conclude();
    }

    /// The result if `loser` runs out of time or resigns now.
    ///
    /// FIDE 6.9 and 5.1.2 give a draw where the opponent cannot mate by any legal sequence. That is
    /// judged by the material on the board, as Lichess does: an opponent that could mate with it
    /// somewhere wins, although a blocked position may hide no mate.
    pub(crate) fn outcome_lost_by(&self, loser: Seat) -> Outcome {
        let winner = loser.opponent();
        if self.position.has_insufficient_material(winner.into()) {
            Outcome::Draw
        } else {
            Outcome::win_of(winner)
        }
    }

    fn canonical(&self, legal: Move) -> Option<Uci> {
        let mode = self.position.castles().mode();
        UciMove::from_move(legal, mode).try_into().ok()
    }

    /// What the rules make of the position. Mate comes first: it prevails over a move that also
    /// completes a repetition or the 75 moves (FIDE 9.6.2).
    fn conclude(&self) -> Option<Ending> {
        let draw = |termination| Some((Outcome::Draw, termination));
        if self.position.is_checkmate() {
            let winner = self.turn().opponent();
            Some((Outcome::win_of(winner), Termination::Checkmate))
        } else if self.position.is_stalemate() {
            draw(Termination::Stalemate)
        } else if self.position.is_insufficient_material() {
            draw(Termination::DeadPosition)
        } else if self.repetitions() >= Self::REPETITIONS_MAX {
            draw(Termination::FivefoldRepetition)
        } else if self.position.halfmoves() >= Self::QUIET_PLIES_MAX {
            draw(Termination::SeventyFiveMoves)
        } else if self.ply >= Self::PLIES_MAX {
            draw(Termination::MaxLength)
        } else {
            None
        }
    }

    /// How often the present position has stood on the board, this time included.
    fn repetitions(&self) -> usize {
        let present = self.seen.last();
        let same = |before: &&u64| Some(*before) == present;
        self.seen.iter().filter(same).count()
    }
}

fn hash(position: &Chess) -> u64 {
    position
        .zobrist_hash::<Zobrist64>(EnPassantMode::Legal)
        .into()
}
