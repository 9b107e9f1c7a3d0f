//! Positions and legal moves. Only this module knows the rules library, [`shakmaty`].

mod blockade;
mod library;
mod moves;

use shakmaty::attacks::queen_attacks;
use shakmaty::fen::Fen;
use shakmaty::san::SanPlus;
use shakmaty::variant::VariantPosition;
use shakmaty::zobrist::Zobrist64;
use shakmaty::{Bitboard, CastlingMode, Chess, EnPassantMode, FromSetup as _, Position as _};

use self::library::{color, library_role, role, seat, square, to_library};
pub use self::moves::{InvalidSan, Move, San};
use crate::{Piece, Seat, Square, Uci, Variant, chess960, fen};

/// A legal position of a variant: the pieces, whose turn it is, castling and en passant rights, the
/// move counters, and what only the variant has.
///
/// Equal to another if both have the same variant and the same FEN. [`Default`] is the initial position
/// of standard chess.
#[derive(Debug, Clone)]
pub struct Position(Rules);

/// The library's position. Chess, which nearly all matches play, is apart so that its rules are called
/// without dispatch.
#[derive(Debug, Clone)]
enum Rules {
    /// Standard chess, and Chess960 if that is its castling mode.
    Chess(Chess),
    /// Every other variant.
    Other(VariantPosition),
}

/// Evaluates an expression on the library's position, whatever its type.
macro_rules! on {
    ($rules:expr, $position:ident => $value:expr) => {
        match $rules {
            Rules::Chess($position) => $value,
            Rules::Other($position) => $value,
        }
    };
}

/// Text that is no position of a variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPosition {
    /// The text is not FEN of the variant, or says more than a position keeps.
    #[error("not FEN: {0}")]
    Fen(String),
    /// The FEN is well formed, but no legal position.
    #[error("not legal: {0}")]
    Illegal(String),
}

impl Position {
    /// The initial position of a variant; for Chess960, which has none of its own, the usual one
    /// (number 518).
    #[must_use]
    pub fn initial(variant: Variant) -> Self {
        Self(match variant {
            Variant::Standard => Rules::Chess(Chess::new()),
            Variant::Chess960 => {
                let setup = Chess::new().to_setup(EnPassantMode::Legal);
                let chess = Chess::from_setup(setup, CastlingMode::Chess960);
                // The usual position is legal.
                Rules::Chess(chess.unwrap_or_default())
            }
            _ => Rules::Other(VariantPosition::new(library::rules(variant))),
        })
    }

    /// The start position of Chess960 with a number from 0 to 959 in Scharnagl's numbering; `None`
    /// beyond.
    #[must_use]
    pub fn chess960(number: u16) -> Option<Self> {
        let fen = chess960::fen(number)?;
        Self::from_fen(Variant::Chess960, &fen).ok()
    }

    /// Reads a FEN of a variant. Fields may be left out from the end; they then are `w - - 0 1`, with
    /// empty pockets and no checks given.
    ///
    /// Castling rights of Chess960 are read in both ways that are in use: by the files of the rooks
    /// (Shredder-FEN), and as `KQkq`, which then mean the outermost rooks (X-FEN).
    ///
    /// # Errors
    ///
    /// [`InvalidPosition`], with the reason in words.
    pub fn from_fen(variant: Variant, text: &str) -> Result<Self, InvalidPosition> {
        fen::check(variant, text).map_err(InvalidPosition::Fen)?;
        let fen: Fen = text
            .parse()
            .map_err(|error| InvalidPosition::Fen(format!("{error}")))?;
        let setup = fen.into_setup();
        if setup.castling_rights.count() != fen::castling_rights(text) {
            let twice = "its castling rights name a rook twice".into();
            return Err(InvalidPosition::Fen(twice));
        }
        let castles = match variant {
            Variant::Chess960 => CastlingMode::Chess960,
            _ => CastlingMode::Standard,
        };
        let rules = match variant {
            Variant::Standard | Variant::Chess960 => Chess::from_setup(setup, castles)
                .map(Rules::Chess)
                .map_err(|error| error.to_string()),
            _ => VariantPosition::from_setup(library::rules(variant), setup, castles)
                .map(Rules::Other)
                .map_err(|error| error.to_string()),
        };
        rules.map(Self).map_err(InvalidPosition::Illegal)
    }

