//! Whether the store answers: when play pauses, and when it resumes.
//!
//! Play pauses when *nothing* was answered for a while. A slow store delays those who wait for it, but stops
//! no clock. Play resumes after a series of answers in time, so that an unreliable store does not pause and
//! resume it continually. A read proves nothing about writes, as a full disk refuses only those: only writes,
//! and the steps of a heartbeat, count as answers.

use std::time::Duration;

use protocol::PAUSED_REPEATED_EVERY;

use super::ShardLimits;
use crate::Uptime;

/// A request without an answer; there is at most one of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Batch,
    Heartbeat,
}

/// What the shard is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WatchVerdict {
    /// Pause play, as of this uptime.
    Pause { since: Uptime },
    /// Repeat that play is paused.
    Remind,
    /// Resume play.
    Resume,
}

/// Watches the answers of the store. All times are uptimes of the shard.
#[derive(Debug, Default)]
pub(super) struct StoreWatch {
    /// When the batch in flight was last sent; it stays open until it is answered.
    batch: Option<Uptime>,
    /// Since when the heartbeat under way waits for its next answer.
    heartbeat: Option<Uptime>,
    /// Since when an answer has been due without any being received.
    owed_since: Option<Uptime>,
    /// The last request failed: another server may be behind the connection since.
    failed: bool,
    paused: Option<Pause>,
}

#[derive(Debug, Default)]
struct Pause {
    /// When peers last received that play is paused.
    said_at: Uptime,
    /// Number of answers in time since the last late or failed one, and when the first of them arrived.
    answers: u32,
    steady_since: Uptime,
}

impl StoreWatch {
    /// Minimum interval between the notice of a pause and that of its end.
    const NOTICE_EVERY: Duration = Duration::from_secs(1);
    /// A series is more than one answer.
    const ANSWERS_MIN: u32 = 2;

    /// A request is sent or retransmitted.
    pub(super) fn asked(&mut self, question: Question, now: Uptime) {
        *self.waiting(question) = Some(now);
        self.owed_since.get_or_insert(now);
    }

    /// A request is answered. Returns whether one had failed since the previous answer.
    pub(super) fn answered(
        &mut self,
        question: Question,
        now: Uptime,
        limits: &ShardLimits,
    ) -> bool {
        let since = self.waiting(question).take();
        self.heard(since, now, limits);
        std::mem::take(&mut self.failed)
    }

    /// One of several answers that the heartbeat under way takes.
    pub(super) fn heartbeat_step(&mut self, now: Uptime, limits: &ShardLimits) {
        if let Some(since) = self.heartbeat.replace(now) {
            self.heard(Some(since), now, limits);
        }
    }

    fn heard(&mut self, asked: Option<Uptime>, now: Uptime, limits: &ShardLimits) {
        let is_owed = self.batch.is_some() || self.heartbeat.is_some();
        self.owed_since = is_owed.then_some(now);
        let is_late = asked.is_some_and(|since| since + limits.store_stall <= now);
        if is_late {
            self.begin_stretch_anew();
        } else if let Some(pause) = &mut self.paused {
            if pause.answers == 0 {
                pause.steady_since = now;
            }
            pause.answers += 1;
        }
    }

    /// Since when an answer has been due: if none comes, play will have been paused from then on.
    pub(super) fn owed_since(&self) -> Option<Uptime> {
        self.owed_since
    }

    /// A request failed. Its answer is still due; a heartbeat is not retransmitted.
    pub(super) fn failed(&mut self, question: Question, now: Uptime) {
        if question == Question::Heartbeat {
            self.heartbeat = None;
        }
        self.owed_since.get_or_insert(now);
        self.failed = true;
        self.begin_stretch_anew();
    }

    /// The process did not run for `gap`: the store is not to blame for it.
    pub(super) fn skipped(&mut self, gap: Duration) {
        let waiting = [&mut self.owed_since, &mut self.batch, &mut self.heartbeat];
        for since in waiting.into_iter().flatten() {
            *since += gap;
        }
        if let Some(pause) = &mut self.paused {
            pause.steady_since += gap;
        }
    }

    /// The next action due by `now`; call it until it returns `None`.
    pub(super) fn poll(&mut self, now: Uptime, limits: &ShardLimits) -> Option<WatchVerdict> {
        let overdue = self.owed_since.filter(|&s| s + limits.store_stall <= now);
        if let (Some(since), None) = (overdue, &self.paused) {
            self.paused = Some(Pause {
                said_at: now,
                ..Pause::default()
            });
            return Some(WatchVerdict::Pause { since });
        }
        if overdue.is_some() {
            self.begin_stretch_anew();
        }
        let pause = self.paused.as_mut()?;
        if pause.resumes_at(limits).is_some_and(|at| at <= now) {
            self.paused = None;
            return Some(WatchVerdict::Resume);
        }
        if pause.reminds_at() <= now {
            pause.said_at = now;
            return Some(WatchVerdict::Remind);
        }
        None
    }

