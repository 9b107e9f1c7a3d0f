//! Differences of strength from results.
//!
//! Games of one opening with colours swapped depend on each other, so pairs are the sample where there are pairs: what
//! an engine scored in two games is 0, ¼, ½, ¾ or 1 of what it could. Elsewhere single games are.

use std::f64::consts::{LN_10, SQRT_2};

/// What one engine scored against another, by result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    /// Lost, drawn and won games.
    Games([u32; 3]),
    /// Pairs by their score: 0, ½, 1, 1½ and 2 points.
    Pairs([u32; 5]),
}

/// A value and half the width of its interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    /// The value.
    pub(super) value: f64,
    /// How far the ends of the interval are from it.
    pub(super) error: f64,
}

/// Two-sided, for 95 %.
const QUANTILE: f64 = 1.959_963_984_540_054;

/// By what a normalised score is multiplied to be of the size of Elo.
pub(super) const NORMALIZED: f64 = 800.0 / LN_10;

impl Sample {
    /// How often there was which score of 0 to 1.
    pub(super) fn distribution(&self) -> Vec<(f64, f64)> {
        let counts: &[u32] = match self {
            Self::Games(counts) => counts,
            Self::Pairs(counts) => counts,
        };
        let steps = (counts.len() - 1) as f64;
        let points = counts.iter().enumerate();
        // Exact: there are five at most.
        let point = |(index, &count): (usize, &u32)| (index as f64 / steps, f64::from(count));
        points.map(point).collect()
    }

    /// Number of games, or of pairs.
    pub(super) fn count(&self) -> f64 {
        self.distribution().iter().map(|(_, count)| count).sum()
    }

    /// The mean score and its variance in one game or pair.
    pub(super) fn moments(&self) -> (f64, f64) {
        moments(&self.distribution())
    }

    /// The difference in Elo; `None` while there is nothing, or only wins or losses, to tell it by. The interval is that of the
    /// score times the slope of Elo there, as an end of it may have no Elo.
    pub(super) fn elo(&self) -> Option<Estimate> {
        let (mean, error) = self.score()?;
        let slope = 400.0 / (LN_10 * mean * (1.0 - mean));
        Some(Estimate {
            value: elo_of(mean)?,
            error: error * slope,
        })
    }

    /// The difference in normalised Elo, which does not depend on how many games are drawn.
    pub(super) fn normalized_elo(&self) -> Option<Estimate> {
        let (mean, variance) = self.moments();
        let of_a_game = variance.sqrt() * self.scale();
        (of_a_game > 0.0).then(|| Estimate {
            value: (mean - 0.5) / of_a_game * NORMALIZED,
            error: QUANTILE * NORMALIZED / (self.count().sqrt() * self.scale()),
        })
    }

    /// How likely it is that the engine is the stronger one.
    pub(super) fn superiority(&self) -> Option<f64> {
        let (mean, variance) = self.moments();
        let deviation = (variance / self.count()).sqrt();
        (deviation > 0.0).then(|| normal((mean - 0.5) / deviation))
    }

    /// The deviation of one game is that of the mean of a sample's games times this.
    pub(super) const fn scale(&self) -> f64 {
        match self {
            Self::Games(_) => 1.0,
            Self::Pairs(_) => SQRT_2,
        }
    }

    /// The mean score and half the width of its interval, if games differ.
    fn score(&self) -> Option<(f64, f64)> {
        let (mean, variance) = self.moments();
        (variance > 0.0).then(|| (mean, QUANTILE * (variance / self.count()).sqrt()))
    }
}

/// Mean and variance of values with weights.
pub(super) fn moments(points: &[(f64, f64)]) -> (f64, f64) {
    let total: f64 = points.iter().map(|(_, weight)| weight).sum();
    if total <= 0.0 {
        return (0.5, 0.0);
    }
    let mean = points.iter().map(|(value, weight)| value * weight);
    let mean = mean.sum::<f64>() / total;
    let variance = points
        .iter()
        .map(|(value, weight)| (value - mean).powi(2) * weight);
    (mean, variance.sum::<f64>() / total)
}

/// The difference in Elo at which a score is expected; `None` at 0 and 1, where there is none.
pub(super) fn elo_of(score: f64) -> Option<f64> {
    (score > 0.0 && score < 1.0).then(|| -400.0 * (1.0 / score - 1.0).log10())
}

/// The score that is expected at a difference in Elo.
pub(super) fn score_of(elo: f64) -> f64 {
    1.0 / (1.0 + 10_f64.powf(-elo / 400.0))
}

/// The distribution function of the normal distribution, to about seven digits (Abramowitz and Stegun 7.1.26).
fn normal(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let z = x.abs() / SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let sum = COEFFICIENTS.iter().fold(0.0, |sum, c| (sum + c) * t);
    let erf = 1.0 - sum * (-z * z).exp();
    0.5 * (1.0 + erf.copysign(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64, within: f64) {
        assert!(
            (value - expected).abs() < within,
            "{value} and not {expected}"
        );
    }

    #[test]
    fn elo_and_score_are_inverse() {
        for elo in [-800.0, -3.5, 0.0, 12.0, 400.0] {
            near(elo_of(score_of(elo)).unwrap(), elo, 1e-9);
        }
        near(score_of(400.0), 10.0 / 11.0, 1e-12);
        assert_eq!((elo_of(0.0), elo_of(1.0)), (None, None));
    }

    #[test]
    fn games_give_the_difference_and_its_interval() {
        // 60 wins, 20 draws, 20 losses: 0.7, with a variance of 0.16.
        let sample = Sample::Games([20, 20, 60]);
        let (mean, variance) = sample.moments();
        near(mean, 0.7, 1e-12);
        near(variance, 0.16, 1e-12);
        let elo = sample.elo().unwrap();
        near(elo.value, 147.19, 0.01);
        // 0.0784 to each side, at a slope of 827 Elo.
        near(elo.error, 64.85, 0.05);
        near(sample.superiority().unwrap(), 0.999_999_7, 1e-6);
        let normalized = sample.normalized_elo().unwrap();
        near(normalized.value, 0.5 * NORMALIZED, 1e-9);
        near(normalized.error, 0.195_996 * NORMALIZED, 1e-3);
    }

    #[test]
    fn pairs_that_are_decided_by_their_opening_say_more_than_their_games() {
        // White won every game: as games a coin toss, as pairs all level but two.
        let games = Sample::Games([100, 0, 100]);
        let pairs = Sample::Pairs([1, 0, 98, 0, 1]);
        near(games.elo().unwrap().value, 0.0, 1e-9);
        near(pairs.elo().unwrap().value, 0.0, 1e-9);
        assert!(pairs.elo().unwrap().error < games.elo().unwrap().error / 4.9);
    }

    #[test]
    fn without_games_and_without_variety_there_is_no_estimate() {
        for sample in [
            Sample::Games([0; 3]),
            Sample::Pairs([0; 5]),
            Sample::Games([0, 0, 7]),
            Sample::Pairs([0, 0, 4, 0, 0]),
        ] {
            assert_eq!(sample.elo(), None);
            assert_eq!(sample.normalized_elo(), None);
            assert_eq!(sample.superiority(), None);
        }
    }

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (x, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_345),
            (-1.96, 0.024_998),
            (3.0, 0.998_650),
        ] {
            near(normal(x), expected, 2e-6);
        }
    }
}
