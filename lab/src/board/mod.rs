//! A position as people see it: one model, shown as plain text or in a terminal interface.

mod text;
mod widget;

use game_core::{File, Piece, Position, Rank, Role, Seat, Square, Uci};

use client::MatchView;
pub use text::TextStyle;
pub use widget::BoardWidget;

/// What is drawn for the pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PieceSet {
    /// The chess symbols of Unicode.
    #[default]
    Unicode,
    /// Letters: upper case for White, lower case for Black.
    Ascii,
}

impl PieceSet {
    /// The character of a piece. With `solid`, the filled symbol serves both colours, for where the
    /// colour is shown by other means.
    #[must_use]
    pub const fn character(self, piece: Piece, solid: bool) -> char {
        let (outlined, filled, letter) = match piece.role {
            Role::Pawn => ('♙', '♟', 'p'),
            Role::Knight => ('♘', '♞', 'n'),
            Role::Bishop => ('♗', '♝', 'b'),
            Role::Rook => ('♖', '♜', 'r'),
            Role::Queen => ('♕', '♛', 'q'),
            Role::King => ('♔', '♚', 'k'),
        };
        match (self, piece.seat) {
            (Self::Unicode, Seat::White) if !solid => outlined,
            (Self::Unicode, _) => filled,
            (Self::Ascii, Seat::White) => letter.to_ascii_uppercase(),
            (Self::Ascii, Seat::Black) => letter,
        }
    }
}

/// Why a square stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// The last move left it or reached it.
    LastMove,
    /// The king on it is in check.
    Check,
    /// The player has chosen it.
    Chosen,
}

/// One square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Which.
    pub square: Square,
    /// What stands on it.
    pub piece: Option<Piece>,
    /// Why it stands out.
    pub mark: Option<Mark>,
}

impl Cell {
    /// Whether it is one of the light squares.
    #[must_use]
    pub const fn is_light(&self) -> bool {
        self.square.is_light()
    }
}

/// A position, seen from one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardPicture {
    /// The squares as they are seen, top row first, each row from the left.
    rows: [[Cell; 8]; 8],
}

impl BoardPicture {
    /// The position as the seat `from` sees it; `last_move` in its canonical form.
    #[must_use]
    pub fn new(position: &Position, last_move: Option<Uci>, from: Seat) -> Self {
        let in_check = position.king_in_check();
        let moved = last_move.map(|last| (last.origin(), last.target()));
        let mark = |square| {
            if in_check == Some(square) {
                Some(Mark::Check)
            } else {
                moved
                    .filter(|&(left, reached)| left == Some(square) || reached == square)
                    .map(|_| Mark::LastMove)
            }
        };
        let cell = |row: usize, column: usize| {
            let square = match from {
                Seat::White => Square::at(File::ALL[column], Rank::ALL[7 - row]),
                Seat::Black => Square::at(File::ALL[7 - column], Rank::ALL[row]),
            };
            Cell {
                square,
                piece: position.piece_at(square),
                mark: mark(square),
            }
        };
        let rows = std::array::from_fn(|row| std::array::from_fn(|column| cell(row, column)));
        Self { rows }
    }

    /// The same with a square that the player has chosen.
    #[must_use]
    pub fn with_chosen(mut self, chosen: Option<Square>) -> Self {
        let mut cells = self.rows.iter_mut().flatten();
        if let Some(cell) = cells.find(|cell| Some(cell.square) == chosen) {
            cell.mark = Some(Mark::Chosen);
        }
        self
    }

    /// The match as its own seat sees it; a spectator sits with White.
    #[must_use]
    pub fn of(view: &MatchView) -> Self {
        let from = view.seat().unwrap_or(Seat::White);
        Self::new(view.position(), view.last_move(), from)
    }

    /// The squares, top row first, each row from the left.
    #[must_use]
    pub const fn rows(&self) -> &[[Cell; 8]; 8] {
        &self.rows
    }

    /// The letters of the files from the left.
    #[must_use]
    pub fn files(&self) -> [char; 8] {
        self.rows[0].map(|cell| cell.square.file().char())
    }
}
