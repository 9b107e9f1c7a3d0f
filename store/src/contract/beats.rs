//! Signs of life between two stored heartbeats.

use async_trait::async_trait;

use crate::beat::{Beat, Heard, StoreConnection};
use crate::error::StoreError;

/// Beats: how processes hear of each other several times a second without anything being stored.
///
/// Everything here is a hint. Whatever is lost, late or repeated costs time or a needless takeover, never a
/// match: the fences of [`MatchLog`](super::MatchLog) do not depend on it.
#[async_trait]
pub trait Beats: Send + Sync + 'static {
    /// Tells every process that shares the store, this one too, that the sender lives.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store is down, or does not let this user publish.
    async fn publish(&self, beat: &Beat) -> Result<(), StoreError>;

    /// What was heard since the store was opened. Waits for nothing.
    fn heard(&self) -> Heard;

    /// The connections by which others can see that this process lives, for its
    /// [`ShardRecord`](crate::ShardRecord): empty where the store has none, or while they are broken.
    fn connections(&self) -> Vec<StoreConnection>;

    /// Whether the server still has all of these connections of another process. `None` if that cannot be
    /// known: the store has no connections, the server was started anew since, it is another one, it does not
    /// let this user ask, it does not answer, or this process's own connection to it was broken meanwhile.
    async fn are_connected(&self, connections: &[StoreConnection]) -> Option<bool>;
}
