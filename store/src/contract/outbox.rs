//! Matches that have ended, and wait until what follows from their end is done.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, MatchId, Tag, UnixMillis};

use crate::error::StoreError;
use crate::ticket::TICKET_LIFE_MAX;

/// How long a match stays among the live ones after its outbox entry is done: long enough to look at it once more and
/// to agree on a rematch, which takes five minutes.
pub const LIVE_KEEP: Duration = Duration::from_secs(10 * 60);

/// How long the id of a match is refused to [`Matches::create`](super::Matches::create) after its outbox entry is done.
/// Whoever reads a ticket creates its match if that is missing, so this is at least as long as any ticket lives.
pub const ENDED_IDS_KEEP: Duration = TICKET_LIFE_MAX;

/// Longest lease of an outbox. The longer a lease, the longer nobody continues the work of a worker that died.
pub const OUTBOX_LEASE_MAX: Duration = Duration::from_secs(60);

/// Upper bound on the entries of one [`Outbox::outbox_after`]: some tens of kilobytes.
pub const OUTBOX_PAGE_MAX: usize = 1_000;

/// A process that takes entries from outboxes: a random number, drawn at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u64);

/// The place of an entry in its outbox: later entries have higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OutboxPosition(pub u64, pub u64);

/// A match that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its place in the outbox.
    pub position: OutboxPosition,
    /// Which match.
    pub match_id: MatchId,
    /// When the store added the entry; `None` if the store reads no clock.
    pub added_at: Option<UnixMillis>,
}

/// The entries of one tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxTag {
    /// Which tag.
    pub tag: Tag,
    /// Number of its entries.
    pub waiting: u64,
    /// When the first of them was added; `None` if there is none, or the store reads no clock.
    pub oldest_at: Option<UnixMillis>,
}

/// The outbox of each tag.
///
/// The write that ends a match adds an entry, in the same step. Workers read entries in order, do what follows from the
/// end (archive, rating, feed), and call [`outbox_done`](Self::outbox_done) afterwards. A worker that dies in between leaves the entry to
/// the next one: so each entry is processed at least once, and every effect must be repeatable.
///
/// One worker at a time has the *lease* of a tag, under an epoch that rises with each holder. It keeps two workers from doing the
/// same work; no effect relies on it.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// The tags that may have entries. A tag is among them from before its first match is created.
    async fn outbox_tags(&self) -> Result<Vec<OutboxTag>, StoreError>;

    /// Takes or renews the lease of a tag for `lease` (at most [`OUTBOX_LEASE_MAX`]) from `now` on. Returns its epoch; `None`
    /// while another worker has the lease. A store with a clock of its own uses that instead of `now`.
    async fn take_outbox(
        &self,
        tag: Tag,
        worker: WorkerId,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<Option<Epoch>, StoreError>;

    /// The first entries of a tag, in order, or the first after a position; at most `limit`, and at most [`OUTBOX_PAGE_MAX`].
    async fn outbox_after(
        &self,
        tag: Tag,
        after: Option<OutboxPosition>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Removes an entry whose effects are done, and lets its match leave the live ones [`LIVE_KEEP`] after `now`. From then on,
    /// and for [`ENDED_IDS_KEEP`], no match of that id can be created.
    ///
    /// Returns whether the worker has the lease of the tag under `epoch`; if not, nothing is changed. A
    /// retransmission returns the same and changes nothing more.
    async fn outbox_done(
        &self,
        worker: WorkerId,
        epoch: Epoch,
        entry: &OutboxEntry,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;
}
