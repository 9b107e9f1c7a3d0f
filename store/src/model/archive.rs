//! The archive of the model.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use game_core::{MatchId, UnixMillis};

use crate::archived::{ARCHIVE_PAGE_MAX, ArchiveCursor, ArchiveFilter, ArchivePage, ArchivedMatch};
use crate::error::StoreError;

#[derive(Debug, Clone, Default)]
pub(super) struct Archive {
    matches: BTreeMap<ArchiveCursor, ArchivedMatch>,
    places: HashMap<MatchId, ArchiveCursor>,
    /// Since when each is kept; 0 until a sweep has dated it.
    kept_since: BTreeSet<(UnixMillis, MatchId)>,
}

impl Archive {
    pub(super) fn put(&mut self, finished: &ArchivedMatch) -> Result<bool, StoreError> {
        if let Some(kept) = self.get(finished.id()) {
            return kept.check_same(finished).map(|()| false);
        }
        self.places.insert(finished.id(), finished.cursor());
        self.matches.insert(finished.cursor(), finished.clone());
        self.kept_since.insert((UnixMillis(0), finished.id()));
        Ok(true)
    }

    pub(super) fn get(&self, id: MatchId) -> Option<&ArchivedMatch> {
        self.matches.get(self.places.get(&id)?)
    }

    pub(super) fn list(
        &self,
        filter: &ArchiveFilter,
        after: Option<ArchiveCursor>,
        limit: usize,
    ) -> ArchivePage {
        let before = filter.before(after);
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        if before.is_some_and(|before| before <= filter.from()) {
            return ArchivePage::default();
        }
        let range = self.matches.range((Bound::Included(filter.from()), end));
        let wanted = range.rev().map(|(_, found)| found);
        let mut wanted = wanted.filter(|found| filter.accepts(found)).cloned();
        let page = wanted.by_ref().take(limit.clamp(1, ARCHIVE_PAGE_MAX));
        let matches: Vec<_> = page.collect();
        let last = matches.last().map(ArchivedMatch::cursor);
        ArchivePage {
            next: last.filter(|_| wanted.next().is_some()),
            matches,
        }
    }

    /// Dates up to `limit` new ones, and removes up to as many that are kept since longer ago than `keep_ms`.
    pub(super) fn remove_old(&mut self, now: UnixMillis, keep_ms: u64, limit: usize) {
        for _ in 0..limit {
            let Some(&(since, id)) = self.kept_since.first() else {
                return;
            };
            if since.0 == 0 {
                self.kept_since.pop_first();
                self.kept_since.insert((now.max(UnixMillis(1)), id));
            } else if since.0.saturating_add(keep_ms) <= now.0 {
                self.kept_since.pop_first();
                if let Some(place) = self.places.remove(&id) {
                    self.matches.remove(&place);
                }
            } else {
                return;
            }
        }
    }
}
