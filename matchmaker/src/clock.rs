//! The calendar.

use game_core::UnixMillis;

/// The calendar time. Only records, tokens and the age of tickets depend on it.
pub(crate) fn now() -> UnixMillis {
    UnixMillis(program::calendar::unix_ms())
}
