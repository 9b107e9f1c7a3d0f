//! What tests need of a store, here and in other packages: a real Redis of their own, a store that
//! fails on demand, and the contract as a [`Model`] to compare stores with, or to use as a store.

mod faulty;
mod log;
mod model;
mod postgres;
mod redis_server;
mod shared_redis;

pub use self::faulty::{AppendFault, Faults, FaultyStore};
pub use self::log::ReadLog;
pub use self::postgres::{PostgresServer, fresh_postgres};
pub use self::redis_server::RedisServer;
pub use self::shared_redis::fresh_redis;
pub use crate::model::{Model, StoredMatch};
/// The storage beneath an [`EmbeddedStore`](crate::EmbeddedStore), to put faults there.
pub use redb::StorageBackend;
pub use supervisor::{Redis, RedisKind, Signal};
