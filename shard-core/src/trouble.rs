//! Why nothing can be stored, as operators are told while play is paused: the reason of now, not the
//! first one.

use std::time::Duration;

use store::StoreError;

use super::store_watch::Question;
use crate::Uptime;

/// What the last questions came to.
#[derive(Debug, Default)]
pub(super) struct StoreTrouble {
    batch: Option<String>,
    heartbeat: Option<String>,
    /// What was logged last in this pause, and when.
    logged: Option<(String, Uptime)>,
}

impl StoreTrouble {
    /// Between two lines of the log; a reason that came and went meanwhile is left out.
    const LOG_EVERY: Duration = Duration::from_secs(5);

    pub(super) fn failed(&mut self, question: Question, error: &StoreError) {
        // That play is paused is said beside it; a store that answers may still be unfit.
        let reason = match error {
            StoreError::Unavailable(reason) => reason.clone(),
            StoreError::Unfit(_) | StoreError::Corrupt(_) => error.to_string(),
        };
        *self.of(question) = Some(reason);
    }

    pub(super) fn answered(&mut self, question: Question) {
        *self.of(question) = None;
    }

    /// Why nothing is confirmed now. The result of a write is more telling than that of a heartbeat.
    pub(super) fn reason(&self) -> &str {
        let known = self.batch.as_deref().or(self.heartbeat.as_deref());
        known.unwrap_or("the store gives no answer in time")
    }

    /// The reason, if it is another one than the log has, and the last line is not a moment old.
    pub(super) fn news(&mut self, now: Uptime) -> Option<&str> {
        let reason = self.reason();
        if let Some((logged, at)) = &self.logged
            && (logged == reason || now < *at + Self::LOG_EVERY)
        {
            return None;
        }
        let reason = reason.to_owned();
        self.logged = Some((reason, now));
        self.logged.as_ref().map(|(reason, _)| &**reason)
    }

    /// Play has resumed.
    pub(super) fn is_over(&mut self) {
        self.logged = None;
    }

    fn of(&mut self, question: Question) -> &mut Option<String> {
        match question {
            Question::Batch => &mut self.batch,
            Question::Heartbeat => &mut self.heartbeat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> StoreError {
        StoreError::Unavailable(text.to_owned())
    }

    #[test]
    fn the_present_reason_is_logged_when_it_changes_and_not_too_often() {
        let mut trouble = StoreTrouble::default();
        let at = |ms| Uptime::from_start(Duration::from_millis(ms));
        let mut log = Vec::new();
        for (ms, text) in [
            (0, "broken pipe"),
            (100, "connection refused"),
            (4_900, "connection refused"),
            (5_000, "wrong password"),
            (9_000, "connection refused"),
            (9_500, "wrong password"),
            (20_000, "wrong password"),
            (30_000, "OOM"),
        ] {
            trouble.failed(Question::Heartbeat, &error(text));
            log.extend(trouble.news(at(ms)).map(|reason| (ms, reason.to_owned())));
            assert!(trouble.reason().ends_with(text), "always the present one");
        }
        let said = log
            .iter()
            .map(|(ms, reason)| (*ms, reason.rsplit(": ").next().unwrap()));
        let said: Vec<_> = said.collect();
        let expected = [
            (0, "broken pipe"),
            (5_000, "wrong password"),
            (30_000, "OOM"),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_heartbeat_that_is_answered_does_not_hide_why_writes_are_refused() {
        let mut trouble = StoreTrouble::default();
        trouble.failed(Question::Batch, &error("OOM"));
        trouble.failed(Question::Heartbeat, &error("OOM"));
        trouble.answered(Question::Heartbeat);
        assert!(trouble.reason().ends_with("OOM"));
        trouble.answered(Question::Batch);
        assert!(trouble.reason().contains("no answer in time"));
    }
}
