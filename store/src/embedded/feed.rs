//! The feed in the file. Its entries are counted, and the number is the place after an entry.

use async_trait::async_trait;
use game_core::UnixMillis;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::tables::{FEED, FEED_OF, FEED_REMOVED, HOOKS};
use crate::codec;
use crate::contract::{FEED_PAGE_MAX, Feed, HOOK_KEPT};
use crate::error::StoreError;
use crate::feed::{FeedCursor, FeedEntry, FeedPage, HookLease};

#[async_trait]
impl Feed for EmbeddedStore {
    async fn publish_match(&self, entry: &FeedEntry) -> Result<FeedCursor, StoreError> {
        entry.check()?;
        let entry = entry.clone();
        self.writer.write(move |txn| publish(txn, &entry)).await
    }

    async fn feed_after(&self, after: FeedCursor, limit: usize) -> Result<FeedPage, StoreError> {
        self.writer.read(move |txn| page(txn, after, limit)).await
    }

    async fn feed_end(&self) -> Result<FeedCursor, StoreError> {
        let end = self.writer.read(|txn| {
            let (feed, removed) = (txn.open_table(FEED)?, txn.open_table(FEED_REMOVED)?);
            newest(&feed, &removed)
        });
        end.await.map(FeedCursor::of_number)
    }

    async fn take_hook(
        &self,
        hook: &str,
        holder: &str,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<Option<HookLease>, StoreError> {
        let (hook, holder) = (hook.to_owned(), holder.to_owned());
        self.writer
            .write(move |txn| take_hook(txn, &hook, &holder, now, until))
            .await
    }

    async fn hook_done(
        &self,
        hook: &str,
        epoch: u64,
        position: FeedCursor,
    ) -> Result<bool, StoreError> {
        let hook = hook.to_owned();
        self.writer
            .write(move |txn| hook_done(txn, &hook, epoch, position))
            .await
    }
}

/// The number of the newest entry that there ever was.
fn newest(
    feed: &impl ReadableTable<u64, &'static [u8]>,
    removed: &impl ReadableTable<(), u64>,
) -> Result<u64, WriteFault> {
    if let Some((number, _)) = feed.last()? {
        return Ok(number.value());
    }
    let removed = removed.get(())?;
    Ok(removed.map_or(0, |number| number.value()))
}

fn publish(txn: &WriteTransaction, entry: &FeedEntry) -> Result<FeedCursor, WriteFault> {
    let mut of = txn.open_table(FEED_OF)?;
    let known = of.get(entry.match_id.as_str())?.map(|known| known.value());
    if let Some(number) = known {
        return Ok(FeedCursor::of_number(number));
    }
    let mut feed = txn.open_table(FEED)?;
    let number = newest(&feed, &txn.open_table(FEED_REMOVED)?)?.saturating_add(1);
    feed.insert(number, codec::encode_feed_entry(entry).as_ref())?;
    of.insert(entry.match_id.as_str(), number)?;
    Ok(FeedCursor::of_number(number))
}

fn page(txn: &ReadTransaction, after: FeedCursor, limit: usize) -> Result<FeedPage, WriteFault> {
    let feed = txn.open_table(FEED)?;
    let (mut entries, mut next) = (Vec::new(), after);
    let later = feed.range(after.major.saturating_add(1)..)?;
    for found in later.take(limit.clamp(1, FEED_PAGE_MAX)) {
        let (number, stored) = found?;
        let place = FeedCursor::of_number(number.value());
        next = place;
        let entry = codec::decode_feed_entry(stored.value());
        let unreadable = |error: &codec::DecodeError| {
            tracing::warn!(%place, %error, "an entry of the feed is skipped");
        };
        entries.extend(
            entry
                .inspect_err(unreadable)
                .ok()
                .map(|entry| (place, entry)),
        );
    }
    let removed = txn.open_table(FEED_REMOVED)?.get(())?;
    let removed = removed.map_or(0, |number| number.value());
    Ok(FeedPage {
        entries,
        next,
        missed: after != FeedCursor::START && after.major < removed,
    })
}

fn take_hook(
    txn: &WriteTransaction,
    hook: &str,
    holder: &str,
    now: UnixMillis,
    until: UnixMillis,
) -> Result<Option<HookLease>, WriteFault> {
    let mut hooks = txn.open_table(HOOKS)?;
    let known = hooks.get(hook)?.map(|known| {
        let (epoch, holder, until, position) = known.value();
        (epoch, holder.to_owned(), until, position)
    });
    let (epoch, position) = match known {
        Some((epoch, theirs, _, position)) if theirs == holder => (epoch, position),
        Some((_, _, until, _)) if until > now.0 => return Ok(None),
        Some((epoch, _, _, position)) => (epoch + 1, position),
        None => {
            let position = newest(&txn.open_table(FEED)?, &txn.open_table(FEED_REMOVED)?)?;
            (1, position)
        }
    };
    hooks.insert(hook, (epoch, holder, until.0, position))?;
    Ok(Some(HookLease {
        epoch,
        position: FeedCursor::of_number(position),
    }))
}

fn hook_done(
    txn: &WriteTransaction,
    hook: &str,
    epoch: u64,
    position: FeedCursor,
) -> Result<bool, WriteFault> {
    let mut hooks = txn.open_table(HOOKS)?;
    let known = hooks.get(hook)?.map(|known| {
        let (epoch, holder, until, _) = known.value();
        (epoch, holder.to_owned(), until)
    });
    match known {
        Some((theirs, holder, until)) if theirs == epoch => {
            hooks.insert(hook, (epoch, holder.as_str(), until, position.major))?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Whether an entry was published at `by` or earlier.
pub(super) fn has_old(txn: &ReadTransaction, by: u64) -> Result<bool, WriteFault> {
    let feed = txn.open_table(FEED)?;
    let oldest = feed.first()?;
    Ok(oldest.is_some_and(|(_, stored)| is_old(stored.value(), by)))
}

/// Whether an entry may go. One that cannot be read is of no use to anybody.
fn is_old(stored: &[u8], by: u64) -> bool {
    codec::decode_feed_entry(stored).map_or(true, |entry| entry.public_at.0 <= by)
}

/// Removes up to `limit` entries that were published at `by` or earlier, and subscribers that nobody has delivered to
/// for long; returns the number of entries.
pub(super) fn remove_old(
    txn: &WriteTransaction,
    by: u64,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut feed = txn.open_table(FEED)?;
    let mut old = Vec::new();
    for found in feed.range::<u64>(..)?.take(limit) {
        let (number, stored) = found?;
        if !is_old(stored.value(), by) {
            break;
        }
        let entry = codec::decode_feed_entry(stored.value());
        old.push((number.value(), entry.ok().map(|entry| entry.match_id)));
    }
    let mut of = txn.open_table(FEED_OF)?;
    for (number, id) in &old {
        feed.remove(number)?;
        if let Some(id) = id {
            of.remove(id.as_str())?;
        }
    }
    if let Some((number, _)) = old.last() {
        txn.open_table(FEED_REMOVED)?.insert((), number)?;
    }
    let kept_ms = HOOK_KEPT.as_millis() as u64;
    txn.open_table(HOOKS)?
        .retain(|_, (_, _, until, _)| until.saturating_add(kept_ms) > by)?;
    Ok(old.len())
}
