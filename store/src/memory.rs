//! The store that keeps nothing: maps of this process, for measuring what a server costs without one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use game_core::{Epoch, Event, MatchId, PlayerId, ShardId, Snapshot, UnixMillis};

use crate::checkpoint;
use crate::codec::{self, MoveTime};
use crate::contract::{
    Append, Appended, Checkpoint, Claim, Created, FINISHED_KEEP, HandOver, HandedOver, MatchPage,
    Ownership, REVOCATION_KEPT, Registered, Room, SCAN_LIMIT_MAX, ScanCursor, ShardRecord,
    Standing, Status, Store, StoreError, Swept,
};
use crate::holding::{HOLDING_KEPT, Holding};
use crate::ticket::{Assignment, Ticket, TicketId, TicketState, WAITING_MAX, stays_since};

/// A store that ends with its process.
///
/// It has the answers of a store, its fences and its encodings, and none of its durability: what is
/// confirmed outlives a shard of this process, and nothing else. It is there to be measured beside.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    /// How long a match is kept after its end.
    finished_keep: Duration,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            finished_keep: FINISHED_KEEP,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    matches: BTreeMap<MatchId, StoredMatch>,
    /// When matches ended, and which; 0 until a sweep has noted when.
    ended: BTreeSet<(UnixMillis, MatchId)>,
    shards: BTreeMap<ShardId, ShardRecord>,
    /// The matches that each shard may own; none of the sets is empty.
    owned: BTreeMap<ShardId, BTreeSet<MatchId>>,
    /// Shards that have left for good.
    left: BTreeSet<ShardId>,
    tickets: Tickets,
    /// What players hold, and since when.
    held: Held,
    /// When players were revoked.
    revoked: HashMap<PlayerId, UnixMillis>,
}

#[derive(Debug)]
struct StoredMatch {
    ownership: Ownership,
    /// Encoded, of the state after `snapshot_seq` records.
    snapshot: Bytes,
    snapshot_seq: u32,
    /// Encoded; the record at index n has seq n + 1.
    log: Vec<Bytes>,
    /// What the last hand-over said of the move that was under way.
    move_time: Option<MoveTime>,
}

#[derive(Debug, Default)]
struct Tickets {
    by_id: HashMap<TicketId, Ticket>,
    /// Those that wait: pool, when they were last asked for, and which.
    pools: BTreeSet<(Box<str>, UnixMillis, TicketId)>,
    /// From when on a ticket may be removed.
    expiries: BTreeSet<(u64, TicketId)>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps matches for so long after their end, instead of [`FINISHED_KEEP`].
    #[must_use]
    pub fn keeping_finished(self, keep: Duration) -> Self {
        Self {
            finished_keep: keep,
            ..self
        }
    }

