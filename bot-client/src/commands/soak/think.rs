//! How long bots think, and how durations are written on the command line.

use std::str::FromStr;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

/// A thought drawn from an exponential distribution is no longer than so many times its mean.
const EXPONENTIAL_MAX: f64 = 8.0;

/// A distribution of thinking times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Think {
    /// Always the same.
    Fixed(Duration),
    /// Any time between two bounds, each as likely as any other.
    Uniform(Duration, Duration),
    /// Mostly short and sometimes long, as people's are, with this mean; at most eight times it.
    Exponential(Duration),
}

impl Think {
    /// Draws a time.
    pub(super) fn draw(self, dice: &mut StdRng) -> Duration {
        match self {
            Self::Fixed(time) => time,
            Self::Uniform(least, most) => {
                least + most.saturating_sub(least).mul_f64(dice.random::<f64>())
            }
            Self::Exponential(mean) => mean.mul_f64(exponential(dice).min(EXPONENTIAL_MAX)),
        }
    }
}

/// A draw from the exponential distribution with mean 1.
pub(super) fn exponential(dice: &mut StdRng) -> f64 {
    // 1 − x is never 0.
    -(1.0 - dice.random::<f64>()).ln()
}

/// Text that names no distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a thinking time is written 500ms, 100ms..2s (uniform) or exp:1s (exponential, by its mean)"
)]
pub(super) struct InvalidThink;

impl FromStr for Think {
    type Err = InvalidThink;

    fn from_str(text: &str) -> Result<Self, InvalidThink> {
        let time = |text: &str| duration(text).map_err(|_| InvalidThink);
        if let Some(mean) = text.strip_prefix("exp:") {
            return Ok(Self::Exponential(time(mean)?));
        }
        match text.split_once("..") {
            None => Ok(Self::Fixed(time(text)?)),
            Some((least, most)) => match (time(least)?, time(most)?) {
                (least, most) if least <= most => Ok(Self::Uniform(least, most)),
                _ => Err(InvalidThink),
            },
        }
    }
}

/// A duration with its unit: `250ms`, `20s`, `10m` or `1h`, with a fraction where one is wanted.
///
/// # Errors
///
/// In words, for the command line.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration is a number with a unit: 250ms, 20s, 10m or 1h".to_owned();
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0)];
    let unit = units.iter().find_map(|&(unit, seconds)| {
        let number = text.strip_suffix(unit)?;
        Some(number.parse::<f64>().ok()? * seconds)
    });
    let seconds = unit.ok_or_else(wrong)?;
    // A day is longer than any duration here.
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err(wrong());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, ms) in [
            ("250ms", 250),
            ("20s", 20_000),
            ("1.5m", 90_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)));
        }
        for text in ["", "20", "s", "-1s", "NaNs", "infs", "1d", "2000000h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn distributions_are_read_and_stay_within_their_bounds() {
        let mut dice = StdRng::seed_from_u64(1);
        for text in ["500ms", "100ms..2s", "exp:1s"] {
            let think: Think = text.parse().unwrap();
            let (least, most) = match think {
                Think::Fixed(time) => (time, time),
                Think::Uniform(least, most) => (least, most),
                Think::Exponential(mean) => (Duration::ZERO, mean * 8),
            };
            for _ in 0..1_000 {
                assert!((least..=most).contains(&think.draw(&mut dice)), "{text}");
            }
        }
        for text in ["2s..1s", "exp:", "..", "fast"] {
            assert_eq!(text.parse::<Think>(), Err(InvalidThink));
        }
    }

    #[test]
    fn exponential_thoughts_have_the_mean_that_was_asked_for() {
        let mut dice = StdRng::seed_from_u64(7);
        let think = Think::Exponential(Duration::from_secs(1));
        let sum: Duration = (0..20_000).map(|_| think.draw(&mut dice)).sum();
        let mean = sum.as_secs_f64() / 20_000.0;
        assert!((0.95..1.05).contains(&mean), "{mean}");
    }
}
