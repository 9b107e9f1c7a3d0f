//! The outbox of each tag in the file.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, Tag, UnixMillis};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::heads::head;
use super::tables::{ENDED, ENDED_IDS, ENDED_IDS_UNTIL, HEADS, LEASES, OUTBOX};
use crate::codec;
use crate::contract::{
    ENDED_IDS_KEEP, OUTBOX_LEASE_MAX, OUTBOX_PAGE_MAX, Outbox, OutboxEntry, OutboxPosition,
    OutboxTag, WorkerId,
};
use crate::error::StoreError;
use crate::ownership::Status;

#[async_trait]
impl Outbox for EmbeddedStore {
    async fn outbox_tags(&self) -> Result<Vec<OutboxTag>, StoreError> {
        self.writer.read(tags).await
    }

    async fn take_outbox(
        &self,
        tag: Tag,
        worker: WorkerId,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<Option<Epoch>, StoreError> {
        self.writer
            .write(move |txn| take(txn, tag, worker, lease, now))
            .await
    }

    async fn outbox_after(
        &self,
        tag: Tag,
        after: Option<OutboxPosition>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        self.writer
            .read(move |txn| self::after(txn, tag, after, limit))
            .await
    }

    async fn outbox_done(
        &self,
        worker: WorkerId,
        epoch: Epoch,
        entry: &OutboxEntry,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let entry = *entry;
        self.writer
            .write(move |txn| done(txn, worker, epoch, &entry, now))
            .await
    }
}

fn tags(txn: &ReadTransaction) -> Result<Vec<OutboxTag>, WriteFault> {
    let mut tags: Vec<OutboxTag> = Vec::new();
    for entry in txn.open_table(OUTBOX)?.iter()? {
        let (key, _) = entry?;
        let Ok(tag) = key.value().0.parse::<Tag>() else {
            continue;
        };
        match tags.last_mut() {
            Some(last) if last.tag == tag => last.waiting += 1,
            _ => tags.push(OutboxTag {
                tag,
                waiting: 1,
                oldest_at: None,
            }),
        }
    }
    Ok(tags)
}

fn take(
    txn: &WriteTransaction,
    tag: Tag,
    worker: WorkerId,
    lease: Duration,
    now: UnixMillis,
) -> Result<Option<Epoch>, WriteFault> {
    let mut leases = txn.open_table(LEASES)?;
    let held = leases.get(tag.as_str())?.map(|held| held.value());
    let epoch = match held {
        Some((holder, epoch, _)) if holder == worker.0 => epoch,
        Some((_, _, until)) if until > now.0 => return Ok(None),
        Some((_, epoch, _)) => epoch + 1,
        None => 1,
    };
    let lease_ms = lease.min(OUTBOX_LEASE_MAX).as_millis() as u64;
    let until = now.0.saturating_add(lease_ms);
    leases.insert(tag.as_str(), (worker.0, epoch, until))?;
    Ok(Some(Epoch(epoch)))
}

fn after(
    txn: &ReadTransaction,
    tag: Tag,
    after: Option<OutboxPosition>,
    limit: usize,
) -> Result<Vec<OutboxEntry>, WriteFault> {
    let first = after.map_or(0, |OutboxPosition(_, number)| number.saturating_add(1));
    let outbox = txn.open_table(OUTBOX)?;
    let range = outbox.range((tag.as_str(), first)..=(tag.as_str(), u64::MAX))?;
    let mut entries = Vec::new();
    for entry in range.take(limit.clamp(1, OUTBOX_PAGE_MAX)) {
        let (key, id) = entry?;
        let Ok(match_id) = id.value().parse() else {
            tracing::warn!(id = id.value(), "an entry of an outbox is skipped");
            continue;
        };
        entries.push(OutboxEntry {
            position: OutboxPosition(0, key.value().1),
            match_id,
            added_at: None,
        });
    }
    Ok(entries)
}

fn done(
    txn: &WriteTransaction,
    worker: WorkerId,
    epoch: Epoch,
    entry: &OutboxEntry,
    now: UnixMillis,
) -> Result<bool, WriteFault> {
    let id = entry.match_id;
    let tag = id.tag();
    let held = txn
        .open_table(LEASES)?
        .get(tag.as_str())?
        .map(|held| held.value());
    if held.is_none_or(|(holder, held, _)| (holder, held) != (worker.0, epoch.0)) {
        return Ok(false);
    }
    let ended = head(&txn.open_table(HEADS)?, id);
    let OutboxPosition(_, number) = entry.position;
    let was_there = txn
        .open_table(OUTBOX)?
        .remove((tag.as_str(), number))?
        .is_some();
    let head = match ended {
        Ok(Some(head)) if was_there && head.status == Status::Finished => head,
        // Gone, live again, or not to be read: that stays.
        Ok(_) | Err(WriteFault::Refused(_)) => return Ok(true),
        Err(fault) => return Err(fault),
    };
    txn.open_table(ENDED)?.insert((now.0, id.as_str()), ())?;
    let until = now.0.saturating_add(ENDED_IDS_KEEP.as_millis() as u64);
    txn.open_table(ENDED_IDS)?
        .insert(id.as_str(), codec::encode_head(&head).as_ref())?;
    txn.open_table(ENDED_IDS_UNTIL)?
        .insert((until, id.as_str()), ())?;
    Ok(true)
}

/// Forgets some of the ids of matches that ended long ago; returns their number.
pub(super) fn remove_old_ids(
    txn: &WriteTransaction,
    now: UnixMillis,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut times = txn.open_table(ENDED_IDS_UNTIL)?;
    let mut ids = txn.open_table(ENDED_IDS)?;
    let mut old = Vec::new();
    for entry in times.range(..(now.0, ""))?.take(limit) {
        let (key, _) = entry?;
        let (until, id) = key.value();
        old.push((until, id.to_owned()));
    }
    for (until, id) in &old {
        times.remove((*until, id.as_str()))?;
        ids.remove(id.as_str())?;
    }
    Ok(old.len())
}
