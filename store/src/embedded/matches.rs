//! Matches in the file: creation, ownership and the fenced write. Each function does within one
//! transaction what a script does on Redis, and checks before it writes.

use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use game_core::{Epoch, MatchId, ShardId, Snapshot};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::appends::Batch;
use super::fault::WriteFault;
use super::heads::head;
use super::log::{self, Log};
use super::tables::{ENDED_IDS, HEADS, LOG, OWNED, SNAPSHOTS};
use super::tails::{Tail, Tails};
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
        let tail = move |tails: &Tails| tails.get(id).cloned();
        self.writer
            .read_with(tail, move |txn, tail| load(txn, id, tail.as_ref()))
            .await
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
        let answers = self.writer.round(move |round| {
            let ids: Vec<MatchId> = all.iter().map(|claim| claim.match_id).collect();
            round.bring_up(&ids)?;
            claim(round.txn()?, claimant, &all)
        });
        let answers = answers.await;
        answers.unwrap_or_else(|error| vec![Err(error); claims.len()])
    }

    async fn heads(&self, matches: &[MatchId]) -> Vec<Result<Option<MatchHead>, StoreError>> {
        let ids = matches.to_vec();
        let asked = ids.clone();
        let last = move |tails: &Tails| {
            let last = |&id: &MatchId| {
                tails
                    .get(id)
                    .and_then(|tail| Some((tail.last_seq(), tail.last()?)))
            };
            asked.iter().map(last).collect::<Vec<_>>()
        };
        let answers = self
            .writer
            .read_with(last, move |txn, last| match_heads(txn, &ids, last))
            .await;
        answers.unwrap_or_else(|error| vec![Err(error); matches.len()])
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError> {
        let hand_over = *hand_over;
        self.writer
            .round(move |round| {
                round.bring_up(&[hand_over.match_id])?;
                self::hand_over(round.txn()?, &hand_over)
            })
            .await
    }

    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        let matches = matches.to_vec();
        let asked = matches.clone();
        let newest = move |tails: &Tails| {
            let record = |&(id, seq): &(MatchId, u32)| {
                let record = tails.get(id)?.record(seq)?;
                Some(Bytes::copy_from_slice(record))
            };
            asked.iter().map(record).collect::<Vec<_>>()
        };
        self.writer
            .read_with(newest, move |txn, newest| standing(txn, &matches, newest))
            .await
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
        let batch = Batch::new(batch);
        self.writer.round(move |round| round.append(&batch)).await
    }
}

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

fn load(
    txn: &ReadTransaction,
    id: MatchId,
    tail: Option<&Tail>,
) -> Result<Option<Checkpoint>, WriteFault> {
    let Some(head) = head(&txn.open_table(HEADS)?, id)? else {
        return Ok(None);
    };
    let (snapshots, log) = (txn.open_table(SNAPSHOTS)?, txn.open_table(LOG)?);
    checkpoint(id, head, &snapshots, &log, tail).map(Some)
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
        let (tenure, move_time) = codec::tenure_of(claim, log::len(&log, id)?, head.move_time);
        let head = Head {
            epoch: claim.expected.next(),
            owner: claimant,
            tenure,
            move_time,
            ..head
        };
        let checkpoint = checkpoint(id, head, &snapshots, &log, None)?;
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
    newest: Vec<Option<(u32, Bytes)>>,
) -> Result<Vec<Result<Option<MatchHead>, StoreError>>, WriteFault> {
    let (heads, log) = (txn.open_table(HEADS)?, txn.open_table(LOG)?);
    let one = |(&id, newest): (&MatchId, Option<(u32, Bytes)>)| {
        let Some(head) = head(&heads, id)? else {
            return Ok(None);
        };
        let last = match newest {
            // A claim that has brought it up since may have been followed by others.
            Some((seq, record)) if seq > log::len(&log, id)? => Some(record),
            _ => log::last(&log, id)?,
        };
        let last = last.as_deref();
        let found = checkpoint::head(id, head.into(), last, head.tenure, head.move_time)?;
        Ok(Some(found))
    };
    let asked = matches.iter().zip(newest);
    asked.map(|asked| own_fault(one(asked))).collect()
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
    let len = log::len(&txn.open_table(LOG)?, id)?;
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
    newest: Vec<Option<Bytes>>,
) -> Result<Vec<Standing>, WriteFault> {
    let (heads, log) = (txn.open_table(HEADS)?, txn.open_table(LOG)?);
    let one = |(&(id, seq), newest): (&(MatchId, u32), Option<Bytes>)| {
        let Some(head) = head(&heads, id)? else {
            return Ok(Standing::Missing);
        };
        let record = match newest {
            Some(record) => Some(record),
            None => log::record(&log, id, seq)?,
        };
        Ok(Standing::Stored {
            ownership: head.into(),
            record,
        })
    };
    matches
        .iter()
        .zip(newest)
        .map(|asked| match one(asked) {
            Err(WriteFault::Refused(StoreError::Corrupt(text))) => Ok(Standing::Unreadable(text)),
            answer => answer,
        })
        .collect()
}

/// `tail` is what the tables lack.
fn checkpoint(
    id: MatchId,
    head: Head,
    snapshots: &impl ReadableTable<&'static str, &'static [u8]>,
    log: &impl Log,
    tail: Option<&Tail>,
) -> Result<Checkpoint, WriteFault> {
    let newer = tail.and_then(|tail| tail.snapshot.as_ref());
    let newer = newer.filter(|(seq, _)| *seq > head.snapshot_seq);
    let stored = snapshots.get(id.as_str())?;
    let (seq, snapshot) = match (newer, &stored) {
        (Some((seq, snapshot)), _) => (*seq, snapshot.as_slice()),
        (None, Some(snapshot)) => (head.snapshot_seq, snapshot.value()),
        (None, None) => {
            let text = format!("match {id} has no snapshot");
            return Err(StoreError::Corrupt(text).into());
        }
    };
    let mut records = log::after(log, id, seq)?;
    if let Some(tail) = tail {
        let reached = seq + records.len() as u32;
        let newest = tail.records_after(reached);
        records.extend(newest.map(Bytes::copy_from_slice));
    }
    let records = records.iter().map(Bytes::as_ref);
    Ok(checkpoint::assemble(
        id,
        head.into(),
        seq,
        snapshot,
        records,
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
