//! The calendar of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

use game_core::UnixMillis;

/// The time, for what is told of games: nothing is judged by it.
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMillis(since.map_or(0, |since| since.as_millis() as u64))
}
