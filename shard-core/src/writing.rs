//! Group commit: one batch is in flight while the next one forms.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use protocol::{CloseCode, ServerBody};
use slotmap::SecondaryMap;
use store::{ANY_EPOCH, Append, Appended, Registered, StoreError};

use super::doubt::ClockReadings;
use super::late::LateWrites;
use super::store_watch::{Question, StoreWatch, WatchVerdict};
use super::trouble::StoreTrouble;
use super::{MatchKey, Now, Output, Shard, ShardLimits};
use crate::Uptime;

/// What waits for the store.
#[derive(Debug, Default)]
pub(super) struct Writing {
    /// Matches with unwritten events, each once, oldest first.
    dirty: VecDeque<MatchKey>,
    /// The same, to know which are in it.
    is_dirty: SecondaryMap<MatchKey, ()>,
    in_flight: Option<Batch>,
    late: LateWrites,
    watch: StoreWatch,
    trouble: StoreTrouble,
    /// The longest that an event waited to be confirmed, in match time.
    slowest: Duration,
}

/// A batch that the store has not answered.
#[derive(Debug)]
struct Batch {
    keys: Vec<MatchKey>,
    /// Retransmitted unchanged until there is an answer.
    appends: Arc<[Append]>,
    /// When it was first sent.
    since: Uptime,
    /// When to retransmit it after an unknown outcome.
    retry_at: Option<Uptime>,
}

impl Writing {
    /// Marks a match as having events to write.
    pub(super) fn add(&mut self, key: MatchKey) {
        if self.is_dirty.insert(key, ()).is_none() {
            self.dirty.push_back(key);
        }
    }

