//! The feed of the model.

use std::collections::{BTreeMap, HashMap};

use game_core::{MatchId, UnixMillis};

use crate::contract::{FEED_PAGE_MAX, HOOK_KEPT};
use crate::error::StoreError;
use crate::feed::{FeedCursor, FeedEntry, FeedPage, HookLease};

#[derive(Debug, Clone, Default)]
pub(super) struct Feed {
    entries: BTreeMap<u64, FeedEntry>,
    of: HashMap<MatchId, u64>,
    /// The number of the newest entry that there ever was.
    last: u64,
    /// The number of the newest entry that was removed.
    removed: u64,
    hooks: HashMap<String, Hook>,
}

/// Who delivers to a subscriber, and how far.
#[derive(Debug, Clone)]
struct Hook {
    holder: String,
    until: UnixMillis,
    lease: HookLease,
}

impl Feed {
    pub(super) fn publish(&mut self, entry: &FeedEntry) -> Result<FeedCursor, StoreError> {
        entry.check()?;
        if let Some(number) = self.of.get(&entry.match_id) {
            return Ok(FeedCursor::of_number(*number));
        }
        self.last += 1;
        self.of.insert(entry.match_id, self.last);
        self.entries.insert(self.last, entry.clone());
        Ok(FeedCursor::of_number(self.last))
    }

    pub(super) fn after(&self, after: FeedCursor, limit: usize) -> FeedPage {
        let later = self.entries.range(after.major.saturating_add(1)..);
        let entries = later.map(|(number, entry)| (FeedCursor::of_number(*number), entry.clone()));
        let entries: Vec<_> = entries.take(limit.clamp(1, FEED_PAGE_MAX)).collect();
        FeedPage {
            next: entries.last().map_or(after, |(place, _)| *place),
            entries,
            missed: after != FeedCursor::START && after.major < self.removed,
        }
    }

    pub(super) fn end(&self) -> FeedCursor {
        FeedCursor::of_number(self.last)
    }

    pub(super) fn take_hook(
        &mut self,
        hook: &str,
        holder: &str,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Option<HookLease> {
        let new = HookLease {
            epoch: 0,
            position: self.end(),
        };
        let hook = self.hooks.entry(hook.to_owned()).or_insert_with(|| Hook {
            holder: String::new(),
            until: UnixMillis(0),
            lease: new,
        });
        if hook.holder != holder {
            if hook.until > now {
                return None;
            }
            hook.lease.epoch += 1;
            holder.clone_into(&mut hook.holder);
        }
        hook.until = until;
        Some(hook.lease)
    }

    pub(super) fn hook_done(&mut self, hook: &str, epoch: u64, position: FeedCursor) -> bool {
        let Some(hook) = self.hooks.get_mut(hook) else {
            return false;
        };
        if hook.lease.epoch != epoch {
            return false;
        }
        hook.lease.position = position;
        true
    }

    /// Removes up to `limit` entries that are older than `keep_ms`, and the subscribers that nobody has delivered to
    /// for long.
    pub(super) fn remove_old(&mut self, now: UnixMillis, keep_ms: u64, limit: usize) {
        for _ in 0..limit {
            let Some(oldest) = self.entries.first_entry() else {
                break;
            };
            if oldest.get().public_at.0.saturating_add(keep_ms) > now.0 {
                break;
            }
            self.removed = *oldest.key();
            self.of.remove(&oldest.get().match_id);
            oldest.remove();
        }
        let kept_ms = HOOK_KEPT.as_millis() as u64;
        self.hooks
            .retain(|_, hook| hook.until.0.saturating_add(kept_ms) > now.0);
    }
}
