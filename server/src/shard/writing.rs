//! Group commit: one batch in flight, the next one forms meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use protocol::{CloseCode, PAUSED_SAID_EVERY, ServerBody};
use slotmap::SecondaryMap;
use store::{Append, Appended, Registered, SETTLED, StoreError};

use super::{MatchKey, Now, Output, Shard, ShardLimits};

/// What waits for the store.
#[derive(Debug, Default)]
pub(super) struct Writing {
    /// Matches with unwritten events, each once, oldest first.
    dirty: VecDeque<MatchKey>,
    /// The same, to know which are in it.
    is_dirty: SecondaryMap<MatchKey, ()>,
    in_flight: Option<Batch>,
    /// When the heartbeat was sent that the store has not answered.
    heartbeat_since: Option<Duration>,
    /// When the store last answered anything.
    answered_at: Duration,
    /// When it was last said that play is paused.
    paused_said_at: Duration,
}

/// A batch that the store has not answered.
#[derive(Debug)]
struct Batch {
    keys: Vec<MatchKey>,
    /// Sent again and again, unchanged to the bit, until there is an answer.
    appends: Arc<[Append]>,
    /// When it was first sent.
    since: Duration,
    /// When to send it again, after an answer that says nothing.
    retry_at: Option<Duration>,
}

impl Writing {
    /// Notes that a match has events to write.
    pub(super) fn add(&mut self, key: MatchKey) {
        if self.is_dirty.insert(key, ()).is_none() {
            self.dirty.push_back(key);
        }
    }

    /// When what the store was asked needs a look.
    pub(super) fn next_look(&self, frozen: bool, limits: &ShardLimits) -> Option<Duration> {
        let retry_at = self.in_flight.as_ref().and_then(|batch| batch.retry_at);
        let overdue = self.asked_since().map(|since| since + limits.store_stall);
        // What is overdue is seen once: then play is paused until there is an answer.
        let next = if frozen {
            Some(self.paused_said_at + PAUSED_SAID_EVERY)
        } else {
            overdue
        };
        [retry_at, next].into_iter().flatten().min()
    }

    /// Since when the store owes an answer and has given no other.
    fn asked_since(&self) -> Option<Duration> {
        let batch = self.in_flight.as_ref().map(|batch| batch.since);
        let asked = [batch, self.heartbeat_since].into_iter().flatten().min();
        asked.map(|asked| asked.max(self.answered_at))
    }

    /// Matches with events that the store has not confirmed.
    pub(super) fn waiting(&self) -> usize {
        let in_flight = self.in_flight.as_ref().map_or(0, |batch| batch.keys.len());
        self.dirty.len() + in_flight
    }

    /// When the batch in flight was first sent.
    pub(super) fn in_flight_since(&self) -> Option<Duration> {
        self.in_flight.as_ref().map(|batch| batch.since)
    }

    /// The process did not run for `gap`: the store is not to blame for it.
    pub(super) fn skipped(&mut self, gap: Duration) {
        self.answered_at += gap;
        for since in self
            .heartbeat_since
            .iter_mut()
            .chain(self.in_flight.as_mut().map(|b| &mut b.since))
        {
            *since += gap;
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
            && let Some(key) = self.writing.take()
        {
            let Some(live) = self.matches.get_mut(key).filter(|live| live.is_dirty()) else {
                continue;
            };
            let append = live.next_append(&self.limits, now.uptime);
            bytes += append.len_bytes();
            keys.push(key);
            appends.push(append);
        }
        if !appends.is_empty() {
            let appends: Arc<[Append]> = appends.into();
            self.outputs.push_back(Output::Append(Arc::clone(&appends)));
            let since = now.uptime;
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
        self.writing.in_flight.is_some() || !self.writing.dirty.is_empty()
    }

    /// The answer to [`Output::Append`].
    pub fn appended(&mut self, answer: Result<Vec<Appended>, StoreError>, now: Now) {
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
                self.writing.answered_at = now.uptime;
                self.thaw(now);
                self.counters.batches += 1;
                self.measured.batches.push(batch.keys.len());
                for ((key, append), answer) in batch.keys.iter().zip(&*batch.appends).zip(answers) {
                    self.answered(*key, append, answer, now);
                }
            }
            Err(error) => {
                let Some(batch) = &mut self.writing.in_flight else {
                    return;
                };
                batch.retry_at = Some(now.uptime + self.limits.store_retry);
                let since = self.writing.asked_since().unwrap_or(now.uptime);
                self.freeze(since, &error.to_string(), now);
            }
        }
    }

