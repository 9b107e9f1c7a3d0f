//! The sequential probability ratio test: after each pair (or game), whether one of two hypotheses on the difference of
//! strength is likely enough to stop.
//!
//! The ratio is that of the generalised test: of the likelihoods of the results under the most likely distribution that
//! has the difference of each hypothesis (M. Van den Bergh, "The generalized maximum likelihood ratio for the expectation
//! value of a distribution"; for normalised Elo, "Normalized Elo", and the approximation given there).

use super::elo::{NORMALIZED, Sample, moments, score_of};

/// In which measure the hypotheses are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Model {
    /// Elo.
    #[default]
    Logistic,
    /// Normalised Elo.
    Normalized,
}

/// Two hypotheses, and how often each may be taken for the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sprt {
    /// The difference under H0.
    pub(super) elo0: f64,
    /// The difference under H1.
    pub(super) elo1: f64,
    /// How often H1 may be accepted though H0 is true.
    pub(super) alpha: f64,
    /// How often H0 may be accepted though H1 is true.
    pub(super) beta: f64,
    /// The measure of both differences.
    pub(super) model: Model,
}

/// Which hypothesis is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// The first engine is not stronger by `elo1`.
    H0,
    /// It is.
    H1,
}

impl Sprt {
    /// A result that has not been seen counts as seen this often, so that no likelihood is zero.
    const UNSEEN: f64 = 1e-3;

    /// The ratios of likelihoods, as logarithms, at which H0 and H1 are accepted.
    pub(super) fn bounds(&self) -> (f64, f64) {
        let lower = (self.beta / (1.0 - self.alpha)).ln();
        let upper = ((1.0 - self.beta) / self.alpha).ln();
        (lower, upper)
    }

    /// The logarithm of the ratio of the likelihoods of H1 and H0.
    pub(super) fn llr(&self, sample: &Sample) -> f64 {
        if sample.count() <= 0.0 {
            return 0.0;
        }
        let seen = sample.distribution().into_iter();
        let seen: Vec<_> = seen
            .map(|(score, count)| (score, count.max(Self::UNSEEN)))
            .collect();
        let total: f64 = seen.iter().map(|(_, count)| count).sum();
        let shares: Vec<_> = seen
            .iter()
            .map(|(score, count)| (*score, count / total))
            .collect();
        let likeliest = |elo: f64| match self.model {
            Model::Logistic => with_mean(&shares, score_of(elo)),
            Model::Normalized => with_ratio(&shares, elo / NORMALIZED * sample.scale()),
        };
        let (under_h0, under_h1) = (likeliest(self.elo0), likeliest(self.elo1));
        let both = under_h0.iter().zip(&under_h1);
        let terms = shares.iter().zip(both);
        let mean: f64 = terms
            .map(|((_, share), (h0, h1))| share * (h1.ln() - h0.ln()))
            .sum();
        total * mean
    }

    /// Whether the test is over.
    pub(super) fn decision(&self, sample: &Sample) -> Option<Decision> {
        let (lower, upper) = self.bounds();
        let llr = self.llr(sample);
        if llr >= upper {
            Some(Decision::H1)
        } else if llr <= lower {
            Some(Decision::H0)
        } else {
            None
        }
    }
}

/// The shares that make `seen` most likely among those under which the mean is `mean`.
fn with_mean(seen: &[(f64, f64)], mean: f64) -> Vec<f64> {
    let terms: Vec<_> = seen
        .iter()
        .map(|&(score, share)| (score - mean, share))
        .collect();
    without_mean(&terms)
}

/// The shares that make `seen` most likely among those under which the mean is above ½ by `ratio` deviations: found by
/// repeated approximation, as the condition is not linear.
fn with_ratio(seen: &[(f64, f64)], ratio: f64) -> Vec<f64> {
    const STEPS_MAX: usize = 50;
    const CLOSE: f64 = 1e-10;
    let mut shares = vec![1.0 / seen.len() as f64; seen.len()];
    for _ in 0..STEPS_MAX {
        let scores = seen.iter().map(|(score, _)| *score);
        let now: Vec<_> = scores.zip(shares.iter().copied()).collect();
        let (mean, variance) = moments(&now);
        let deviation = variance.sqrt();
        let terms: Vec<_> = seen
            .iter()
            .map(|&(score, share)| {
                let from_mean = (score - mean) / deviation;
                let term = score - 0.5 - 0.5 * ratio * deviation * (1.0 + from_mean * from_mean);
                (term, share)
            })
            .collect();
        let next = without_mean(&terms);
        let change = next
            .iter()
            .zip(&shares)
            .map(|(one, other)| (one - other).abs());
        let change = change.fold(0.0, f64::max);
        shares = next;
        if change < CLOSE {
            break;
        }
    }
    shares
}

