//! Requests that are carried out once, however often they are sent.

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};

use crate::error::StoreError;
use crate::request::{Begun, RequestDigest};

/// What became of requests that came with a key of the client's choice.
///
/// An entry is kept for [`REQUEST_KEPT`](crate::REQUEST_KEPT) after its key was first used.
#[async_trait]
pub trait Idempotency: Send + Sync + 'static {
    /// Begins the request under a key, or tells what became of it. `id` is for what the request creates, if the key
    /// is new: a request that is begun again is given the id of the first time.
    ///
    /// A request that was begun and neither ended nor forgotten is running for
    /// [`REQUEST_RUNS`](crate::REQUEST_RUNS); after that it is begun again.
    async fn begin_request(
        &self,
        key: &str,
        request: &RequestDigest,
        id: MatchId,
        now: UnixMillis,
    ) -> Result<Begun, StoreError>;

    /// Keeps the response for repetitions; `None` if it is not known what became of the request, so that a repetition
    /// begins it again under the same id. No effect if there is no such entry.
    async fn end_request(&self, key: &str, response: Option<&[u8]>) -> Result<(), StoreError>;

    /// Removes the entry of a request that changed nothing.
    async fn forget_request(&self, key: &str) -> Result<(), StoreError>;
}
