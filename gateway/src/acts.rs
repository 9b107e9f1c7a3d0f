//! What a player does beside moving.

use client::MatchView;
use game_core::{CommandKind, Refusal as Rule, Termination};
use protocol::WireRefusal;

/// What a player does beside moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Abort,
    /// Resign, or abort a game that cannot be resigned yet.
    Resign,
    /// Offer a draw, which accepts the one that is offered; or decline that.
    Draw(bool),
    /// Ask for a takeback, which grants the one that is asked for; or decline that.
    Takeback(bool),
    /// Claim the win against an opponent who has left.
    ClaimWin,
    /// Claim a draw: by the rules if there is one to claim, else against an opponent who has left.
    ClaimDraw,
    /// Give the opponent so many seconds.
    GiveTime(u8),
}

impl Act {
    /// The command for it in this match.
    pub(crate) fn command(self, view: &MatchView) -> CommandKind {
        match self {
            Self::Abort => CommandKind::Abort,
            Self::Resign if view.has_begun() => CommandKind::Resign,
            Self::Resign => CommandKind::Abort,
            Self::Draw(true) => CommandKind::OfferDraw,
            Self::Draw(false) => CommandKind::DeclineDraw,
            Self::Takeback(true) => CommandKind::OfferTakeback,
            Self::Takeback(false) => CommandKind::DeclineTakeback,
            Self::ClaimWin => CommandKind::ClaimWin,
            Self::ClaimDraw if view.is_my_turn() && view.claimable_draw().is_some() => {
                CommandKind::ClaimDraw
            }
            Self::ClaimDraw => CommandKind::ClaimAbandonedDraw,
            Self::GiveTime(seconds) => CommandKind::GiveTime { seconds },
        }
    }

    /// Whether it has the effect that was wanted already: an earlier request of the same kind had it.
    pub(crate) fn is_done(self, view: &MatchView) -> bool {
        let Some((_, termination)) = view.result() else {
            return false;
        };
        match self {
            Self::Abort => termination == Termination::Aborted,
            Self::Resign => matches!(termination, Termination::Resignation | Termination::Aborted),
            Self::ClaimWin => termination == Termination::Abandoned,
            Self::ClaimDraw => matches!(
                termination,
                Termination::Abandoned | Termination::ThreefoldRepetition | Termination::FiftyMoves
            ),
            Self::Draw(_) | Self::Takeback(_) | Self::GiveTime(_) => false,
        }
    }

    /// Whether the client is told that it worked even if the rules refuse it.
    pub(crate) const fn is_always_well(self) -> bool {
        matches!(self, Self::Draw(_) | Self::Takeback(_))
    }

    /// What is done instead, if the match has gone on meanwhile.
    pub(crate) fn instead(self, refused: CommandKind, reason: WireRefusal) -> Option<CommandKind> {
        match (self, refused, reason) {
            (Self::Resign, CommandKind::Abort, WireRefusal::Match(Rule::TooLate)) => {
                Some(CommandKind::Resign)
            }
            (Self::Resign, CommandKind::Resign, WireRefusal::Match(Rule::TooEarly)) => {
                Some(CommandKind::Abort)
            }
            _ => None,
        }
    }
}
