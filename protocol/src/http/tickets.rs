//! Tickets and challenges, as their players see them.

use game_core::{ColorChoice, DeclineReason, MatchId, PlayerId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::terms::Terms;
use crate::SeatView;

/// The status of a request for a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketStatus {
    /// It waits for an opponent.
    Waiting,
    /// It has a match.
    Matched,
    /// It was cancelled.
    Cancelled,
    /// The player that it was for has declined it.
    Declined,
}

/// A request for a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketReply {
    /// The id of the ticket or challenge.
    pub id: String,
    /// Its status.
    pub status: TicketStatus,
    /// The match, once it has one.
    #[schema(value_type = Option<String>)]
    pub match_id: Option<MatchId>,
    /// Why it was declined, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>)]
    pub declined: Option<DeclineReason>,
    /// Of a challenge: who has made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub challenger: Option<SeatView>,
    /// Of a challenge: the challenger's colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>)]
    pub color: Option<ColorChoice>,
    /// Of a challenge: the player who may accept; absent for anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>)]
    pub opponent: Option<PlayerId>,
    /// Of a challenge: when it expires, in milliseconds since 1970, unless the challenger reads it again before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<u64>)]
    pub expires_at: Option<UnixMillis>,
    /// The terms asked for, whose keys stand beside the others.
    #[serde(flatten)]
    pub terms: Terms,
}

/// A challenge that waits, in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChallengeView {
    /// The id of the challenge, and of the match that comes of it.
    pub id: String,
    /// Who has made it.
    pub challenger: SeatView,
    /// The challenger's colour.
    #[schema(value_type = String)]
    pub color: ColorChoice,
    /// The player who may accept; `null` for anyone.
    #[schema(value_type = Option<String>)]
    pub opponent: Option<PlayerId>,
    /// When it was made, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub created_at: UnixMillis,
    /// When it expires, unless the challenger reads it again before.
    #[schema(value_type = u64)]
    pub expires_at: UnixMillis,
    /// The terms, whose keys stand beside the others.
    #[serde(flatten)]
    pub terms: Terms,
}

/// A player's open challenges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChallengesReply {
    /// Those that the player has made, the last first.
    pub made: Vec<ChallengeView>,
    /// Those that are for the player, the last first: 100 at most.
    pub received: Vec<ChallengeView>,
}

/// The challenges that everyone may accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenChallengesReply {
    /// The last first: 100 at most.
    pub open: Vec<ChallengeView>,
}
