//! How a match comes into memory: read, claimed, replayed. Creating and resuming are this one path.

use std::collections::HashMap;
use std::time::Duration;

use game_core::{MatchId, ShardId};
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
    /// The uptime at which loading began.
    since: Duration,
    /// It was another shard's.
    is_takeover: bool,
    /// The shards in whose sets it was found; it leaves them once it is settled whose it is.
    listed_by: Vec<ShardId>,
}

/// Matches whose stored state cannot be read or replayed: they are not tried again for a while.
#[derive(Debug, Default)]
pub(super) struct Unplayable(HashMap<MatchId, Duration>);

impl Unplayable {
    /// Long enough not to fill the log, short enough to notice that somebody mended the match.
    const NOT_AGAIN_FOR: Duration = Duration::from_secs(60);
    /// Beyond so many, all are tried again at once.
    const MAX: usize = 1_024;

    fn note(&mut self, id: MatchId, now: Now) {
        self.insert(id, now.uptime + Self::NOT_AGAIN_FOR);
    }

    /// Some of it that was confirmed is gone for good: this process does not play it again.
    pub(super) fn note_lost(&mut self, id: MatchId) {
        self.insert(id, Duration::MAX);
    }

    fn insert(&mut self, id: MatchId, until: Duration) {
        if self.0.len() >= Self::MAX {
            self.0.clear();
        }
        self.0.insert(id, until);
    }

    fn has(&mut self, id: MatchId, now: Now) -> bool {
        self.0.retain(|_, until| *until > now.uptime);
        self.0.contains_key(&id)
    }
}

impl Loading {
    fn is_wanted(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn forget(&mut self, peer: PeerKey) {
        self.waiting.retain(|&(waiting, _)| waiting != peer);
    }
}

/// A claim that others win so many times in a row is left to them.
const CLAIMS_MAX: u32 = 3;

impl Shard {
    /// Matches that the store names as assigned to this shard; those unknown here are loaded, so
    /// that their clocks are kept even if no player ever comes.
    pub fn assigned(&mut self, matches: Vec<MatchId>, now: Now) {
        for id in matches {
            if !self.by_id.contains_key(&id) {
                self.load_for(id, None, now);
            }
        }
    }

    /// Loads a match that was found in the set of `shard`, which is dead.
    pub(super) fn load_orphan(&mut self, id: MatchId, shard: ShardId, now: Now) {
        if self.by_id.contains_key(&id) {
            self.outputs.push_back(Output::Disown(shard, vec![id]));
            return;
        }
        self.load_for(id, None, now);
        if let Some(loading) = self.loading.get_mut(&id)
            && !loading.listed_by.contains(&shard)
        {
            loading.listed_by.push(shard);
        }
    }

    /// Begins to load a match, or lets one more peer wait for it.
    pub(super) fn load_for(&mut self, id: MatchId, peer: Option<(PeerKey, Option<u32>)>, now: Now) {
        if self.unplayable.has(id, now) {
            if let Some((peer, _)) = peer {
                self.close(peer, CloseCode::Internal);
            }
            return;
        }
        let in_memory = self.matches.len() + self.loading.len();
        if let Some(loading) = self.loading.get_mut(&id) {
            if loading.waiting.len() < self.limits.peers_per_match_max {
                loading.waiting.extend(peer);
                return;
            }
        } else if in_memory < self.limits.matches_max {
            let loading = self.loading.entry(id).or_default();
            loading.since = now.uptime;
            loading.waiting.extend(peer);
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
            Err(error) => self.not_loaded(id, &error, now),
            // A set may name it: it is about to be created, or never was.
            Ok(None) => self.settle_elsewhere(id, CloseCode::MatchNotFound),
            Ok(Some(checkpoint)) => match checkpoint.ownership {
                Ownership {
                    status: Status::Finished,
                    owner,
                    ..
                } => {
                    self.outputs.push_back(Output::Disown(owner, vec![id]));
                    if self.loading.get(&id).is_some_and(Loading::is_wanted) {
                        self.install(id, checkpoint, now);
                    } else {
                        self.settle_elsewhere(id, CloseCode::Done);
                    }
                }
                ownership => self.claim(id, ownership),
            },
        }
    }

    /// The answer to [`Output::Claim`].
    pub fn claimed(&mut self, id: MatchId, answer: Result<Claim, StoreError>, now: Now) {
        if self.by_id.contains_key(&id) {
            self.reclaimed(id, answer, now);
            return;
        }
        match answer {
            Err(error) => self.not_loaded(id, &error, now),
            Ok(Claim::Missing) => self.settle_elsewhere(id, CloseCode::MatchNotFound),
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
            self.outputs.push_back(Output::Disown(self.id, vec![id]));
            self.settle_elsewhere(id, CloseCode::NotOwner);
        } else if loading.claims == CLAIMS_MAX {
            self.give_up(id, CloseCode::NotOwner);
        } else {
            self.counters.takeovers += u64::from(owner != self.id && loading.claims == 0);
            loading.is_takeover |= owner != self.id;
            loading.claims += 1;
            self.outputs.push_back(Output::Claim(id, epoch));
        }
    }

    /// Puts a match into memory and seats all that wait for it.
    fn install(&mut self, id: MatchId, checkpoint: Checkpoint, now: Now) {
        let Some(loading) = self.loading.remove(&id) else {
            return;
        };
        let epoch = checkpoint.ownership.epoch;
        self.leave_lists(id, &loading);
        match LiveMatch::load(checkpoint, self.clock.at(now.uptime), &self.limits) {
            Ok(live) => {
                tracing::debug!(match_id = %id, %epoch, "match is in memory");
                let key = self.matches.insert(live);
                self.by_id.insert(id, key);
                if loading.is_takeover {
                    let took = now.uptime.saturating_sub(loading.since);
                    self.measured.takeovers.push(took);
                }
                for (peer, seen) in loading.waiting {
                    self.seat(peer, key, seen, now);
                }
                self.settle(key);
            }
            Err(error) => {
                tracing::error!(match_id = %id, %error, "a stored match does not replay");
                self.unplayable.note(id, now);
                for (peer, _) in loading.waiting {
                    self.close(peer, CloseCode::Internal);
                }
            }
        }
    }

    /// It is known that the match is not to be played here.
    fn settle_elsewhere(&mut self, id: MatchId, code: CloseCode) {
        let Some(loading) = self.loading.remove(&id) else {
            return;
        };
        self.leave_lists(id, &loading);
        self.send_away(loading, code);
    }

    /// It could not be found out whether the match is to be played here.
    fn give_up(&mut self, id: MatchId, code: CloseCode) {
        if let Some(loading) = self.loading.remove(&id) {
            self.send_away(loading, code);
        }
    }

    fn send_away(&mut self, loading: Loading, code: CloseCode) {
        for (peer, _) in loading.waiting {
            self.close(peer, code);
        }
    }

    fn leave_lists(&mut self, id: MatchId, loading: &Loading) {
        for &shard in &loading.listed_by {
            self.outputs.push_back(Output::Disown(shard, vec![id]));
        }
    }

    fn not_loaded(&mut self, id: MatchId, error: &StoreError, now: Now) {
        tracing::warn!(match_id = %id, %error, "a match cannot be loaded now");
        match error {
            StoreError::Unavailable(_) => self.give_up(id, CloseCode::StoreUnavailable),
            StoreError::Corrupt(_) | StoreError::Unfit(_) => {
                self.unplayable.note(id, now);
                self.give_up(id, CloseCode::Internal);
            }
        }
    }
}
