//! How long to wait before trying again.

use std::time::Duration;

/// The longest wait that a server is believed to want.
const ASKED_MAX: Duration = Duration::from_secs(5 * 60);

/// Waits that double from `min` to `max`, each shortened at random by up to half, so that many
/// clients that lost the same server do not come back in step.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    tries: u32,
}

impl Backoff {
    /// Waits from `min` to `max`.
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, tries: 0 }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        // 2¹⁶ times the least wait is above any sensible maximum.
        let doubled = self.min.saturating_mul(1 << self.tries.min(16));
        self.tries = self.tries.saturating_add(1);
        doubled.min(self.max).mul_f64(rand::random_range(0.5..=1.0))
    }

    /// The next wait, no shorter than a server asks for, but within five minutes. What it asks for is
    /// lengthened at random by up to a quarter, as it asks many for the same.
    pub fn wait_for(&mut self, asked: Option<Duration>) -> Duration {
        let asked = asked.unwrap_or_default().min(ASKED_MAX);
        let lengthened = asked.mul_f64(rand::random_range(1.0..=1.25));
        self.wait().max(lengthened)
    }

    /// Whether nothing was waited for yet.
    pub const fn is_fresh(&self) -> bool {
        self.tries == 0
    }

    /// Begins again from the least wait.
    pub const fn reset(&mut self) {
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

    /// RFC 9110 section 10.2.3: not before the time that the server names.
    #[test]
    fn what_a_server_asks_for_is_waited_for_and_within_reason() {
        let second = Duration::from_secs(1);
        for _ in 0..100 {
            let mut backoff = Backoff::new(second / 10, 2 * second);
            let wait = backoff.wait_for(Some(7 * second));
            assert!(7 * second <= wait && wait <= 9 * second, "{wait:?}");
            assert!(
                backoff.wait_for(None) <= second / 5,
                "it is one try of many"
            );
            let wait = backoff.wait_for(Some(Duration::MAX));
            assert!(wait <= ASKED_MAX * 5 / 4, "{wait:?}");
            let mut backoff = Backoff::new(4 * second, 4 * second);
            assert!(
                backoff.wait_for(Some(second)) >= 2 * second,
                "the longer of both"
            );
        }
    }
}
