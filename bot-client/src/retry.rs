//! How long to wait before trying again.

use std::time::Duration;

/// Waits that double from `min` to `max`, each shortened at random by up to half, so that many
/// clients that lost the same server do not come back in step.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    tries: u32,
}

impl Backoff {
    pub(crate) const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, tries: 0 }
    }

    /// The next wait.
    pub(crate) fn wait(&mut self) -> Duration {
        // 2¹⁶ times the least wait is above any sensible maximum.
        let doubled = self.min.saturating_mul(1 << self.tries.min(16));
        self.tries = self.tries.saturating_add(1);
        doubled.min(self.max).mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Whether nothing was waited for yet.
    pub(crate) const fn is_fresh(&self) -> bool {
        self.tries == 0
    }

    /// Begins again from the least wait.
    pub(crate) const fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum_and_begin_again_after_a_reset() {
        let (min, max) = (Duration::from_millis(100), Duration::from_millis(500));
        let mut backoff = Backoff::new(min, max);
        for at_most_ms in [100, 200, 400, 500, 500] {
            let at_most = Duration::from_millis(at_most_ms);
            let wait = backoff.wait();
            assert!(at_most / 2 <= wait && wait <= at_most, "{wait:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= min);
    }
}
