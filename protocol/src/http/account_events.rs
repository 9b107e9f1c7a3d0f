//! What concerns one player: events of `GET /v1/account/events`, and the player's live matches.

use game_core::{Seat, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::matches::MatchReply;
use super::tickets::TicketReply;

/// A match of the caller: an element of `GET /v1/account/matches`, and the data of the events `match_started` and
/// `match_ended`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountMatch {
    /// The caller's seat.
    #[schema(value_type = String)]
    pub seat: Seat,
    /// When the match was made, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub created_at: UnixMillis,
    /// The match as its players see it. Events tell it as it is stored, without `clock`.
    #[serde(rename = "match")]
    pub game: MatchReply,
}

/// The live matches of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountMatches {
    /// The newest first: 1000 at most.
    pub matches: Vec<AccountMatch>,
}

/// Why a challenge does not wait any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeEnd {
    /// It has a match: its `match_id`.
    Accepted,
    /// Its opponent declined it, for the reason in `declined`.
    Declined,
    /// The challenger withdrew it.
    Cancelled,
    /// Nobody accepted it in time.
    Expired,
}

/// The data of the event `challenge_ended`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChallengeEnded {
    /// Why it ended.
    pub why: ChallengeEnd,
    /// The challenge as it is now; one that expired is as it was when it waited.
    pub challenge: TicketReply,
}

/// The name of each event of `GET /v1/account/events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountEvent {
    /// A challenge waits that the caller has made, or that names the caller. Data: [`TicketReply`].
    Challenge,
    /// A challenge that was told of does not wait any more. Data: [`ChallengeEnded`].
    ChallengeEnded,
    /// A match of the caller is live. Data: [`AccountMatch`].
    MatchStarted,
    /// A match that was told of has ended; its outcome is in it. Data: [`AccountMatch`].
    MatchEnded,
    /// The state at the opening of the stream has been told: what comes next are changes. Data: `{}`.
    Complete,
}

impl AccountEvent {
    /// Every event.
    pub const ALL: [Self; 5] = [
        Self::Challenge,
        Self::ChallengeEnded,
        Self::MatchStarted,
        Self::MatchEnded,
        Self::Complete,
    ];

    /// The name of the event in the stream.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::ChallengeEnded => "challenge_ended",
            Self::MatchStarted => "match_started",
            Self::MatchEnded => "match_ended",
            Self::Complete => "complete",
        }
    }

    /// The event of a name; `None` for one of a newer server, which a client skips.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}
