//! The commands of a seat, and the reasons for which they are refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CommandId, Uci};

/// A request of a seat to its match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command {
    /// The client's number for this command.
    pub id: CommandId,
    /// The request.
    pub kind: CommandKind,
}

/// The kinds of command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CommandKind {
    /// Make a move.
    Move {
        /// The ply of the position that the move is for, so that a late move is recognised.
        ply: u16,
        /// The move.
        uci: Uci,
        /// Offer a draw with the move (FIDE 9.1.2.1).
        offers_draw: bool,
    },
    /// Resign: a loss, or a draw if the opponent cannot mate (FIDE 5.1.2).
    Resign,
    /// End the match without a result, before both sides have moved.
    Abort,
    /// Offer a draw.
    OfferDraw,
    /// Accept the opponent's standing offer.
    AcceptDraw,
    /// Decline the opponent's standing offer.
    DeclineDraw,
}

/// Why a command changed nothing. The names are stable: clients may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The match has ended.
    MatchOver,
    /// The other side is to move.
    NotYourTurn,
    /// The move is for a ply that is not the current one.
    StalePly,
    /// The rules do not allow the move here.
    IllegalMove,
    /// A match can be resigned or drawn only after both first moves; abort instead.
    TooEarly,
    /// A match can be aborted only before both first moves.
    TooLate,
    /// This seat's offer stands already, or it offered less than 20 plies ago.
    OfferTooSoon,
    /// No offer of the opponent stands.
    NoOffer,
    /// The seat has used this id for another command, whose effect stands.
    CommandIdReused,
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MatchOver => "match_over",
            Self::NotYourTurn => "not_your_turn",
            Self::StalePly => "stale_ply",
            Self::IllegalMove => "illegal_move",
            Self::TooEarly => "too_early",
            Self::TooLate => "too_late",
            Self::OfferTooSoon => "offer_too_soon",
            Self::NoOffer => "no_offer",
            Self::CommandIdReused => "command_id_reused",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
