//! Positions and legal moves. Only this file knows the rules library, [`shakmaty`].

use std::str::FromStr;

use shakmaty::fen::Fen;
use shakmaty::san::SanPlus;
use shakmaty::uci::UciMove;
use shakmaty::zobrist::Zobrist64;
use shakmaty::{CastlingMode, Chess, Color, EnPassantMode, Position as _};

use crate::{CastlingSide, Piece, Role, Seat, Square, Uci, fen};

/// A legal position of chess: the pieces, whose turn it is, castling and en passant rights, and the
/// move counters.
///
/// Equal to another if both have the same FEN. [`Default`] is the initial position.
#[derive(Debug, Clone, Default)]
pub struct Position(Chess);

/// A move that is legal in the position which gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    legal: shakmaty::Move,
    uci: Uci,
}

/// A move in standard algebraic notation (PGN standard 8.2.3) as somebody wrote it, legal or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct San(shakmaty::san::San);

/// Text that is no position of standard chess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPosition {
    /// The text is not FEN of standard chess, or says more than a position keeps.
    #[error("not FEN: {0}")]
    Fen(String),
    /// The FEN is well formed, but no legal position.
    #[error("not legal: {0}")]
    Illegal(String),
}

/// Text that is not in standard algebraic notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a move in algebraic notation, for example Nf3, exd5, O-O or e8=Q")]
pub struct InvalidSan;

impl Position {
    /// Reads a FEN of standard chess. Fields may be left out from the end; they then are
    /// `w - - 0 1`.
    ///
    /// # Errors
    ///
    /// [`InvalidPosition`], with the reason in words.
    pub fn from_fen(text: &str) -> Result<Self, InvalidPosition> {
        fen::check(text).map_err(InvalidPosition::Fen)?;
        let fen: Fen = text
            .parse()
            .map_err(|error| InvalidPosition::Fen(format!("{error}")))?;
        fen.into_position(CastlingMode::Standard)
            .map(Self)
            .map_err(|error| InvalidPosition::Illegal(error.to_string()))
    }

    /// The position as FEN; an en passant square only where the capture is legal.
    #[must_use]
    pub fn fen(&self) -> String {
        Fen::from_position(&self.0, EnPassantMode::Legal).to_string()
    }

    /// The side to move.
    #[must_use]
    pub fn turn(&self) -> Seat {
        seat(self.0.turn())
    }

    /// Half-moves since the last capture or pawn move.
    #[must_use]
    pub fn quiet_plies(&self) -> u32 {
        self.0.halfmoves()
    }

    /// The number of the next move, which Black's move raises.
    #[must_use]
    pub fn move_number(&self) -> u32 {
        self.0.fullmoves().get()
    }

    /// The piece on a square.
    #[must_use]
    pub fn piece_at(&self, at: Square) -> Option<Piece> {
        let piece = self.0.board().piece_at(to_library(at))?;
        Some(Piece {
            role: role(piece.role),
            seat: seat(piece.color),
        })
    }

    /// Whether the side to move is in check.
    #[must_use]
    pub fn is_check(&self) -> bool {
        self.0.is_check()
    }

    /// Where the king stands that is in check.
    #[must_use]
    pub fn king_in_check(&self) -> Option<Square> {
        let king = || self.0.board().king_of(self.0.turn()).map(square);
        self.is_check().then(king).flatten()
    }

    /// Whether the side to move is checkmated (FIDE 5.1.1).
    #[must_use]
    pub fn is_checkmate(&self) -> bool {
        self.0.is_checkmate()
    }

    /// Whether the side to move is stalemated (FIDE 5.2.1).
    #[must_use]
    pub fn is_stalemate(&self) -> bool {
        self.0.is_stalemate()
    }

