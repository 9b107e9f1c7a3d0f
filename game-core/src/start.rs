//! The position that a match starts from.

use std::str::FromStr;

use crate::limits::QUIET_PLIES_MAX;
use crate::{InvalidPosition, Position, Variant};

/// Why no match can begin from a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetup {
    /// The text is not FEN of the variant, or has parts that a position does not keep.
    #[error("the starting position is not FEN: {0}")]
    Fen(String),
    /// The FEN is well formed, but the position is not legal.
    #[error("the starting position is not legal: {0}")]
    Position(String),
    /// The position is decided already.
    #[error("the starting position is already decided")]
    Over,
}

/// The position before the first move: the initial position of a variant, or any legal one.
///
/// Holds a position that has at least one legal move and is not yet over. [`Default`] is the initial
/// position of standard chess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartPosition(Kind);

/// Most matches begin from the initial position, which takes no memory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// The initial position of a variant that has one, so not of Chess960.
    Initial(Variant),
    /// Another one.
    Other(Box<Position>),
}

impl StartPosition {
    /// The initial position of standard chess.
    pub const INITIAL: Self = Self(Kind::Initial(Variant::Standard));

    /// The initial position of a variant; for Chess960, which has none of its own, the usual one
    /// (number 518).
    #[must_use]
    pub fn initial(variant: Variant) -> Self {
        Self::of(Position::initial(variant))
    }

    /// The start position of Chess960 with a number from 0 to 959 in Scharnagl's numbering; `None`
    /// beyond.
    #[must_use]
    pub fn chess960(number: u16) -> Option<Self> {
        Position::chess960(number).map(Self::of)
    }

    /// Reads a position as FEN of a variant.
    ///
    /// # Errors
    ///
    /// [`InvalidSetup`], also if the position is decided already.
    pub fn parse(variant: Variant, fen: &str) -> Result<Self, InvalidSetup> {
        let position = Position::from_fen(variant, fen).map_err(|invalid| match invalid {
            InvalidPosition::Fen(reason) => InvalidSetup::Fen(reason),
            InvalidPosition::Illegal(reason) => InvalidSetup::Position(reason),
        })?;
        if position.is_over() || position.quiet_plies() >= QUIET_PLIES_MAX {
            return Err(InvalidSetup::Over);
        }
        Ok(Self::of(position))
    }

    fn of(position: Position) -> Self {
        let variant = position.variant();
        let is_initial = variant != Variant::Chess960 && position == Position::initial(variant);
        Self(if is_initial {
            Kind::Initial(variant)
        } else {
            Kind::Other(Box::new(position))
        })
    }

    /// The variant whose rules hold from here.
    #[must_use]
    pub fn variant(&self) -> Variant {
        match &self.0 {
            Kind::Initial(variant) => *variant,
            Kind::Other(position) => position.variant(),
        }
    }

    /// Whether this is the initial position of its variant, which need not be told. Never for Chess960.
    #[must_use]
    pub const fn is_initial(&self) -> bool {
        matches!(self.0, Kind::Initial(_))
    }

    /// The position.
    #[must_use]
    pub fn position(&self) -> Position {
        match &self.0 {
            Kind::Initial(variant) => Position::initial(*variant),
            Kind::Other(position) => (**position).clone(),
        }
    }

    /// The number of the first move, as in the FEN: 1 except for positions from the middle of a game.
    #[must_use]
    pub fn fullmove(&self) -> u32 {
        self.position().move_number()
    }

    /// The position as FEN.
    #[must_use]
    pub fn fen(&self) -> String {
        self.position().fen()
    }
}

impl Default for StartPosition {
    fn default() -> Self {
        Self::INITIAL
    }
}

impl FromStr for StartPosition {
    type Err = InvalidSetup;