    /// When the requests to the store next need attention.
    pub(super) fn next_look(&self, limits: &ShardLimits) -> Option<Uptime> {
        let retry_at = match &self.in_flight {
            Some(batch) => batch.retry_at,
            None => self.late.next(),
        };
        [retry_at, self.watch.next(limits)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Matches with events that the store has not confirmed.
    pub(super) fn waiting(&self) -> usize {
        let in_flight = self.in_flight.as_ref().map_or(0, |batch| batch.keys.len());
        self.dirty.len() + in_flight + self.late.len()
    }

    /// Matches with events that the store has not confirmed.
    pub(super) fn unconfirmed(&self) -> impl Iterator<Item = MatchKey> {
        let in_flight = self.in_flight.iter().flat_map(|batch| &batch.keys);
        in_flight.chain(&self.dirty).copied()
    }

    /// Since when an answer has been due.
    pub(super) fn owed_since(&self) -> Option<Uptime> {
        self.watch.owed_since()
    }

    /// The longest that an event waited to be confirmed since the start, in match time.
    pub(super) fn slowest(&self) -> Duration {
        self.slowest
    }

    /// When the batch in flight was first sent.
    pub(super) fn in_flight_since(&self) -> Option<Uptime> {
        self.in_flight.as_ref().map(|batch| batch.since)
    }

    /// The process did not run for `gap`: the store is not to blame for it.
    pub(super) fn skipped(&mut self, gap: Duration) {
        self.watch.skipped(gap);
        if let Some(batch) = &mut self.in_flight {
            batch.since += gap;
        }
    }

    fn take(&mut self) -> Option<MatchKey> {
        let key = self.dirty.pop_front()?;
        self.is_dirty.remove(key);
        Some(key)
    }
}

impl Shard {
    /// Sends the next batch, if none is in flight and there is something to write.
    pub(super) fn write(&mut self, now: Now) {
        if self.writing.in_flight.is_some() {
            return;
        }
        let (mut keys, mut appends, mut bytes) = (Vec::new(), Vec::new(), 0);
        while bytes < self.limits.batch_bytes_max
            && let Some((key, append)) = self.writing.late.due(now.uptime)
        {
            let live = self.matches.get(key);
            let is_current = live.is_some_and(|live| {
                live.epoch() == append.epoch && live.has_in_flight(append.last_seq())
            });
            if is_current {
                self.counters.batch_retries += 1;
                bytes += append.len_bytes();
                keys.push(key);
                appends.push(append);
            }
        }
        while bytes < self.limits.batch_bytes_max
            && let Some(key) = self.writing.take()
        {
            let Some(live) = self.matches.get_mut(key).filter(|live| live.is_dirty()) else {
                continue;
            };
            let append = live.next_append(self.id, &self.limits, now.uptime);
            bytes += append.len_bytes();
            keys.push(key);
            appends.push(append);
        }
        if !appends.is_empty() {
            let appends: Arc<[Append]> = appends.into();
            self.outputs.push_back(Output::Append(Arc::clone(&appends)));
            let since = now.uptime;
            self.writing.watch.asked(Question::Batch, since);
            self.writing.in_flight = Some(Batch {
                keys,
                appends,
                since,
                retry_at: None,
            });
        }
    }

    /// Whether something is written or waits for it.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        let writing = &self.writing;
        writing.in_flight.is_some() || !writing.dirty.is_empty() || writing.late.len() > 0
    }

    /// The answer to [`Output::Append`].
    pub fn appended(&mut self, answer: Result<Vec<Appended>, StoreError>, now: Now) {
        self.observe(now);
        match answer {
            Ok(answers) => {
                let Some(batch) = self.writing.in_flight.take() else {
                    return;
                };
                assert_eq!(
                    answers.len(),
                    batch.keys.len(),
                    "the store answers every write"
                );
                self.store_has_answered(Question::Batch, now);
                self.counters.batches += 1;
                self.measured.batches.push(batch.keys.len());
                for ((key, append), answer) in batch.keys.iter().zip(&*batch.appends).zip(answers) {
                    match answer {
                        Appended::Unanswered(why) => {
                            let retry_at = now.uptime + self.limits.store_retry;
                            self.writing.late.add(*key, append.clone(), retry_at, &why);
                        }
                        answer => self.answered(*key, append, answer, now),
                    }
                }
                self.writing.late.tell();
            }
            Err(error) => {
                let Some(batch) = &mut self.writing.in_flight else {
                    return;
                };
                batch.retry_at = Some(now.uptime + self.limits.store_retry);
                self.store_has_failed(Question::Batch, &error, now);
            }
        }
    }

    /// A heartbeat goes to the store; [`Shard::heartbeat_answered`] follows. `since_boot` is read from a
    /// clock that, unlike the uptime, also counts while the machine is suspended.
    pub fn heartbeat_sent(&mut self, now: Now, since_boot: Duration) {
        self.observe(now);
        self.registry.reading();
        self.writing.watch.asked(Question::Heartbeat, now.uptime);
        self.doubt
            .heartbeat_sent(ClockReadings::new(now, since_boot));
    }

    /// The store gave one of several answers that a heartbeat takes: it has the counter.
    pub fn heartbeat_reached(&mut self, now: Now, since_boot: Duration) {
        self.writing.watch.heartbeat_step(now.uptime, &self.limits);
        self.doubt
            .heartbeat_reached(ClockReadings::new(now, since_boot));
    }

    /// The store answered a heartbeat, or could not.
    pub fn heartbeat_answered(
        &mut self,
        answer: Result<Vec<Registered>, StoreError>,
        now: Now,
        since_boot: Duration,
    ) {
        match answer {
            Ok(registry) => {
                self.registry.observe(&registry, now.uptime.since_start());
                self.doubt
                    .heartbeat_reached(ClockReadings::new(now, since_boot));
                self.store_has_answered(Question::Heartbeat, now);
                self.look_after_owners();
                self.judge_load(now);
            }
            Err(error) => {
                self.registry.store_was_down();
                self.doubt.heartbeat_failed();
                self.store_has_failed(Question::Heartbeat, &error, now);
            }
        }
    }

    /// A server of the store may have lost what it confirmed: compares every match in memory with it.
    pub fn store_may_have_lost(&mut self) {
        self.doubt.raise();
        self.verify_if_in_doubt();
    }

    fn store_has_answered(&mut self, question: Question, now: Now) {
        // A store that answers after a failure may have lost confirmed events.
        let watch = &mut self.writing.watch;
        if watch.answered(question, now.uptime, &self.limits) {
            self.doubt.raise();
        }
        self.writing.trouble.answered(question);
        self.heed_the_store(now);
    }

    fn store_has_failed(&mut self, question: Question, error: &StoreError, now: Now) {
        self.writing.watch.failed(question, now.uptime);
        self.writing.trouble.failed(question, error);
        self.heed_the_store(now);
    }

    /// Retransmits the batch in flight when that is due, and pauses or resumes play.
    pub(super) fn watch_the_store(&mut self, now: Now) {
        if let Some(batch) = &mut self.writing.in_flight
            && batch.retry_at.is_some_and(|at| at <= now.uptime)
        {
            batch.retry_at = None;
            self.writing.watch.asked(Question::Batch, now.uptime);
            self.counters.batch_retries += 1;
            self.outputs
                .push_back(Output::Append(Arc::clone(&batch.appends)));
        }
        self.heed_the_store(now);
    }

    fn heed_the_store(&mut self, now: Now) {
        while let Some(verdict) = self.writing.watch.poll(now.uptime, &self.limits) {
            match verdict {
                WatchVerdict::Pause { since } => self.freeze(since),
                WatchVerdict::Remind => self.announce(&ServerBody::Paused),
                WatchVerdict::Resume => self.thaw(now),
            }
        }
        if self.clock.is_frozen()
            && let Some(why) = self.writing.trouble.news(now.uptime)
        {
            tracing::warn!(why, "play is paused: nothing can be stored");
        }
    }

    /// Why play is paused, if it is.
    pub(super) fn pause_reason(&self) -> Option<&str> {
        let is_paused = self.clock.is_frozen();
        is_paused.then(|| self.writing.trouble.reason())
    }

    fn answered(&mut self, key: MatchKey, append: &Append, answer: Appended, now: Now) {
        let time = self.clock.at(now.uptime);
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        let (id, epoch) = (append.match_id, append.epoch);
        match answer {
            Appended::Stored { duplicate } => {
                self.counters.duplicates += u64::from(duplicate);
                self.counters.events_confirmed += append.records.len() as u64;
                if let Some((since, moves)) = live.confirmed(time, &self.limits) {
                    self.counters.moves_confirmed += moves;
                    let waited = now.uptime.since(since);
                    self.measured.acks.push(waited);
                    let counted = time.since(self.clock.at(since));
                    self.writing.slowest = self.writing.slowest.max(counted);
                }
                if append.ends {
                    self.requests.disown(self.id, id, ANY_EPOCH);
                }
                self.after_change(key);
            }
            // A claim of our own has overtaken this write; its events are written under the new epoch.
            _ if epoch != live.epoch() => {}
            // A lower epoch than ours is one that the store went back to; and a fence of our own making,
            // by a claim whose answer was lost, is claimed again.
            Appended::Fenced(owner) if owner.epoch < epoch || owner.owner == self.id => {
                self.reclaim(key, owner);
            }
            Appended::Fenced(owner) => {
                self.counters.fenced += 1;
                self.compare_after_all(key);
                tracing::warn!(match_id = %id, %epoch, owner = %owner.owner, current = %owner.epoch,
                    "another shard owns this match now; it is dropped here");
                self.drop_match(key, CloseCode::NotOwner);
            }
            Appended::Rollback { len } => self.heal(key, len),
            Appended::Missing => {
                // The events of this write have to follow everything that was confirmed.
                live.write_again(live.confirmed_seq());
                self.restore(key);
            }
            // It stays in flight.
            Appended::Unanswered(_) => {}
            Appended::Conflict { .. } | Appended::Unreadable(_) => {
                self.counters.conflicts += 1;
                self.lose(key, &format!("{answer:?} after {}", append.after));
            }
        }
    }

    fn freeze(&mut self, since: Uptime) {
        self.clock.freeze(since);
        let time = self.clock.at(since);
        for live in self.matches.values_mut() {
            live.stands_still_since(time);
        }
        self.announce(&ServerBody::Paused);
    }

    fn thaw(&mut self, now: Now) {
        if self.clock.is_frozen() {
            let stood = self.clock.thaw(now.uptime);
            let stood_ms = u64::try_from(stood.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(stood_ms, "the store answers again: play resumes");
            self.writing.trouble.is_over();
            #[cfg(feature = "sabotage")]
            if self.limits.sabotage == Some(super::Sabotage::StoreTime) {
                self.clock.charge(stood);
            }
            self.doubt.raise();
            let time = self.clock.at(now.uptime);
            let keys: Vec<_> = self.matches.keys().collect();
            for key in keys {
                if let Some(live) = self.matches.get_mut(key) {
                    live.tell_clock(time);
                }
                self.after_change(key);
            }
        }
    }
}