    /// Whether neither side has the material to mate (FIDE 5.2.2).
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.is_insufficient_material()
    }

    /// Whether the position by itself ends a match: mate, stalemate, or a dead position.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.is_game_over()
    }

    /// Whether `seat` has the material to mate by some sequence of legal moves (FIDE 6.9). Only the
    /// material counts: a blocked position may hide that there is no mate.
    #[must_use]
    pub fn can_mate(&self, seat: Seat) -> bool {
        !self.0.has_insufficient_material(color(seat))
    }

    /// A number that is the same for equal positions in the sense of FIDE 9.2.3: castling rights and
    /// the side to move count, en passant only where it is a legal move, the move counters not.
    #[must_use]
    pub fn repetition_key(&self) -> u64 {
        let hash: Zobrist64 = self.0.zobrist_hash(EnPassantMode::Legal);
        hash.into()
    }

    /// Every legal move.
    #[must_use]
    pub fn legal_moves(&self) -> Vec<Move> {
        let moves = self.0.legal_moves();
        moves.into_iter().map(Move::new).collect()
    }

    /// The legal move that `uci` names; castling may be named by the king's square or the rook's.
    /// `None` if the rules do not allow it here.
    #[must_use]
    pub fn resolve(&self, uci: Uci) -> Option<Move> {
        uci_move(uci).to_move(&self.0).ok().map(Move::new)
    }

    /// The one legal move that `san` fits; `None` if there is none or more than one.
    #[must_use]
    pub fn find(&self, san: San) -> Option<Move> {
        san.0.to_move(&self.0).ok().map(Move::new)
    }

    /// Whether no position from before the move can come back after it: it captures, moves a pawn, or
    /// gives up a castling right.
    pub(crate) fn is_irreversible(&self, made: Move) -> bool {
        self.0.is_irreversible(made.legal)
    }

    /// Plays a move that this position gave out.
    ///
    /// # Panics
    ///
    /// Possibly, if the move is another position's.
    pub fn play(&mut self, made: Move) {
        self.0.play_unchecked(made.legal);
    }

    /// Plays the move that `uci` names, and returns it; `None` and no change if it is not legal.
    pub fn play_uci(&mut self, uci: Uci) -> Option<Move> {
        let made = self.resolve(uci)?;
        self.play(made);
        Some(made)
    }

    /// Plays a move that this position gave out, and returns it in standard algebraic notation, with
    /// the signs of check and mate.
    ///
    /// # Panics
    ///
    /// Possibly, if the move is another position's.
    pub fn play_in_san(&mut self, made: Move) -> String {
        SanPlus::from_move_and_play_unchecked(&mut self.0, made.legal).to_string()
    }
}

impl PartialEq for Position {
    fn eq(&self, other: &Self) -> bool {
        // The library compares positions without their move counters.
        self.0 == other.0
            && self.quiet_plies() == other.quiet_plies()
            && self.move_number() == other.move_number()
    }
}

impl Eq for Position {}

impl Move {
    fn new(legal: shakmaty::Move) -> Self {
        // The library names castling by the rook's square.
        let target = match legal.castling_side() {
            Some(side) => shakmaty::Square::from_coords(side.king_to_file(), legal.to().rank()),
            None => legal.to(),
        };
        let origin = legal.from().unwrap_or(target);
        let dropped = legal.is_put().then(|| legal.role());
        let named = legal.promotion().or(dropped).map(role);
        let uci = Uci::pack(square(origin), square(target), named);
        Self { legal, uci }
    }

    /// The move in its canonical form, in which it is recorded: castling as the king's two-square step.
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

    /// The square that the piece reaches.
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

