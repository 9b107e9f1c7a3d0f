//! What a store is, said in the simplest way: maps in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use game_core::{Epoch, Event, MatchId, ShardId, Snapshot, UnixMillis};
use store::codec::{decode_record, decode_snapshot, encode_record};
use store::{
    Append, Appended, Assignment, Checkpoint, Claim, Created, HandOver, HandedOver, Ownership,
    Registered, ShardRecord, Standing, Status, Ticket, TicketId, TicketState,
};

#[derive(Debug, Default)]
pub(crate) struct Model {
    matches: BTreeMap<MatchId, StoredMatch>,
    shards: BTreeMap<ShardId, ShardRecord>,
    left: BTreeSet<ShardId>,
    tickets: BTreeMap<TicketId, Ticket>,
    /// What a shard's set must hold: it owns these, or did when it last heard of them.
    owned: BTreeSet<(ShardId, MatchId)>,
    /// What it may hold besides.
    hinted: BTreeSet<(ShardId, MatchId)>,
}

#[derive(Debug)]
struct StoredMatch {
    ownership: Ownership,
    log: Vec<Event>,
    snapshot: Snapshot,
    /// Length of the log at the last hand-over, and what had counted of the move after it.
    move_time: (usize, Duration),
}

impl StoredMatch {
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            ownership: self.ownership,
            snapshot: self.snapshot.clone(),
            tail: self.log[self.snapshot.seq() as usize..].to_vec(),
            move_time: match self.move_time {
                (len, counted) if len == self.log.len() => counted,
                _ => Duration::ZERO,
            },
        }
    }
}

impl Model {
    pub(crate) fn create(&mut self, owner: ShardId, snapshot: &Snapshot) -> Created {
        let id = snapshot.setup().id;
        self.hinted.insert((owner, id));
        if self.matches.contains_key(&id) {
            return Created::Exists;
        }
        let ownership = Ownership {
            epoch: Epoch(0),
            owner,
            status: Status::Live,
        };
        let stored = StoredMatch {
            ownership,
            log: Vec::new(),
            snapshot: snapshot.clone(),
            move_time: Default::default(),
        };
        self.matches.insert(id, stored);
        self.owned.insert((owner, id));
        Created::New
    }

    pub(crate) fn load(&self, id: MatchId) -> Option<Checkpoint> {
        self.matches.get(&id).map(StoredMatch::checkpoint)
    }

    pub(crate) fn log(&self, id: MatchId) -> Vec<Event> {
        self.matches
            .get(&id)
            .map(|stored| stored.log.clone())
            .unwrap_or_default()
    }

    pub(crate) fn ownership(&self, id: MatchId) -> Option<Ownership> {
        self.matches.get(&id).map(|stored| stored.ownership)
    }

    pub(crate) fn claim(&mut self, id: MatchId, claimant: ShardId, expected: Epoch) -> Claim {
        self.hinted.insert((claimant, id));
        let Some(stored) = self.matches.get_mut(&id) else {
            return Claim::Missing;
        };
        if stored.ownership.epoch != expected || stored.ownership.status == Status::Finished {
            return Claim::Lost(stored.ownership);
        }
        stored.ownership.epoch = Epoch(expected.0 + 1);
        stored.ownership.owner = claimant;
        self.owned.insert((claimant, id));
        Claim::Claimed(Box::new(stored.checkpoint()))
    }

    pub(crate) fn hand_over(&mut self, given: &HandOver) -> HandedOver {
        self.hinted.insert((given.to, given.match_id));
        let Some(stored) = self.matches.get_mut(&given.match_id) else {
            return HandedOver::Missing;
        };
        let expected = Ownership {
            epoch: given.epoch,
            owner: given.from,
            status: Status::Live,
        };
        if stored.ownership != expected {
            return HandedOver::Fenced(stored.ownership);
        }
        let len = stored.log.len();
        if len != given.seq as usize {
            return HandedOver::OtherLength { len: len as u32 };
        }
        stored.ownership.epoch = given.epoch.next();
        stored.ownership.owner = given.to;
        stored.move_time = (len, given.move_time);
        self.owned.insert((given.to, given.match_id));
        HandedOver::Done
    }

    pub(crate) fn standing(&self, id: MatchId, seq: u32) -> Standing {
        let stored = self.matches.get(&id);
        stored.map_or(Standing::Missing, |stored| {
            let record = stored.log.iter().find(|event| event.seq == seq);
            Standing::Stored {
                ownership: stored.ownership,
                record: record.map(encode_record),
            }
        })
    }

    pub(crate) fn append(&mut self, append: &Append) -> Appended {
        let Some(stored) = self.matches.get_mut(&append.match_id) else {
            return Appended::Missing;
        };
        if (stored.ownership.epoch, stored.ownership.owner) != (append.epoch, append.owner) {
            return Appended::Fenced(stored.ownership);
        }
        let records: Vec<Event> = append
            .records
            .iter()
            .map(|record| decode_record(record).unwrap())
            .collect();
        let (after, len) = (append.after as usize, stored.log.len());
        if len < after {
            Appended::Rollback { len: len as u32 }
        } else if stored.log[after..].starts_with(&records) {
            Appended::Stored { duplicate: true }
        } else if len > after || stored.ownership.status == Status::Finished {
            Appended::Conflict { len: len as u32 }
        } else {
            stored.log.extend(records);
            if let Some(snapshot) = &append.snapshot {
                stored.snapshot = decode_snapshot(snapshot).unwrap();
            }
            if append.ends {
                stored.ownership.status = Status::Finished;
            }
            Appended::Stored { duplicate: false }
        }
    }