    /// The variant whose rules hold.
    #[must_use]
    pub fn variant(&self) -> Variant {
        let rules = match &self.0 {
            Rules::Chess(_) => shakmaty::variant::Variant::Chess,
            Rules::Other(position) => position.variant(),
        };
        library::variant(rules, self.castling_mode())
    }

    /// The position as FEN; an en passant square only where the capture is legal. Castling rights of
    /// Chess960 are X-FEN: `KQkq` for the outermost rooks, else the file of the rook. Crazyhouse has its
    /// pockets behind the board (`[Qn]`) and marks promoted pieces (`Q~`), Three-check has the checks
    /// still to give before the counters (`3+3`).
    #[must_use]
    pub fn fen(&self) -> String {
        let fen = on!(&self.0, p => Fen::from_position(p, EnPassantMode::Legal));
        fen.to_string()
    }

    /// The side to move.
    #[must_use]
    pub fn turn(&self) -> Seat {
        seat(on!(&self.0, p => p.turn()))
    }

    /// Half-moves since the last capture, pawn move or drop of a pawn.
    #[must_use]
    pub fn quiet_plies(&self) -> u32 {
        on!(&self.0, p => p.halfmoves())
    }

    /// The number of the next move, which Black's move raises.
    #[must_use]
    pub fn move_number(&self) -> u32 {
        on!(&self.0, p => p.fullmoves()).get()
    }

    /// The piece on a square.
    #[must_use]
    pub fn piece_at(&self, at: Square) -> Option<Piece> {
        let piece = on!(&self.0, p => p.board().piece_at(to_library(at)))?;
        Some(Piece {
            role: role(piece.role),
            seat: seat(piece.color),
        })
    }

    /// What `seat` may drop: pawns, knights, bishops, rooks and queens. All 0 but in Crazyhouse.
    #[must_use]
    pub fn pocket(&self, seat: Seat) -> [u8; 5] {
        let pockets = on!(&self.0, p => p.pockets().copied()).unwrap_or_default();
        let pocket = pockets.get(color(seat));
        [
            pocket.pawn,
            pocket.knight,
            pocket.bishop,
            pocket.rook,
            pocket.queen,
        ]
    }

    /// How many checks `seat` still has to give to win; `None` but in Three-check.
    #[must_use]
    pub fn checks_left(&self, seat: Seat) -> Option<u8> {
        let left = on!(&self.0, p => p.remaining_checks().copied())?;
        Some((*left.get(color(seat))).into())
    }

    /// Whether the side to move is in check.
    #[must_use]
    pub fn is_check(&self) -> bool {
        on!(&self.0, p => p.is_check())
    }

    /// Where the king stands that is in check.
    #[must_use]
    pub fn king_in_check(&self) -> Option<Square> {
        let king = on!(&self.0, p => p.is_check().then(|| p.board().king_of(p.turn())));
        king.flatten().map(square)
    }

    /// How the variant's own rules end a match here: who wins, or nobody. `None` if they do not.
    /// It prevails over mate, stalemate and a dead position.
    ///
    /// Antichess: the side to move has no piece or no move, and wins. Atomic: a king has exploded. King
    /// of the Hill: a king is in the center. Racing Kings: a king is on the eighth rank, and Black can
    /// no longer catch up; a draw if it has. Three-check: the third check was given. Horde: White has
    /// nothing left.
    #[must_use]
    pub fn variant_end(&self) -> Option<Option<Seat>> {
        match &self.0 {
            Rules::Chess(_) => None,
            Rules::Other(position) => {
                let outcome = position.variant_outcome().known()?;
                Some(outcome.winner().map(seat))
            }
        }
    }

