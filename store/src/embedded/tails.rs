//! What the journal holds and the tables do not: the newest records of matches, in memory.
//!
//! Records are here from the flush of their journal row until they are in the tables. Readers add what is here to what
//! they find there. Both may hold the same records for a moment, which is why readers go by the records' numbers.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use game_core::MatchId;

use crate::codec::{Entry, Records};

/// The newest records of one match.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    /// Length of the log that they follow.
    pub(super) after: u32,
    /// How many there are.
    pub(super) count: usize,
    /// Each behind its length.
    records: Vec<u8>,
    /// Where the last one begins, with its length.
    last_at: usize,
    /// The newest snapshot and its seq, if one came with these records.
    pub(super) snapshot: Option<(u32, Vec<u8>)>,
    /// Generation of the journal's row with the first of them.
    generation: u32,
    since: Instant,
}

impl Tail {
    /// Length of the log with them.
    pub(super) const fn last_seq(&self) -> u32 {
        self.after + self.count as u32
    }

    /// All of them.
    pub(super) fn records(&self) -> Records<'_> {
        Records::of_pushed(&self.records)
    }

    /// Those after `after`, which may be fewer than are there.
    pub(super) fn records_after(&self, after: u32) -> impl Iterator<Item = &[u8]> {
        let skipped = after.saturating_sub(self.after) as usize;
        self.records().skip(skipped)
    }

    /// The record with this seq.
    pub(super) fn record(&self, seq: u32) -> Option<&[u8]> {
        let at = seq.checked_sub(self.after + 1)?;
        self.records().nth(at as usize)
    }

    /// The last of them.
    pub(super) fn last(&self) -> Option<Bytes> {
        let last = self.records.get(self.last_at..)?;
        Records::of_pushed(last).next().map(Bytes::copy_from_slice)
    }

    fn push(&mut self, entry: &Entry<'_>) {
        let (base, len) = (self.records.len(), entry.records.bytes().len());
        let mut rest = entry.records;
        loop {
            let at = base + len - rest.bytes().len();
            if rest.next().is_none() {
                break;
            }
            self.last_at = at;
        }
        self.records.extend_from_slice(entry.records.bytes());
        self.count += entry.count as usize;
        if let Some(snapshot) = entry.snapshot {
            let (seq, kept) = self.snapshot.get_or_insert_default();
            *seq = entry.last();
            kept.clear();
            kept.extend_from_slice(snapshot);
        }
    }
}

/// Why an entry of the journal does not fit.
pub(super) struct Gap {
    /// Length of the log that was found.
    pub(super) len: u32,
}

/// The tails of all matches that have one.
#[derive(Debug, Clone, Default)]
pub(super) struct Tails {
    of: HashMap<MatchId, Tail>,
    /// Generation and match, oldest first, of every tail, and of some that are gone.
    order: VecDeque<(u32, MatchId)>,
}

impl Tails {
    pub(super) fn get(&self, id: MatchId) -> Option<&Tail> {
        self.of.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (MatchId, &Tail)> {
        self.of.iter().map(|(&id, tail)| (id, tail))
    }

    /// Adds an entry to the tail of its match; a match without one has a log of `len` records in the tables. Records
    /// that are there already are left out.
    pub(super) fn push(
        &mut self,
        entry: &Entry<'_>,
        generation: u32,
        now: Instant,
        len: u32,
    ) -> Result<(), Gap> {
        let len = self.get(entry.id).map_or(len, Tail::last_seq);
        if entry.last() <= len {
            return Ok(());
        }
        if entry.after != len {
            return Err(Gap { len });
        }
        let order = &mut self.order;
        let tail = self.of.entry(entry.id).or_insert_with(|| {
            order.push_back((generation, entry.id));
            Tail {
                after: len,
                count: 0,
                records: Vec::new(),
                last_at: 0,
                snapshot: None,
                generation,
                since: now,
            }
        });
        tail.push(entry);
        Ok(())
    }

    /// Forgets the tails of matches, whose records are in the tables now.
    pub(super) fn remove(&mut self, ids: &HashSet<MatchId>) {
        for id in ids {
            self.of.remove(id);
        }
        while let Some(&(generation, id)) = self.order.front() {
            if self.is_current(generation, id) {
                break;
            }
            self.order.pop_front();
        }
    }

    fn is_current(&self, generation: u32, id: MatchId) -> bool {
        let tail = self.of.get(&id);
        tail.is_some_and(|tail| tail.generation == generation)
    }

    /// How many began in a generation before `generation`, about: some are counted that are gone.
    pub(super) fn before(&self, generation: u32) -> usize {
        self.order
            .partition_point(|&(began_in, _)| began_in < generation)
    }

    /// The matches of up to `limit` of the oldest tails that began in a generation before `generation`.
    pub(super) fn oldest(&self, generation: u32, limit: usize) -> Vec<MatchId> {
        let old = self
            .order
            .iter()
            .take_while(|&&(began_in, _)| began_in < generation);
        let current = old.filter(|&&(began_in, id)| self.is_current(began_in, id));
        current.take(limit).map(|&(_, id)| id).collect()
    }

    /// The matches of some of the tails that are at least this old: more, the more there are.
    pub(super) fn aged(&self, now: Instant, age: Duration) -> Vec<MatchId> {
        /// Tails that are brought up at once, in one transaction: a few milliseconds.
        const AT_ONCE: std::ops::RangeInclusive<usize> = 32..=256;
        let limit = (self.of.len() / 8).clamp(*AT_ONCE.start(), *AT_ONCE.end());
        let is_aged = |&&(began_in, id): &&(u32, MatchId)| {
            let tail = self.of.get(&id);
            tail.is_none_or(|tail| {
                tail.generation != began_in || now.saturating_duration_since(tail.since) >= age
            })
        };
        let aged = self.order.iter().take_while(is_aged);
        let current = aged.filter(|&&(began_in, id)| self.is_current(began_in, id));
        current.take(limit).map(|&(_, id)| id).collect()
    }
}
