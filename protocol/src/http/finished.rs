//! What is told of a finished match: in exports, in the list of a player's games, in the feed and in webhooks.

use game_core::{BySeat, MatchId, Outcome, Termination, Uci, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::terms::Terms;
use crate::SeatView;

/// A finished match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FinishedMatch {
    /// The id of the match.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// The seq of the event that ended it.
    pub seq: u32,
    /// Who played.
    #[schema(value_type = BothFinished)]
    pub players: BySeat<FinishedSeat>,
    /// The terms, whose keys stand beside the others, with the position at ply 0 in `start_fen`.
    #[serde(flatten)]
    pub terms: Terms,
    /// When the match was made, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub created_at: UnixMillis,
    /// When it ended, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub ended_at: UnixMillis,
    /// How it ended.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// Why it ended.
    #[schema(value_type = String)]
    pub termination: Termination,
    /// The moves that stand, from ply 0.
    #[schema(value_type = Vec<String>)]
    pub moves: Vec<Uci>,
    /// What the mover's clock showed after each move, in milliseconds.
    pub clocks_ms: Vec<u64>,
    /// What each move cost its mover's clock, in milliseconds; `null` for an untimed first move. Lag that was compensated
    /// is not in it.
    pub times_ms: Vec<Option<u64>>,
    /// The round trip of the mover's connection at each move, in milliseconds, as the shard's transport estimates it;
    /// `null` where no connection measured it. A match that was told before there were round trips has none.
    #[serde(default)]
    pub rtts_ms: Vec<Option<u16>>,
}

/// A player of a finished match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FinishedSeat {
    /// Who, with the rating before the match.
    #[serde(flatten)]
    pub player: SeatView,
    /// By how much the match changed the rating; absent if it did not, or the change is not known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating_diff: Option<i32>,
}

/// Both players of a finished match, in descriptions of JSON.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
struct BothFinished {
    white: FinishedSeat,
    black: FinishedSeat,
}

/// Some of a player's games.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GamesReply {
    /// The games, the last that ended first.
    pub games: Vec<FinishedMatch>,
    /// What to send as `after` for the next page; absent on the last one. A page may be short, or empty, and not be the
    /// last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One line of the feed, and the data of one event of its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedLine {
    /// What to send as `after` to read on behind this entry.
    pub cursor: String,
    /// Names the entry for good, by match and seq: readers that may have seen it recognise it by this.
    pub id: String,
    /// The match.
    #[serde(rename = "match")]
    pub finished: FinishedMatch,
}
