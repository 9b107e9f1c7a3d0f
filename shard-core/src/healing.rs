//! Writing confirmed events again, from memory, that the store has lost.

use game_core::{Epoch, MatchId};
use protocol::CloseCode;
use store::{Claim, Created, Ownership, Status, StoreError};

use super::live::len_of;
use super::{MatchKey, Now, Shard};

impl Shard {
    /// The log of a match has `len` records, and this shard owns it: writes the missing ones again.
    pub(super) fn heal(&mut self, key: MatchKey, len: u32) {
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        let (id, epoch, confirmed) = (live.id(), live.epoch(), live.confirmed_seq());
        #[cfg(feature = "sabotage")]
        if self.limits.sabotage == Some(super::Sabotage::Healing) && len < confirmed {
            return self.drop_match(key, CloseCode::NotOwner);
        }
        live.write_again(len);
        if len < confirmed {
            self.counters.healed += 1;
            tracing::error!(match_id = %id, %epoch, confirmed, stored = len,
                "the store lost confirmed events; they are written again from memory");
            // It lost those of other matches too.
            self.doubt.raise();
        }
        self.after_change(key);
    }

    /// The store has lost confirmed events of a match, or holds others, and memory cannot restore them: the
    /// match ends here.
    pub(super) fn lose(&mut self, key: MatchKey, why: &str) {
        let Some(live) = self.matches.get(key) else {
            return;
        };
        let (id, epoch, confirmed) = (live.id(), live.epoch(), live.confirmed_seq());
        self.counters.lost += 1;
        tracing::error!(match_id = %id, %epoch, confirmed, why,
            "the store does not hold what it confirmed, and it cannot be restored: the match is lost");
        self.unplayable.note_lost(id);
        self.doubt.raise();
        self.drop_match(key, CloseCode::Internal);
    }

    /// The store does not have a match that it had confirmed: creates it again, to be claimed above our epoch
    /// and written from memory.
    pub(super) fn restore(&mut self, key: MatchKey) {
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        let (id, epoch) = (live.id(), live.epoch());
        let beginning = live.beginning();
        // It lost others too.
        self.doubt.raise();
        if live.begin_reclaim() {
            tracing::error!(match_id = %id, %epoch, "the store lost a match; it is created again");
            self.outputs
                .push_back(super::Output::Create(Box::new(beginning)));
        }
    }

    /// The answer to [`Output::Create`](super::Output::Create). Whoever created it, its epoch has to rise
    /// above ours before anything is written.
    pub fn created(&mut self, id: MatchId, answer: Result<Created, StoreError>, now: Now) {
        if let Some(followed) = self.rematches.remove(&id) {
            self.rematch_made(id, followed, answer.is_ok(), now);
            return;
        }
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        live.end_reclaim();
        match answer {
            Ok(Created::New | Created::Exists(_)) => {
                let created = Ownership {
                    epoch: Epoch(0),
                    owner: self.id,
                    status: Status::Live,
                };
                self.reclaim(key, created);
            }
            // The next write or the next comparison will notice it again.
            Err(_) => {
                live.write_again(live.confirmed_seq());
                self.doubt.raise();
                self.after_change(key);
            }
        }
        self.write(now);
    }

    /// A match that follows another is in the store, or could not be made.
    fn rematch_made(&mut self, id: MatchId, followed: MatchKey, is_made: bool, now: Now) {
        if is_made {
            if !self.by_id.contains_key(&id) {
                self.load_listed(id, self.id, now);
            }
        } else if let Some(live) = self.matches.get_mut(followed) {
            live.rematch_failed(self.clock.at(now.uptime));
            self.after_change(followed);
        }
    }

    /// The store names an ownership before ours, or one of our own that we do not know: claims the match
    /// until its epoch is above ours, so that no peer that saw ours mistakes the new one for an older one.
    pub(super) fn reclaim(&mut self, key: MatchKey, stored: Ownership) {
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        let id = live.id();
        if stored.epoch < live.epoch() {
            self.doubt.raise();
        }
        if stored.owner != self.id && !self.registry.is_dead(stored.owner) {
            tracing::error!(match_id = %id, owner = %stored.owner, epoch = %stored.epoch,
                "the store went back to another live owner; the match is dropped here");
            self.counters.lost += 1;
            self.drop_match(key, CloseCode::NotOwner);
        } else if live.begin_reclaim() {
            self.requests.claim(live.claiming(stored.epoch));
        }
    }

    /// The answer to a claim of a match that is in memory.
    pub(super) fn reclaimed(&mut self, id: MatchId, answer: Result<Claim, StoreError>, now: Now) {
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let time = self.clock.at(now.uptime);
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        let is_kept = live.end_reclaim();
        match answer {
            Ok(Claim::Claimed(stored)) if stored.ownership.epoch <= live.epoch() => {
                self.reclaim(key, stored.ownership);
            }
            Ok(Claim::Claimed(stored)) if live.begins_with(&stored) => {
                live.renew(stored.ownership.epoch);
                let len = len_of(&stored);
                self.heal(key, len);
                if let Some(live) = self.matches.get_mut(key) {
                    live.stands_up_to(len, time, &self.limits);
                    self.after_change(key);
                }
            }
            Ok(Claim::Claimed(stored)) if live.goes_on_in(&stored, is_kept) => {
                tracing::warn!(match_id = %id, epoch = %stored.ownership.epoch,
                    "another shard has played this match on; it is read again");
                self.counters.fenced += 1;
                self.drop_match(key, CloseCode::NotOwner);
                self.load_listed(id, self.id, now);
            }
            Ok(Claim::Claimed(_)) => {
                self.lose(key, "other events stand where these were confirmed")
            }
            Ok(Claim::Lost(Ownership {
                status: Status::Finished,
                ..
            })) if live.is_over() => self.lose(key, "it has another end"),
            Ok(Claim::Lost(ownership))
                if ownership.status == Status::Live
                    && (ownership.epoch <= live.epoch() || ownership.owner == self.id) =>
            {
                self.reclaim(key, ownership);
            }
            Ok(Claim::Lost(_)) => {
                self.compare_after_all(key);
                self.drop_match(key, CloseCode::NotOwner);
            }
            Ok(Claim::Missing) => self.restore(key),
            // The next write or the next comparison will notice it again.
            Err(_) => {
                live.write_again(live.confirmed_seq());
                self.doubt.raise();
                self.after_change(key);
            }
        }
        self.write(now);
    }
}
