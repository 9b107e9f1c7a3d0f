//! What a seat asks for, and why it is refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CommandId, Uci};

/// What a seat asks of its match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command {
    /// The client's number for this command.
    pub id: CommandId,
    /// What is asked for.
    pub kind: CommandKind,
}

/// The kinds of command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CommandKind {
    /// Make a move.
    Move {
        /// The ply of the position the move is made in, so that a late move is known as such.
        ply: u16,
        /// The move.
        uci: Uci,
        /// Offer a draw with the move (FIDE 9.1.2.1).
        offers_draw: bool,
    },
    /// Give the match up: a loss, or a draw if the opponent cannot mate (FIDE 5.1.2).
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
    /// Resigning and drawing need both first moves made; abort instead.
    TooEarly,
    /// A match can be aborted only before both first moves are made.
    TooLate,
    /// This seat's offer stands already, or it offered less than 20 plies ago.
    OfferTooSoon,
    /// There is no offer to answer.
    NoOffer,
    /// The seat has used this command id for another command. What that one did stands.
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
