//! The line of moves: how the board came from the start position to where it is.

use std::time::Duration;

use crate::board::Board;
use crate::{Move, Seat, StartPosition, Uci};

/// The moves that stand, in order, and the board that they lead to.
///
/// It is apart from the log of events: the log only grows and says who did what, the line says what is
/// on the board. The board follows from the start position and the moves, so it can be made again at
/// any earlier ply ([`board_at`](Self::board_at)).
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The moves from ply 0 on.
    moves: Vec<Made>,
    /// The board after the last of them.
    board: Board,
    /// The side that made the first of them.
    first: Seat,
}

/// A move that was made.
#[derive(Debug, Clone, Copy)]
struct Made {
    /// The move in its canonical form.
    uci: Uci,
    /// What the mover's clock showed after it, in whole milliseconds.
    clock_ms: u32,
}

impl Line {
    /// Memory is allocated in steps: doubling would waste half of it in most matches.
    const STEP: usize = 16;

    /// The line before the first move.
    pub(crate) fn new(start: &StartPosition) -> Self {
        Self {
            moves: Vec::new(),
            first: start.position().turn(),
            board: Board::new(start.position()),
        }
    }

    /// The board after the last move.
    pub(crate) const fn board(&self) -> &Board {
        &self.board
    }

    /// Plays a move that the board's position gave out. What the mover's clock shows after it, which
    /// may depend on how the move leaves the board, is [added later](Self::set_clock).
    pub(crate) fn play(&mut self, legal: Move) {
        self.board.play(legal);
        if self.moves.len() == self.moves.capacity() {
            self.moves.reserve_exact(Self::STEP);
        }
        let uci = legal.uci();
        self.moves.push(Made { uci, clock_ms: 0 });
    }

    /// Adds to the last move what its mover's clock shows after it, in milliseconds.
    pub(crate) fn set_clock(&mut self, clock_ms: u32) {
        if let Some(made) = self.moves.last_mut() {
            made.clock_ms = clock_ms;
        }
    }

    /// The moves, each with what the mover's clock showed after it.
    pub(crate) fn moves(&self) -> impl DoubleEndedIterator<Item = (Uci, Duration)> + '_ {
        let with_clock = |made: &Made| (made.uci, Duration::from_millis(made.clock_ms.into()));
        self.moves.iter().map(with_clock)
    }

    /// The number of moves that `seat` made.
    pub(crate) fn moves_of(&self, seat: Seat) -> u16 {
        (self.board.ply() + u16::from(seat == self.first)) / 2
    }

    /// Takes back all moves after `ply`. The line `start`ed from that position.
    pub(crate) fn take_back_to(&mut self, start: &StartPosition, ply: u16) {
        if let Some(board) = self.board_at(start, ply) {
            self.board = board;
            self.moves.truncate(ply.into());
        }
    }

    /// The board as it was at `ply`, made again from the position that the line `start`ed from. `None`
    /// beyond the last ply.
    pub(crate) fn board_at(&self, start: &StartPosition, ply: u16) -> Option<Board> {
        let made = self.moves.get(..ply.into())?;
        Self::replay(start, made.iter().map(|made| made.uci))
    }

    /// The board after `moves` from `start`; `None` if one of them is not legal.
    pub(crate) fn replay(
        start: &StartPosition,
        moves: impl IntoIterator<Item = Uci>,
    ) -> Option<Board> {
        let mut board = Board::new(start.position());
        for uci in moves {
            let legal = board.position().resolve(uci)?;
            board.play(legal);
        }
        Some(board)
    }

    /// Heap memory in bytes.
    #[cfg(test)]
    pub(crate) const fn heap_bytes(&self) -> usize {
        self.board.heap_bytes() + self.moves.capacity() * size_of::<Made>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_board_of_every_ply_can_be_made_again() {
        // En passant and castling on both sides, then rooks and kings that return, so that positions
        // repeat.
        let fen = "r3k2r/8/8/8/3p4/8/PPP1P1p1/R3K2R w KQkq - 0 1";
        let moves = "e2e4 d4e3 e1c1 e8g8 d1g1 e3e2 g1g2 g8f7 \
                     h1h2 f7f6 h2h1 f6f7 h1h2 f7f6 h2h1 f6f7";
        let start: StartPosition = fen.parse().unwrap();
        let mut line = Line::new(&start);
        let mut boards = vec![line.board().clone()];
        for uci in moves.split_whitespace() {
            let legal = line.board().position().resolve(uci.parse().unwrap());
            line.play(legal.expect(uci));
            boards.push(line.board().clone());
        }
        for (ply, board) in (0..).zip(&boards) {
            assert_eq!(line.board_at(&start, ply).as_ref(), Some(board), "{ply}");
        }
        assert_eq!(line.board_at(&start, boards.len() as u16), None);
    }
}
