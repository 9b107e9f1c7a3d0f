//! The write that players wait for.

use async_trait::async_trait;

use crate::append::{Append, Appended};
use crate::error::StoreError;

/// The logs of matches, as their owners write them.
///
/// A separate part, so that a store in front of another one ([`Front`](crate::Front)) has to define what
/// happens to writes.
#[async_trait]
pub trait MatchLog: Send + Sync + 'static {
    /// Writes a batch, one answer for each element in order. Elements are independent of each other; each is
    /// all or none, and one that cannot be read does not affect the others. A store of several servers answers
    /// [`Appended::Unanswered`] for those whose server does not answer, as long as another one does.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: any subset of the batch may have been stored. Repeat the whole.
    ///
    /// # Panics
    ///
    /// If an element has no records.
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError>;
}
