//! Matches in the file: creation, ownership and the fenced write. Each function does within one
//! transaction what a script does on Redis, and checks before it writes.

use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use game_core::{Epoch, MatchId, ShardId, Snapshot};
use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};

use super::EmbeddedStore;
use super::entries;
use super::tables::{ENDED_IDS, HEADS, LOG, OWNED, SNAPSHOTS};
use super::writer::WriteFault;
use crate::append::{Append, Appended};
use crate::checkpoint;
use crate::codec::{self, Head, MoveTime};
use crate::contract::{
    Checkpoint, Claim, Claiming, Created, HandOver, HandedOver, MatchHead, MatchLog, MatchPage,
    Matches, SCAN_LIMIT_MAX, ScanCursor, Standing,
};
use crate::error::StoreError;
use crate::ownership::{Ownership, Status};

#[async_trait]
impl Matches for EmbeddedStore {
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError> {
        assert_eq!(
            snapshot.seq(),
            0,
            "a match is created before its first event"
        );
        let id = snapshot.setup().id;
        let bytes = codec::encode_snapshot(snapshot);
        self.writer
            .write(move |txn| create(txn, id, owner, &bytes))
            .await
    }

    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        self.writer.read(move |txn| load(txn, id)).await
    }

    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError> {
        self.writer.read(move |txn| ownership(txn, id)).await
    }

    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        let after = after.map(ScanCursor::id).transpose()?;
        self.writer.read(move |txn| scan(txn, after, limit)).await
    }

    /// One transaction.
    async fn claim_many(
        &self,
        claimant: ShardId,
        claims: &[Claiming],
    ) -> Vec<Result<Claim, StoreError>> {
        if claims.is_empty() {
            return Vec::new();
        }
        let all = claims.to_vec();
        let answers = self.writer.write(move |txn| claim(txn, claimant, &all));
        let answers = answers.await;
        answers.unwrap_or_else(|error| vec![Err(error); claims.len()])
    }

    async fn heads(&self, matches: &[MatchId]) -> Vec<Result<Option<MatchHead>, StoreError>> {
        let ids = matches.to_vec();
        let answers = self.writer.read(move |txn| match_heads(txn, &ids)).await;
        answers.unwrap_or_else(|error| vec![Err(error); matches.len()])
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError> {
        let hand_over = *hand_over;
        self.writer
            .write(move |txn| self::hand_over(txn, &hand_over))
            .await
    }

    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        let matches = matches.to_vec();
        self.writer.read(move |txn| standing(txn, &matches)).await
    }
}

#[async_trait]
impl MatchLog for EmbeddedStore {
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let complete = batch.iter().all(|append| !append.records.is_empty());
        assert!(complete, "an append has at least one record");
        let batch = batch.to_vec();
        self.writer.write(move |txn| append(txn, &batch)).await
    }
}

