//! A failover of the store: a replica takes over that may lack the newest writes.

use game_core::{MatchId, ShardId};
use rand::RngExt;
use store::Status;

use super::hall::{Due, Hall};
use super::replica::{Behind, Loss};
use super::time::At;

/// How long after the last failover everybody has compared what it has with the store: those that stood still or did not
/// reach it are back.
const SETTLED_AFTER: At = 12_000_000;

impl Hall {
    /// The replica receives nothing for a while; then it takes over, or catches up.
    pub(super) fn fall_behind(&mut self) {
        if self.replica.behind.is_some() {
            return;
        }
        let until = self.now + self.dice.random_range(1_000..1_500_000);
        self.replica.behind = Some(Behind {
            store: Box::new(self.store.clone()),
            until,
            takes_over: self.dice.random_range(0..5) > 0,
        });
        self.at(until, Due::Effect(Box::new(Self::behind_no_more)));
    }

    fn behind_no_more(&mut self) {
        let Some(behind) = self.replica.behind.take() else {
            return;
        };
        if !behind.takes_over {
            return;
        }
        let before = std::mem::replace(&mut self.store, *behind.store);
        self.replica.failovers += 1;
        let until = self.now + self.dice.random_range(50_000..3_000_000);
        self.store_down_until = self.store_down_until.max(until);
        for (id, was) in before.all() {
            let (log, is) = (was.log(), &self.store[id]);
            let kept = is.log().len();
            let course = self.courses.entry(*id).or_default();
            if is.ownership.status == Status::Live {
                course.ended_at = None;
            }
            if is.ownership != was.ownership {
                course.claims.push((self.now, is.ownership.owner));
            }
            if kept < log.len() {
                self.replica.losses.push(Loss {
                    match_id: *id,
                    at: self.now,
                    log,
                    kept,
                    holder: Some(was.ownership.owner).filter(|owner| self.holds(*owner, *id)),
                });
            }
        }
        for shard in self.records.values_mut() {
            shard.push(self.now);
        }
    }

    fn holds(&self, owner: ShardId, id: MatchId) -> bool {
        let owner = self.processes.get(&owner);
        owner.is_some_and(|process| process.shard.held().contains(&id))
    }

    /// How many events of a match were confirmed, or may have been.
    pub(super) fn confirmed(&self, id: MatchId) -> usize {
        let stored = self.store[&id].log().len();
        if self.replica.is_waited_for {
            let behind = self.replica.behind.as_ref();
            return behind.map_or(stored, |behind| behind.store[&id].log().len());
        }
        let lost = self.replica.losses_of(id).map(|loss| loss.log.len());
        lost.max().unwrap_or_default().max(stored)
    }

    /// Whether the store holds again what a failover had taken.
    pub(super) fn is_healed(&self, loss: &Loss) -> bool {
        self.store[&loss.match_id].log().starts_with(&loss.log)
    }

    /// Whether nobody has anything to put back any more.
    pub(super) fn has_settled(&self) -> bool {
        let losses = &self.replica.losses;
        let last = losses.iter().map(|loss| loss.at).max();
        let all_are_back = || losses.iter().all(|loss| self.is_healed(loss));
        last.is_none_or(|at| self.is_calm() && (all_are_back() || self.now >= at + SETTLED_AFTER))
    }
}
