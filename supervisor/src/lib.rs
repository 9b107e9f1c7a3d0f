//! Processes of one's own on this machine: started with their log in a file, waited for until they are ready,
//! signalled, accounted for, and never left behind. A [`Redis`] that flushes every write is among them, of one server or
//! of several, and a [`Postgres`].

mod place;
mod ports;
mod postgres;
mod redis;
mod waits;

pub use self::redis::{Redis, RedisAccess, RedisError, RedisKind, RedisNode, RedisPlan};
pub use place::{Place, StartError, Switches, cpu_time, resident_bytes, signal};
pub use ports::{free_tcp_port, free_udp_port, free_udp_ports};
pub use postgres::{Postgres, PostgresError};
pub use rustix::process::Signal;
pub use waits::{POLL_EVERY, START_MAX};
