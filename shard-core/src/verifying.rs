//! Comparison of every match in memory, finished and idle ones too, with the store.
//!
//! A write reveals that the store has another owner or another log. A match without writes would not, and its
//! stored result might differ from the one that its players saw.

use std::collections::VecDeque;

use game_core::{Epoch, Event, MatchId};
use protocol::CloseCode;
use store::{Ownership, Standing, Status, StoreError, codec};

use super::{LiveMatch, MatchKey, Output, Shard};

/// A pass over all matches, some at a time.
#[derive(Debug, Default)]
pub(super) struct Verification {
    queue: VecDeque<MatchId>,
    /// Matches that were lost to another owner, each with its last confirmed event.
    left: VecDeque<(MatchId, Event)>,
    /// The request in flight.
    asked: Vec<Asked>,
}

/// A match that is compared.
#[derive(Debug)]
enum Asked {
    /// One in memory, with our epoch and the number of confirmed events.
    Held(MatchId, Epoch, u32),
    /// One that was lost to another owner, with its last confirmed event.
    Left(MatchId, Event),
}

impl Asked {
    fn question(&self) -> (MatchId, u32) {
        match self {
            Self::Held(id, _, seq) => (*id, *seq),
            Self::Left(id, last) => (*id, last.seq),
        }
    }
}

impl Verification {
    /// Matches in one request: a fraction of a millisecond for the store, so that moves do not wait behind
    /// it.
    const AT_ONCE: usize = 256;
    /// Upper bound on the matches that are not in memory and wait to be compared. More are not compared.
    const LEFT_MAX: usize = 16_384;

    fn is_under_way(&self) -> bool {
        !self.asked.is_empty()
    }
}

impl Shard {
    /// Begins a pass if there is reason to. A reason that arises during a pass causes another one after it.
    pub(super) fn verify_if_in_doubt(&mut self) {
        if self.verification.is_under_way() || !self.doubt.take() {
            return;
        }
        let mut all: Vec<_> = self.by_id.keys().copied().collect();
        all.sort_unstable();
        self.verification.queue = all.into_iter().collect();
        let matches = self.verification.queue.len();
        if matches > 0 {
            tracing::warn!(
                matches,
                "comparing the owners and logs of all matches with the store"
            );
        }
        self.verify_next();
    }

    fn verify_next(&mut self) {
        if self.verification.is_under_way() {
            return;
        }
        let Verification { queue, left, asked } = &mut self.verification;
        let n = left.len().min(Verification::AT_ONCE);
        asked.extend(left.drain(..n).map(|(id, last)| Asked::Left(id, last)));
        while asked.len() < Verification::AT_ONCE
            && let Some(id) = queue.pop_front()
        {
            let live = self.by_id.get(&id).and_then(|&key| self.matches.get(key));
            // The answer to its hand-over reports the same.
            if let Some(live) = live.filter(|live| !live.is_departing()) {
                asked.push(Asked::Held(id, live.epoch(), live.confirmed_seq()));
            }
        }
        if !asked.is_empty() {
            let question = asked.iter().map(Asked::question).collect();
            self.outputs.push_back(Output::Verify(question));
        }
    }

    /// Another shard owns a match, which is about to be dropped here: whether its log has all that was confirmed here is
    /// asked, as nobody else knows what a failover of the store has lost.
    pub(super) fn compare_after_all(&mut self, key: MatchKey) {
        let Some(live) = self.matches.get(key) else {
            return;
        };
        let left = &mut self.verification.left;
        if let Some(last) = live.last_confirmed()
            && left.len() < Verification::LEFT_MAX
        {
            left.push_back((live.id(), last.clone()));
        }
        self.verify_next();
    }

    /// The answer to [`Output::Verify`], in its order.
    pub fn verified(&mut self, answer: Result<Vec<Standing>, StoreError>) {
        let asked = std::mem::take(&mut self.verification.asked);
        match answer {
            Ok(answers) => {
                assert_eq!(
                    answers.len(),
                    asked.len(),
                    "the store answers all it is asked"
                );
                for (asked, standing) in asked.into_iter().zip(answers) {
                    match asked {
                        Asked::Held(id, epoch, seq) => self.compare((id, epoch, seq), standing),
                        Asked::Left(id, last) => self.compare_left(id, &last, &standing),
                    }
                }
                self.verify_next();
            }
            // All of them again, once the store answers.
            Err(_) => {
                let left = asked.into_iter().filter_map(|asked| match asked {
                    Asked::Left(id, last) => Some((id, last)),
                    Asked::Held(..) => None,
                });
                self.verification.left.extend(left);
                self.verification.queue.clear();
                self.doubt.raise();
            }
        }
    }

    /// A match that another owner has: says so if that does not have what was confirmed here.
    fn compare_left(&mut self, id: MatchId, last: &Event, standing: &Standing) {
        let Standing::Stored { record, .. } = standing else {
            return;
        };
        let is_kept = |record| codec::decode_record(record).as_ref() == Ok(last);
        if !record.as_deref().is_some_and(is_kept) {
            self.counters.lost += 1;
            tracing::error!(match_id = %id, confirmed = last.seq,
                "the store lost confirmed events of this match, and another shard plays it on without them");
            self.doubt.raise();
        }
    }

    fn compare(&mut self, (id, epoch, seq): (MatchId, Epoch, u32), standing: Standing) {
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let Some(live) = self.matches.get(key) else {
            return;
        };
        // What has changed since is known better by now, or about to be.
        if live.epoch() != epoch || live.is_in_flight() || live.is_departing() {
            return;
        }
        match standing {
            Standing::Stored { ownership, record } => {
                let is_kept = record.map_or(seq == 0, |record| live.holds(seq, &record));
                #[cfg(feature = "sabotage")]
                let is_kept = is_kept || self.limits.sabotage == Some(super::Sabotage::Healing);
                if !is_kept && ownership.status == Status::Finished {
                    self.lose(key, "it has another end");
                } else if !is_kept || self.is_to_claim(live, ownership) {
                    if is_kept && let Some(live) = self.matches.get_mut(key) {
                        live.note_kept();
                    }
                    self.reclaim(key, ownership);
                } else if !live.is_over() && ownership.owner != self.id {
                    tracing::warn!(match_id = %id, owner = %ownership.owner, epoch = %ownership.epoch,
                        "another shard owns this match now; it is dropped here");
                    self.counters.fenced += 1;
                    self.drop_match(key, CloseCode::NotOwner);
                }
            }
            // Past matches leave the store in time.
            Standing::Missing if live.had_ended() => self.drop_match(key, CloseCode::Done),
            Standing::Missing => self.restore(key),
            Standing::Unreadable(text) => self.lose(key, &text),
        }
    }

    /// Whether the store holds a match under an epoch before ours, or a later one of our own.
    fn is_to_claim(&self, live: &LiveMatch, stored: Ownership) -> bool {
        let is_later = stored.epoch > live.epoch();
        let is_ours = stored.owner == self.id;
        stored.status == Status::Live && (stored.epoch < live.epoch() || (is_ours && is_later))
    }
}
