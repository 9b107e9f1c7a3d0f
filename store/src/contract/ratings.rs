//! Players' ratings.

use async_trait::async_trait;
use game_core::{BySeat, MatchId, PlayerId};

use crate::error::StoreError;
use crate::rating::{Category, RatedMatch, Rating};

/// The answer to [`Ratings::apply_rating`].
#[derive(Debug, Clone, PartialEq)]
pub enum RatingApplied {
    /// The changes are stored.
    Applied,
    /// The match was rated before, with these changes; nothing was changed.
    Already(Box<RatedMatch>),
    /// A player has another rating than the changes were computed from. These are the newest ones; compute again.
    Stale(Box<BySeat<Option<Rating>>>),
}

/// Players' ratings, by category. All are stored together, as a match changes two of them.
#[async_trait]
pub trait Ratings: Send + Sync + 'static {
    /// A player's rating in a category, as of the last match; `None` if the player has none.
    async fn rating(
        &self,
        player: &PlayerId,
        category: Category,
    ) -> Result<Option<Rating>, StoreError>;

    /// All of a player's ratings, by category.
    async fn ratings(&self, player: &PlayerId) -> Result<Vec<(Category, Rating)>, StoreError>;

    /// Changes the ratings of both players of a match, once: the match's id is the key, and is remembered for
    /// [`RATED_KEPT`](crate::RATED_KEPT) after the last call. The version of a rating is its number of games, which a change
    /// raises by one; a change that was computed from another version is not applied.
    ///
    /// A rating is kept for [`RATING_KEPT`](crate::RATING_KEPT) after its player's last rated match.
    async fn apply_rating(&self, rated: &RatedMatch) -> Result<RatingApplied, StoreError>;

    /// How a match changed its players' ratings; `None` if it did not, or that was longer ago than it is remembered.
    async fn rated(&self, id: MatchId) -> Result<Option<RatedMatch>, StoreError>;

    /// A player's ratings in a category, the newest first, of those with fewer games than `before`: at most `limit`, and at
    /// most [`RATING_PAGE_MAX`](crate::RATING_PAGE_MAX). The newest [`RATING_HISTORY_MAX`](crate::RATING_HISTORY_MAX) are kept.
    async fn rating_history(
        &self,
        player: &PlayerId,
        category: Category,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<Rating>, StoreError>;
}