    /// Whether the side to move is checkmated (FIDE 5.1.1).
    #[must_use]
    pub fn is_checkmate(&self) -> bool {
        on!(&self.0, p => p.is_checkmate()) && self.variant_end().is_none()
    }

    /// Whether the side to move is stalemated (FIDE 5.2.1), which is a draw: not in Antichess.
    #[must_use]
    pub fn is_stalemate(&self) -> bool {
        match &self.0 {
            // It is asked after every move, and most positions have such a pawn.
            Rules::Chess(chess) => {
                !chess.is_check() && !has_free_pawn(chess) && chess.legal_moves().is_empty()
            }
            Rules::Other(other) => other.is_stalemate() && self.variant_end().is_none(),
        }
    }

    /// Whether neither side can win any more (FIDE 5.2.2): it has not the material, or, in standard chess
    /// and Chess960, pawns that can never move keep the kings apart.
    ///
    /// Only the simplest of such blockades are proved: kings and pawns alone, each pawn before another
    /// one, none that can capture or that a king can reach. Other dead positions go on until a draw by
    /// agreement, repetition or the 75 moves.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        on!(&self.0, p => p.is_insufficient_material()) || self.is_blocked()
    }

    /// Whether the position by itself ends a match: by the variant's own rules, mate, stalemate, or a
    /// dead position.
    #[must_use]
    pub fn is_over(&self) -> bool {
        on!(&self.0, p => p.is_game_over()) || self.is_blocked()
    }

    fn is_blocked(&self) -> bool {
        match &self.0 {
            Rules::Chess(chess) => blockade::is_proved(chess),
            Rules::Other(_) => false,
        }
    }

    /// Whether `seat` has the material to win by some sequence of legal moves (FIDE 6.9). Only the
    /// material counts: a blocked position may hide that there is no mate.
    ///
    /// Standard chess and Chess960 as FIDE says, with what the opponent has to block its own king.
    /// Crazyhouse: not with three pieces or fewer in all, pockets counted, if none is or was a pawn,
    /// rook or queen. Antichess: not if its pieces can never be captured, being bishops and bishops of
    /// the other colour, or knights that meet on the wrong turn. Three-check: not with the king alone.
    /// King of the Hill and Racing Kings: always, as the king itself wins. Atomic and Horde have rules
    /// of their own, by what can explode or mate.
    #[must_use]
    pub fn can_mate(&self, seat: Seat) -> bool {
        !on!(&self.0, p => p.has_insufficient_material(color(seat)))
    }

    /// A number that is the same for equal positions in the sense of FIDE 9.2.3: castling rights and
    /// the side to move count, en passant only where it is a legal move, the move counters not; pockets,
    /// marks of promoted pieces and checks count where the variant has them.
    #[must_use]
    pub fn repetition_key(&self) -> u64 {
        let hash: Zobrist64 = on!(&self.0, p => p.zobrist_hash(EnPassantMode::Legal));
        hash.into()
    }

    /// Every legal move.
    #[must_use]
    pub fn legal_moves(&self) -> Vec<Move> {
        let castles = self.castling_mode();
        let moves = on!(&self.0, p => p.legal_moves());
        moves
            .into_iter()
            .map(|legal| Move::new(legal, castles))
            .collect()
    }

    /// The legal move that `uci` names; castling may be named by the king's square or the rook's.
    /// `None` if the rules do not allow it here.
    #[must_use]
    pub fn resolve(&self, uci: Uci) -> Option<Move> {
        let named = on!(&self.0, p => named(p, uci))?;
        let is_legal = on!(&self.0, p => p.is_legal(named));
        is_legal.then(|| Move::new(named, self.castling_mode()))
    }

    /// The one legal move that `san` fits; `None` if there is none or more than one.
    #[must_use]
    pub fn find(&self, san: San) -> Option<Move> {
        let legal = on!(&self.0, p => san.0.to_move(p)).ok()?;
        Some(Move::new(legal, self.castling_mode()))
    }

    /// Whether no position from before the move can come back after it: it captures, moves a pawn,
    /// gives up a castling right, or gives a check that is counted. In Crazyhouse only castling rights
    /// do not come back.
    pub(crate) fn is_irreversible(&self, made: Move) -> bool {
        on!(&self.0, p => p.is_irreversible(made.legal))
    }

    /// Plays a move that this position gave out.
    ///
    /// # Panics
    ///
    /// Possibly, if the move is another position's.
    pub fn play(&mut self, made: Move) {
        on!(&mut self.0, p => p.play_unchecked(made.legal));
    }

    /// Plays the move that `uci` names, and returns it; `None` and no change if it is not legal.
    pub fn play_uci(&mut self, uci: Uci) -> Option<Move> {
        let made = self.resolve(uci)?;
        self.play(made);
        Some(made)
    }

    /// Plays a move that this position gave out, and returns it in standard algebraic notation, with
    /// the signs of check and mate; the variant's own end by a win has the sign of mate.
    ///
    /// # Panics
    ///
    /// Possibly, if the move is another position's.
    pub fn play_in_san(&mut self, made: Move) -> String {
        let san = on!(&mut self.0, p => SanPlus::from_move_and_play_unchecked(p, made.legal));
        san.to_string()
    }

    fn castling_mode(&self) -> CastlingMode {
        match &self.0 {
            Rules::Chess(chess) => chess.castles().mode(),
            Rules::Other(_) => CastlingMode::Standard,
        }
    }
}

