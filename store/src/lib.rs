//! What outlives a process: one contract, [`Store`], kept by Redis and by an embedded database. A third
//! store, in memory, outlives nothing and is there to be measured beside.
//!
//! The safety of a match rests on two nets in [`Store::append`], each of which stops a fork by
//! itself: the epoch (only the current owner writes) and the position (a record goes where the log
//! ends, and nowhere else). Nothing relies on a time-out inside the store.

mod args;
mod audit;
pub mod codec;
mod contract;
mod durability;
mod holding;
mod liveness;
mod ticket;

mod checkpoint;

mod embedded;
mod memory;
mod redis;

#[cfg(feature = "testing")]
pub mod testing;

pub use args::{RedisUrl, StoreArgs, StoreOptions};
pub use audit::{Finding, InMemory, audit};
pub use contract::{
    Append, Appended, Checkpoint, Claim, Created, FINISHED_KEEP, FINISHED_KEEP_MIN, HandOver,
    HandedOver, MatchPage, Ownership, REVOCATION_KEPT, Registered, Room, SCAN_LIMIT_MAX, SETTLED,
    ScanCursor, ShardRecord, Standing, Status, Store, StoreError, Swept,
};
pub use durability::Durability;
pub use embedded::EmbeddedStore;
pub use holding::{HOLDING_KEPT, Holding};
pub use liveness::{Liveness, rendezvous_rank};
pub use memory::MemoryStore;
pub use redis::{RedisConfig, RedisStore};
pub use ticket::{Assignment, TICKET_WAITS, Ticket, TicketId, TicketState};
