//! The terms of a match: what is agreed before it begins.

use std::str::FromStr;

use crate::limits::QUIET_PLIES_MAX;
use crate::{
    BySeat, ClockStart, InvalidPosition, MatchId, PlayerId, Position, Rule, Rules, Seat, Speed,
    TimeControl, UnixMillis, Variant,
};

/// Why no match can begin from a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetup {
    /// The text is not FEN of standard chess, or has parts that a position does not keep.
    #[error("the starting position is not FEN: {0}")]
    Fen(String),
    /// The FEN is well formed, but the position is not legal.
    #[error("the starting position is not legal: {0}")]
    Position(String),
    /// The position is decided already.
    #[error("the starting position is already decided")]
    Over,
}

/// The position before the first move: the initial position of chess, or any legal one.
///
/// Holds a position that has at least one legal move and is not yet over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartPosition(Option<Box<Position>>);

impl StartPosition {
    /// The initial position of chess.
    pub const INITIAL: Self = Self(None);

    /// Whether this is the initial position of chess.
    #[must_use]
    pub const fn is_initial(&self) -> bool {
        self.0.is_none()
    }

    /// The position.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.as_deref().cloned().unwrap_or_default()
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

impl FromStr for StartPosition {
    type Err = InvalidSetup;

    fn from_str(fen: &str) -> Result<Self, InvalidSetup> {
        let position = Position::from_fen(fen).map_err(|invalid| match invalid {
            InvalidPosition::Fen(reason) => InvalidSetup::Fen(reason),
            InvalidPosition::Illegal(reason) => InvalidSetup::Position(reason),
        })?;
        if position.is_over() || position.quiet_plies() >= QUIET_PLIES_MAX {
            return Err(InvalidSetup::Over);
        }
        Ok(if position == Position::default() {
            Self::INITIAL
        } else {
            Self(Some(Box::new(position)))
        })
    }
}

/// The player in a seat.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Player {
    /// The id of the player, who holds the right to the seat.
    pub id: PlayerId,
    /// The player's name in records; the matchmaker limits its length.
    pub name: Box<str>,
    /// The rating before the match, if the player has one.
    pub rating: Option<u16>,
    /// Whether a program plays.
    pub is_bot: bool,
}

/// Where a match belongs, for records. Each has at most [`MatchTags::LEN_MAX`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct MatchTags {
    /// The event that it is part of.
    pub event: Option<Box<str>>,
    /// The round of the event.
    pub round: Option<Box<str>>,
    /// The board in the round.
    pub board: Option<Box<str>>,
    /// Where it is played.
    pub site: Option<Box<str>>,
}

impl MatchTags {
    /// Upper bound on each tag, in bytes.
    pub const LEN_MAX: usize = 120;

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The terms of a match, which never change after it was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchSetup {
    /// The id of the match.
    pub id: MatchId,
    /// The players.
    pub players: BySeat<Player>,
    /// The rules of the game.
    pub variant: Variant,
    /// The position at ply 0.
    pub start: StartPosition,
    /// How much time each side has.
    pub controls: BySeat<TimeControl>,
    /// When the clocks begin to count.
    pub clock_start: ClockStart,
    /// When play begins, if not as soon as the match is made.
    pub start_at: Option<UnixMillis>,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// By how many seconds spectators are behind: 0, or 3 to 60.
    pub spectator_delay_s: u8,
    /// Whether players and spectators can chat.
    pub chat: bool,
    /// The rules that differ from the usual ones.
    pub rules: Rules,
    /// Where the match belongs.
    pub tags: Option<Box<MatchTags>>,
    /// When the match was created, for records.
    pub created_at: UnixMillis,
}

impl MatchSetup {
    /// Longest delay of spectators, in seconds.
    pub const SPECTATOR_DELAY_MAX_S: u8 = 60;
    /// Shortest delay of spectators but none, in seconds.
    pub const SPECTATOR_DELAY_MIN_S: u8 = 3;

    /// Whether a seat gets lag compensation: a bot only where the rules say so.
    #[must_use]
    pub fn compensates(&self, seat: Seat) -> bool {
        !self.players[seat].is_bot || self.rules.has(Rule::CompensateBots)
    }

    /// The speed of the match: that of its slower control.
    #[must_use]
    pub fn speed(&self) -> Speed {
        self.controls.white.speed().max(self.controls.black.speed())
    }

    /// The terms of a rematch: the same with the other colours.
    #[must_use]
    pub fn rematch(&self, id: MatchId, created_at: UnixMillis) -> Self {
        let swapped = |of: &BySeat<Player>| BySeat {
            white: of.black.clone(),
            black: of.white.clone(),
        };
        Self {
            id,
            players: swapped(&self.players),
            // A control that a player has for itself stays the player's.
            controls: BySeat {
                white: self.controls.black,
                black: self.controls.white,
            },
            start_at: None,
            created_at,
            ..self.clone()
        }
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
