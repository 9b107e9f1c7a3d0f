//! What only tests may do with the model: inspect it, and remove data from it.

use std::ops::Index;

use bytes::Bytes;
use game_core::{Epoch, Event, Match, MatchId, ShardId, Snapshot};

use crate::codec;
use crate::contract::{Claim, Claiming};
use crate::error::StoreError;
use crate::model::{Model, StoredMatch};

impl Model {
    /// All matches, by id.
    pub fn all(&self) -> impl Iterator<Item = (&MatchId, &StoredMatch)> {
        self.matches.iter()
    }

    /// A claim that leaves the stored time of the move as it is.
    ///
    /// # Errors
    ///
    /// As the contract has it.
    pub fn claim(
        &mut self,
        id: MatchId,
        claimant: ShardId,
        expected: Epoch,
    ) -> Result<Claim, StoreError> {
        self.claim_with(claimant, &Claiming::new(id, expected))
    }

    /// One match.
    #[must_use]
    pub fn stored(&self, id: MatchId) -> Option<&StoredMatch> {
        self.matches.get(&id)
    }

    /// One match, to be changed outside the contract.
    pub fn stored_mut(&mut self, id: MatchId) -> Option<&mut StoredMatch> {
        self.matches.get_mut(&id)
    }

    /// Loses a match altogether.
    pub fn lose(&mut self, id: MatchId) {
        self.matches.remove(&id);
    }

    /// All records of a match from seq 1; none if there is no such match.
    #[must_use]
    pub fn log(&self, id: MatchId) -> Vec<Event> {
        self.stored(id).map(StoredMatch::log).unwrap_or_default()
    }

    /// Whether a shard has left for good.
    #[must_use]
    pub fn has_left(&self, shard: ShardId) -> bool {
        self.registry.has_left(shard)
    }
}

/// # Panics
///
/// If there is no such match.
impl Index<&MatchId> for Model {
    type Output = StoredMatch;

    fn index(&self, id: &MatchId) -> &StoredMatch {
        &self.matches[id]
    }
}

impl StoredMatch {
    /// All records, whatever seqs they have.
    ///
    /// # Panics
    ///
    /// If one of them is no record.
    #[must_use]
    pub fn log(&self) -> Vec<Event> {
        let decode = |record: &Bytes| codec::decode_record(record).expect("a record");
        self.log.iter().map(decode).collect()
    }

    /// The match as it was created.
    ///
    /// # Panics
    ///
    /// If the newest snapshot is none.
    #[must_use]
    pub fn first_snapshot(&self) -> Snapshot {
        let newest = codec::decode_snapshot(&self.snapshot).expect("a snapshot");
        Match::new(newest.setup().clone()).snapshot()
    }

    /// Loses all records after the first `len`, and with them the snapshots that were made of them.
    pub fn truncate(&mut self, len: usize) {
        self.log.truncate(len);
        if self.snapshot_seq as usize > self.log.len() {
            self.snapshot = codec::encode_snapshot(&self.first_snapshot());
            self.snapshot_seq = 0;
        }
    }

    /// Has its records as a program of the version before wrote them.
    pub fn become_former(&mut self) {
        self.log = self.log().iter().map(codec::encode_former_record).collect();
    }

    /// Adds a record without any check.
    pub fn push(&mut self, event: &Event) {
        self.log.push(codec::encode_record(event));
    }
}