/// The shares under which the mean of the values is zero, and which make the shares seen most likely: each is divided by
/// `1 + x · value` for the one `x` that fits. Values of both signs are needed; without them nothing fits, and the shares stay.
fn without_mean(terms: &[(f64, f64)]) -> Vec<f64> {
    const HALVINGS: usize = 200;
    let smallest = terms
        .iter()
        .map(|(value, _)| *value)
        .fold(f64::INFINITY, f64::min);
    let greatest = terms
        .iter()
        .map(|(value, _)| *value)
        .fold(f64::NEG_INFINITY, f64::max);
    if smallest >= 0.0 || greatest <= 0.0 {
        return terms.iter().map(|(_, share)| *share).collect();
    }
    // The mean falls from infinity to minus infinity between these.
    let (mut low, mut high) = (-1.0 / greatest, -1.0 / smallest);
    let mean = |x: f64| {
        let parts = terms
            .iter()
            .map(|(value, share)| share * value / (1.0 + x * value));
        parts.sum::<f64>()
    };
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if mean(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let x = 0.5 * (low + high);
    terms
        .iter()
        .map(|(value, share)| share / (1.0 + x * value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(elo0: f64, elo1: f64, model: Model) -> Sprt {
        Sprt {
            elo0,
            elo1,
            alpha: 0.05,
            beta: 0.05,
            model,
        }
    }

    fn near(value: f64, expected: f64, within: f64) {
        assert!(
            (value - expected).abs() < within,
            "{value} and not {expected}"
        );
    }

    #[test]
    fn bounds_follow_from_the_errors() {
        let (lower, upper) = test(0.0, 5.0, Model::Logistic).bounds();
        near(lower, -2.944, 1e-3);
        near(upper, 2.944, 1e-3);
    }

    /// Near zero the ratio is that of two normal distributions, which has a closed form.
    #[test]
    fn the_ratio_is_that_of_normal_distributions_where_differences_are_small() {
        let sample = Sample::Pairs([400, 2_400, 4_900, 2_700, 500]);
        let (mean, variance) = sample.moments();
        for (elo0, elo1) in [(0.0, 2.0), (-1.0, 1.0), (-3.0, 0.0)] {
            let (low, high) = (score_of(elo0), score_of(elo1));
            let normal =
                sample.count() * (high - low) * (2.0 * mean - low - high) / (2.0 * variance);
            near(
                test(elo0, elo1, Model::Logistic).llr(&sample),
                normal,
                0.02 * normal.abs(),
            );
            let deviation = variance.sqrt();
            let ratio = |elo: f64| elo / NORMALIZED * std::f64::consts::SQRT_2;
            let (low, high) = (ratio(elo0), ratio(elo1));
            let seen = (mean - 0.5) / deviation;
            let normal = sample.count() * (high - low) * (2.0 * seen - low - high) / 2.0;
            near(
                test(elo0, elo1, Model::Normalized).llr(&sample),
                normal,
                0.02 * normal.abs(),
            );
        }
    }

    #[test]
    fn shares_have_the_mean_that_is_asked_for() {
        let seen = [(0.0, 0.1), (0.5, 0.3), (1.0, 0.6)];
        for mean in [0.2, 0.5, 0.75, 0.9] {
            let shares = with_mean(&seen, mean);
            near(shares.iter().sum(), 1.0, 1e-9);
            let had: f64 = seen
                .iter()
                .zip(&shares)
                .map(|((score, _), share)| score * share)
                .sum();
            near(had, mean, 1e-9);
        }
        for ratio in [-0.2, 0.0, 0.3] {
            let shares = with_ratio(&seen, ratio);
            near(shares.iter().sum(), 1.0, 1e-6);
            let points: Vec<_> = seen
                .iter()
                .zip(&shares)
                .map(|((score, _), share)| (*score, *share))
                .collect();
            let (mean, variance) = moments(&points);
            near((mean - 0.5) / variance.sqrt(), ratio, 1e-6);
        }
        // What was seen is the likeliest of all with its mean.
        let shares = with_mean(&seen, 0.75);
        for (share, (_, seen)) in shares.iter().zip(seen) {
            near(*share, seen, 1e-9);
        }
    }

    #[test]
    fn a_test_ends_for_the_hypothesis_that_is_true() {
        for model in [Model::Logistic, Model::Normalized] {
            let sprt = test(0.0, 10.0, model);
            assert_eq!(sprt.decision(&Sample::Pairs([0; 5])), None);
            assert_eq!(sprt.decision(&Sample::Pairs([1, 4, 9, 4, 2])), None);
            let stronger = Sample::Pairs([100, 600, 1_400, 1_100, 300]);
            assert_eq!(sprt.decision(&stronger), Some(Decision::H1));
            let weaker = Sample::Pairs([300, 1_100, 1_400, 600, 100]);
            assert_eq!(sprt.decision(&weaker), Some(Decision::H0));
            let level = Sample::Games([4_000, 4_000, 4_000]);
            assert_eq!(sprt.decision(&level), Some(Decision::H0));
        }
    }

    #[test]
    fn results_of_one_kind_alone_make_no_nonsense() {
        for model in [Model::Logistic, Model::Normalized] {
            for sample in [
                Sample::Games([0, 0, 5]),
                Sample::Games([5, 0, 0]),
                Sample::Pairs([0, 0, 30, 0, 0]),
            ] {
                assert!(test(0.0, 5.0, model).llr(&sample).is_finite());
            }
        }
    }
}
