//! The present moment as the shard last knew it.

use std::time::Duration;

use game_core::UnixMillis;
use protocol::UnixMicros;

use crate::{Now, Uptime};

/// The moment of the last input, and the time that is written on frames.
#[derive(Debug, Default)]
pub(crate) struct Present {
    pub(crate) uptime: Uptime,
    pub(crate) calendar: UnixMillis,
    /// What frames that leave now say.
    pub(crate) server_time: UnixMicros,
    /// The calendar at the start. The time on frames counts on from it, so that it never goes back, whatever
    /// happens to the calendar.
    start: Option<UnixMillis>,
}

impl Present {
    /// A new input has come.
    pub(crate) fn observe(&mut self, now: Now) {
        let up = now.uptime.since_start();
        let start = *self.start.get_or_insert_with(|| before(now.calendar, up));
        self.uptime = now.uptime;
        self.calendar = now.calendar;
        let up = u64::try_from(up.as_micros()).unwrap_or(u64::MAX);
        self.server_time = UnixMicros(start.0.saturating_mul(1000).saturating_add(up));
    }
}

fn before(calendar: UnixMillis, up: Duration) -> UnixMillis {
    let up = u64::try_from(up.as_millis()).unwrap_or(u64::MAX);
    UnixMillis(calendar.0.saturating_sub(up))
}
