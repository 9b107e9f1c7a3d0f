//! Ratings, and the matches that change them. How they are computed is not known here.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use game_core::{BySeat, MatchId, MatchSetup, PlayerId, Seat, Speed, UnixMillis, Variant};

/// How long a rating is kept after its player's last rated match: two years, after which it says as little as a new one.
pub const RATING_KEPT: Duration = Duration::from_secs(2 * 366 * 24 * 60 * 60);
/// How long a store remembers at least that a match was rated. An outbox entry that is older may have been rated or
/// not, and must not be rated any more.
pub const RATED_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Upper bound on the ratings of one player in one category that are kept, the newest: about 100 KB.
pub const RATING_HISTORY_MAX: usize = 1_000;
/// Upper bound on the ratings in one page of a history.
pub const RATING_PAGE_MAX: usize = 200;

/// What has ratings of its own: a variant at a speed. As text `VARIANT-SPEED`, for example `standard-blitz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category {
    /// The rules.
    pub variant: Variant,
    /// The speed of the controls.
    pub speed: Speed,
}

/// Text that names no category.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a category is a variant and one of ultrabullet, bullet, blitz, rapid, classical, for example standard-blitz"
)]
pub struct InvalidCategory;

impl Category {
    /// All categories.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |variant| Speed::ALL.map(|speed| Self { variant, speed });
        Variant::ALL.into_iter().flat_map(of)
    }

    /// That of a match.
    #[must_use]
    pub fn of(setup: &MatchSetup) -> Self {
        Self {
            variant: setup.variant(),
            speed: setup.speed(),
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.variant.code(), self.speed.code())
    }
}

impl FromStr for Category {
    type Err = InvalidCategory;

    fn from_str(text: &str) -> Result<Self, InvalidCategory> {
        let (variant, speed) = text.split_once('-').ok_or(InvalidCategory)?;
        let variant = variant.parse().map_err(|_| InvalidCategory)?;
        let named = |named: &Speed| named.code() == speed;
        let speed = Speed::ALL.into_iter().find(named).ok_or(InvalidCategory)?;
        Ok(Self { variant, speed })
    }
}

/// A strength and how well it is known, by Glickman's Glicko-2 on Elo's scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strength {
    /// The rating: 1500 for a new player.
    pub rating: f64,
    /// The standard deviation of the rating.
    pub deviation: f64,
    /// How much the strength is expected to change.
    pub volatility: f64,
}

/// A player's rating after a match.
#[derive(Debug, Clone, PartialEq)]
pub struct Rating {
    /// The strength after the match.
    pub strength: Strength,
    /// Number of rated matches in the category, this one included; at least 1. It is also the version of the rating.
    pub games: u32,
    /// When the match was rated.
    pub at: UnixMillis,
    /// The match.
    pub match_id: MatchId,
    /// The opponent in it.
    pub opponent: PlayerId,
}

/// How a match changed the rating of one of its players.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatingChange {
    /// The strength before the match; of a new player, that of every new player.
    pub before: Strength,
    /// The strength after it.
    pub after: Strength,
    /// Number of rated matches of the player in the category, this one included.
    pub games: u32,
}

/// How a match changed the ratings of its players.
#[derive(Debug, Clone, PartialEq)]
pub struct RatedMatch {
    /// The match.
    pub match_id: MatchId,
    /// The category whose ratings it changed.
    pub category: Category,
    /// When it was rated.
    pub at: UnixMillis,
    /// Who played.
    pub players: BySeat<PlayerId>,
    /// The changes.
    pub changes: BySeat<RatingChange>,
}

impl RatedMatch {
    /// The new rating of a seat's player.
    #[must_use]
    pub fn rating(&self, seat: Seat) -> Rating {
        Rating {
            strength: self.changes[seat].after,
            games: self.changes[seat].games,
            at: self.at,
            match_id: self.match_id,
            opponent: self.players[seat.opponent()].clone(),
        }
    }

    /// The version that a seat's rating must have for its change to apply: 0 for a player without a rating.
    #[must_use]
    pub fn expects(&self, seat: Seat) -> u32 {
        self.changes[seat].games.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_have_names_that_name_them() {
        let names: Vec<String> = Category::all().map(|one| one.to_string()).collect();
        assert_eq!(names.len(), Variant::ALL.len() * Speed::ALL.len());
        for (category, name) in Category::all().zip(&names) {
            assert_eq!(name.parse(), Ok(category));
        }
        assert!(names.contains(&"standard-blitz".to_owned()), "{names:?}");
        assert!(names.contains(&"kingOfTheHill-ultrabullet".to_owned()));
        for odd in [
            "",
            "standard",
            "blitz",
            "standard-",
            "-blitz",
            "standard-blitz-x",
        ] {
            assert_eq!(odd.parse::<Category>(), Err(InvalidCategory), "{odd:?}");
        }
    }
}
