//! A store that lost confirmed events is given them again, from memory.

use game_core::MatchId;
use protocol::CloseCode;
use store::{Claim, Ownership, StoreError};

use super::{MatchKey, Now, Output, Shard};

impl Shard {
    /// The log of a match is shorter than this shard knows it to be: writes again what is missing.
    pub(super) fn heal(&mut self, key: MatchKey, len: u32) {
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        let (id, epoch, confirmed) = (live.id(), live.epoch(), live.confirmed_seq());
        if live.write_again(len) {
            self.counters.healed += 1;
            tracing::error!(match_id = %id, %epoch, confirmed, stored = len,
                "the store lost confirmed events; they are written again from memory");
            self.settle(key);
        } else {
            self.counters.conflicts += 1;
            tracing::error!(match_id = %id, %epoch, confirmed, stored = len,
                "the store lost more confirmed events than are in memory; the match is dropped here");
            self.drop_match(key, CloseCode::Internal);
        }
    }

    /// The store went back to an ownership before ours: claims the match until its epoch is above
    /// ours, so that nobody who saw ours takes the new one for old.
    pub(super) fn reclaim(&mut self, key: MatchKey, stored: Ownership) {
        let Some(live) = self.matches.get(key) else {
            return;
        };
        let id = live.id();
        if stored.owner != self.id && !self.registry.is_dead(stored.owner) {
            tracing::error!(match_id = %id, owner = %stored.owner, epoch = %stored.epoch,
                "the store went back to another live owner; the match is dropped here");
            self.drop_match(key, CloseCode::NotOwner);
        } else {
            self.outputs.push_back(Output::Claim(id, stored.epoch));
        }
    }

    /// The answer to a claim of a match that is in memory.
    pub(super) fn reclaimed(&mut self, id: MatchId, answer: Result<Claim, StoreError>, now: Now) {
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        match answer {
            Ok(Claim::Claimed(stored)) if stored.ownership.epoch > live.epoch() => {
                live.renew(stored.ownership.epoch);
                let len = stored
                    .tail
                    .last()
                    .map_or_else(|| stored.snapshot.seq(), |e| e.seq);
                self.heal(key, len);
            }
            Ok(Claim::Claimed(stored)) => self.reclaim(key, stored.ownership),
            Ok(Claim::Lost(ownership)) if ownership.epoch <= live.epoch() => {
                self.reclaim(key, ownership);
            }
            Ok(Claim::Lost(_) | Claim::Missing) => self.drop_match(key, CloseCode::NotOwner),
            // The next write finds out again.
            Err(_) => {
                live.write_again(live.confirmed_seq());
                self.settle(key);
            }
        }
        self.write(now);
    }
}
