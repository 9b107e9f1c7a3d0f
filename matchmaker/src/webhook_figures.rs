//! What operators see of webhooks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use game_core::UnixMillis;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::metrics::registered;

/// Counters of one matchmaker's webhooks. Clones are of the same.
#[derive(Clone)]
pub(crate) struct WebhookFigures {
    attempts: IntCounterVec,
    retries: IntCounter,
    lag_s: IntGauge,
    /// How far each subscriber is behind, in seconds.
    behind_s: Arc<Mutex<BTreeMap<Box<str>, u64>>>,
}

impl WebhookFigures {
    /// Zeros, in a registry.
    pub(crate) fn new(registry: &Registry) -> Self {
        let help = "Webhooks that this matchmaker sent, by whether the subscriber accepted them.";
        let attempts = Opts::new("rookery_webhook_attempts_total", help);
        let retries = "Webhooks that this matchmaker sent again, as they had not been accepted.";
        let lag = "For how long the oldest match has waited that a subscriber was not told of by this matchmaker; 0 if none does.";
        let retries = IntCounter::new("rookery_webhook_retries_total", retries);
        let lag_s = IntGauge::new("rookery_webhook_lag_seconds", lag);
        let attempts = registered(registry, IntCounterVec::new(attempts, &["result"]));
        for result in [ACCEPTED, REFUSED] {
            attempts.with_label_values(&[result]);
        }
        Self {
            attempts,
            retries: registered(registry, retries),
            lag_s: registered(registry, lag_s),
            behind_s: Arc::default(),
        }
    }

    /// An attempt is over; `attempt` counts those of one match from 1.
    pub(crate) fn count(&self, attempt: u32, is_accepted: bool) {
        let result = if is_accepted { ACCEPTED } else { REFUSED };
        self.attempts.with_label_values(&[result]).inc();
        if attempt > 1 {
            self.retries.inc();
        }
    }

    /// A subscriber has not been told of a match that may be read since `since`.
    pub(crate) fn set_behind(&self, hook: &str, since: UnixMillis, now: UnixMillis) {
        self.set(hook, now.0.saturating_sub(since.0) / 1_000);
    }

    /// A subscriber has been told of everything, or another matchmaker tells it.
    pub(crate) fn set_even(&self, hook: &str) {
        self.set(hook, 0);
    }

    fn set(&self, hook: &str, behind_s: u64) {
        let all = self.behind_s.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        all.insert(hook.into(), behind_s);
        let most = all.values().max().copied().unwrap_or(0);
        self.lag_s.set(i64::try_from(most).unwrap_or(i64::MAX));
    }
}

const ACCEPTED: &str = "accepted";
const REFUSED: &str = "refused";

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn the_lag_is_that_of_the_subscriber_that_is_furthest_behind() {
        let registry = Registry::new();
        let figures = WebhookFigures::new(&registry);
        let reads = |line: &str| {
            let text = TextEncoder::new().encode_to_string(&registry.gather());
            let text = text.unwrap();
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        };
        reads("rookery_webhook_lag_seconds 0");
        let now = UnixMillis(100_000);
        figures.set_behind("one", UnixMillis(30_000), now);
        figures.set_behind("other", UnixMillis(90_000), now);
        reads("rookery_webhook_lag_seconds 70");
        figures.set_even("one");
        reads("rookery_webhook_lag_seconds 10");
        figures.set_behind("other", UnixMillis(100_001), now);
        reads("rookery_webhook_lag_seconds 0");
        for (attempt, is_accepted) in [(1, false), (2, false), (3, true), (1, true)] {
            figures.count(attempt, is_accepted);
        }
        reads(r#"rookery_webhook_attempts_total{result="accepted"} 2"#);
        reads(r#"rookery_webhook_attempts_total{result="refused"} 2"#);
        reads("rookery_webhook_retries_total 2");
    }
}
