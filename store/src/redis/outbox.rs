//! The outbox of each tag on Redis: a stream.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, MatchId, Tag, UnixMillis};
use redis::{Cmd, Pipeline, Value, cmd};

use super::{RedisStore, reply, script};
use crate::contract::{
    ENDED_IDS_KEEP, OUTBOX_LEASE_MAX, OUTBOX_PAGE_MAX, Outbox, OutboxEntry, OutboxPosition,
    OutboxTag, WorkerId,
};
use crate::error::StoreError;

/// How long a lease's key is kept after its last renewal: any time longer than a lease.
const LEASE_KEPT_MS: u64 = 60 * 60 * 1_000;

/// How long a tag is named after a match of it was created: a day longer than a match that begins a day later may take,
/// see [`HOLDING_KEPT`](crate::HOLDING_KEPT).
const TAG_KEPT: Duration = Duration::from_secs(6 * 24 * 60 * 60);

#[async_trait]
impl Outbox for RedisStore {
    /// Two round trips. A tag that cannot be read is omitted.
    async fn outbox_tags(&self) -> Result<Vec<OutboxTag>, StoreError> {
        let tags = self.named_tags().await?;
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(2 * tags.len());
        for &tag in &tags {
            pipeline.cmd("XLEN").arg(self.keys.outbox(tag));
            pipeline.add_command(self.read_outbox(tag, None, 1));
        }
        let answers = self.control.run(&pipeline).await?;
        let (answers, _) = answers.as_chunks::<2>();
        tags.into_iter()
            .zip(answers)
            .map(|(tag, [len, first])| {
                let first = entries(first)?;
                Ok(OutboxTag {
                    tag,
                    waiting: reply::parsed(len)?,
                    oldest_at: first.first().and_then(|entry| entry.added_at),
                })
            })
            .collect()
    }

    async fn take_outbox(
        &self,
        tag: Tag,
        worker: WorkerId,
        lease: Duration,
        _now: UnixMillis,
    ) -> Result<Option<Epoch>, StoreError> {
        let lease_ms = lease.min(OUTBOX_LEASE_MAX).as_millis().to_string();
        let mut call = script::call(&self.scripts.outbox_take, &[&self.keys.lease(tag)]);
        call.arg(worker.0).arg(lease_ms).arg(LEASE_KEPT_MS);
        let answer = self.one(call).await?;
        if reply::bytes(&answer)?.is_empty() {
            return Ok(None);
        }
        reply::parsed(&answer).map(|epoch| Some(Epoch(epoch)))
    }

    async fn outbox_after(
        &self,
        tag: Tag,
        after: Option<OutboxPosition>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let limit = limit.clamp(1, OUTBOX_PAGE_MAX);
        entries(&self.one(self.read_outbox(tag, after, limit)).await?)
    }

    async fn outbox_done(
        &self,
        worker: WorkerId,
        epoch: Epoch,
        entry: &OutboxEntry,
        _now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let (id, tag) = (entry.match_id, entry.match_id.tag());
        let keys = [
            self.keys.lease(tag),
            self.keys.outbox(tag),
            self.keys.ended(id),
        ];
        let keys = keys.into_iter().chain(self.keys.all(id));
        let keys: Vec<String> = keys.collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut call = script::call(&self.scripts.outbox_done, &keys);
        call.arg(worker.0)
            .arg(epoch.0)
            .arg(written(entry.position))
            .arg(&self.live_keep_ms)
            .arg(ENDED_IDS_KEEP.as_millis().to_string());
        Ok(reply::parsed::<u8>(&self.one(call).await?)? == 1)
    }
}

impl RedisStore {
    /// Names the tag of a match that is created, or whose entry was found: it may have entries from now on.
    pub(super) fn name_tag(&self, tag: Tag, at: UnixMillis) -> Cmd {
        let mut add = cmd("ZADD");
        add.arg(self.keys.outbox_tags()).arg("GT");
        add.arg(at.0).arg(tag.as_str());
        add
    }

    /// Forgets the tags of which no match was created for a long time and that have no entries.
    pub(super) async fn forget_tags(&self, now: UnixMillis) -> Result<(), StoreError> {
        let before = now.0.saturating_sub(TAG_KEPT.as_millis() as u64);
        let mut old = cmd("ZRANGEBYSCORE");
        old.arg(self.keys.outbox_tags())
            .arg("-inf")
            .arg(format!("({before}"));
        let old = tags(&self.one(old).await?)?;
        if old.is_empty() {
            return Ok(());
        }
        let mut read = Pipeline::with_capacity(old.len());
        for &tag in &old {
            read.cmd("XLEN").arg(self.keys.outbox(tag));
        }
        let mut change = Pipeline::with_capacity(old.len() + 1);
        for (tag, len) in old.iter().zip(&self.control.run(&read).await?) {
            if reply::parsed::<u64>(len)? > 0 {
                change.add_command(self.name_tag(*tag, now));
            }
        }
        // By their time again: a tag of which a match was created meanwhile stays.
        let remove = change.cmd("ZREMRANGEBYSCORE").arg(self.keys.outbox_tags());
        remove.arg("-inf").arg(format!("({before}"));
        self.control.run(&change).await.map(|_| ())
    }

    async fn named_tags(&self) -> Result<Vec<Tag>, StoreError> {
        let mut read = cmd("ZRANGE");
        read.arg(self.keys.outbox_tags()).arg(0).arg(-1);
        tags(&self.one(read).await?)
    }

    fn read_outbox(&self, tag: Tag, after: Option<OutboxPosition>, limit: usize) -> Cmd {
        let mut read = cmd("XRANGE");
        read.arg(self.keys.outbox(tag));
        match after {
            Some(after) => read.arg(format!("({}", written(after))),
            None => read.arg("-"),
        };
        read.arg("+").arg("COUNT").arg(limit);
        read
    }
}

/// The tags of an answer, without what is none.
fn tags(answer: &Value) -> Result<Vec<Tag>, StoreError> {
    let names = reply::array(answer)?.iter();
    let tags = names.filter_map(|name| reply::text(name).ok()?.parse().ok());
    Ok(tags.collect())
}

/// The answer of `XRANGE`. An entry that is not ours is omitted, with a warning.
fn entries(answer: &Value) -> Result<Vec<OutboxEntry>, StoreError> {
    let mut entries = Vec::new();
    for stored in reply::array(answer)? {
        match entry(stored) {
            Ok(entry) => entries.push(entry),
            Err(error) => tracing::warn!(%error, "an entry of an outbox is skipped"),
        }
    }
    Ok(entries)
}

fn entry(stored: &Value) -> Result<OutboxEntry, StoreError> {
    let strange = || reply::strange("an entry of an outbox");
    let [id, fields] = reply::array(stored)? else {
        return Err(strange());
    };
    let (first, second) = reply::text(id)?.split_once('-').ok_or_else(strange)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| strange());
    let position = OutboxPosition(number(first)?, number(second)?);
    let [name, value, ..] = reply::array(fields)? else {
        return Err(strange());
    };
    if reply::text(name)? != "match" {
        return Err(strange());
    }
    let match_id: MatchId = reply::parsed(value)?;
    Ok(OutboxEntry {
        position,
        match_id,
        added_at: Some(UnixMillis(position.0)),
    })
}

/// A position as Redis writes the ids of a stream.
fn written(OutboxPosition(millis, number): OutboxPosition) -> String {
    format!("{millis}-{number}")
}
