//! The contract that every store keeps, in parts by concern.

mod accounts;
mod beats;
mod chat;
mod holdings;
mod match_log;
mod matches;
mod registry;
mod retention;
mod revocations;
mod tickets;

pub use self::accounts::Accounts;
pub use self::beats::Beats;
pub use self::chat::Chat;
pub use self::holdings::Holdings;
pub use self::match_log::MatchLog;
pub use self::matches::{
    Checkpoint, Claim, Claiming, Created, HandOver, HandedOver, MANY_MAX, MatchHead, MatchPage,
    Matches, SCAN_LIMIT_MAX, ScanCursor, Standing, Tenure,
};
pub use self::registry::{ANY_EPOCH, Registry};
pub use self::retention::{FINISHED_KEEP, FINISHED_KEEP_MIN, Retention, Room, Swept};
pub use self::revocations::{REVOCATION_KEPT, Revocations, Validity};
pub use self::tickets::Tickets;

/// What outlives a process: all parts of the contract. A type that implements all parts is a store.
///
/// Every operation may be repeated without harm after
/// [`StoreError::Unavailable`](crate::StoreError::Unavailable). An answer means that the effect is as durable
/// as the store's mode promises.
pub trait Store:
    Matches
    + MatchLog
    + Chat
    + Registry
    + Beats
    + Tickets
    + Holdings
    + Revocations
    + Accounts
    + Retention
{
}

impl<T> Store for T where
    T: Matches
        + MatchLog
        + Chat
        + Registry
        + Beats
        + Tickets
        + Holdings
        + Revocations
        + Accounts
        + Retention
{
}
