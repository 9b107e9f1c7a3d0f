//! The terms of a match: what is agreed before it begins.

use crate::{BySeat, ClockStart, MatchId, PlayerId, StartPosition, TimeControl, UnixMillis};

/// The player in a seat.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Player {
    /// The id of the player, who holds the right to the seat.
    pub id: PlayerId,
    /// The player's name in records; the matchmaker limits its length.
    pub name: Box<str>,
}

/// The terms of a match, which never change after it was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchSetup {
    /// The id of the match.
    pub id: MatchId,
    /// The players.
    pub players: BySeat<Player>,
    /// How much time each side has.
    pub time_control: TimeControl,
    /// When the clocks begin to count.
    pub clock_start: ClockStart,
    /// The position at ply 0.
    pub start: StartPosition,
    /// Whether the result counts for ratings.
    pub rated: bool,
    /// When the match was created, for records.
    pub created_at: UnixMillis,
}
