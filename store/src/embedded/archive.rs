//! The archive in the file.

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::tables::{ARCHIVE, ARCHIVE_LISTS, ARCHIVED};
use crate::archived::{ArchiveCursor, ArchiveFilter, ArchivePage, ArchivedMatch, Pager};
use crate::codec;
use crate::contract::Archive;
use crate::error::StoreError;

/// Above every place of a list, whose characters are ASCII.
const ABOVE_PLACES: &str = "\u{7f}";

#[async_trait]
impl Archive for EmbeddedStore {
    async fn put(&self, finished: &ArchivedMatch) -> Result<bool, StoreError> {
        let finished = finished.clone();
        self.writer.write(move |txn| put(txn, &finished)).await
    }

    async fn get(&self, id: MatchId) -> Result<Option<ArchivedMatch>, StoreError> {
        self.writer.read(move |txn| get(txn, id)).await
    }

    async fn list(
        &self,
        filter: &ArchiveFilter,
        after: Option<ArchiveCursor>,
        limit: usize,
    ) -> Result<ArchivePage, StoreError> {
        let filter = filter.clone();
        self.writer
            .read(move |txn| list(txn, &filter, after, limit))
            .await
    }
}

fn put(txn: &WriteTransaction, finished: &ArchivedMatch) -> Result<bool, WriteFault> {
    let id = finished.id();
    let mut archive = txn.open_table(ARCHIVE)?;
    if let Some(kept) = archive.get(id.as_str())? {
        codec::decode_archived(kept.value())?.check_same(finished)?;
        return Ok(false);
    }
    archive.insert(id.as_str(), codec::encode_archived(finished).as_ref())?;
    let mut lists = txn.open_table(ARCHIVE_LISTS)?;
    let place = finished.cursor().order();
    for list in finished.lists() {
        lists.insert((list.as_str(), place.as_str()), ())?;
    }
    txn.open_table(ARCHIVED)?.insert((0, id.as_str()), ())?;
    Ok(true)
}

fn get(txn: &ReadTransaction, id: MatchId) -> Result<Option<ArchivedMatch>, WriteFault> {
    let kept = txn.open_table(ARCHIVE)?.get(id.as_str())?;
    let found = kept.map(|kept| codec::decode_archived(kept.value()));
    Ok(found.transpose()?)
}

fn list(
    txn: &ReadTransaction,
    filter: &ArchiveFilter,
    after: Option<ArchiveCursor>,
    limit: usize,
) -> Result<ArchivePage, WriteFault> {
    let (archive, lists) = (txn.open_table(ARCHIVE)?, txn.open_table(ARCHIVE_LISTS)?);
    let list = filter.list();
    let from = filter.from().order();
    let before = filter.before(after).map(ArchiveCursor::order);
    let before = before.as_deref().unwrap_or(ABOVE_PLACES);
    if before <= from.as_str() {
        return Ok(ArchivePage::default());
    }
    let places = lists.range((list.as_str(), from.as_str())..(list.as_str(), before))?;
    let mut pager = Pager::new(filter, limit);
    for entry in places.rev() {
        if pager.wants() == 0 {
            return Ok(pager.finish(true));
        }
        let (key, _) = entry?;
        let Some(place) = ArchiveCursor::from_order(key.value().1) else {
            continue;
        };
        let (_, id) = place.parts();
        let kept = archive.get(id.as_str())?;
        let found = kept.and_then(|kept| codec::readable_archived(id.as_str(), kept.value()));
        pager.examine(place, found);
    }
    Ok(pager.finish(false))
}

/// Dates up to `limit` matches that are archived since the last time, and removes up to as many that were archived at
/// `by` or earlier. Returns the larger number.
pub(super) fn remove_old(
    txn: &WriteTransaction,
    now: UnixMillis,
    by: u64,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut archived = txn.open_table(ARCHIVED)?;
    let first = |from: u64, to: u64, archived: &redb::Table<'_, (u64, &'static str), ()>| {
        let range = archived.range((from, "")..(to, ""))?;
        let entries = range.take(limit).map(|entry| {
            let (key, _) = entry?;
            let (at, id) = key.value();
            Ok::<_, WriteFault>((at, id.to_owned()))
        });
        entries.collect::<Result<Vec<_>, WriteFault>>()
    };
    let undated = first(0, 1, &archived)?;
    for (_, id) in &undated {
        archived.remove((0, id.as_str()))?;
        archived.insert((now.0.max(1), id.as_str()), ())?;
    }
    let old = first(1, by.saturating_add(1), &archived)?;
    let mut archive = txn.open_table(ARCHIVE)?;
    let mut lists = txn.open_table(ARCHIVE_LISTS)?;
    for (at, id) in &old {
        archived.remove((*at, id.as_str()))?;
        let removed = archive.remove(id.as_str())?;
        let removed = removed.and_then(|removed| codec::readable_archived(id, removed.value()));
        let Some(removed) = removed else {
            continue;
        };
        let place = removed.cursor().order();
        for list in removed.lists() {
            lists.remove((list.as_str(), place.as_str()))?;
        }
    }
    Ok(undated.len().max(old.len()))
}