    /// Held for one operation, and never while anything waits.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError> {
        assert_eq!(
            snapshot.seq(),
            0,
            "a match is created before its first event"
        );
        let id = snapshot.setup().id;
        let mut state = self.state();
        if state.matches.contains_key(&id) {
            return Ok(Created::Exists);
        }
        let ownership = Ownership {
            epoch: Epoch(0),
            owner,
            status: Status::Live,
        };
        let stored = StoredMatch {
            ownership,
            snapshot: codec::encode_snapshot(snapshot),
            snapshot_seq: 0,
            log: Vec::new(),
            move_time: None,
        };
        state.matches.insert(id, stored);
        state.owned.entry(owner).or_default().insert(id);
        Ok(Created::New)
    }

    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        let state = self.state();
        let stored = state.matches.get(&id);
        stored.map(|stored| stored.checkpoint(id)).transpose()
    }

    async fn log(&self, id: MatchId) -> Result<Vec<Event>, StoreError> {
        let state = self.state();
        let stored = state.matches.get(&id);
        stored.map_or(Ok(Vec::new()), |stored| stored.events(id, 0))
    }

    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError> {
        Ok(self.state().matches.get(&id).map(|stored| stored.ownership))
    }

    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        let after = after.map(ScanCursor::id).transpose()?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        let mut rest = state.matches.range((from, Bound::Unbounded));
        let page = rest.by_ref().take(limit.clamp(1, SCAN_LIMIT_MAX));
        let matches: Vec<_> = page.map(|(id, stored)| (*id, stored.ownership)).collect();
        let last = matches.last().map(|(id, _)| ScanCursor::After(*id));
        Ok(MatchPage {
            next: last.filter(|_| rest.next().is_some()),
            matches,
        })
    }

    async fn claim(
        &self,
        id: MatchId,
        claimant: ShardId,
        expected: Epoch,
    ) -> Result<Claim, StoreError> {
        let mut state = self.state();
        let Some(stored) = state.matches.get_mut(&id) else {
            return Ok(Claim::Missing);
        };
        let current = stored.ownership;
        if current.epoch != expected || current.status != Status::Live {
            return Ok(Claim::Lost(current));
        }
        stored.ownership.epoch = expected.next();
        stored.ownership.owner = claimant;
        let checkpoint = stored.checkpoint(id)?;
        state.owned.entry(claimant).or_default().insert(id);
        Ok(Claim::Claimed(Box::new(checkpoint)))
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError> {
        let mut state = self.state();
        let Some(stored) = state.matches.get_mut(&hand_over.match_id) else {
            return Ok(HandedOver::Missing);
        };
        let answer = stored.hand_over(hand_over);
        if answer == HandedOver::Done {
            let set = state.owned.entry(hand_over.to).or_default();
            set.insert(hand_over.match_id);
        }
        Ok(answer)
    }

    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        let state = self.state();
        let answers = matches.iter().map(|(id, seq)| {
            let stored = state.matches.get(id);
            stored.map_or(Standing::Missing, |stored| stored.standing(*seq))
        });
        Ok(answers.collect())
    }

    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        let complete = batch.iter().all(|append| !append.records.is_empty());
        assert!(complete, "an append has at least one record");
        let State { matches, ended, .. } = &mut *self.state();
        let answers = batch.iter().map(|append| {
            let Some(stored) = matches.get_mut(&append.match_id) else {
                return Appended::Missing;
            };
            let answer = stored.append(append);
            if append.ends && answer == (Appended::Stored { duplicate: false }) {
                ended.insert((UnixMillis(0), append.match_id));
            }
            answer
        });
        Ok(answers.collect())
    }

    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        let keep_ms = u64::try_from(self.finished_keep.as_millis()).unwrap_or(u64::MAX);
        let mut state = self.state();
        state.tickets.remove_old(now);
        state.remove_revocations(now);
        let kept_ms = HOLDING_KEPT.as_millis() as u64;
        state
            .held
            .retain(|_, at| at.0.saturating_add(kept_ms) >= now.0);
        Ok(state.remove_ended(now, keep_ms))
    }

    async fn room(&self) -> Result<Room, StoreError> {
        Ok(Room::default())
    }

    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError> {
        let mut state = self.state();
        if !state.left.contains(&shard.id) {
            state.shards.insert(shard.id, shard.clone());
        }
        Ok(state.registry())
    }

    async fn shards(&self) -> Result<Vec<Registered>, StoreError> {
        Ok(self.state().registry())
    }

    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError> {
        let mut state = self.state();
        state.left.insert(shard);
        state.shards.remove(&shard);
        Ok(state.owned.get(&shard).map_or(0, BTreeSet::len))
    }

    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError> {
        let mut state = self.state();
        let known = state.shards.get(&shard).map(|record| record.heartbeat);
        let goes = known == heartbeat && !state.owned.contains_key(&shard);
        if goes {
            state.shards.remove(&shard);
        }
        Ok(goes)
    }

    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        let state = self.state();
        let set = state.owned.get(&shard);
        Ok(set.into_iter().flatten().copied().collect())
    }

    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        let mut state = self.state();
        for (id, up_to) in matches {
            let stays = state.matches.get(id).is_some_and(|stored| {
                let Ownership {
                    epoch,
                    owner,
                    status,
                } = stored.ownership;
                status == Status::Live && owner == shard && epoch > *up_to
            });
            if let Some(set) = state.owned.get_mut(&shard).filter(|_| !stays) {
                set.remove(id);
            }
        }
        state.owned.retain(|_, set| !set.is_empty());
        Ok(())
    }

    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError> {
        let registry = self.state().registry();
        Ok(registry.iter().map(Registered::id).collect())
    }

    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        self.state().tickets.put(ticket);
        Ok(())
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        Ok(self.state().tickets.by_id.get(&id).cloned())
    }

    async fn waiting(&self, pool: &str) -> Result<Vec<Ticket>, StoreError> {
        Ok(self.state().tickets.waiting(pool))
    }

    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        self.state().tickets.touch(id, now);
        Ok(())
    }

    async fn cancel_ticket(&self, id: TicketId) -> Result<bool, StoreError> {
        Ok(self.state().tickets.settle(id, TicketState::Cancelled))
    }

    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        Ok(self.state().tickets.assign(tickets, assignment))
    }

    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let held = &mut self.state().held;
        let entry = (player.clone(), kind, id.to_owned());
        if held.contains_key(&entry) {
            return Ok(true);
        }
        if theirs(held, player, kind).count() >= max as usize {
            return Ok(false);
        }
        let kept_ms = HOLDING_KEPT.as_millis() as u64;
        held.retain(|_, at| at.0.saturating_add(kept_ms) >= now.0);
        held.insert(entry, now);
        Ok(true)
    }

    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError> {
        let state = self.state();
        let theirs = theirs(&state.held, player, kind);
        Ok(theirs.map(|(id, at)| (id.clone(), at)).collect())
    }

    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError> {
        let held = &mut self.state().held;
        for id in ids {
            held.remove(&(player.clone(), kind, id.clone()));
        }
        Ok(())
    }

    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        let mut state = self.state();
        let latest = state.revoked.entry(player.clone()).or_default();
        *latest = at.max(*latest);
        state.remove_revocations(at);
        Ok(())
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        Ok(self.state().revoked.get(player).copied())
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        let state = self.state();
        let recent = state.revoked.iter().filter(|&(_, &at)| at >= since);
        Ok(recent.map(|(player, _)| player.clone()).collect())
    }
}