    /// When [`poll`](Self::poll) is to be called, if nothing happens before.
    pub(super) fn next(&self, limits: &ShardLimits) -> Option<Uptime> {
        let overdue = self.owed_since.map(|since| since + limits.store_stall);
        let Some(pause) = &self.paused else {
            return overdue;
        };
        let overdue = overdue.filter(|_| pause.answers > 0);
        let reminder = Some(pause.reminds_at());
        let soonest = [overdue, reminder, pause.resumes_at(limits)];
        soonest.into_iter().flatten().min()
    }

    fn waiting(&mut self, question: Question) -> &mut Option<Uptime> {
        match question {
            Question::Batch => &mut self.batch,
            Question::Heartbeat => &mut self.heartbeat,
        }
    }

    fn begin_stretch_anew(&mut self) {
        if let Some(pause) = &mut self.paused {
            pause.answers = 0;
        }
    }
}

impl Pause {
    /// When play resumes, unless an answer fails or is late before.
    fn resumes_at(&self, limits: &ShardLimits) -> Option<Uptime> {
        let steady_at = self.steady_since + limits.store_steady;
        let said_long_ago = self.said_at + StoreWatch::NOTICE_EVERY;
        (self.answers >= StoreWatch::ANSWERS_MIN).then(|| steady_at.max(said_long_ago))
    }

