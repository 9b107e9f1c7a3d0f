//! What the simulated store holds: the contract of [`store::Store`] without faults, and what it did
//! when, for the checks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;
use game_core::{Epoch, Event, MatchId, ShardId, Snapshot};
use store::{
    Append, Appended, Checkpoint, Claim, Created, HandOver, HandedOver, MatchPage, Ownership,
    Registered, ScanCursor, ShardRecord, Standing, Status, codec,
};
use tokio::time::Instant;

/// A match in the store.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) ownership: Ownership,
    /// As it was created.
    pub(crate) first: Snapshot,
    snapshot: Snapshot,
    pub(crate) log: Vec<Bytes>,
    /// Length of the log at the last hand-over, and what had counted of the move after it.
    move_time: (usize, Duration),
    /// When each epoch began, and whose it was.
    pub(crate) claims: Vec<(Instant, ShardId)>,
    pub(crate) ended_at: Option<Instant>,
    /// The length of the log that some shard was told of.
    pub(crate) answered: usize,
}

/// How a store breaks the contract, for the checks of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breach {
    /// A write is not held to the end of the log.
    NoPositionCheck,
    /// A write is not held to the present epoch.
    NoEpochCheck,
    /// The last record is gone when the match is claimed again.
    Forgets,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    breach: Option<Breach>,
    pub(crate) matches: BTreeMap<MatchId, Stored>,
    pub(crate) registry: BTreeMap<ShardId, ShardRecord>,
    owned: BTreeMap<ShardId, BTreeSet<MatchId>>,
    left: BTreeSet<ShardId>,
    /// When each dead process died.
    pub(crate) deaths: BTreeMap<ShardId, Instant>,
}

impl World {
    pub(crate) fn new(breach: Option<Breach>) -> Self {
        Self {
            breach,
            ..Self::default()
        }
    }

    pub(crate) fn create(&mut self, owner: ShardId, snapshot: &Snapshot) -> Created {
        let id = snapshot.setup().id;
        if self.matches.contains_key(&id) {
            return Created::Exists;
        }
        self.owned.entry(owner).or_default().insert(id);
        let ownership = Ownership {
            epoch: Epoch(0),
            owner,
            status: Status::Live,
        };
        let stored = Stored {
            ownership,
            first: snapshot.clone(),
            snapshot: snapshot.clone(),
            log: Vec::new(),
            move_time: (0, Duration::ZERO),
            claims: Vec::new(),
            ended_at: None,
            answered: 0,
        };
        self.matches.insert(id, stored);
        Created::New
    }

    pub(crate) fn load(&self, id: MatchId) -> Option<Checkpoint> {
        self.matches.get(&id).map(Stored::checkpoint)
    }

    pub(crate) fn log(&self, id: MatchId) -> Vec<Event> {
        self.matches
            .get(&id)
            .map(Stored::events)
            .unwrap_or_default()
    }

    pub(crate) fn scan(&self, after: Option<ScanCursor>, limit: usize) -> MatchPage {
        let from = match after {
            Some(ScanCursor::After(id)) => Bound::Excluded(id),
            _ => Bound::Unbounded,
        };
        let mut rest = self.matches.range((from, Bound::Unbounded));
        let page = rest.by_ref().take(limit.max(1));
        let matches: Vec<_> = page.map(|(id, stored)| (*id, stored.ownership)).collect();
        let last = matches.last().map(|(id, _)| ScanCursor::After(*id));
        MatchPage {
            next: last.filter(|_| rest.next().is_some()),
            matches,
        }
    }

    pub(crate) fn claim(&mut self, id: MatchId, claimant: ShardId, expected: Epoch) -> Claim {
        let Some(stored) = self.matches.get_mut(&id) else {
            return Claim::Missing;
        };
        let ownership = &mut stored.ownership;
        if ownership.epoch != expected || ownership.status == Status::Finished {
            return Claim::Lost(*ownership);
        }
        ownership.epoch = expected.next();
        ownership.owner = claimant;
        stored.claims.push((Instant::now(), claimant));
        if self.breach == Some(Breach::Forgets) && stored.claims.len() > 1 {
            stored.log.pop();
        }
        self.owned.entry(claimant).or_default().insert(id);
        Claim::Claimed(Box::new(stored.checkpoint()))
    }

    pub(crate) fn hand_over(&mut self, given: &HandOver) -> HandedOver {
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
        stored.claims.push((Instant::now(), given.to));
        stored.move_time = (len, given.move_time);
        self.owned
            .entry(given.to)
            .or_default()
            .insert(given.match_id);
        HandedOver::Done
    }

