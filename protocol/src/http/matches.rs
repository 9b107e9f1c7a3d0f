//! Matches, as they are read and listed.

use game_core::{BySeat, MatchId, Outcome, Seat, Speed, Termination, Uci, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema::BothPlayers;
use super::terms::Terms;
use crate::{ClockView, SeatView};

/// A match as its shard has it in memory or as it is stored: confirmed, and possibly a moment old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MatchReply {
    /// The id of the match.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// Who plays.
    #[schema(value_type = BothPlayers)]
    pub players: BySeat<SeatView>,
    /// The terms, whose keys stand beside the others, with the position at ply 0 in `start_fen`.
    #[serde(flatten)]
    pub terms: Terms,
    /// Whether it is shown as it began, as spectators do not see yet what has happened since.
    #[serde(default)]
    pub withheld: bool,
    /// Number of events so far.
    pub seq: u32,
    /// The seq of the last event that changed the line of moves, by which the next move is named; 0
    /// before the first.
    pub position_seq: u32,
    /// The position, as FEN.
    pub fen: String,
    /// The number of the first move, as the starting FEN has it: 1 except for positions from the middle
    /// of a game.
    pub start_fullmove: u32,
    /// The moves that stand, from ply 0.
    #[schema(value_type = Vec<String>)]
    pub moves: Vec<Uci>,
    /// Both clocks at the time of the reply, while a shard has the match in memory. With a delay of spectators, those
    /// of the last event that is shown.
    #[serde(default)]
    pub clock: Option<ClockView>,
    /// The seat whose draw offer stands.
    #[schema(value_type = Option<String>)]
    pub draw_offer: Option<Seat>,
    /// The seat whose request for a takeback stands.
    #[schema(value_type = Option<String>)]
    pub takeback_offer: Option<Seat>,
    /// The seat whose offer of a rematch stands.
    #[schema(value_type = Option<String>)]
    pub rematch_offer: Option<Seat>,
    /// The match that both agreed on after this one.
    #[schema(value_type = Option<String>)]
    pub rematch: Option<MatchId>,
    /// How it ended, if it has.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<Outcome>,
    /// Why it ended, if it has.
    #[schema(value_type = Option<String>)]
    pub termination: Option<Termination>,
    /// How it changed the ratings of its players, if it has, and not longer ago than that is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BothChanges>)]
    pub rating_changes: Option<BySeat<RatingChange>>,
}

/// A strength by Glicko-2, rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RatingView {
    /// The rating.
    pub rating: u16,
    /// Its standard deviation.
    pub deviation: u16,
    /// Whether it says little yet: of a new player, or of one who was away for long.
    pub provisional: bool,
}

/// How a match changed a player's rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RatingChange {
    /// Before the match.
    pub before: RatingView,
    /// After it.
    pub after: RatingView,
    /// The player's rated matches in the category, this one included.
    pub games: u32,
}

/// How a match changed both ratings, in descriptions of JSON.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
struct BothChanges {
    white: RatingChange,
    black: RatingChange,
}

/// A live match in a list. If its spectators are behind, it is as it was that long ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveMatch {
    /// The id of the match.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// Who plays.
    #[schema(value_type = BothPlayers)]
    pub players: BySeat<SeatView>,
    /// Its rules: `from_position` for standard chess from another position, else as in [`Terms`].
    pub variant: String,
    /// The class of its time control, or of the slower one if they differ.
    #[schema(value_type = String)]
    pub speed: Speed,
    /// Seconds `+` increment in seconds, a delay and further stages; White's and Black's if they differ, with ` / `
    /// between.
    pub time_control: String,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// By how many seconds spectators are behind.
    pub spectator_delay_s: u8,
    /// Half-moves made.
    pub ply: u16,
    /// The side to move.
    #[schema(value_type = String)]
    pub turn: Seat,
    /// Both clocks.
    pub clock: ClockView,
    /// When it was made, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub created_at: UnixMillis,
    /// Number of spectators that its shard has.
    pub spectators: u32,
}

/// A page of live matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveList {
    /// The newest first.
    pub matches: Vec<LiveMatch>,
    /// The `cursor` of the next page, if there is one.
    pub next: Option<String>,
    /// Number of matches that pass the filters, on all pages.
    pub total: usize,
    /// Whether every shard has answered.
    pub complete: bool,
}
