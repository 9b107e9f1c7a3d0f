//! How a match comes into memory: read, claimed, replayed. Creating and resuming are this one path.

use game_core::{Epoch, MatchId};
use protocol::CloseCode;
use store::{Checkpoint, Claim, Ownership, Status, StoreError};

use super::{LiveMatch, Now, Output, PeerKey, Shard};

/// A match on its way into memory.
#[derive(Debug, Default)]
pub(super) struct Loading {
    /// Who waits for it, with the last event each has seen.
    waiting: Vec<(PeerKey, Option<u32>)>,
    /// Claims made so far.
    claims: u32,
}

impl Loading {
    pub(super) fn forget(&mut self, peer: PeerKey) {
        self.waiting.retain(|&(waiting, _)| waiting != peer);
    }
}

/// A claim that others win so many times in a row is left to them.
const CLAIMS_MAX: u32 = 3;

impl Shard {
    /// Matches that the store names as assigned to this shard; those unknown here are loaded, so
    /// that their clocks are kept even if no player ever comes.
    pub fn assigned(&mut self, matches: Vec<MatchId>) {
        for id in matches {
            if !self.by_id.contains_key(&id) {
                self.load_for(id, None);
            }
        }
    }

    /// Begins to load a match, or lets one more peer wait for it.
    pub(super) fn load_for(&mut self, id: MatchId, peer: Option<(PeerKey, Option<u32>)>) {
        let in_memory = self.matches.len() + self.loading.len();
        if let Some(loading) = self.loading.get_mut(&id) {
            if loading.waiting.len() < self.limits.peers_per_match_max {
                loading.waiting.extend(peer);
                return;
            }
        } else if in_memory < self.limits.matches_max {
            self.loading.entry(id).or_default().waiting.extend(peer);
            self.outputs.push_back(Output::Load(id));
            return;
        }
        if let Some((peer, _)) = peer {
            self.close(peer, CloseCode::Full);
        }
    }

    /// The answer to [`Output::Load`].
    pub fn loaded(
        &mut self,
        id: MatchId,
        answer: Result<Option<Checkpoint>, StoreError>,
        now: Now,
    ) {
        match answer {
            Err(error) => self.give_up(id, refusal_of(&error, id)),
            // The set of this shard may name it: it is about to be created, or never was.
            Ok(None) => self.give_up(id, CloseCode::MatchNotFound),
            Ok(Some(checkpoint)) => match checkpoint.ownership {
                Ownership {
                    status: Status::Finished,
                    owner,
                    ..
                } => {
                    if owner == self.id {
                        self.outputs.push_back(Output::Disown(vec![id]));
                    }
                    self.install(id, checkpoint, now);
                }
                ownership => self.claim(id, ownership),
            },
        }
    }

    /// The answer to [`Output::Claim`].
    pub fn claimed(&mut self, id: MatchId, answer: Result<Claim, StoreError>, now: Now) {
        match answer {
            Err(error) => self.give_up(id, refusal_of(&error, id)),
            Ok(Claim::Missing) => self.give_up(id, CloseCode::MatchNotFound),
            Ok(Claim::Claimed(checkpoint)) => self.install(id, *checkpoint, now),
            // It ended in between: read how.
            Ok(Claim::Lost(Ownership {
                status: Status::Finished,
                ..
            })) => {
                self.outputs.push_back(Output::Load(id));
            }
            Ok(Claim::Lost(ownership)) => self.claim(id, ownership),
        }
    }

    /// Claims a live match, unless it is another live shard's.
    fn claim(&mut self, id: MatchId, Ownership { epoch, owner, .. }: Ownership) {
        let Some(loading) = self.loading.get_mut(&id) else {
            return;
        };
        let foreign = owner != self.id && !self.registry.is_dead(owner);
        if foreign {
            self.outputs.push_back(Output::Disown(vec![id]));
        }
        if foreign || loading.claims == CLAIMS_MAX {
            self.give_up(id, CloseCode::NotOwner);
        } else {
            loading.claims += 1;
            self.outputs.push_back(Output::Claim(id, epoch));
        }
    }

    /// Puts a match into memory and seats all that wait for it.
    fn install(&mut self, id: MatchId, checkpoint: Checkpoint, now: Now) {
        let Some(loading) = self.loading.remove(&id) else {
            return;
        };
        let epoch: Epoch = checkpoint.ownership.epoch;
        match LiveMatch::load(checkpoint, self.clock.at(now.uptime), &self.limits) {
            Ok(live) => {
                tracing::debug!(match_id = %id, %epoch, "match is in memory");
                let key = self.matches.insert(live);
                self.by_id.insert(id, key);
                for (peer, seen) in loading.waiting {
                    self.seat(peer, key, seen, now);
                }
                self.settle(key);
            }
            Err(error) => {
                tracing::error!(match_id = %id, %error, "a stored match does not replay");
                for (peer, _) in loading.waiting {
                    self.close(peer, CloseCode::Internal);
                }
            }
        }
    }

    fn give_up(&mut self, id: MatchId, code: CloseCode) {
        let Some(loading) = self.loading.remove(&id) else {
            return;
        };
        for (peer, _) in loading.waiting {
            self.close(peer, code);
        }
    }
}

fn refusal_of(error: &StoreError, id: MatchId) -> CloseCode {
    tracing::warn!(match_id = %id, %error, "a match cannot be loaded now");
    match error {
        StoreError::Unavailable(_) => CloseCode::StoreUnavailable,
        StoreError::Corrupt(_) | StoreError::Unfit(_) => CloseCode::Internal,
    }
}