type Held = BTreeMap<(PlayerId, Holding, String), UnixMillis>;

/// What a player holds of a kind.
fn theirs<'a>(
    held: &'a Held,
    player: &'a PlayerId,
    kind: Holding,
) -> impl Iterator<Item = (&'a String, UnixMillis)> {
    let all = held.range((player.clone(), kind, String::new())..);
    all.take_while(move |((of, their_kind, _), _)| of == player && *their_kind == kind)
        .map(|((.., id), at)| (id, *at))
}

impl State {
    /// Matches that are dated or removed at once, while everyone waits.
    const SWEPT_AT_ONCE: usize = 256;

    fn remove_ended(&mut self, now: UnixMillis, keep_ms: u64) -> Swept {
        let mut swept = Swept::default();
        for _ in 0..Self::SWEPT_AT_ONCE {
            let Some(&(ended_at, id)) = self.ended.first() else {
                return swept;
            };
            if ended_at.0 == 0 {
                self.ended.pop_first();
                self.ended.insert((now.max(UnixMillis(1)), id));
            } else if ended_at.0.saturating_add(keep_ms) <= now.0 {
                self.ended.pop_first();
                if let Some(stored) = self.matches.remove(&id) {
                    self.unhint(stored.ownership.owner, id);
                }
                swept.matches += 1;
            } else {
                return swept;
            }
        }
        swept.more = true;
        swept
    }

    /// Takes a match out of a set that it need not be in any more.
    fn unhint(&mut self, shard: ShardId, id: MatchId) {
        if let Some(set) = self.owned.get_mut(&shard) {
            set.remove(&id);
            if set.is_empty() {
                self.owned.remove(&shard);
            }
        }
    }

    fn remove_revocations(&mut self, now: UnixMillis) {
        let old = u128::from(now.0).saturating_sub(REVOCATION_KEPT.as_millis());
        self.revoked.retain(|_, at| u128::from(at.0) >= old);
    }

    fn registry(&self) -> Vec<Registered> {
        let mut registry: BTreeMap<_, _> = self
            .shards
            .iter()
            .map(|(&id, record)| (id, Registered::Recorded(record.clone())))
            .collect();
        for &id in self.owned.keys() {
            registry.entry(id).or_insert(if self.left.contains(&id) {
                Registered::Left(id)
            } else {
                Registered::Absent(id)
            });
        }
        registry.into_values().collect()
    }
}

impl StoredMatch {
    fn checkpoint(&self, id: MatchId) -> Result<Checkpoint, StoreError> {
        let tail = self.log[self.snapshot_seq as usize..].iter();
        checkpoint::assemble(
            id,
            self.ownership,
            self.snapshot_seq,
            &self.snapshot,
            tail.map(Bytes::as_ref),
            self.move_time,
        )
    }

    fn hand_over(&mut self, given: &HandOver) -> HandedOver {
        let is_owner = self.is_owned(given.from, given.epoch);
        if !is_owner || self.ownership.status != Status::Live {
            return HandedOver::Fenced(self.ownership);
        }
        let len = self.log.len() as u32;
        if len != given.seq {
            return HandedOver::OtherLength { len };
        }
        self.ownership.epoch = given.epoch.next();
        self.ownership.owner = given.to;
        self.move_time = Some(MoveTime::new(given.seq, given.move_time));
        HandedOver::Done
    }

    fn standing(&self, seq: u32) -> Standing {
        let index = seq.checked_sub(1).map(|index| index as usize);
        Standing::Stored {
            ownership: self.ownership,
            record: index.and_then(|index| self.log.get(index)).cloned(),
        }
    }

    /// After a rollback two shards may hold one epoch.
    fn is_owned(&self, owner: ShardId, epoch: Epoch) -> bool {
        (self.ownership.owner, self.ownership.epoch) == (owner, epoch)
    }

