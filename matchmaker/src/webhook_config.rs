//! Where webhooks go to, and when they are repeated.

use std::time::Duration;

use crate::webhook_keys::WebhookKeys;

/// Where webhooks go to, and how they are signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookConfig {
    /// The URLs of the subscribers, `http` or `https`.
    pub urls: Vec<String>,
    /// What they are signed with; `None` if there are no subscribers.
    pub keys: Option<WebhookKeys>,
    /// When what was not accepted is sent again.
    pub pace: Pace,
}

/// The waits between attempts, which double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After the first attempt.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Pace {
    /// From five seconds to a quarter of an hour: a receiver that restarts is told soon, and one that is away for days
    /// costs little.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            longest: Duration::from_secs(15 * 60),
        }
    }
}

impl Pace {
    /// The wait after so many attempts, drawn between its half and its whole, so that subscribers do not come back all
    /// at once. `drawn` is from 0 to 1.
    pub(crate) fn wait(self, attempts: u32, drawn: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << (attempts.clamp(1, 20) - 1));
        doubled.min(self.longest).mul_f64(0.5 + 0.5 * drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let pace = Pace::default();
        let waits = [1, 2, 3, 8, 9, 1_000].map(|attempts| pace.wait(attempts, 1.0).as_secs());
        assert_eq!(waits, [5, 10, 20, 640, 900, 900]);
        assert_eq!(pace.wait(1, 0.0), Duration::from_millis(2_500));
    }
}
