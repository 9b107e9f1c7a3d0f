//! The contract that every store keeps, in parts by concern.

mod accounts;
mod archive;
mod beats;
mod chat;
mod feed;
mod holdings;
mod idempotency;
mod match_log;
mod matches;
mod outbox;
mod presence;
mod ratings;
mod registry;
mod retention;
mod revocations;
mod tickets;
mod tournaments;
mod transfers;
mod waves;

pub use self::accounts::Accounts;
pub use self::archive::Archive;
pub use self::beats::Beats;
pub use self::chat::Chat;
pub use self::feed::{FEED_PAGE_MAX, Feed, HOOK_KEPT};
pub use self::holdings::Holdings;
pub use self::idempotency::Idempotency;
pub use self::match_log::MatchLog;
pub use self::matches::{
    Checkpoint, Claim, Claiming, Created, HandOver, HandedOver, MANY_MAX, MatchHead, MatchPage,
    Matches, SCAN_LIMIT_MAX, ScanCursor, Standing, Tenure,
};
pub use self::outbox::{
    ENDED_IDS_KEEP, LIVE_KEEP, OUTBOX_LEASE_MAX, OUTBOX_PAGE_MAX, Outbox, OutboxEntry,
    OutboxPosition, OutboxTag, WorkerId,
};
pub use self::presence::Presence;
pub use self::ratings::{RatingApplied, Ratings};
pub use self::registry::{ANY_EPOCH, Registry};
pub use self::retention::{FINISHED_KEEP, FINISHED_KEEP_MIN, Retention, Room, Swept};
pub use self::revocations::{REVOCATION_KEPT, Revocations, Validity};
pub use self::tickets::Tickets;
pub use self::tournaments::Tournaments;
pub use self::transfers::Transfers;
pub use self::waves::Waves;

/// What outlives a process: all parts of the contract. A type that implements all parts is a store.
///
/// Every operation may be repeated without harm after
/// [`StoreError::Unavailable`](crate::StoreError::Unavailable). An answer means that the effect is as durable
/// as the store's mode promises.
pub trait Store:
    Matches
    + MatchLog
    + Outbox
    + Ratings
    + Chat
    + Registry
    + Beats
    + Tickets
    + Waves
    + Holdings
    + Idempotency
    + Revocations
    + Accounts
    + Transfers
    + Tournaments
    + Retention
    + Archive
    + Feed
    + Presence
{
}

impl<T> Store for T where
    T: Matches
        + MatchLog
        + Outbox
        + Ratings
        + Chat
        + Registry
        + Beats
        + Tickets
        + Waves
        + Holdings
        + Idempotency
        + Revocations
        + Accounts
        + Transfers
        + Tournaments
        + Retention
        + Archive
        + Feed
        + Presence
{
}
