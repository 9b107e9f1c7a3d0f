//! What the simulated store holds: the model of a store, ways to break its contract, and what was done when, for
//! the checks.

use std::collections::BTreeMap;

use game_core::{MatchId, ShardId, Snapshot};
use store::testing::Model;
use store::{Append, Appended, Claim, Claiming, Created, HandOver, HandedOver, StoreError};
use tokio::time::Instant;

/// How a store breaks the contract, for the checks of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// A write is not held to the end of the log.
    NoPositionCheck,
    /// A write is not held to the present epoch.
    NoEpochCheck,
    /// The last record is gone when the match is claimed again.
    Forgets,
    /// What waits for a replica is answered before it has it. Of the machines alone: no other store here has a replica.
    NoReplica,
}

impl Breach {
    /// The write that passes the check that the breach takes out.
    pub(crate) fn let_through(breach: Option<Self>, model: &Model, append: &Append) -> Append {
        let mut append = append.clone();
        if let Some(stored) = model.stored(append.match_id) {
            match breach {
                Some(Self::NoPositionCheck) => append.after = stored.log().len() as u32,
                Some(Self::NoEpochCheck) => {
                    append.owner = stored.ownership.owner;
                    append.epoch = stored.ownership.epoch;
                }
                Some(Self::Forgets | Self::NoReplica) | None => {}
            }
        }
        append
    }
}

/// What was done to a match, and when.
#[derive(Debug, Default)]
pub(crate) struct Course {
    /// When each epoch began, and whose it was.
    pub(crate) claims: Vec<(Instant, ShardId)>,
    pub(crate) ended_at: Option<Instant>,
    /// The length of the log that some shard was told of.
    pub(crate) answered: usize,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    breach: Option<Breach>,
    pub(crate) model: Model,
    /// One for each match of the model.
    pub(crate) courses: BTreeMap<MatchId, Course>,
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
        self.courses.entry(snapshot.setup().id).or_default();
        self.model.create(owner, snapshot)
    }

    pub(crate) fn claim_with(
        &mut self,
        claimant: ShardId,
        claim: &Claiming,
    ) -> Result<Claim, StoreError> {
        let id = claim.match_id;
        let claim = self.model.claim_with(claimant, claim)?;
        if !matches!(claim, Claim::Claimed(_)) {
            return Ok(claim);
        }
        let course = self.courses.entry(id).or_default();
        course.claims.push((Instant::now(), claimant));
        if self.breach != Some(Breach::Forgets) || course.claims.len() == 1 {
            return Ok(claim);
        }
        if let Some(stored) = self.model.stored_mut(id) {
            stored.truncate(stored.log().len().saturating_sub(1));
        }
        let left = self.model.load(id)?;
        Ok(left.map_or(Claim::Missing, |left| Claim::Claimed(Box::new(left))))
    }

    pub(crate) fn hand_over(&mut self, given: &HandOver) -> HandedOver {
        let answer = self.model.hand_over(given);
        if answer == HandedOver::Done {
            let course = self.courses.entry(given.match_id).or_default();
            course.claims.push((Instant::now(), given.to));
        }
        answer
    }

    pub(crate) fn append(&mut self, append: &Append) -> Appended {
        let answer = self
            .model
            .append(&Breach::let_through(self.breach, &self.model, append));
        if append.ends && answer == (Appended::Stored { duplicate: false }) {
            let course = self.courses.entry(append.match_id).or_default();
            course.ended_at = Some(Instant::now());
        }
        answer
    }

    /// Notes that a shard was told of the first `len` records.
    pub(crate) fn answered(&mut self, id: MatchId, len: usize) {
        if let Some(course) = self.courses.get_mut(&id) {
            course.answered = course.answered.max(len);
        }
    }
}
