//! The outboxes of the model, who takes from them, and the ids of ended matches.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use game_core::{Epoch, MatchId, Tag, UnixMillis};

use crate::contract::{
    ENDED_IDS_KEEP, OUTBOX_LEASE_MAX, OUTBOX_PAGE_MAX, OutboxEntry, OutboxPosition, OutboxTag,
    WorkerId,
};
use crate::ownership::Ownership;

#[derive(Debug, Clone, Default)]
pub(super) struct Outboxes {
    entries: BTreeMap<(Tag, u64), MatchId>,
    /// Number of the newest entry of all.
    last: u64,
    leases: BTreeMap<Tag, Lease>,
    /// The matches whose entries are done, and who owned them.
    ended: BTreeMap<MatchId, Ownership>,
    /// From when on each of them may be forgotten.
    ended_until: BTreeSet<(u64, MatchId)>,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    worker: WorkerId,
    epoch: Epoch,
    until: UnixMillis,
}

impl Outboxes {
    pub(super) fn add(&mut self, id: MatchId) {
        self.last += 1;
        self.entries.insert((id.tag(), self.last), id);
    }

    pub(super) fn tags(&self) -> Vec<OutboxTag> {
        let mut tags: Vec<OutboxTag> = Vec::new();
        for &(tag, _) in self.entries.keys() {
            match tags.last_mut() {
                Some(last) if last.tag == tag => last.waiting += 1,
                _ => tags.push(OutboxTag {
                    tag,
                    waiting: 1,
                    oldest_at: None,
                }),
            }
        }
        tags
    }

    pub(super) fn take(
        &mut self,
        tag: Tag,
        worker: WorkerId,
        lease: Duration,
        now: UnixMillis,
    ) -> Option<Epoch> {
        let held = self.leases.get(&tag);
        let epoch = match held {
            Some(held) if held.worker == worker => held.epoch,
            Some(held) if held.until > now => return None,
            Some(held) => held.epoch.next(),
            None => Epoch(1),
        };
        let lease_ms = lease.min(OUTBOX_LEASE_MAX).as_millis() as u64;
        let until = UnixMillis(now.0.saturating_add(lease_ms));
        let taken = Lease {
            worker,
            epoch,
            until,
        };
        self.leases.insert(tag, taken);
        Some(epoch)
    }

    pub(super) fn after(
        &self,
        tag: Tag,
        after: Option<OutboxPosition>,
        limit: usize,
    ) -> Vec<OutboxEntry> {
        let first = after.map_or(0, |OutboxPosition(_, number)| number.saturating_add(1));
        let entries = self.entries.range((tag, first)..=(tag, u64::MAX));
        let entries = entries.map(|(&(_, number), &match_id)| OutboxEntry {
            position: OutboxPosition(0, number),
            match_id,
            added_at: None,
        });
        entries.take(limit.clamp(1, OUTBOX_PAGE_MAX)).collect()
    }

    /// Removes an entry, if the worker has the lease of its tag; `None` if not. Returns whether there was one.
    pub(super) fn remove(
        &mut self,
        worker: WorkerId,
        epoch: Epoch,
        entry: &OutboxEntry,
    ) -> Option<bool> {
        let tag = entry.match_id.tag();
        let held = self.leases.get(&tag)?;
        if (held.worker, held.epoch) != (worker, epoch) {
            return None;
        }
        let OutboxPosition(_, number) = entry.position;
        Some(self.entries.remove(&(tag, number)).is_some())
    }

    /// Whether a match has an entry.
    pub(super) fn has(&self, id: MatchId) -> bool {
        let tag = id.tag();
        let mut entries = self.entries.range((tag, 0)..=(tag, u64::MAX));
        entries.any(|(_, waiting)| *waiting == id)
    }

    /// Marks the id of a match as used up.
    pub(super) fn mark_ended(&mut self, id: MatchId, ownership: Ownership, now: UnixMillis) {
        let until = now.0.saturating_add(ENDED_IDS_KEEP.as_millis() as u64);
        if self.ended.insert(id, ownership).is_none() {
            self.ended_until.insert((until, id));
        }
    }

    /// Who owned the match of an id that is used up.
    pub(super) fn ended(&self, id: MatchId) -> Option<Ownership> {
        self.ended.get(&id).copied()
    }

    pub(super) fn remove_old(&mut self, now: UnixMillis) {
        while let Some(&(until, id)) = self.ended_until.first()
            && until < now.0
        {
            self.ended_until.pop_first();
            self.ended.remove(&id);
        }
    }
}
