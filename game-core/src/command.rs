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
        /// The seq of the last event that changed the line of moves, a move or a takeback, as the mover
        /// knows it; 0 before the first. A move that is late is recognised by it.
        position_seq: u32,
        /// The move.
        uci: Uci,
        /// What is said with the move.
        with: WithMove,
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
    /// Claim a draw by threefold repetition or fifty moves (FIDE 9.2 and 9.3); of the side to move.
    ClaimDraw,
    /// Ask to take back this seat's last move, and the opponent's answer to it.
    OfferTakeback,
    /// Grant the opponent's standing request for a takeback.
    AcceptTakeback,
    /// Decline the opponent's standing request for a takeback.
    DeclineTakeback,
    /// Claim the win, as the opponent is gone.
    ClaimWin,
    /// Claim a draw, as the opponent is gone.
    ClaimAbandonedDraw,
    /// Add time to the opponent's clock.
    GiveTime {
        /// How much: [`GIVE_TIME_MIN`](crate::GIVE_TIME_MIN) to [`GIVE_TIME_MAX`](crate::GIVE_TIME_MAX).
        seconds: u8,
    },
    /// Offer another match on the same terms with the other colours, after the end.
    OfferRematch,
    /// Accept the opponent's offer of a rematch.
    AcceptRematch,
    /// Decline the opponent's offer of a rematch.
    DeclineRematch,
}

impl CommandKind {
    /// Whether it may make both sides agree on a rematch, which then needs an id.
    #[must_use]
    pub const fn may_agree_on_a_rematch(self) -> bool {
        matches!(self, Self::OfferRematch | Self::AcceptRematch)
    }

    /// Whether it concerns what follows the end of a match.
    #[must_use]
    pub const fn follows_the_end(self) -> bool {
        matches!(
            self,
            Self::OfferRematch | Self::AcceptRematch | Self::DeclineRematch
        )
    }

    /// A move without anything said.
    #[must_use]
    pub const fn plain_move(position_seq: u32, uci: Uci) -> Self {
        let with = WithMove::Nothing;
        Self::Move {
            position_seq,
            uci,
            with,
        }
    }
}

/// What may be said together with a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithMove {
    /// Nothing.
    #[default]
    Nothing,
    /// A draw is offered (FIDE 9.1.2.1).
    DrawOffer,
    /// A draw is claimed, as the move brings about a third repetition or the fiftieth move (FIDE 9.2.1
    /// and 9.3.1). The move is played whatever becomes of the claim (9.5.3).
    DrawClaim,
}

/// Why a command changed nothing. The names are stable: clients may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The match has ended.
    MatchOver,
    /// The other side is to move.
    NotYourTurn,
    /// The move is for a position that is no longer on the board.
    StalePosition,
    /// The rules do not allow the move here.
    IllegalMove,
    /// A match can be resigned or drawn only after both first moves (abort instead), and where the terms
    /// say so, drawn only from move 30 on. Also: there is no move yet that could be taken back.
    TooEarly,
    /// A match can be aborted only before both first moves.
    TooLate,
    /// This seat's offer stands already, it offered a draw less than 20 plies ago, or the wait after a
    /// declined takeback is not over.
    OfferTooSoon,
    /// No offer of the opponent stands.
    NoOffer,
    /// The seat has used this id for another command, whose effect stands.
    CommandIdReused,
    /// The terms of the match do not allow it.
    NotAllowed,
    /// The position has not occurred three times, and fifty moves have not been made.
    NoClaim,
    /// The opponent is here, is not to move, or has not been gone for long enough.
    OpponentNotGone,
    /// Play has not begun yet, or an arbiter has stopped it.
    NotStarted,
    /// A rematch can be offered only after the end.
    MatchInPlay,
    /// The amount of time is out of bounds.
    AmountOutOfBounds,
    /// The match has as many events as one may have beside its moves.
    TooManyEvents,
}

impl Refusal {
    /// Every refusal, in the order of its number on the wire.
    pub const ALL: [Self; 16] = [
        Self::MatchOver,
        Self::NotYourTurn,
        Self::StalePosition,
        Self::IllegalMove,
        Self::TooEarly,
        Self::TooLate,
        Self::OfferTooSoon,
        Self::NoOffer,
        Self::CommandIdReused,
        Self::NotAllowed,
        Self::NoClaim,
        Self::OpponentNotGone,
        Self::NotStarted,
        Self::MatchInPlay,
        Self::AmountOutOfBounds,
        Self::TooManyEvents,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MatchOver => "match_over",
            Self::NotYourTurn => "not_your_turn",
            Self::StalePosition => "stale_position",
            Self::IllegalMove => "illegal_move",
            Self::TooEarly => "too_early",
            Self::TooLate => "too_late",
            Self::OfferTooSoon => "offer_too_soon",
            Self::NoOffer => "no_offer",
            Self::CommandIdReused => "command_id_reused",
            Self::NotAllowed => "not_allowed",
            Self::NoClaim => "no_claim",
            Self::OpponentNotGone => "opponent_not_gone",
            Self::NotStarted => "not_started",
            Self::MatchInPlay => "match_in_play",
            Self::AmountOutOfBounds => "amount_out_of_bounds",
            Self::TooManyEvents => "too_many_events",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
