//! Appends on their way to the journal: checked against what the writer knows of each match, staged as entries of a row,
//! and in the tails of their matches once the row is flushed.

use game_core::{Epoch, MatchId, ShardId};

use super::fault::WriteFault;
use super::heads::head;
use super::log::{self, Appending};
use super::round::Round;
use super::tables::{HEADS, LOG};
use super::tails::Tail;
use crate::append::{Append, Appended};
use crate::codec::{Entry, Records, push_record};
use crate::error::StoreError;
use crate::ownership::{Ownership, Status};

/// A batch of appends in two allocations, as it goes from the caller's thread to the writer's.
pub(super) struct Batch {
    appends: Vec<Flat>,
    /// Their records, each behind its length, and snapshots.
    bytes: Vec<u8>,
}

/// An [`Append`] whose bytes are elsewhere.
struct Flat {
    id: MatchId,
    owner: ShardId,
    epoch: Epoch,
    after: u32,
    count: u32,
    ends: bool,
    is_aftermath: bool,
    has_snapshot: bool,
    records_len: usize,
    snapshot_len: usize,
}

impl Batch {
    pub(super) fn new(appends: &[Append]) -> Self {
        let len = appends
            .iter()
            .map(|append| append.len_bytes() + 2 * append.records.len());
        let mut bytes = Vec::with_capacity(len.sum());
        let flat = |append: &Append| {
            let from = bytes.len();
            for record in &append.records {
                push_record(&mut bytes, record);
            }
            let records_len = bytes.len() - from;
            let snapshot = append.snapshot.as_deref().unwrap_or_default();
            bytes.extend_from_slice(snapshot);
            Flat {
                id: append.match_id,
                owner: append.owner,
                epoch: append.epoch,
                after: append.after,
                count: append.records.len() as u32,
                ends: append.ends,
                is_aftermath: append.is_aftermath,
                has_snapshot: append.snapshot.is_some(),
                records_len,
                snapshot_len: snapshot.len(),
            }
        };
        let appends = appends.iter().map(flat).collect();
        Self { appends, bytes }
    }

    fn iter(&self) -> impl Iterator<Item = Appending<'_>> {
        let mut rest = self.bytes.as_slice();
        self.appends.iter().map(move |append| {
            let (records, after) = rest.split_at(append.records_len);
            let (snapshot, after) = after.split_at(append.snapshot_len);
            rest = after;
            Appending {
                owner: append.owner,
                epoch: append.epoch,
                ends: append.ends,
                is_aftermath: append.is_aftermath,
                entry: Entry {
                    id: append.id,
                    after: append.after,
                    count: append.count,
                    snapshot: append.has_snapshot.then_some(snapshot),
                    records: Records::of_pushed(records),
                },
            }
        })
    }
}

impl Round<'_> {
    /// Appends a batch. A head or a log that cannot be read affects only the answer for its element.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<Vec<Appended>, WriteFault> {
        let mut answers = Vec::with_capacity(batch.appends.len());
        for append in batch.iter() {
            answers.push(match self.append_one(&append) {
                Err(WriteFault::Refused(StoreError::Corrupt(text))) => Appended::Unreadable(text),
                answer => answer?,
            });
        }
        Ok(answers)
    }

    /// Checks every reason to refuse before it writes.
    fn append_one(&mut self, append: &Appending<'_>) -> Result<Appended, WriteFault> {
        let entry = &append.entry;
        let id = entry.id;
        let Some((ownership, len)) = self.find(id)? else {
            return Ok(Appended::Missing);
        };
        // Before the position: a former owner must not count its retransmission as confirmed. After a rollback
        // two shards may hold one epoch.
        if (ownership.epoch, ownership.owner) != (append.epoch, append.owner) {
            return Ok(Appended::Fenced(ownership));
        }
        if len < entry.after {
            return Ok(Appended::Rollback { len });
        }
        if len > entry.after {
            return Ok(if self.stands(entry)? {
                Appended::Stored { duplicate: true }
            } else {
                Appended::Conflict { len }
            });
        }
        if (ownership.status == Status::Finished) != append.is_aftermath {
            return Ok(Appended::Conflict { len });
        }
        // What follows from an end is looked for in the tables, and nothing is in the journal of a finished match.
        let is_rare = append.ends || append.is_aftermath;
        let snapshot_len = entry.snapshot.map_or(0, <[u8]>::len);
        if is_rare || !self.is_journaled(entry.records.bytes().len() + snapshot_len) {
            self.write_directly(append)?;
        } else {
            self.stage(entry)?;
        }
        if append.ends {
            self.remembered().forget(id);
        } else {
            self.remembered().grown(id, entry.last());
        }
        Ok(Appended::Stored { duplicate: false })
    }

    /// The head of a match and the length of its log.
    fn find(&mut self, id: MatchId) -> Result<Option<(Ownership, u32)>, WriteFault> {
        if let Some(known) = self.remembered().known(id) {
            return Ok(Some(known));
        }
        // Nothing of it is staged: what is staged is remembered, or forgotten together with all others.
        self.settle_staged(id)?;
        let tail_len = self.tails().get(id).map(Tail::last_seq);
        let (found, len) = match self.open_txn() {
            Some(txn) => {
                let found = head(&txn.open_table(HEADS)?, id)?;
                (found, log::len(&txn.open_table(LOG)?, id)?)
            }
            None => {
                let txn = self.begin_read()?;
                let found = head(&txn.open_table(HEADS)?, id)?;
                (found, log::len(&txn.open_table(LOG)?, id)?)
            }
        };
        let Some(found) = found else {
            return Ok(None);
        };
        let (ownership, len) = (Ownership::from(found), len.max(tail_len.unwrap_or(0)));
        if ownership.status == Status::Live {
            self.remembered().remember(id, ownership, len);
        }
        Ok(Some((ownership, len)))
    }

    /// Whether the log contains exactly the records of an append.
    fn stands(&mut self, entry: &Entry<'_>) -> Result<bool, WriteFault> {
        let id = entry.id;
        self.settle_staged(id)?;
        let mut stored = match self.open_txn() {
            Some(txn) => log::after(&txn.open_table(LOG)?, id, entry.after)?,
            None => log::after(&self.begin_read()?.open_table(LOG)?, id, entry.after)?,
        };
        if let Some(tail) = self.tails().get(id) {
            let reached = entry.after + stored.len() as u32;
            stored.extend(
                tail.records_after(reached)
                    .map(bytes::Bytes::copy_from_slice),
            );
        }
        let wanted = entry.count as usize;
        let has_all = stored.len() >= wanted;
        Ok(has_all && stored.iter().zip(entry.records).all(|(a, b)| a == b))
    }
}
