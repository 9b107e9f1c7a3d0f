//! What subscribers are told of finished matches.

use std::time::Duration;

use async_trait::async_trait;
use game_core::UnixMillis;

use crate::error::StoreError;
use crate::feed::{FeedCursor, FeedEntry, FeedPage, HookLease};

/// Upper bound on the entries of one page of [`Feed::feed_after`].
pub const FEED_PAGE_MAX: usize = 100;

/// How long the position of a subscriber that nobody delivers to is kept.
pub const HOOK_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// One entry for each finished match, in one order for all readers. Entries are kept as long as the store keeps what
/// is finished, and then removed.
#[async_trait]
pub trait Feed: Send + Sync + 'static {
    /// Adds an entry, unless there was one of the same match; returns the place after the one that there is.
    async fn publish_match(&self, entry: &FeedEntry) -> Result<FeedCursor, StoreError>;

    /// At most `limit` (and [`FEED_PAGE_MAX`]) entries after a place, in order. One that cannot be read is skipped, with
    /// a warning.
    async fn feed_after(&self, after: FeedCursor, limit: usize) -> Result<FeedPage, StoreError>;

    /// The place after the newest entry.
    async fn feed_end(&self) -> Result<FeedCursor, StoreError>;

    /// Makes `holder` the only one that delivers to the subscriber `hook` from `now` to `until`; `None` while another one
    /// is. A holder may prolong its lease, under its epoch. A subscriber that was not known is told what is published
    /// from now on.
    async fn take_hook(
        &self,
        hook: &str,
        holder: &str,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<Option<HookLease>, StoreError>;

    /// Records that everything up to `position` was delivered; `false`, and nothing is recorded, if the lease of this
    /// epoch has passed to another holder.
    async fn hook_done(
        &self,
        hook: &str,
        epoch: u64,
        position: FeedCursor,
    ) -> Result<bool, StoreError>;
}