    /// When the pause is repeated to peers.
    fn reminds_at(&self) -> Uptime {
        self.said_at + PAUSED_REPEATED_EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Question::{Batch, Heartbeat};

    /// What happens at which millisecond.
    enum Input {
        Asked(Question),
        Answered(Question),
        /// One of several round trips.
        Step,
        Failed(Question),
        Skipped(u64),
    }
    use Input::{Answered, Asked, Failed, Skipped, Step};

    const fn up(ms: u64) -> Uptime {
        Uptime::from_start(Duration::from_millis(ms))
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn feed(watch: &mut StoreWatch, at: u64, input: &Input) {
        let limits = ShardLimits::default();
        match *input {
            Asked(question) => watch.asked(question, up(at)),
            Answered(question) => _ = watch.answered(question, up(at), &limits),
            Step => watch.heartbeat_step(up(at), &limits),
            Failed(question) => watch.failed(question, up(at)),
            Skipped(gap) => watch.skipped(ms(gap)),
        }
    }

    /// Feeds the watch, polls it when it asks for it, and returns its verdicts with their times.
    fn verdicts(
        inputs: impl IntoIterator<Item = (u64, Input)>,
        until: u64,
    ) -> Vec<(u64, WatchVerdict)> {
        let (mut watch, limits) = (StoreWatch::default(), ShardLimits::default());
        let mut said = Vec::new();
        let mut pass = |watch: &mut StoreWatch, to: u64| {
            while let Some(at) = watch.next(&limits).filter(|&at| at <= up(to)) {
                let verdict = watch.poll(at, &limits);
                said.extend(verdict.map(|verdict| (at.since_start().as_millis() as u64, verdict)));
                assert_ne!(watch.next(&limits), Some(at), "no progress at {at:?}");
            }
        };
        for (at, input) in inputs {
            pass(&mut watch, at);
            feed(&mut watch, at, &input);
            pass(&mut watch, at);
        }
        pass(&mut watch, until);
        said
    }

    const fn pause(at: u64, since: u64) -> (u64, WatchVerdict) {
        let since = up(since);
        (at, WatchVerdict::Pause { since })
    }

    /// A busy shard, always with a batch in flight, and a heartbeat of two round trips.
    fn busy(answer_ms: u64, from: u64, until: u64) -> Vec<(u64, Input)> {
        let mut inputs = Vec::new();
        let mut at = from;
        while at + answer_ms <= until {
            inputs.push((at, Asked(Batch)));
            at += answer_ms;
            inputs.push((at, Answered(Batch)));
        }
        let mut at = from;
        while at + 2 * answer_ms <= until {
            inputs.push((at, Asked(Heartbeat)));
            inputs.push((at + answer_ms, Step));
            inputs.push((at + 2 * answer_ms, Answered(Heartbeat)));
            at += (2 * answer_ms).next_multiple_of(500);
        }
        inputs.sort_by_key(|(at, _)| *at);
        inputs
    }

    #[test]
    fn a_store_that_takes_300_ms_for_every_answer_never_pauses_a_busy_shard() {
        assert_eq!(verdicts(busy(300, 0, 50_000), 50_000), []);
        assert_eq!(verdicts(busy(999, 0, 50_000), 50_000), []);
    }

    #[test]
    fn the_round_trips_of_a_heartbeat_are_not_one_answer() {
        let steps = [
            (0, Asked(Heartbeat)),
            (700, Step),
            (1_400, Answered(Heartbeat)),
        ];
        assert_eq!(verdicts(steps, 10_000), []);
        let whole = [(0, Asked(Heartbeat)), (1_400, Answered(Heartbeat))];
        assert_eq!(verdicts(whole, 1_500), [pause(1_000, 0)]);
    }

    #[test]
    fn nothing_answered_for_a_second_is_a_pause_from_when_it_was_owed() {
        // The batch is answered; from then on it is the heartbeat that is owed.
        let inputs = [
            (0, Asked(Heartbeat)),
            (100, Asked(Batch)),
            (400, Answered(Batch)),
        ];
        let again = |at| (at, WatchVerdict::Remind);
        let expected = [pause(1_400, 400), again(4_400), again(7_400)];
        assert_eq!(verdicts(inputs, 8_000), expected);
    }

    #[test]
    fn a_store_that_owes_nothing_is_not_late() {
        let inputs = [(0, Asked(Batch)), (5, Answered(Batch))];
        assert_eq!(verdicts(inputs, 60_000), []);
    }

    #[test]
    fn a_failure_is_no_answer() {
        let inputs = [
            (0, Asked(Heartbeat)),
            (10, Failed(Heartbeat)),
            (500, Asked(Heartbeat)),
            (510, Failed(Heartbeat)),
        ];
        assert_eq!(verdicts(inputs, 2_000), [pause(1_000, 0)]);
    }

    #[test]
    fn play_goes_on_after_a_stretch_of_answers() {
        let mut inputs = vec![(0, Asked(Batch))];
        let beats = [2_000, 2_500, 3_000, 3_500];
        inputs.extend(beats.iter().flat_map(|&at| {
            [
                (at, Asked(Heartbeat)),
                (at + 2, Step),
                (at + 4, Answered(Heartbeat)),
            ]
        }));
        inputs.push((2_050, Answered(Batch)));
        inputs.sort_by_key(|(at, _)| *at);
        // The answer of before the pause was late, and is not part of the stretch.
        let expected = [pause(1_000, 0), (3_002, WatchVerdict::Resume)];
        assert_eq!(verdicts(inputs, 4_000), expected);
    }

    #[test]
    fn a_failure_or_a_late_answer_begins_the_stretch_anew() {
        let failing = vec![
            (0, Asked(Batch)),
            (2_000, Answered(Batch)),
            (2_000, Asked(Heartbeat)),
            (2_001, Step),
            (2_002, Answered(Heartbeat)),
            (2_100, Asked(Batch)),
            (2_101, Failed(Batch)),
            (2_200, Asked(Batch)),
            (2_300, Answered(Batch)),
            (2_500, Asked(Heartbeat)),
            (2_501, Step),
        ];
        let expected = [pause(1_000, 0), (2_800, WatchVerdict::Resume)];
        assert_eq!(verdicts(failing, 3_000), expected);
        // Answers that are always late by a little: one pause, not one for each.
        let late = busy(1_200, 0, 50_000);
        let said = verdicts(late, 50_000);
        let pauses = said.iter().filter(|(_, v)| *v != WatchVerdict::Remind);
        assert_eq!(pauses.count(), 1, "{said:?}");
    }

    #[test]
    fn there_is_at_most_one_notice_a_second() {
        // Good and bad by turns, as fast as the rules allow.
        let mut inputs = Vec::new();
        for round in 0..20 {
            inputs.push((round * 2_100, Asked(Batch)));
            inputs.push((round * 2_100 + 1_001, Answered(Batch)));
            inputs.extend(busy(10, round * 2_100 + 1_002, round * 2_100 + 2_090));
        }
        let said = verdicts(inputs, 60_000);
        assert!(said.len() > 10, "{said:?}");
        for two in said.windows(2) {
            assert!(two[1].0 - two[0].0 >= 1_000, "{two:?}");
        }
    }

    #[test]
    fn a_pause_of_the_process_is_not_the_stores() {
        let inputs = [
            (0, Asked(Batch)),
            (20_000, Skipped(20_000)),
            (20_900, Answered(Batch)),
        ];
        let (mut watch, limits) = (StoreWatch::default(), ShardLimits::default());
        for (at, input) in inputs {
            feed(&mut watch, at, &input);
            assert_eq!(watch.poll(up(at), &limits), None, "at {at}");
        }
    }
}
