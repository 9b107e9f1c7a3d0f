//! Moves: legal ones, and what somebody wrote in algebraic notation.

use std::str::FromStr;

use shakmaty::CastlingMode;

use super::library::{castling_side, role, square};
use crate::{CastlingSide, Role, Square, Uci};

/// A move that is legal in the position which gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    pub(super) legal: shakmaty::Move,
    uci: Uci,
}

/// A move in standard algebraic notation (PGN standard 8.2.3) as somebody wrote it, legal or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct San(pub(super) shakmaty::san::San);

/// Text that is not in standard algebraic notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a move in algebraic notation, for example Nf3, exd5, O-O or e8=Q")]
pub struct InvalidSan;

impl Move {
    /// A move of the library, which is legal in a position with castling as in Chess960 or not.
    pub(super) fn new(legal: shakmaty::Move, castles: CastlingMode) -> Self {
        // The library names castling by the rook's square, as Chess960 does.
        let target = match legal.castling_side() {
            Some(side) if castles.is_standard() => {
                shakmaty::Square::from_coords(side.king_to_file(), legal.to().rank())
            }
            _ => legal.to(),
        };
        let origin = legal.from().unwrap_or(target);
        let dropped = legal.is_put().then(|| legal.role());
        let named = legal.promotion().or(dropped).map(role);
        let uci = Uci::pack(square(origin), square(target), named);
        Self { legal, uci }
    }

    /// The move in its canonical form, in which it is recorded: castling as the king's two-square step,
    /// and in Chess960 as the king that takes its rook.
    #[must_use]
    pub const fn uci(self) -> Uci {
        self.uci
    }

    /// The piece that moves; the king in castling.
    #[must_use]
    pub const fn role(self) -> Role {
        role(self.legal.role())
    }

    /// The square that the piece leaves; `None` for a drop.
    #[must_use]
    pub const fn origin(self) -> Option<Square> {
        self.uci.origin()
    }

    /// The square that the piece reaches; in castling the one that [`uci`](Self::uci) names.
    #[must_use]
    pub const fn target(self) -> Square {
        self.uci.target()
    }

    /// What a pawn becomes.
    #[must_use]
    pub fn promotion(self) -> Option<Role> {
        self.legal.promotion().map(role)
    }

    /// Whether it captures.
    #[must_use]
    pub const fn is_capture(self) -> bool {
        self.legal.is_capture()
    }

    /// Whether it captures en passant (FIDE 3.7.3.1).
    #[must_use]
    pub const fn is_en_passant(self) -> bool {
        self.legal.is_en_passant()
    }

    /// The side to which it castles, and the square of the rook before.
    #[must_use]
    pub fn castling(self) -> Option<(CastlingSide, Square)> {
        let side = castling_side(self.legal.castling_side()?);
        Some((side, square(self.legal.to())))
    }
}

impl San {
    /// Whether this is castling.
    #[must_use]
    pub const fn is_castling(self) -> bool {
        matches!(self.0, shakmaty::san::San::Castle(_))
    }

    /// The piece that moves or is dropped, and the square that it reaches; `None` for castling.
    #[must_use]
    pub const fn piece_and_target(self) -> Option<(Role, Square)> {
        match self.0 {
            shakmaty::san::San::Normal {
                role: moved, to, ..
            }
            | shakmaty::san::San::Put { role: moved, to } => Some((role(moved), square(to))),
            _ => None,
        }
    }

    /// Whether it is written as a capture.
    #[must_use]
    pub const fn is_capture(self) -> bool {
        matches!(self.0, shakmaty::san::San::Normal { capture: true, .. })
    }

    /// Whether it says what a pawn becomes.
    #[must_use]
    pub const fn is_promotion(self) -> bool {
        matches!(
            self.0,
            shakmaty::san::San::Normal {
                promotion: Some(_),
                ..
            }
        )
    }

    /// The same move with a queen as what the pawn becomes.
    #[must_use]
    pub fn with_queen(self) -> Self {
        let mut san = self.0;
        if let shakmaty::san::San::Normal { promotion, .. } = &mut san {
            *promotion = Some(shakmaty::Role::Queen);
        }
        Self(san)
    }

    /// Whether it fits a move, in whatever position.
    #[must_use]
    pub fn fits(self, legal: Move) -> bool {
        self.0.matches(legal.legal)
    }
}

impl FromStr for San {
    type Err = InvalidSan;

    /// Reads a move; a sign of check or mate may follow it.
    fn from_str(text: &str) -> Result<Self, InvalidSan> {
        shakmaty::san::San::from_ascii(text.as_bytes())
            .map(Self)
            .map_err(|_| InvalidSan)
    }
}
