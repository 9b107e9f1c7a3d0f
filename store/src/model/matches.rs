//! A match of the model: its owner, its log and its newest snapshot.

use bytes::Bytes;
use game_core::{Epoch, MatchId, ShardId, Snapshot};

use crate::append::{Append, Appended};
use crate::chat::{CHAT_LINES_MAX, ChatLine, ChatRoom, Chats};
use crate::checkpoint;
use crate::codec::{self, MoveTime};
use crate::contract::{
    Checkpoint, Claim, Claiming, HandOver, HandedOver, MatchHead, Standing, Tenure,
};
use crate::error::StoreError;
use crate::ownership::{Ownership, Status};

/// A stored match.
#[derive(Debug, Clone)]
pub struct StoredMatch {
    /// Who may write it.
    pub ownership: Ownership,
    /// Encoded, of the state after `snapshot_seq` records.
    pub(crate) snapshot: Bytes,
    pub(crate) snapshot_seq: u32,
    /// Encoded; the record at index n has seq n + 1.
    pub(crate) log: Vec<Bytes>,
    /// The time used on the current move at the last hand-over or claim.
    move_time: Option<MoveTime>,
    /// Since when the present owner has it, if it has claimed it.
    tenure: Option<Tenure>,
    pub(super) chats: Chats,
}

impl StoredMatch {
    pub(super) fn new(owner: ShardId, snapshot: &Snapshot) -> Self {
        Self {
            ownership: Ownership {
                epoch: Epoch(0),
                owner,
                status: Status::Live,
            },
            snapshot: codec::encode_snapshot(snapshot),
            snapshot_seq: 0,
            log: Vec::new(),
            move_time: None,
            tenure: None,
            chats: Chats::default(),
        }
    }

    /// Adds a line to a room, unless it is there already.
    pub(super) fn say(&mut self, room: ChatRoom, line: &ChatLine) {
        let lines = match room {
            ChatRoom::Seats => &mut self.chats.seats,
            ChatRoom::Spectators => &mut self.chats.spectators,
        };
        if !lines.contains(line) {
            lines.push(line.clone());
            let old = lines.len().saturating_sub(CHAT_LINES_MAX);
            lines.drain(..old);
        }
    }

    pub(super) fn checkpoint(&self, id: MatchId) -> Result<Checkpoint, StoreError> {
        self.checkpoint_under(self.ownership, id)
    }

    fn checkpoint_under(
        &self,
        ownership: Ownership,
        id: MatchId,
    ) -> Result<Checkpoint, StoreError> {
        let tail = self.log[self.snapshot_seq as usize..].iter();
        checkpoint::assemble(
            id,
            ownership,
            self.snapshot_seq,
            &self.snapshot,
            tail.map(Bytes::as_ref),
            self.move_time,
        )
    }

    pub(super) fn claim(
        &mut self,
        claimant: ShardId,
        claim: &Claiming,
    ) -> Result<Claim, StoreError> {
        let current = self.ownership;
        if current.epoch != claim.expected || current.status != claim.status {
            return Ok(Claim::Lost(current));
        }
        let claimed = Ownership {
            epoch: claim.expected.next(),
            owner: claimant,
            ..current
        };
        let len = self.log.len() as u32;
        let (tenure, move_time) = codec::tenure_of(claim, len, self.move_time);
        let before = (self.tenure, self.move_time);
        (self.tenure, self.move_time) = (tenure, move_time);
        match self.checkpoint_under(claimed, claim.match_id) {
            Ok(checkpoint) => {
                self.ownership = claimed;
                Ok(Claim::Claimed(Box::new(checkpoint)))
            }
            Err(error) => {
                (self.tenure, self.move_time) = before;
                Err(error)
            }
        }
    }

    pub(super) fn head(&self, id: MatchId) -> Result<MatchHead, StoreError> {
        let last = self.log.last().map(Bytes::as_ref);
        checkpoint::head(id, self.ownership, last, self.tenure, self.move_time)
    }

    pub(super) fn hand_over(&mut self, given: &HandOver) -> HandedOver {
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
        self.tenure = None;
        HandedOver::Done
    }

    pub(super) fn standing(&self, seq: u32) -> Standing {
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

    pub(super) fn append(&mut self, append: &Append) -> Appended {
        // Before the position: a former owner must not count its retransmission as confirmed.
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
        let is_finished = self.ownership.status == Status::Finished;
        if len > append.after || is_finished != append.is_aftermath {
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