    pub(crate) fn standing(&self, id: MatchId, seq: u32) -> Standing {
        let stored = self.matches.get(&id);
        stored.map_or(Standing::Missing, |stored| {
            let index = seq.checked_sub(1).map(|index| index as usize);
            Standing::Stored {
                ownership: stored.ownership,
                record: index.and_then(|index| stored.log.get(index)).cloned(),
            }
        })
    }

    pub(crate) fn append(&mut self, append: &Append) -> Appended {
        let Some(stored) = self.matches.get_mut(&append.match_id) else {
            return Appended::Missing;
        };
        let current = (stored.ownership.epoch, stored.ownership.owner);
        let fenced = current != (append.epoch, append.owner);
        if fenced && self.breach != Some(Breach::NoEpochCheck) {
            return Appended::Fenced(stored.ownership);
        }
        let (len, after) = (stored.log.len(), append.after as usize);
        let stored_len = len as u32;
        let has_place = self.breach != Some(Breach::NoPositionCheck);
        if has_place && len < after {
            return Appended::Rollback { len: stored_len };
        }
        if has_place && len > after {
            return if stored.log[after..].starts_with(&append.records) {
                Appended::Stored { duplicate: true }
            } else {
                Appended::Conflict { len: stored_len }
            };
        }
        if stored.ownership.status == Status::Finished {
            return Appended::Conflict { len: stored_len };
        }
        stored.log.extend(append.records.iter().cloned());
        if let Some(snapshot) = &append.snapshot {
            stored.snapshot = codec::decode_snapshot(snapshot).expect("a snapshot");
        }
        if append.ends {
            stored.ownership.status = Status::Finished;
            stored.ended_at = Some(Instant::now());
        }
        Appended::Stored { duplicate: false }
    }

    pub(crate) fn heartbeat(&mut self, record: ShardRecord) -> Vec<Registered> {
        if !self.left.contains(&record.id) {
            self.registry.insert(record.id, record);
        }
        self.shards()
    }

    /// All that is recorded, and every shard whose set is not empty.
    pub(crate) fn shards(&self) -> Vec<Registered> {
        let recorded = self.registry.iter();
        let mut shards: BTreeMap<_, _> = recorded
            .map(|(&id, record)| (id, Registered::Recorded(record.clone())))
            .collect();
        for (&id, _) in self.owned.iter().filter(|(_, set)| !set.is_empty()) {
            shards.entry(id).or_insert(if self.left.contains(&id) {
                Registered::Left(id)
            } else {
                Registered::Absent(id)
            });
        }
        shards.into_values().collect()
    }

    pub(crate) fn leave(&mut self, shard: ShardId) -> usize {
        self.registry.remove(&shard);
        self.left.insert(shard);
        self.owned(shard).len()
    }

    pub(crate) fn deregister(&mut self, shard: ShardId, heartbeat: Option<u64>) -> bool {
        let known = self.registry.get(&shard).map(|record| record.heartbeat);
        let goes = known == heartbeat && self.owned(shard).is_empty();
        if goes {
            self.registry.remove(&shard);
        }
        goes
    }

    pub(crate) fn owned(&self, shard: ShardId) -> Vec<MatchId> {
        let owned = self.owned.get(&shard);
        owned.into_iter().flatten().copied().collect()
    }

    pub(crate) fn disown(&mut self, shard: ShardId, matches: &[(MatchId, Epoch)]) {
        for (id, up_to) in matches {
            let stored = self.matches.get(id).map(|stored| stored.ownership);
            let is_own = stored.is_some_and(|stored| {
                stored.owner == shard && stored.status == Status::Live && stored.epoch > *up_to
            });
            if let Some(owned) = self.owned.get_mut(&shard).filter(|_| !is_own) {
                owned.remove(id);
            }
        }
    }

    /// Notes that a shard was told of the first `len` records.
    pub(crate) fn answered(&mut self, id: MatchId, len: usize) {
        if let Some(stored) = self.matches.get_mut(&id) {
            stored.answered = stored.answered.max(len);
        }
    }
}

impl Stored {
    pub(crate) fn events(&self) -> Vec<Event> {
        let decode = |record: &Bytes| codec::decode_record(record).expect("a record");
        self.log.iter().map(decode).collect()
    }

    fn checkpoint(&self) -> Checkpoint {
        let tail = self.events().split_off(self.snapshot.seq() as usize);
        Checkpoint {
            ownership: self.ownership,
            snapshot: self.snapshot.clone(),
            tail,
            move_time: match self.move_time {
                (len, counted) if len == self.log.len() => counted,
                _ => Duration::ZERO,
            },
        }
    }
}