    /// A heartbeat goes to the store; [`Shard::heartbeat_answered`] follows.
    pub fn heartbeat_sent(&mut self, now: Now) {
        self.writing.heartbeat_since = Some(now.uptime);
    }

    /// The store answered a heartbeat, or could not.
    pub fn heartbeat_answered(&mut self, answer: Result<Vec<Registered>, StoreError>, now: Now) {
        let since = self.writing.asked_since().unwrap_or(now.uptime);
        self.writing.heartbeat_since = None;
        match answer {
            Ok(registry) => {
                self.writing.answered_at = now.uptime;
                self.registry.observe(&registry, now.uptime);
                if self.writing.in_flight.is_none() {
                    self.thaw(now);
                }
                self.look_after_owners();
            }
            Err(error) => {
                self.registry.store_was_down();
                self.freeze(since, &error.to_string(), now);
            }
        }
    }

    /// Pauses play when the batch in flight is overdue, and sends it again when its time has come.
    pub(super) fn watch_the_store(&mut self, now: Now) {
        if let Some(batch) = &mut self.writing.in_flight
            && batch.retry_at.is_some_and(|at| at <= now.uptime)
        {
            batch.retry_at = None;
            self.counters.batch_retries += 1;
            self.outputs
                .push_back(Output::Append(Arc::clone(&batch.appends)));
        }
        if let Some(since) = self.writing.asked_since()
            && since + self.limits.store_stall <= now.uptime
        {
            self.freeze(since, "no answer in time", now);
        }
        if self.clock.is_frozen() && self.writing.paused_said_at + PAUSED_SAID_EVERY <= now.uptime {
            self.say_paused(now);
        }
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
                    let waited = now.uptime.saturating_sub(since);
                    self.measured.acks.push(waited);
                }
                if append.ends {
                    let settled = vec![(id, SETTLED)];
                    self.outputs.push_back(Output::Disown(self.id, settled));
                }
                self.settle(key);
            }
            // A lower epoch than ours is one that the store went back to.
            Appended::Fenced(owner) if owner.epoch < epoch => self.reclaim(key, owner),
            Appended::Fenced(owner) => {
                self.counters.fenced += 1;
                tracing::warn!(match_id = %id, %epoch, owner = %owner.owner, current = %owner.epoch,
                    "another shard owns this match now; it is dropped here");
                self.drop_match(key, CloseCode::NotOwner);
            }
            Appended::Rollback { len } => self.heal(key, len),
            Appended::Conflict { .. } | Appended::Missing | Appended::Unreadable(_) => {
                self.counters.conflicts += 1;
                tracing::error!(match_id = %id, %epoch, ?answer, after = append.after,
                    "the stored log is not the one this shard wrote; the match is dropped here");
                self.drop_match(key, CloseCode::Internal);
            }
        }
    }

    fn freeze(&mut self, since: Duration, why: &str, now: Now) {
        if !self.clock.is_frozen() {
            tracing::warn!(why, "the store does not answer: play is paused");
            self.clock.freeze(since);
            self.say_paused(now);
        }
    }

    fn say_paused(&mut self, now: Now) {
        self.writing.paused_said_at = now.uptime;
        self.announce(&ServerBody::Paused);
    }

    fn thaw(&mut self, now: Now) {
        if self.clock.is_frozen() {
            tracing::info!("the store answers again: play goes on");
            let stood = self.clock.thaw(now.uptime);
            #[cfg(feature = "sabotage")]
            if self.limits.sabotage == Some(super::Sabotage::StoreTime) {
                self.clock.charge(stood);
            }
            self.takeover.was_away(stood);
            let time = self.clock.at(now.uptime);
            let keys: Vec<_> = self.matches.keys().collect();
            for key in keys {
                if let Some(live) = self.matches.get_mut(key) {
                    live.tell_clock(time);
                }
                self.settle(key);
            }
        }
    }
}
