//! What tests need of a store, here and in other packages: a real `redis-server` of their own, and
//! a store that fails when it is told to.

mod faulty;
mod redis_server;

pub use faulty::{AppendFault, Faults, FaultyStore};
/// The storage beneath an [`EmbeddedStore`](crate::EmbeddedStore), to put faults there.
pub use redb::StorageBackend;
pub use redis_server::RedisServer;
