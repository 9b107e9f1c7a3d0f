//! Points in time of a shard's own.

use std::ops::{Add, AddAssign};
use std::time::Duration;

use game_core::UnixMillis;

/// A point on the monotonic clock of a shard's process, counted from its start. It stands still while the
/// machine is suspended. For what players are charged, see [`game_core::MatchTime`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uptime(Duration);

impl Uptime {
    /// The start.
    pub const START: Self = Self(Duration::ZERO);
    /// Never.
    pub const NEVER: Self = Self(Duration::MAX);

    /// The point that is `since_start` after the start.
    #[must_use]
    pub const fn from_start(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// How long after the start it is.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long after `earlier` it is; zero if it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Uptime {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

impl AddAssign<Duration> for Uptime {
    fn add_assign(&mut self, time: Duration) {
        *self = *self + time;
    }
}

/// One moment: the driver's uptime and the calendar.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Time since the shard started.
    pub uptime: Uptime,
    /// The calendar, for what is shown and recorded.
    pub calendar: UnixMillis,
}
