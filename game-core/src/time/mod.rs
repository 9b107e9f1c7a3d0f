//! Time in a match: points on the owner's clock, and the time control.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod control;
mod form;
mod text;

pub use self::control::{Delay, InvalidTimeControl, Speed, Stage, TimeControl};

/// A point on the clock of the match's owner, in microseconds since an origin that the owner chose.
///
/// Only differences have a meaning. The owner leaves out time that is charged to nobody, so this clock
/// may stand still, and may go back by the length of a pause that the owner detects late. Every
/// difference therefore saturates at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MatchTime(u64);

impl MatchTime {
    /// The point `micros` microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to here; zero if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for MatchTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

/// A calendar time in milliseconds since 1970-01-01T00:00:00Z, for records only and never for clocks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct UnixMillis(pub u64);

/// When the clocks of a match start to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockStart {
    /// Each side's first move is not timed and earns no increment. Before both first moves the match can
    /// be aborted and has no result.
    #[default]
    AfterFirstMoves,
    /// The clock of the side to move runs from the start (engine matches). The match counts from
    /// ply 0: it cannot be aborted, and can be resigned and agreed drawn at once.
    AtOnce,
}
