//! A player of the waiting list, and whom this player accepts.

use game_core::{ColorChoice, PlayerId};
use store::RatingRange;

/// The rating of a player who has none: that with which everyone begins.
const RATING_UNKNOWN: u16 = 1_500;

/// Each missed wave adds this to the difference of ratings that a player accepts.
const TOLERANCE_PER_WAVE: u32 = 12;
/// Upper bound on what missed waves add.
const TOLERANCE_MAX: u32 = 400;
/// The difference that everyone accepts, in points.
const DIFFERENCE_MIN: u32 = 100;
/// A stronger player accepts a difference of this share of the rating.
const DIFFERENCE_SHARE: u32 = 15;

/// A player who waits in a pool.
#[derive(Debug, Clone, Copy)]
pub struct Entrant<'a> {
    /// Who waits.
    pub player: &'a PlayerId,
    /// The player's rating, if there is one.
    pub rating: Option<u16>,
    /// How many waves of the pool the player has missed.
    pub missed: u32,
    /// The requested colour.
    pub color: ColorChoice,
    /// The accepted ratings of the opponent; `None` for those near the player's own.
    pub range: Option<RatingRange>,
    /// The opponent of the player's last match from a pool.
    pub last_opponent: Option<&'a PlayerId>,
}

impl Entrant<'_> {
    pub(super) fn rating(&self) -> u16 {
        self.rating.unwrap_or(RATING_UNKNOWN)
    }

    pub(super) fn accepts(&self, other: &Self) -> bool {
        let rating = self.rating();
        let tolerance = (self.missed.saturating_mul(TOLERANCE_PER_WAVE)).min(TOLERANCE_MAX);
        let usual = DIFFERENCE_MIN.max(u32::from(rating) / DIFFERENCE_SHARE) + tolerance;
        let difference = u32::from(rating.abs_diff(other.rating()));
        self.range
            .map_or(difference <= usual, |range| range.contains(other.rating()))
    }

    pub(super) fn is_last_opponent_of(&self, other: &Self) -> bool {
        self.last_opponent == Some(other.player) || other.last_opponent == Some(self.player)
    }
}
