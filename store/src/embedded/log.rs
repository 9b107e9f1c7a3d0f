//! The logs of matches in the tables: chunks of records.

use bytes::Bytes;
use game_core::{Epoch, MatchId, ShardId};
use redb::{ReadableTable, Table, WriteTransaction};

use super::entries;
use super::fault::WriteFault;
use super::heads::head;
use super::tables::{HEADS, LOG, SNAPSHOTS};
use super::tails::Tail;
use crate::codec::{self, CHUNK_RECORDS_MAX, DecodeError, Entry, Head, Records, push_record};
use crate::error::StoreError;
use crate::ownership::Status;

/// Match id and the seq of the first record of a chunk → the chunk.
pub(super) type LogTable<'txn> = Table<'txn, (&'static str, u32), &'static [u8]>;

/// Every table of logs, to be read or to be written.
pub(super) trait Log: ReadableTable<(&'static str, u32), &'static [u8]> {}

impl<T: ReadableTable<(&'static str, u32), &'static [u8]>> Log for T {}

fn corrupt(id: MatchId, error: &DecodeError) -> WriteFault {
    StoreError::Corrupt(format!("the log of match {id}: {error}")).into()
}

/// Number of records.
pub(super) fn len(log: &impl Log, id: MatchId) -> Result<u32, WriteFault> {
    let mut chunks = log.range((id.as_str(), 0)..=(id.as_str(), u32::MAX))?;
    let Some(last) = chunks.next_back().transpose()? else {
        return Ok(0);
    };
    let (count, _) = codec::decode_chunk(last.1.value()).map_err(|error| corrupt(id, &error))?;
    let first = last.0.value().1;
    first
        .checked_add(count - 1)
        .ok_or_else(|| StoreError::Corrupt(format!("the log of match {id} is too long")).into())
}

/// The last record.
pub(super) fn last(log: &impl Log, id: MatchId) -> Result<Option<Bytes>, WriteFault> {
    let mut chunks = log.range((id.as_str(), 0)..=(id.as_str(), u32::MAX))?;
    let Some(last) = chunks.next_back().transpose()? else {
        return Ok(None);
    };
    let (_, records) = codec::decode_chunk(last.1.value()).map_err(|error| corrupt(id, &error))?;
    Ok(records.last().map(Bytes::copy_from_slice))
}

/// The record with a seq.
pub(super) fn record(log: &impl Log, id: MatchId, seq: u32) -> Result<Option<Bytes>, WriteFault> {
    let mut chunks = log.range((id.as_str(), 0)..=(id.as_str(), seq))?;
    let Some(chunk) = chunks.next_back().transpose()? else {
        return Ok(None);
    };
    let (_, mut records) =
        codec::decode_chunk(chunk.1.value()).map_err(|error| corrupt(id, &error))?;
    let at = seq - chunk.0.value().1;
    Ok(records.nth(at as usize).map(Bytes::copy_from_slice))
}

/// The records after `after`.
pub(super) fn after(log: &impl Log, id: MatchId, after: u32) -> Result<Vec<Bytes>, WriteFault> {
    let Some(wanted) = after.checked_add(1) else {
        return Ok(Vec::new());
    };
    let mut records = Vec::new();
    // The first of them may be in the middle of a chunk.
    let from = log
        .range((id.as_str(), 0)..=(id.as_str(), wanted))?
        .next_back()
        .transpose()?
        .map_or(wanted, |(key, _)| key.value().1);
    for chunk in log.range((id.as_str(), from)..=(id.as_str(), u32::MAX))? {
        let (key, chunk) = chunk?;
        let (_, found) = codec::decode_chunk(chunk.value()).map_err(|error| corrupt(id, &error))?;
        let skipped = wanted.saturating_sub(key.value().1) as usize;
        records.extend(found.skip(skipped).map(Bytes::copy_from_slice));
    }
    Ok(records)
}

/// Adds records behind a log of `after` records.
pub(super) fn insert(
    log: &mut LogTable<'_>,
    id: MatchId,
    after: u32,
    records: Records<'_>,
) -> Result<(), WriteFault> {
    let (mut first, mut rest) = (after + 1, records);
    loop {
        let from = rest.bytes();
        let count = rest.by_ref().take(CHUNK_RECORDS_MAX).count();
        if count == 0 {
            return Ok(());
        }
        let taken = &from[..from.len() - rest.bytes().len()];
        let chunk = codec::encode_chunk(count, taken);
        log.insert((id.as_str(), first), chunk.as_slice())?;
        first += count as u32;
    }
}

/// An append whose records are bytes that stand elsewhere.
pub(super) struct Appending<'a> {
    pub(super) owner: ShardId,
    pub(super) epoch: Epoch,
    pub(super) ends: bool,
    pub(super) is_aftermath: bool,
    pub(super) entry: Entry<'a>,
}

/// Writes an append that was checked into the tables, which have all before it.
pub(super) fn write_append(
    txn: &WriteTransaction,
    append: &Appending<'_>,
) -> Result<(), WriteFault> {
    let entry = &append.entry;
    let id = entry.id;
    if entry.snapshot.is_some() || append.ends {
        let mut heads = txn.open_table(HEADS)?;
        let Some(head) = head(&heads, id)? else {
            let text = format!("match {id} has no head any more");
            return Err(StoreError::Corrupt(text).into());
        };
        let head = Head {
            status: if append.ends {
                Status::Finished
            } else {
                head.status
            },
            snapshot_seq: entry.snapshot.map_or(head.snapshot_seq, |_| entry.last()),
            ..head
        };
        heads.insert(id.as_str(), codec::encode_head(&head).as_ref())?;
    }
    insert(&mut txn.open_table(LOG)?, id, entry.after, entry.records)?;
    if let Some(snapshot) = entry.snapshot {
        txn.open_table(SNAPSHOTS)?.insert(id.as_str(), snapshot)?;
    }
    if append.ends {
        entries::add(txn, id)?;
    }
    Ok(())
}

/// Moves the tail of a match into the tables.
pub(super) fn bring_up(txn: &WriteTransaction, id: MatchId, tail: &Tail) -> Result<(), WriteFault> {
    insert(&mut txn.open_table(LOG)?, id, tail.after, tail.records())?;
    let Some((seq, snapshot)) = &tail.snapshot else {
        return Ok(());
    };
    let mut heads = txn.open_table(HEADS)?;
    match head(&heads, id) {
        Ok(Some(found)) => {
            let head = Head {
                snapshot_seq: *seq,
                ..found
            };
            heads.insert(id.as_str(), codec::encode_head(&head).as_ref())?;
            txn.open_table(SNAPSHOTS)?
                .insert(id.as_str(), snapshot.as_slice())?;
        }
        // Without a head nobody reads a snapshot; the records are kept all the same.
        Ok(None) => tracing::error!(match_id = %id, "a match has records and no head"),
        Err(WriteFault::Refused(error)) => {
            tracing::error!(match_id = %id, %error, "a snapshot of a match is not kept");
        }
        Err(fault) => return Err(fault),
    }
    Ok(())
}

/// The records of one match in the former layout, where each had a row of its own: they become chunks.
pub(super) struct Migration<'txn, 'a> {
    log: &'a mut LogTable<'txn>,
    /// The match under way.
    id: Option<MatchId>,
    after: u32,
    /// Of `records`.
    count: u32,
    records: Vec<u8>,
    pub(super) matches: usize,
}

impl<'txn, 'a> Migration<'txn, 'a> {
    pub(super) const fn into(log: &'a mut LogTable<'txn>) -> Self {
        Self {
            log,
            id: None,
            after: 0,
            count: 0,
            records: Vec::new(),
            matches: 0,
        }
    }

    /// Takes the next row, in the order of the former table.
    pub(super) fn take(&mut self, id: &str, seq: u32, record: &[u8]) -> Result<(), WriteFault> {
        let id: MatchId = id
            .parse()
            .map_err(|_| StoreError::Corrupt("a record is of an invalid match id".to_owned()))?;
        if self.id != Some(id) {
            self.finish()?;
            self.id = Some(id);
            self.matches += 1;
            self.after = 0;
        }
        if seq == 0 || record.len() > codec::RECORD_LEN_MAX {
            let text = format!("record {seq} of match {id} is none");
            return Err(StoreError::Corrupt(text).into());
        }
        // A gap was refused by whoever read the match, and still is.
        if seq != self.after + self.count + 1 {
            self.finish()?;
            self.after = seq - 1;
        }
        push_record(&mut self.records, record);
        self.count += 1;
        if self.count as usize == CHUNK_RECORDS_MAX {
            self.finish()?;
        }
        Ok(())
    }

    /// Writes what is left of the match under way.
    pub(super) fn finish(&mut self) -> Result<(), WriteFault> {
        if let Some(id) = self.id {
            let records = Records::of_pushed(&self.records);
            insert(self.log, id, self.after, records)?;
            self.records.clear();
            self.after += self.count;
            self.count = 0;
        }
        Ok(())
    }
}
