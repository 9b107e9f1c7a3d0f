//! Finished matches.

use async_trait::async_trait;
use game_core::MatchId;

use crate::archived::{ArchiveCursor, ArchiveFilter, ArchivePage, ArchivedMatch};
use crate::error::StoreError;

/// Finished matches, for as long as the archive keeps them.
///
/// Every store is one, which keeps matches as long as its configuration says, counted from when they were archived.
/// Another one may take its place.
#[async_trait]
pub trait Archive: Send + Sync + 'static {
    /// Keeps a match; returns whether it was new. It may be repeated: the match that is kept stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if another match is kept under this id. Nothing is changed then.
    async fn put(&self, finished: &ArchivedMatch) -> Result<bool, StoreError>;

    /// Reads a match.
    async fn get(&self, id: MatchId) -> Result<Option<ArchivedMatch>, StoreError>;

    /// At most `limit` (and [`ARCHIVE_PAGE_MAX`](crate::ARCHIVE_PAGE_MAX)) of the matches that a filter accepts, the last that ended first, from
    /// the place `after` on. A page may be shorter than that and not be the last, so that no request reads the whole
    /// archive. One that cannot be read is skipped, with a warning.
    async fn list(
        &self,
        filter: &ArchiveFilter,
        after: Option<ArchiveCursor>,
        limit: usize,
    ) -> Result<ArchivePage, StoreError>;
}