impl Default for Position {
    fn default() -> Self {
        Self::initial(Variant::Standard)
    }
}

impl PartialEq for Position {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.0, &other.0) {
            (Rules::Chess(one), Rules::Chess(other)) => {
                one.castles().mode() == other.castles().mode() && one == other
            }
            (Rules::Other(one), Rules::Other(other)) => one == other,
            _ => false,
        };
        // The library compares positions without their move counters.
        same && self.quiet_plies() == other.quiet_plies()
            && self.move_number() == other.move_number()
    }
}

impl Eq for Position {}

/// The move that `uci` names, legal or not. A king's step of more than one square names castling by the
/// square that the king reaches.
fn named(position: &impl shakmaty::Position, uci: Uci) -> Option<shakmaty::Move> {
    use shakmaty::{CastlingSide, Move, Role};

    let board = position.board();
    let (to, given) = (to_library(uci.target()), uci.role().map(library_role));
    let Some(from) = uci.origin().map(to_library) else {
        return given.map(|role| Move::Put { role, to });
    };
    let role = board.role_at(from)?;
    if given.is_some() && role != Role::Pawn {
        return None;
    }
    let castles = position.castles();
    Some(match role {
        Role::King if (castles.castling_rights() & position.us()).contains(to) => Move::Castle {
            king: from,
            rook: to,
        },
        Role::King if from.distance(to) > 1 => {
            let side = CastlingSide::from_king_side(from < to);
            let rook = castles.rook(position.turn(), side)?;
            if to != side.king_to(position.turn()) {
                return None;
            }
            Move::Castle { king: from, rook }
        }
        Role::Pawn if from.file() != to.file() && !board.occupied().contains(to) => {
            Move::EnPassant { from, to }
        }
        _ => Move::Normal {
            role,
            from,
            capture: board.role_at(to),
            to,
            promotion: given,
        },
    })
}

/// Whether a pawn of the side to move, which is not in check, can step. It asks only for pawns that
/// cannot be pinned, as they are on no line with their king.
fn has_free_pawn(chess: &Chess) -> bool {
    let board = chess.board();
    let Some(king) = board.king_of(chess.turn()) else {
        return false;
    };
    let free = chess.our(shakmaty::Role::Pawn) & !queen_attacks(king, Bitboard::EMPTY);
    let ahead = free.shift(chess.turn().fold_wb(8, -8));
    (ahead & !board.occupied()).any()
}

#[cfg(test)]
mod tests;
