//! Who is online, and who is to look for news.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};

use crate::error::StoreError;
use crate::presence::{Hint, Hints, Online};

/// Who is online over all processes, and hints between them. Nothing here is needed to play on: a store may lose all of it.
#[async_trait]
pub trait Presence: Send + Sync + 'static {
    /// Counts players as online until the time that is given with each, and forgets those whose time is over at `now`.
    /// Of several times of a player the last that was put counts. Beyond [`ONLINE_MAX`](crate::ONLINE_MAX) of a kind, those
    /// who expire first are forgotten.
    async fn put_online(&self, players: &[Online], now: UnixMillis) -> Result<(), StoreError>;

    /// The programs (or the people) who are online at `now`, in no order, `limit` at most.
    async fn online(
        &self,
        bots: bool,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<PlayerId>, StoreError>;

    /// Whether each of these players is online at `now`.
    async fn are_online(
        &self,
        players: &[PlayerId],
        now: UnixMillis,
    ) -> Result<Vec<bool>, StoreError>;

    /// Tells every process that shares the store, this one too, that players have news. It may be lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store is down, or does not let this user publish.
    async fn hint(&self, hint: &Hint) -> Result<(), StoreError>;

    /// The hints that were heard after a place, which is [`Hints::next`] of the call before, or 0 at first. Waits for
    /// nothing.
    fn hints_after(&self, place: u64) -> Hints;
}
