//! Tournaments: which matches belong together, and how they ended.

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};

use crate::error::StoreError;
use crate::tournament::{Tournament, TournamentChange, TournamentChanged, TournamentId};

/// The documents of tournaments, each changed by compare-and-set, and beside them the results of their matches.
///
/// A tournament is removed [`TOURNAMENT_KEPT`](crate::TOURNAMENT_KEPT) after its document was last changed.
#[async_trait]
pub trait Tournaments: Send + Sync + 'static {
    /// Replaces the document of a tournament, or makes a tournament, if the document is of the expected revision; and in
    /// the same step adds matches, and notes whether some are still to be created. A match that belongs to a tournament
    /// stays with it. A repetition has the same answer.
    async fn change_tournament(
        &self,
        change: &TournamentChange,
    ) -> Result<TournamentChanged, StoreError>;

    /// A tournament.
    async fn tournament(&self, id: &TournamentId) -> Result<Option<Tournament>, StoreError>;

    /// At most `limit` (and [`TOURNAMENTS_PAGE_MAX`](crate::TOURNAMENTS_PAGE_MAX)) tournaments with the times of their last
    /// changes, the newest first; of equal times, by id from the last.
    async fn tournaments(
        &self,
        limit: usize,
    ) -> Result<Vec<(TournamentId, UnixMillis)>, StoreError>;

    /// The tournaments of which matches are still to be created, in the order of their ids; at most
    /// [`TOURNAMENTS_PAGE_MAX`](crate::TOURNAMENTS_PAGE_MAX).
    async fn pending_tournaments(&self) -> Result<Vec<TournamentId>, StoreError>;

    /// The tournament that a match belongs to.
    async fn tournament_of(&self, id: MatchId) -> Result<Option<TournamentId>, StoreError>;

    /// Keeps the result of a match with its tournament. The first result of a match stays. No effect on a tournament
    /// that is gone.
    async fn put_result(
        &self,
        tournament: &TournamentId,
        id: MatchId,
        result: &str,
    ) -> Result<(), StoreError>;
}
