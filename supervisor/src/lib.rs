//! Processes of one's own on this machine: started with their log in a file, waited for until they are ready,
//! signalled, accounted for, and never left behind. A [`Redis`] that flushes every write is one of them.

mod place;
mod ports;
mod redis;

pub use place::{Place, StartError, cpu_time, resident_bytes, signal};
pub use ports::{free_tcp_port, free_udp_port, free_udp_ports};
pub use redis::{Redis, RedisError};
pub use rustix::process::Signal;

use std::time::Duration;

/// What is started must answer within this, on a busy machine and with Redis killed meanwhile.
pub const START_MAX: Duration = Duration::from_secs(60);
/// Interval between two looks at something that is to happen.
pub const POLL_EVERY: Duration = Duration::from_millis(20);
