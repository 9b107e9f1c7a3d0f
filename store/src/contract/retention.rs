//! How long what is stored is kept, and how much room is left.

use std::time::Duration;

use async_trait::async_trait;
use game_core::UnixMillis;

use crate::error::StoreError;
use crate::ticket::TICKET_LIFE_MAX;

/// How long a finished match is kept by default.
pub const FINISHED_KEEP: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// The shortest time for which an installation may keep finished matches: as long as any ticket lives.
/// Whoever reads a ticket creates its match if it is missing, so a match that is removed before its ticket
/// would begin again.
pub const FINISHED_KEEP_MIN: Duration = TICKET_LIFE_MAX;

/// What one step of [`Retention::sweep`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Matches that were removed, or given a time to expire.
    pub matches: usize,
    /// Whether more work is due now.
    pub more: bool,
}

/// How full a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// Bytes that count against the limit.
    pub used_bytes: u64,
    /// Number of bytes at which the store refuses writes; `None` if it knows no such limit.
    pub limit_bytes: Option<u64>,
}

impl Room {
    /// Up to this share of the limit, in percent, matches, challenges and tickets are made. The rest is
    /// reserved for matches in play.
    pub const NEW_UP_TO_PERCENT: u64 = 80;

    /// Whether matches, challenges and tickets may be made.
    #[must_use]
    pub fn is_for_new(&self) -> bool {
        self.limit_bytes.is_none_or(|limit| {
            let used = u128::from(self.used_bytes) * 100;
            used <= u128::from(limit) * u128::from(Self::NEW_UP_TO_PERCENT)
        })
    }
}

/// Removal of expired data, and the capacity left.
///
/// A finished match is removed when it has been finished for as long as the store keeps it;
/// [`sweep`](Self::sweep) removes what does not expire by itself.
#[async_trait]
pub trait Retention: Send + Sync + 'static {
    /// Removes what has reached its age at `now`: finished matches, tickets, revocations. A bounded part at a
    /// time; call it every few seconds, and at once if it reports that more is due. Writes nothing when
    /// nothing is due.
    ///
    /// It also finds finished matches that have no age, as they may after data was restored by hand; their age
    /// counts from then on.
    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError>;

    /// How full the store is.
    async fn room(&self) -> Result<Room, StoreError>;
}