    pub(crate) fn heartbeat(&mut self, shard: &ShardRecord) {
        if !self.left.contains(&shard.id) {
            self.shards.insert(shard.id, shard.clone());
        }
    }

    /// Whether a store that names these sets may answer so: all that is recorded, and every shard whose
    /// set is not empty.
    pub(crate) fn allows_registry(&self, answer: &[Registered], sets: &[ShardId]) -> bool {
        let mut expected: BTreeMap<_, _> = self
            .shards
            .iter()
            .map(|(&id, record)| (id, Registered::Recorded(record.clone())))
            .collect();
        for &id in sets {
            expected.entry(id).or_insert(if self.left.contains(&id) {
                Registered::Left(id)
            } else {
                Registered::Absent(id)
            });
        }
        // An id that was named for a set may stay when the set is empty.
        let named = answer.iter().filter(|seen| {
            let is_bare = matches!(seen, Registered::Left(_) | Registered::Absent(_));
            !is_bare || sets.contains(&seen.id())
        });
        answer.is_sorted_by_key(Registered::id) && named.eq(expected.values())
    }

    pub(crate) fn leave(&mut self, shard: ShardId) {
        self.shards.remove(&shard);
        self.left.insert(shard);
    }

    pub(crate) fn deregister(&mut self, shard: ShardId) {
        self.shards.remove(&shard);
    }

    pub(crate) fn heartbeat_of(&self, shard: ShardId) -> Option<u64> {
        self.shards.get(&shard).map(|record| record.heartbeat)
    }

    /// Whether a store may answer so: it must not miss a match, and may name too many.
    pub(crate) fn allows_owned(&self, shard: ShardId, answer: &[MatchId]) -> bool {
        let of = |set: &BTreeSet<(ShardId, MatchId)>| {
            let own = set.iter().filter(|(owner, _)| *owner == shard);
            own.map(|(_, id)| *id).collect::<BTreeSet<_>>()
        };
        let answer: BTreeSet<_> = answer.iter().copied().collect();
        of(&self.owned).is_subset(&answer) && answer.is_subset(&of(&self.hinted))
    }

    pub(crate) fn disown(&mut self, shard: ShardId, id: MatchId, up_to: Epoch) {
        let stored = self.matches.get(&id).map(|stored| stored.ownership);
        let is_own = stored.is_some_and(|stored| {
            stored.owner == shard && stored.status == Status::Live && stored.epoch > up_to
        });
        if !is_own {
            self.owned.remove(&(shard, id));
        }
    }

    pub(crate) fn put_ticket(&mut self, ticket: &Ticket) {
        self.tickets
            .entry(ticket.id)
            .or_insert_with(|| ticket.clone());
    }

    pub(crate) fn ticket(&self, id: TicketId) -> Option<Ticket> {
        self.tickets.get(&id).cloned()
    }

    pub(crate) fn waiting(&self, pool: &str) -> Vec<Ticket> {
        let waits = |ticket: &&Ticket| {
            ticket.pool.as_deref() == Some(pool) && ticket.state == TicketState::Waiting
        };
        self.tickets.values().filter(waits).cloned().collect()
    }

    pub(crate) fn touch_ticket(&mut self, id: TicketId, now: UnixMillis) {
        if let Some(ticket) = self.waiting_ticket(id) {
            ticket.seen_at = now;
        }
    }

    pub(crate) fn cancel_ticket(&mut self, id: TicketId) -> bool {
        self.waiting_ticket(id)
            .map(|ticket| ticket.state = TicketState::Cancelled)
            .is_some()
    }

    pub(crate) fn assign_tickets(&mut self, ids: &[TicketId], assignment: &Assignment) -> bool {
        let states: Vec<_> = ids
            .iter()
            .map(|id| self.tickets.get(id).map(|t| &t.state))
            .collect();
        let given = |state: &Option<&TicketState>| match state {
            Some(TicketState::Assigned(given)) => given.match_id == assignment.match_id,
            _ => false,
        };
        if states.iter().all(given) {
            return true;
        }
        if states
            .iter()
            .any(|state| *state != Some(&TicketState::Waiting))
        {
            return false;
        }
        for id in ids {
            if let Some(ticket) = self.waiting_ticket(*id) {
                ticket.state = TicketState::Assigned(assignment.clone());
            }
        }
        true
    }

    fn waiting_ticket(&mut self, id: TicketId) -> Option<&mut Ticket> {
        self.tickets
            .get_mut(&id)
            .filter(|ticket| ticket.state == TicketState::Waiting)
    }
}