pub(super) type Log<'txn> = Table<'txn, (&'static str, u32), &'static [u8]>;
type Blobs<'txn> = Table<'txn, &'static str, &'static [u8]>;

fn create(
    txn: &WriteTransaction,
    id: MatchId,
    owner: ShardId,
    snapshot: &[u8],
) -> Result<Created, WriteFault> {
    let mut heads = txn.open_table(HEADS)?;
    if let Some(head) = self::head(&heads, id)? {
        return Ok(Created::Exists(head.into()));
    }
    if let Some(head) = self::head(&txn.open_table(ENDED_IDS)?, id)? {
        return Ok(Created::Exists(head.into()));
    }
    let head = Head {
        epoch: Epoch(0),
        owner,
        status: Status::Live,
        snapshot_seq: 0,
        move_time: None,
        tenure: None,
    };
    heads.insert(id.as_str(), codec::encode_head(&head).as_ref())?;
    txn.open_table(SNAPSHOTS)?.insert(id.as_str(), snapshot)?;
    txn.open_table(OWNED)?
        .insert((owner.to_string().as_str(), id.as_str()), ())?;
    Ok(Created::New)
}

fn load(txn: &ReadTransaction, id: MatchId) -> Result<Option<Checkpoint>, WriteFault> {
    let Some(head) = head(&txn.open_table(HEADS)?, id)? else {
        return Ok(None);
    };
    checkpoint(id, head, &txn.open_table(SNAPSHOTS)?, &txn.open_table(LOG)?).map(Some)
}

fn ownership(txn: &ReadTransaction, id: MatchId) -> Result<Option<Ownership>, WriteFault> {
    Ok(head(&txn.open_table(HEADS)?, id)?.map(Ownership::from))
}

/// In the order of ids. A head that cannot be read does not hide the others.
fn scan(
    txn: &ReadTransaction,
    after: Option<MatchId>,
    limit: usize,
) -> Result<MatchPage, WriteFault> {
    let heads = txn.open_table(HEADS)?;
    let from = after
        .as_ref()
        .map_or(Bound::Unbounded, |id| Bound::Excluded(id.as_str()));
    let mut rest = heads.range::<&str>((from, Bound::Unbounded))?;
    let mut page = MatchPage::default();
    let mut last = None;
    for entry in rest.by_ref().take(limit.clamp(1, SCAN_LIMIT_MAX)) {
        let (key, head) = entry?;
        let Ok(id) = key.value().parse::<MatchId>() else {
            tracing::warn!(key = key.value(), "an invalid match id is skipped");
            continue;
        };
        last = Some(id);
        match codec::decode_head(head.value()) {
            Ok(head) => page.matches.push((id, head.into())),
            Err(error) => tracing::warn!(match_id = %id, %error, "a match is skipped"),
        }
    }
    if rest.next().transpose()?.is_some() {
        page.next = last.map(ScanCursor::After);
    }
    Ok(page)
}

/// What cannot be read affects only the answer for its match.
fn claim(
    txn: &WriteTransaction,
    claimant: ShardId,
    claims: &[Claiming],
) -> Result<Vec<Result<Claim, StoreError>>, WriteFault> {
    let (mut heads, mut owned) = (txn.open_table(HEADS)?, txn.open_table(OWNED)?);
    let (snapshots, log) = (txn.open_table(SNAPSHOTS)?, txn.open_table(LOG)?);
    let shard = claimant.to_string();
    let mut one = |claim: &Claiming| {
        let id = claim.match_id;
        let Some(head) = head(&heads, id)? else {
            return Ok(Claim::Missing);
        };
        if head.epoch != claim.expected || head.status != claim.status {
            return Ok(Claim::Lost(head.into()));
        }
        let (tenure, move_time) = codec::tenure_of(claim, len(&log, id)?, head.move_time);
        let head = Head {
            epoch: claim.expected.next(),
            owner: claimant,
            tenure,
            move_time,
            ..head
        };
        let checkpoint = checkpoint(id, head, &snapshots, &log)?;
        heads.insert(id.as_str(), codec::encode_head(&head).as_ref())?;
        owned.insert((shard.as_str(), id.as_str()), ())?;
        Ok(Claim::Claimed(Box::new(checkpoint)))
    };
    claims.iter().map(|claim| own_fault(one(claim))).collect()
}

/// Separates what is wrong with one match from what is wrong with the store.
fn own_fault<T>(answer: Result<T, WriteFault>) -> Result<Result<T, StoreError>, WriteFault> {
    match answer {
        Err(WriteFault::Refused(StoreError::Corrupt(text))) => Ok(Err(StoreError::Corrupt(text))),
        answer => answer.map(Ok),
    }
}

fn match_heads(
    txn: &ReadTransaction,
    matches: &[MatchId],
) -> Result<Vec<Result<Option<MatchHead>, StoreError>>, WriteFault> {
    let (heads, log) = (txn.open_table(HEADS)?, txn.open_table(LOG)?);
    let one = |id: MatchId| {
        let Some(head) = head(&heads, id)? else {
            return Ok(None);
        };
        let mut records = log.range((id.as_str(), 0)..=(id.as_str(), u32::MAX))?;
        let last = records.next_back().transpose()?;
        let last = last.as_ref().map(|(_, record)| record.value());
        let found = checkpoint::head(id, head.into(), last, head.tenure, head.move_time)?;
        Ok(Some(found))
    };
    matches.iter().map(|&id| own_fault(one(id))).collect()
}

fn hand_over(txn: &WriteTransaction, given: &HandOver) -> Result<HandedOver, WriteFault> {
    let id = given.match_id;
    let mut heads = txn.open_table(HEADS)?;
    let Some(head) = head(&heads, id)? else {
        return Ok(HandedOver::Missing);
    };
    let is_owner = (head.epoch, head.owner) == (given.epoch, given.from);
    if !is_owner || head.status != Status::Live {
        return Ok(HandedOver::Fenced(head.into()));
    }
    let len = len(&txn.open_table(LOG)?, id)?;
    if len != given.seq {
        return Ok(HandedOver::OtherLength { len });
    }
    let head = Head {
        epoch: given.epoch.next(),
        owner: given.to,
        move_time: Some(MoveTime::new(given.seq, given.move_time)),
        tenure: None,
        ..head
    };
    heads.insert(id.as_str(), codec::encode_head(&head).as_ref())?;
    txn.open_table(OWNED)?
        .insert((given.to.to_string().as_str(), id.as_str()), ())?;
    Ok(HandedOver::Done)
}

/// A head that cannot be read affects only the answer for its match.
fn standing(
    txn: &ReadTransaction,
    matches: &[(MatchId, u32)],
) -> Result<Vec<Standing>, WriteFault> {
    let (heads, log) = (txn.open_table(HEADS)?, txn.open_table(LOG)?);
    let one = |&(id, seq): &(MatchId, u32)| {
        let Some(head) = head(&heads, id)? else {
            return Ok(Standing::Missing);
        };
        let record = log.get((id.as_str(), seq))?;
        Ok(Standing::Stored {
            ownership: head.into(),
            record: record.map(|record| Bytes::copy_from_slice(record.value())),
        })
    };
    matches
        .iter()
        .map(|asked| match one(asked) {
            Err(WriteFault::Refused(StoreError::Corrupt(text))) => Ok(Standing::Unreadable(text)),
            answer => answer,
        })
        .collect()
}

/// A head that cannot be read affects only the answer for its element.
fn append(txn: &WriteTransaction, batch: &[Append]) -> Result<Vec<Appended>, WriteFault> {
    let mut heads = txn.open_table(HEADS)?;
    let mut snapshots = txn.open_table(SNAPSHOTS)?;
    let mut log = txn.open_table(LOG)?;
    let mut answers = Vec::with_capacity(batch.len());
    for append in batch {
        let answer = match append_one(&mut heads, &mut snapshots, &mut log, append) {
            Err(WriteFault::Refused(StoreError::Corrupt(text))) => Appended::Unreadable(text),
            answer => answer?,
        };
        if append.ends && answer == (Appended::Stored { duplicate: false }) {
            entries::add(txn, append.match_id)?;
        }
        answers.push(answer);
    }
    Ok(answers)
}

/// Checks every reason to refuse before it writes.
fn append_one(
    heads: &mut Blobs<'_>,
    snapshots: &mut Blobs<'_>,
    log: &mut Log<'_>,
    append: &Append,
) -> Result<Appended, WriteFault> {
    let id = append.match_id;
    let Some(head) = head(heads, id)? else {
        return Ok(Appended::Missing);
    };
    // Before the position: a former owner must not count its retransmission as confirmed. After a rollback
    // two shards may hold one epoch.
    if (head.epoch, head.owner) != (append.epoch, append.owner) {
        return Ok(Appended::Fenced(head.into()));
    }
    let len = len(log, id)?;
    if len < append.after {
        return Ok(Appended::Rollback { len });
    }
    if len > append.after {
        return Ok(if stands(log, append)? {
            Appended::Stored { duplicate: true }
        } else {
            Appended::Conflict { len }
        });
    }
    if (head.status == Status::Finished) != append.is_aftermath {
        return Ok(Appended::Conflict { len });
    }
    for (seq, record) in (append.after + 1..).zip(&append.records) {
        log.insert((id.as_str(), seq), record.as_ref())?;
    }
    if let Some(snapshot) = &append.snapshot {
        snapshots.insert(id.as_str(), snapshot.as_ref())?;
    }
    if append.snapshot.is_some() || append.ends {
        let head = Head {
            status: if append.ends {
                Status::Finished
            } else {
                head.status
            },
            snapshot_seq: append
                .snapshot
                .as_ref()
                .map_or(head.snapshot_seq, |_| append.last_seq()),
            ..head
        };
        heads.insert(id.as_str(), codec::encode_head(&head).as_ref())?;
    }
    Ok(Appended::Stored { duplicate: false })
}

/// Whether the log contains exactly the records of an append.
fn stands(log: &Log<'_>, append: &Append) -> Result<bool, WriteFault> {
    for (seq, record) in (append.after + 1..).zip(&append.records) {
        let stored = log.get((append.match_id.as_str(), seq))?;
        if stored.is_none_or(|stored| stored.value() != record.as_ref()) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn len(
    log: &impl ReadableTable<(&'static str, u32), &'static [u8]>,
    id: MatchId,
) -> Result<u32, WriteFault> {
    let mut records = log.range((id.as_str(), 0)..=(id.as_str(), u32::MAX))?;
    Ok(records
        .next_back()
        .transpose()?
        .map_or(0, |(key, _)| key.value().1))
}

pub(super) fn head(
    heads: &impl ReadableTable<&'static str, &'static [u8]>,
    id: MatchId,
) -> Result<Option<Head>, WriteFault> {
    let Some(bytes) = heads.get(id.as_str())? else {
        return Ok(None);
    };
    let head = codec::decode_head(bytes.value())
        .map_err(|error| StoreError::Corrupt(format!("the head of match {id}: {error}")))?;
    Ok(Some(head))
}

fn records(
    log: &impl ReadableTable<(&'static str, u32), &'static [u8]>,
    id: MatchId,
    after: u32,
) -> Result<Vec<Vec<u8>>, WriteFault> {
    let first = after.saturating_add(1);
    let range = log.range((id.as_str(), first)..=(id.as_str(), u32::MAX))?;
    range.map(|entry| Ok(entry?.1.value().to_vec())).collect()
}

fn checkpoint(
    id: MatchId,
    head: Head,
    snapshots: &impl ReadableTable<&'static str, &'static [u8]>,
    log: &impl ReadableTable<(&'static str, u32), &'static [u8]>,
) -> Result<Checkpoint, WriteFault> {
    let snapshot = snapshots
        .get(id.as_str())?
        .ok_or_else(|| StoreError::Corrupt(format!("match {id} has no snapshot")))?;
    let tail = records(log, id, head.snapshot_seq)?;
    let tail = tail.iter().map(Vec::as_slice);
    Ok(checkpoint::assemble(
        id,
        head.into(),
        head.snapshot_seq,
        snapshot.value(),
        tail,
        head.move_time,
    )?)
}

impl From<Head> for Ownership {
    fn from(head: Head) -> Self {
        Self {
            epoch: head.epoch,
            owner: head.owner,
            status: head.status,
        }
    }
}
