//! How long bots think.

use std::str::FromStr;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::duration::duration;

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

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

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