    /// Reads a position of standard chess.
    fn from_str(fen: &str) -> Result<Self, InvalidSetup> {
        Self::parse(Variant::Standard, fen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_that_is_over_is_no_start() {
        for fen in [
            "7k/5K2/6Q1/8/8/8/8/8 b - - 0 1",
            "R5k1/5ppp/8/8/8/8/8/4K3 b - - 0 1",
            "8/8/8/4k3/8/8/8/4K3 w - - 0 1",
            "4k3/8/8/8/8/8/8/R3K3 w - - 150 90",
        ] {
            assert_eq!(
                fen.parse::<StartPosition>(),
                Err(InvalidSetup::Over),
                "{fen}"
            );
        }
    }

    /// A position must be stored as it was given: what would be dropped or truncated is refused, with
    /// the reason.
    #[test]
    fn fen_that_says_more_than_is_kept_is_refused() {
        let board = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR";
        for (fen, why) in [
            (format!("{board}[Qn] w KQkq - 0 1"), "pocket"),
            (format!("{board}[] w KQkq - 0 1"), "pocket"),
            (format!("{board}/Qn w KQkq - 0 1"), "pocket"),
            (format!("{board}/ w KQkq - 0 1"), "pocket"),
            (format!("{board} w KQkq - 3+3 0 1"), "must be a number"),
            (format!("{board} w KQkq - 0 1 +2+0"), "behind its six"),
            (format!("{board} w KQkq - 0 1 x"), "behind its six"),
            (board.replacen('8', "44", 1) + " w KQkq - 0 1", "44"),
            (board.replacen('8', "11114", 1) + " w KQkq - 0 1", "11"),
            (board.replace("QK", "Q~K") + " w KQkq - 0 1", "promoted"),
            (format!("{board} w KQkqK - 0 1"), "twice"),
            (format!("{board} w KQkq - 0 0"), "move number is 0"),
            (format!("{board} w KQkq - 0 10000"), "move number is 10000"),
            (format!("{board} w KQkq - 0 4294967296"), "absurd"),
            (format!("{board} w KQkq - 99999999999 1"), "absurd"),
            (format!("{board} w KQkq - -1 1"), "must be a number"),
            (format!("{board} w KQkq - 0 1.5"), "must be a number"),
            (format!("{board} w KQkq - 0 +1"), "must be a number"),
        ] {
            let Err(InvalidSetup::Fen(said)) = fen.parse::<StartPosition>() else {
                panic!("{fen} was taken");
            };
            assert!(said.contains(why), "{fen}: {said}");
        }
    }

    #[test]
    fn fen_that_is_kept_comes_out_as_it_went_in() {
        for (fen, kept) in [
            ("4k3/8/8/8/8/8/8/4K2R w K - 12 9999", None),
            // En passant that no pawn can make is no part of a position (FIDE 9.2.3).
            (
                "4k3/8/8/8/4P3/8/8/4K2R b K e3 0 1",
                Some("4k3/8/8/8/4P3/8/8/4K2R b K - 0 1"),
            ),
            ("4k3/8/8/8/3pP3/8/8/4K2R b K e3 0 1", None),
            (
                "4k3/8/8/8/8/8/8/4K2R w H - 0 1",
                Some("4k3/8/8/8/8/8/8/4K2R w K - 0 1"),
            ),
            (
                "4k3/8/8/8/8/8/8/4K2R w",
                Some("4k3/8/8/8/8/8/8/4K2R w - - 0 1"),
            ),
            (
                "4k3/8/8/8/8/8/8/R3K2R_w_QK_-_0_07",
                Some("4k3/8/8/8/8/8/8/R3K2R w KQ - 0 7"),
            ),
        ] {
            let start: StartPosition = fen.parse().unwrap();
            assert_eq!(start.fen(), kept.unwrap_or(fen));
        }
        let start: StartPosition = "4k3/8/8/8/8/8/8/4K2R b K - 0 31".parse().unwrap();
        assert_eq!(start.fullmove(), 31);
        assert_eq!(StartPosition::INITIAL.fullmove(), 1);
    }

    #[test]
    fn the_move_counters_make_another_start() {
        let fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 4 3";
        let start: StartPosition = fen.parse().unwrap();
        assert_eq!(start.fen(), fen);
        assert_ne!(start, StartPosition::INITIAL);
        let initial: StartPosition = StartPosition::INITIAL.fen().parse().unwrap();
        assert!(initial.is_initial());
    }
}