    fn events(&self, id: MatchId, after: u32) -> Result<Vec<Event>, StoreError> {
        let records = self.log[after as usize..].iter();
        checkpoint::events(id, after, records.map(Bytes::as_ref))
    }

    fn append(&mut self, append: &Append) -> Appended {
        // Before the position: what a former owner repeats is not for it to count as confirmed.
        if !self.is_owned(append.owner, append.epoch) {
            return Appended::Fenced(self.ownership);
        }
        let len = self.log.len() as u32;
        if len < append.after {
            return Appended::Rollback { len };
        }
        if self.log[append.after as usize..].starts_with(&append.records) {
            return Appended::Stored { duplicate: true };
        }
        if len > append.after || self.ownership.status != Status::Live {
            return Appended::Conflict { len };
        }
        self.log.extend_from_slice(&append.records);
        if let Some(snapshot) = &append.snapshot {
            self.snapshot = snapshot.clone();
            self.snapshot_seq = append.last_seq();
        }
        if append.ends {
            self.ownership.status = Status::Finished;
        }
        Appended::Stored { duplicate: false }
    }
}

impl Tickets {
    fn put(&mut self, ticket: &Ticket) {
        if self.by_id.contains_key(&ticket.id) {
            return;
        }
        let ticket = Ticket {
            state: TicketState::Waiting,
            ..ticket.clone()
        };
        self.enter_pool(&ticket);
        self.expiries.insert((ticket.waits_until(), ticket.id));
        let now = ticket.created_at;
        self.by_id.insert(ticket.id, ticket);
        self.remove_old(now);
    }

    /// Puts a ticket into its pool, and takes those out that nobody has asked for.
    fn enter_pool(&mut self, ticket: &Ticket) {
        let Some(pool) = &ticket.pool else { return };
        self.pools.insert((pool.clone(), ticket.seen_at, ticket.id));
        let stays_since = stays_since(ticket.seen_at);
        self.pools
            .retain(|(other, seen_at, _)| other != pool || *seen_at >= stays_since);
    }

    fn leave_pool(&mut self, ticket: &Ticket) {
        if let Some(pool) = &ticket.pool {
            self.pools
                .remove(&(pool.clone(), ticket.seen_at, ticket.id));
        }
    }

    fn waiting(&self, pool: &str) -> Vec<Ticket> {
        let newest_first = self.pools.iter().rev().filter(|(of, ..)| &**of == pool);
        let tickets = newest_first.filter_map(|(.., id)| self.by_id.get(id));
        tickets.take(WAITING_MAX).cloned().collect()
    }

    fn touch(&mut self, id: TicketId, now: UnixMillis) {
        let Some(ticket) = self.waiting_ticket(id).cloned() else {
            return;
        };
        self.leave_pool(&ticket);
        self.expiries.remove(&(ticket.waits_until(), id));
        let ticket = Ticket {
            seen_at: now,
            ..ticket
        };
        self.expiries.insert((ticket.waits_until(), id));
        self.enter_pool(&ticket);
        self.by_id.insert(id, ticket);
    }

    fn assign(&mut self, ids: &[TicketId], assignment: &Assignment) -> bool {
        let given = |id: &TicketId| match self.by_id.get(id).map(|ticket| &ticket.state) {
            Some(TicketState::Assigned(given)) => given.match_id == assignment.match_id,
            _ => false,
        };
        if ids.iter().all(given) {
            return true;
        }
        if !ids.iter().all(|id| self.waiting_ticket(*id).is_some()) {
            return false;
        }
        for id in ids {
            self.settle(*id, TicketState::Assigned(assignment.clone()));
        }
        true
    }

    /// Ends a ticket's wait; says whether it waited.
    fn settle(&mut self, id: TicketId, state: TicketState) -> bool {
        let Some(ticket) = self.waiting_ticket(id).cloned() else {
            return false;
        };
        self.leave_pool(&ticket);
        self.expiries.remove(&(ticket.waits_until(), id));
        self.expiries.insert((ticket.settled_until(), id));
        self.by_id.insert(id, Ticket { state, ..ticket });
        true
    }

    fn waiting_ticket(&self, id: TicketId) -> Option<&Ticket> {
        let ticket = self.by_id.get(&id);
        ticket.filter(|ticket| ticket.state == TicketState::Waiting)
    }

    /// Removes the tickets whose time is over, by the clock of who makes tickets.
    fn remove_old(&mut self, now: UnixMillis) {
        while let Some(&(expires_at, id)) = self.expiries.first()
            && expires_at < now.0
        {
            self.expiries.pop_first();
            if let Some(ticket) = self.by_id.remove(&id) {
                self.leave_pool(&ticket);
            }
        }
    }
}
