//! What tests need of a store, here and in other packages: a real `redis-server` of their own, a store that
//! fails when it is told to, and the contract as a [`Model`] to hold stores against, or to answer from.

mod faulty;
mod log;
mod model;
mod redis_server;

pub use self::faulty::{AppendFault, Faults, FaultyStore};
pub use self::log::ReadLog;
pub use self::redis_server::RedisServer;
pub use crate::model::{Model, StoredMatch};
/// The storage beneath an [`EmbeddedStore`](crate::EmbeddedStore), to put faults there.
pub use redb::StorageBackend;
