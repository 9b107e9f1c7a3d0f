//! What processes ask of the store, and what becomes of it.

use game_core::{Epoch, MatchId, ShardId};
use rand::RngExt;
use store::{Append, Appended, Claim, Claiming, StoreError};

use super::hall::{Due, Hall, Input};
use super::process::Process;
use super::replica::Kept;
use super::time::At;
use crate::simulation::world::Breach;

impl Hall {
    /// Asks the store for a process; what becomes of the question is chance.
    pub(super) fn ask<T: 'static>(
        &mut self,
        process: &Process,
        kept: Kept,
        question: impl FnOnce(&mut Self) -> T + 'static,
        answer: impl FnOnce(&mut Process, &mut Self, Result<T, StoreError>) + 'static,
    ) {
        let id = process.id();
        let unreachable = self.now < self.store_down_until || self.now < process.isolated_until();
        let roll = if self.is_calm() {
            1_000
        } else {
            self.dice.random_range(0..1_000)
        };
        let there = self.now + self.dice.random_range(50..1_500);
        let back = self.dice.random_range(50..1_500);
        let failed = |at| (at, "no answer");
        let (effect_at, failure) = match roll {
            _ if unreachable => (None, Some(failed(self.now + 200_000))),
            0..10 => (None, Some(failed(there))),
            10..30 => (Some(there), Some(failed(there + back))),
            // The connection breaks, and what was sent arrives after the answer to its repetition.
            30..45 => {
                let late = self.dice.random_range(200_000..3_000_000);
                (Some(self.now + late), Some(failed(self.now + 150_000)))
            }
            45..55 => (
                Some(there + self.dice.random_range(10_000..2_000_000)),
                None,
            ),
            _ => (Some(there), None),
        };
        let mut answer = Some(answer);
        if let Some((at, why)) = failure {
            self.unanswered += 1;
            if let Some(answer) = answer.take() {
                self.at(at, unavailable(id, why, answer));
            }
        }
        let Some(at) = effect_at else { return };
        let server = self.replica.failovers;
        let effect = move |hall: &mut Self| {
            if hall.replica.failovers != server {
                // It goes to a server that is no more.
                if let Some(answer) = answer {
                    hall.unanswered += 1;
                    hall.at(hall.now + back, unavailable(id, "another server", answer));
                }
                return;
            }
            let done = question(hall);
            let Some(answer) = answer else { return };
            match hall.has_it_at(kept) {
                Ok(at) => {
                    let input: Input =
                        Box::new(move |process, hall| answer(process, hall, Ok(done)));
                    hall.at(at + back, Due::Input(id, input));
                }
                Err(at) => {
                    hall.unanswered += 1;
                    hall.at(at + back, unavailable(id, "no replica has it", answer));
                }
            }
        };
        self.at(at, Due::Effect(Box::new(effect)));
    }

    /// When the replica has what the store holds now; `Err` with when it is given up.
    fn has_it_at(&self, kept: Kept) -> Result<At, At> {
        if self.plan.breach == Some(Breach::NoReplica) {
            return Ok(self.now);
        }
        self.replica.has_it_at(kept, self.now)
    }

    /// Takes matches out of a shard's set, once the replica has their other owners too.
    pub(super) fn disown(&mut self, shard: ShardId, matches: &[(MatchId, Epoch)]) {
        if self.has_it_at(Kept::Twice) == Ok(self.now) {
            self.store.disown(shard, matches);
        }
    }

    pub(super) fn append(&mut self, append: &Append) -> Appended {
        let append = Breach::let_through(self.plan.breach, &self.store, append);
        let answer = self.store.append(&append);
        if append.ends && answer == (Appended::Stored { duplicate: false }) {
            let now = self.now;
            let course = self.courses.entry(append.match_id).or_default();
            course.ended_at = Some(now);
        }
        answer
    }

    pub(super) fn claimed(&mut self, id: MatchId, owner: ShardId) {
        let now = self.now;
        let course = self.courses.entry(id).or_default();
        course.claims.push((now, owner));
        let forgets = self.plan.breach == Some(Breach::Forgets) && course.claims.len() > 1;
        if forgets && let Some(stored) = self.store.stored_mut(id) {
            stored.truncate(stored.log().len().saturating_sub(1));
        }
    }

    /// Claims a match; what it holds is what the store has left.
    pub(super) fn claim(
        &mut self,
        claimant: ShardId,
        claim: &Claiming,
    ) -> Result<Claim, StoreError> {
        let id = claim.match_id;
        let answer = self.store.claim_with(claimant, claim)?;
        if !matches!(answer, Claim::Claimed(_)) {
            return Ok(answer);
        }
        self.claimed(id, claimant);
        if self.plan.breach != Some(Breach::Forgets) {
            return Ok(answer);
        }
        let left = self.store.load(id)?;
        Ok(left.map_or(Claim::Missing, |left| Claim::Claimed(Box::new(left))))
    }
}

/// The answer of a store that does not answer.
fn unavailable<T: 'static>(
    id: ShardId,
    why: &'static str,
    answer: impl FnOnce(&mut Process, &mut Hall, Result<T, StoreError>) + 'static,
) -> Due {
    let error = StoreError::Unavailable(why.to_owned());
    Due::Input(
        id,
        Box::new(move |process, hall| answer(process, hall, Err(error))),
    )
}