    /// The piece that moves and the square that it reaches; `None` for castling and for what standard
    /// chess does not have.
    #[must_use]
    pub const fn piece_and_target(self) -> Option<(Role, Square)> {
        match self.0 {
            shakmaty::san::San::Normal {
                role: moved, to, ..
            } => Some((role(moved), square(to))),
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

fn uci_move(uci: Uci) -> UciMove {
    let to = to_library(uci.target());
    match (uci.origin(), uci.role()) {
        (Some(from), promotion) => UciMove::Normal {
            from: to_library(from),
            to,
            promotion: promotion.map(library_role),
        },
        (None, dropped) => UciMove::Put {
            role: dropped.map_or(shakmaty::Role::Pawn, library_role),
            to,
        },
    }
}

const fn seat(color: Color) -> Seat {
    match color {
        Color::White => Seat::White,
        Color::Black => Seat::Black,
    }
}

const fn color(seat: Seat) -> Color {
    match seat {
        Seat::White => Color::White,
        Seat::Black => Color::Black,
    }
}

const fn role(role: shakmaty::Role) -> Role {
    match role {
        shakmaty::Role::Pawn => Role::Pawn,
        shakmaty::Role::Knight => Role::Knight,
        shakmaty::Role::Bishop => Role::Bishop,
        shakmaty::Role::Rook => Role::Rook,
        shakmaty::Role::Queen => Role::Queen,
        shakmaty::Role::King => Role::King,
    }
}

const fn library_role(role: Role) -> shakmaty::Role {
    match role {
        Role::Pawn => shakmaty::Role::Pawn,
        Role::Knight => shakmaty::Role::Knight,
        Role::Bishop => shakmaty::Role::Bishop,
        Role::Rook => shakmaty::Role::Rook,
        Role::Queen => shakmaty::Role::Queen,
        Role::King => shakmaty::Role::King,
    }
}

const fn square(square: shakmaty::Square) -> Square {
    Square::from_index(square as u16)
}

fn to_library(square: Square) -> shakmaty::Square {
    shakmaty::Square::new(u32::from(square.index()))
}

const fn castling_side(side: shakmaty::CastlingSide) -> CastlingSide {
    match side {
        shakmaty::CastlingSide::KingSide => CastlingSide::KingSide,
        shakmaty::CastlingSide::QueenSide => CastlingSide::QueenSide,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(fen: &str) -> Position {
        Position::from_fen(fen).unwrap()
    }

    #[test]
    fn moves_are_written_and_read_as_by_the_library() {
        let mut moves = 0;
        for bits in 0..=u16::MAX {
            let Ok(uci) = Uci::from_bits(bits) else {
                continue;
            };
            let text = uci_move(uci).to_string();
            assert_eq!(uci.to_string(), text);
            assert_eq!(text.parse(), Ok(uci));
            moves += 1;
        }
        // From each square to each other with any promotion or none, and drops of any piece.
        assert_eq!(moves, 64 * 63 * 7 + 64 * 6);
        for text in [
            "", "0000", "e2", "e2e9", "e2e4x", "e2e4qq", "X@e4", "a1a1", "é2e4", "e2é4",
        ] {
            assert!(text.parse::<Uci>().is_err(), "{text}");
        }
    }

    #[test]
    fn castling_has_two_names_and_one_form() {
        let castles = position("r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1");
        for (names, canonical, side, rook) in [
            (["e1g1", "e1h1"], "e1g1", CastlingSide::KingSide, "h1"),
            (["e1c1", "e1a1"], "e1c1", CastlingSide::QueenSide, "a1"),
        ] {
            for name in names {
                let legal = castles.resolve(name.parse().unwrap()).unwrap();
                assert_eq!(legal.uci().to_string(), canonical);
                assert_eq!(legal.castling(), Some((side, rook.parse().unwrap())));
                assert_eq!(legal.role(), Role::King);
            }
        }
    }

    #[test]
    fn a_legal_move_says_what_it_does() {
        let promoting = position("1r2k3/P7/8/8/8/8/8/4K3 w - - 0 1");
        let made = promoting.find("axb8=N".parse().unwrap()).unwrap();
        assert_eq!(made.uci(), "a7b8n".parse().unwrap());
        assert_eq!(
            (made.role(), made.promotion()),
            (Role::Pawn, Some(Role::Knight))
        );
        assert!(made.is_capture() && !made.is_en_passant());
        let passing = position("4k3/8/8/8/3pP3/8/8/4K3 b - e3 0 1");
        let made = passing.find("dxe3".parse().unwrap()).unwrap();
        assert!(made.is_capture() && made.is_en_passant());
        assert_eq!(made.origin(), Some("d4".parse().unwrap()));
        assert_eq!(made.target(), "e3".parse().unwrap());
    }

    #[test]
    fn positions_with_other_counters_differ_and_repeat_each_other() {
        let [one, other] = ["0 1", "4 3"]
            .map(|counters| position(&format!("4k3/8/8/8/8/8/8/4K2R w K - {counters}")));
        assert_ne!(one, other);
        assert_eq!(one.repetition_key(), other.repetition_key());
    }

    #[test]
    fn a_move_that_is_not_legal_changes_nothing() {
        let mut start = Position::default();
        assert_eq!(start.play_uci("e2e5".parse().unwrap()), None);
        assert_eq!(start, Position::default());
        let made = start.play_uci("e2e4".parse().unwrap()).unwrap();
        assert_eq!(start.turn(), Seat::Black);
        assert_eq!(Position::default().play_in_san(made), "e4");
    }
}
