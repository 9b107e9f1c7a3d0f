//! Time as a match knows it: points on the owner's clock, and the time control.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on the clock of the match's owner, in microseconds since an origin that the owner chose.
///
/// Differences are all that counts. The owner takes out of it whatever is charged to nobody, so it
/// may stand still, and two reads may go backwards by the length of a pause found out late; every
/// difference here therefore saturates at zero.
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

/// A calendar time in milliseconds since 1970-01-01T00:00:00Z: for records, never for clocks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct UnixMillis(pub u64);

/// When the clocks of a match begin to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockStart {
    /// Each side's first move is not timed and earns no increment; before both are made the match
    /// can be aborted and has no result.
    #[default]
    AfterFirstMoves,
    /// The clock of the side to move runs from the start (engine matches). The match counts from
    /// ply 0: it cannot be aborted, and can be resigned and agreed drawn at once.
    AtOnce,
}

/// A time control outside the bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimeControl {
    /// The initial time is above [`TimeControl::INITIAL_MAX`].
    #[error("the initial time must be 0 to 3 hours")]
    Initial,
    /// The increment is above [`TimeControl::INCREMENT_MAX`].
    #[error("the increment must be 0 to 180 seconds")]
    Increment,
    /// Initial time and increment are both zero.
    #[error("initial time and increment cannot both be zero")]
    Zero,
    /// The text is not `SECONDS+SECONDS`.
    #[error("a time control is written SECONDS+INCREMENT, for example 180+2")]
    Syntax,
}

/// How much time a side has: an initial time, and a Fischer increment for each move (FIDE 6.3.2).
///
/// Both are whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "TimeControlMillis", into = "TimeControlMillis")]
pub struct TimeControl {
    initial: Duration,
    increment: Duration,
}

/// The form that travels. A key that is not known is refused: a clock that is not understood is not
/// the clock that was asked for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeControlMillis {
    initial_ms: u64,
    increment_ms: u64,
}

impl TimeControl {
    /// The longest initial time.
    pub const INITIAL_MAX: Duration = Duration::from_secs(3 * 60 * 60);
    /// The longest increment.
    pub const INCREMENT_MAX: Duration = Duration::from_secs(180);
    /// With no initial time each side starts with its increment, but not with less than this.
    const ZERO_INITIAL_START: Duration = Duration::from_secs(3);

    /// A time control of so many milliseconds.
    ///
    /// # Errors
    ///
    /// [`InvalidTimeControl`] when a value is out of bounds or both are zero.
    pub fn from_millis(initial_ms: u64, increment_ms: u64) -> Result<Self, InvalidTimeControl> {
        let initial = Duration::from_millis(initial_ms);
        let increment = Duration::from_millis(increment_ms);
        if initial > Self::INITIAL_MAX {
            Err(InvalidTimeControl::Initial)
        } else if increment > Self::INCREMENT_MAX {
            Err(InvalidTimeControl::Increment)
        } else if initial.is_zero() && increment.is_zero() {
            Err(InvalidTimeControl::Zero)
        } else {
            Ok(Self { initial, increment })
        }
    }

    /// The time each side is given for the whole match, before increments.
    #[must_use]
    pub const fn initial(self) -> Duration {
        self.initial
    }

    /// What a side gains for each timed move that does not end the match.
    #[must_use]
    pub const fn increment(self) -> Duration {
        self.increment
    }

    /// What each clock shows at the start.
    #[must_use]
    pub fn start(self) -> Duration {
        if self.initial.is_zero() {
            self.increment.max(Self::ZERO_INITIAL_START)
        } else {
            self.initial
        }
    }

    /// What a side is expected to use in a match: initial + 40 · increment.
    #[must_use]
    pub fn estimate(self) -> Duration {
        self.initial + 40 * self.increment
    }

    /// The class of speed that the estimate falls in.
    #[must_use]
    pub fn speed(self) -> Speed {
        match self.estimate().as_secs() {
            0..30 => Speed::UltraBullet,
            30..180 => Speed::Bullet,
            180..480 => Speed::Blitz,
            480..1500 => Speed::Rapid,
            1500.. => Speed::Classical,
        }
    }
}

impl TryFrom<TimeControlMillis> for TimeControl {
    type Error = InvalidTimeControl;

    fn try_from(millis: TimeControlMillis) -> Result<Self, InvalidTimeControl> {
        Self::from_millis(millis.initial_ms, millis.increment_ms)
    }
}

impl From<TimeControl> for TimeControlMillis {
    fn from(control: TimeControl) -> Self {
        // The bounds keep both far below 2⁶⁴ ms.
        Self {
            initial_ms: control.initial.as_millis() as u64,
            increment_ms: control.increment.as_millis() as u64,
        }
    }
}

/// As PGN's `TimeControl` tag writes it: seconds `+` seconds.
impl fmt::Display for TimeControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}+{}",
            self.initial.as_secs_f64(),
            self.increment.as_secs_f64()
        )
    }
}

impl FromStr for TimeControl {
    type Err = InvalidTimeControl;

    fn from_str(text: &str) -> Result<Self, InvalidTimeControl> {
        let (initial, increment) = text.split_once('+').ok_or(InvalidTimeControl::Syntax)?;
        let millis = |seconds: &str| {
            let seconds: u64 = seconds.parse().map_err(|_| InvalidTimeControl::Syntax)?;
            Ok(seconds.saturating_mul(1000))
        };
        Self::from_millis(millis(initial)?, millis(increment)?)
    }
}

/// The classes that a time control's estimate falls in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speed {
    /// Below 30 s.
    UltraBullet,
    /// Below 180 s.
    Bullet,
    /// Below 480 s.
    Blitz,
    /// Below 1500 s.
    Rapid,
    /// All that is longer.
    Classical,
}

impl Speed {
    /// How long a side has for its untimed first move before the match is aborted.
    #[must_use]
    pub const fn first_move_timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::UltraBullet => 15,
            Self::Bullet => 20,
            Self::Blitz => 25,
            Self::Rapid => 30,
            Self::Classical => 35,
        })
    }
}
