//! Refused seat tokens: many that are expired or not valid yet mean that clocks differ.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::{IntCounter, IntCounterVec};
use tokens::TokenError;

/// Minimum interval between two log lines: anybody can send an old token at any rate.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Counts refused tokens by reason, and logs them now and then. Clones share it.
#[derive(Clone)]
pub(crate) struct TokenRefusals {
    expired: IntCounter,
    early: IntCounter,
    invalid: IntCounter,
    said_at: Arc<Mutex<Option<Instant>>>,
}

impl TokenRefusals {
    /// `counters` has the label `reason`.
    pub(crate) fn new(counters: &IntCounterVec) -> Self {
        Self {
            expired: counters.with_label_values(&["expired"]),
            early: counters.with_label_values(&["early"]),
            invalid: counters.with_label_values(&["invalid"]),
            said_at: Arc::default(),
        }
    }

    /// A token was refused.
    pub(crate) fn refused(&self, error: &TokenError) {
        match error {
            TokenError::Expired => self.expired.inc(),
            TokenError::Early => self.early.inc(),
            // A forged one reveals nothing about clocks.
            TokenError::Invalid(_) => return self.invalid.inc(),
        }
        if self.is_to_be_said(Instant::now()) {
            tracing::warn!(
                %error,
                expired = self.expired.get(),
                early = self.early.get(),
                "seat tokens are refused for their time: if there are many, compare this machine's clock with \
                 the matchmakers'"
            );
        }
    }

    fn is_to_be_said(&self, now: Instant) -> bool {
        // Nothing panics while it is held.
        let mut said_at = self.said_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = said_at.is_none_or(|at| now.saturating_duration_since(at) >= SAY_EVERY);
        if is_new {
            *said_at = Some(now);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Opts;

    use super::*;

    #[test]
    fn tokens_refused_for_their_time_are_counted_by_reason_and_said_once_a_minute() {
        let counters = IntCounterVec::new(Opts::new("x", "x"), &["reason"]).unwrap();
        let refusals = TokenRefusals::new(&counters);
        for error in [
            TokenError::Expired,
            TokenError::Expired,
            TokenError::Early,
            TokenError::Invalid(String::new()),
        ] {
            refusals.refused(&error);
        }
        let count = |reason: &str| counters.with_label_values(&[reason]).get();
        assert_eq!(
            (count("expired"), count("early"), count("invalid")),
            (2, 1, 1)
        );
        let said_at = refusals.said_at.lock().unwrap().unwrap();
        assert!(!refusals.is_to_be_said(said_at + SAY_EVERY / 2));
        assert!(refusals.is_to_be_said(said_at + SAY_EVERY));
        assert!(!refusals.is_to_be_said(said_at + SAY_EVERY));
    }
}
