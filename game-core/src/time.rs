//! Time in a match: points on the owner's clock, and the time control.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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

/// Why a time control is refused.
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
    /// The text is neither `MINUTES+SECONDS` nor `SECONDSs+SECONDS`.
    #[error(
        "a time control is minutes + seconds, for example 5+3; 300s+3 gives the first in seconds"
    )]
    Spoken,
    /// More minutes than a match may have, probably meant as seconds.
    #[error("{0}+… is {0} minutes, and the most is 180; {0} seconds are written {0}s+…")]
    Minutes(u64),
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

/// The form in JSON and on the wire. Unknown keys are refused, as a control that is only partly
/// understood would not be the one that was requested.
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
    /// Least time at the start for a control without initial time, which starts with the increment.
    const ZERO_INITIAL_START: Duration = Duration::from_secs(3);

    /// A time control in milliseconds.
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

    /// Parses a time control as players write it: minutes `+` seconds, as in `5+3`, or, with an `s`,
    /// seconds `+` seconds, as in `300s+3`. Each number may have up to three decimals.
    ///
    /// # Errors
    ///
    /// [`InvalidTimeControl`]. For more than [`INITIAL_MAX`](Self::INITIAL_MAX) in minutes, the message
    /// explains how seconds are written.
    pub fn from_spoken(text: &str) -> Result<Self, InvalidTimeControl> {
        let (initial, increment) = text.split_once('+').ok_or(InvalidTimeControl::Spoken)?;
        let thousandths = |text| thousandths(text).ok_or(InvalidTimeControl::Spoken);
        let initial_ms = match initial.strip_suffix('s') {
            Some(seconds) => thousandths(seconds)?,
            None => {
                let minutes = thousandths(initial)?;
                if minutes > Self::INITIAL_MAX.as_secs() / 60 * 1000 {
                    return Err(InvalidTimeControl::Minutes(minutes / 1000));
                }
                minutes * 60
            }
        };
        let increment = increment.strip_suffix('s').unwrap_or(increment);
        Self::from_millis(initial_ms, thousandths(increment)?)
    }

    /// The time control as [`from_spoken`](Self::from_spoken) parses it.
    #[must_use]
    pub fn spoken(self) -> String {
        let increment = self.increment.as_secs_f64();
        if self.initial.as_millis().is_multiple_of(60_000) {
            format!("{}+{increment}", self.initial.as_secs() / 60)
        } else {
            format!("{}s+{increment}", self.initial.as_secs_f64())
        }
    }

    /// The time each side is given for the whole match, before increments.
    #[must_use]
    pub const fn initial(self) -> Duration {
        self.initial
    }

    /// The time added for each timed move that does not end the match.
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

    /// The time that a side is expected to use in a match: initial + 40 · increment.
    #[must_use]
    pub fn estimate(self) -> Duration {
        self.initial + 40 * self.increment
    }

    /// The speed of the control, by its estimate.
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

/// A decimal number in thousandths; `None` if it has more than three decimals or is not a number.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 3 {
        return None;
    }
    // A number that overflows is out of bounds anyway.
    let whole = whole.parse::<u64>().unwrap_or(u64::MAX);
    let part = format!("{part:0<3}").parse::<u64>().ok()?;
    Some(whole.saturating_mul(1000).saturating_add(part))
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

/// As in the `TimeControl` tag of PGN: seconds `+` seconds.
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

/// Classes of time controls, by their estimate.
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
    /// 1500 s and more.
    Classical,
}

impl Speed {
    /// Timeout for an untimed first move, after which the match is aborted.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_write_minutes_and_seconds() {
        for (text, initial_ms, increment_ms, again) in [
            ("5+3", 300_000, 3_000, "5+3"),
            ("300s+3", 300_000, 3_000, "5+3"),
            ("90s+1", 90_000, 1_000, "90s+1"),
            ("0.5+0", 30_000, 0, "30s+0"),
            ("10+0.1", 600_000, 100, "10+0.1"),
            ("0+2", 0, 2_000, "0+2"),
            ("180+180", 10_800_000, 180_000, "180+180"),
            ("10800s+0s", 10_800_000, 0, "180+0"),
        ] {
            let control = TimeControl::from_spoken(text).unwrap();
            let expected = TimeControl::from_millis(initial_ms, increment_ms).unwrap();
            assert_eq!(control, expected, "{text}");
            assert_eq!(control.spoken(), again);
            assert_eq!(TimeControl::from_spoken(again), Ok(control));
        }
    }

    #[test]
    fn what_was_meant_as_seconds_is_refused_with_a_hint() {
        let refused = TimeControl::from_spoken("300+3").unwrap_err();
        assert_eq!(refused, InvalidTimeControl::Minutes(300));
        assert!(refused.to_string().contains("300s+"), "{refused}");
        for text in [
            "", "5", "+3", "5+", "5+-3", "five+3", "5+3+1", "1.2345+0", "s+1", "5m+1",
        ] {
            let refused = TimeControl::from_spoken(text);
            assert_eq!(refused, Err(InvalidTimeControl::Spoken), "{text}");
        }
        for text in ["10801s+0", "5+181", "0+0", "5+99999999999999999999"] {
            let refused = TimeControl::from_spoken(text).unwrap_err();
            assert_ne!(refused, InvalidTimeControl::Spoken, "{text}");
        }
    }
}
