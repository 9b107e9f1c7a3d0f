//! How a match comes into memory: read, claimed, replayed. Creating and resuming are this one path.

use std::collections::HashMap;
use std::time::Duration;

use game_core::{Epoch, MatchId, ShardId};
use protocol::CloseCode;
use store::{
    ANY_EPOCH, Checkpoint, Claim, Claiming, MatchHead, Ownership, Status, StoreError, Tenure,
};

use super::{LiveMatch, Now, Output, PeerKey, Shard};
use crate::Uptime;

/// A match on its way into memory.
#[derive(Debug, Default)]
pub(super) struct Loading {
    /// The peers that wait for it, with the last event that each has seen.
    waiting: Vec<(PeerKey, Option<u32>)>,
    /// Claims made so far.
    claims: u32,
    /// The uptime at which loading began.
    since: Uptime,
    /// Whether another shard owned it before.
    is_takeover: bool,
    /// The shards in whose sets it was found; it is removed from those that do not own it, once the owner is
    /// known.
    listed_by: Vec<ShardId>,
    stage: Stage,
    /// It was requested in bulk.
    is_bulk: bool,
}

/// What a match on its way into memory waits for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its turn among many.
    #[default]
    Queued,
    /// The store.
    Asked,
    /// The proof that its owner is dead, or alive.
    Suspect(ShardId),
}

/// Matches whose stored state cannot be read or replayed: they are not tried again for a while.
#[derive(Debug, Default)]
pub(super) struct UnplayableMatches(HashMap<MatchId, Uptime>);

impl UnplayableMatches {
    /// Long enough not to fill the log, short enough to notice a repaired match.
    const NOT_AGAIN_FOR: Duration = Duration::from_secs(60);
    /// Upper bound on the entries; beyond it, all are tried again at once.
    const MAX: usize = 1_024;

    fn note(&mut self, id: MatchId, now: Now) {
        self.insert(id, now.uptime + Self::NOT_AGAIN_FOR);
    }

    /// Confirmed events are lost for good: this process does not play it again.
    pub(super) fn note_lost(&mut self, id: MatchId) {
        self.insert(id, Uptime::NEVER);
    }

    fn insert(&mut self, id: MatchId, until: Uptime) {
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

/// Matches that cannot be played here now, and the sets that name them: while a set names a match, it is
/// checked again with exponential backoff.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(HashMap<(MatchId, ShardId), Pause>);

#[derive(Debug)]
struct Pause {
    /// When it was first found so.
    since: Uptime,
    until: Uptime,
    /// It is not in the store; else it is another live shard's.
    is_missing: bool,
}

impl Elsewhere {
    /// The first delay: that between two reads of the shard's own set.
    const PAUSE_MIN: Duration = Duration::from_millis(900);
    /// Upper bound on the delay: how long a match that is handed over may wait for its new owner.
    const PAUSE_MAX: Duration = Duration::from_secs(10);
    /// A match that a set names and that does not exist is about to be created, or its creator died. After
    /// this time the creator counts as dead; if it creates the match after all, it adds it to the set again.
    const MISSING_FOR: Duration = Duration::from_secs(60);
    /// Upper bound on the entries; beyond it, all are checked again at once.
    const MAX: usize = 16_384;

    /// Records that a match in the set of `shard` cannot be played here. Returns whether it has been missing
    /// for so long that it will not be created any more.
    fn note(&mut self, id: MatchId, shard: ShardId, is_missing: bool, now: Now) -> bool {
        let now = now.uptime;
        if self.0.len() >= Self::MAX {
            self.0.clear();
        }
        let begins = Pause {
            since: now,
            until: now,
            is_missing,
        };
        let pause = self.0.entry((id, shard)).or_insert(begins);
        // It was not checked for a while: the entry is out of date.
        if pause.is_missing != is_missing || pause.until + 2 * Self::PAUSE_MAX < now {
            pause.since = now;
            pause.is_missing = is_missing;
        }
        let so_far = now.since(pause.since);
        pause.until = now + so_far.clamp(Self::PAUSE_MIN, Self::PAUSE_MAX);
        is_missing && so_far >= Self::MISSING_FOR
    }

    fn has(&self, id: MatchId, shard: ShardId, now: Now) -> bool {
        let pause = self.0.get(&(id, shard));
        pause.is_some_and(|pause| pause.until > now.uptime)
    }
}

impl Loading {
    fn is_wanted(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn is_listed_by(&mut self, shards: [ShardId; 2]) {
        self.listed_by.extend(shards);
        self.listed_by.sort_unstable();
        self.listed_by.dedup();
    }

    pub(super) fn forget(&mut self, peer: PeerKey) {
        self.waiting.retain(|&(waiting, _)| waiting != peer);
    }
}

/// Upper bound on successive claims of one match that other shards win.
const CLAIMS_MAX: u32 = 3;

impl Shard {
    /// Matches that the store names as assigned to this shard; those unknown here are loaded, so
    /// that their clocks are kept even if no player ever comes.
    pub fn assigned(&mut self, matches: Vec<MatchId>, now: Now) {
        let mut no_room = 0;
        for id in matches {
            if !self.by_id.contains_key(&id) {
                let is_full = self.in_memory() >= self.limits.matches_max;
                no_room += usize::from(is_full && !self.loading.contains_key(&id));
                self.load_listed(id, self.id, now);
            }
        }
        if no_room > 0 {
            tracing::warn!(
                matches = no_room,
                "memory is full: matches wait to be loaded"
            );
        }
    }

    /// Loads a match that was found in the set of `shard`, which is this shard or a dead one.
    pub(super) fn load_listed(&mut self, id: MatchId, shard: ShardId, now: Now) {
        if let Some(live) = self.by_id.get(&id).and_then(|&key| self.matches.get(key)) {
            self.requests.disown(shard, id, live.epoch());
            return;
        }
        if self.elsewhere.has(id, shard, now) && !self.loading.contains_key(&id) {
            return;
        }
        self.load_for(id, None, now);
        if let Some(loading) = self.loading.get_mut(&id)
            && !loading.listed_by.contains(&shard)
        {
            loading.listed_by.push(shard);
        }
    }

    /// Matches in memory, and on their way there.
    fn in_memory(&self) -> usize {
        self.matches.len() + self.loading.len()
    }

    /// Begins to load a match, or adds a peer to those that wait for it.
    pub(super) fn load_for(&mut self, id: MatchId, peer: Option<(PeerKey, Option<u32>)>, now: Now) {
        if self.unplayable.has(id, now) {
            if let Some((peer, _)) = peer {
                self.close(peer, CloseCode::Internal);
            }
            return;
        }
        let in_memory = self.in_memory();
        if let Some(loading) = self.loading.get_mut(&id) {
            if loading.waiting.len() < self.limits.peers_per_match_max {
                // Who waits for it gets it before the many that nobody waits for.
                if peer.is_some() && loading.stage == Stage::Queued {
                    loading.stage = Stage::Asked;
                    self.requests.want(id);
                }
                loading.waiting.extend(peer);
                return;
            }
        } else if in_memory < self.limits.matches_max {
            let loading = self.loading.entry(id).or_default();
            loading.since = now.uptime;
            if peer.is_some() {
                loading.stage = Stage::Asked;
                self.requests.want(id);
            } else {
                self.requests.want_in_bulk(id);
            }
            loading.waiting.extend(peer);
            return;
        }
        if let Some((peer, _)) = peer {
            self.close(peer, CloseCode::Full);
        }
    }

    /// The next request about many matches, if there is one.
    pub(super) fn next_request(&mut self) -> Option<Output> {
        let Self {
            requests, loading, ..
        } = self;
        requests.next(|id| {
            let queued = loading.get_mut(&id);
            let queued = queued.filter(|loading| loading.stage == Stage::Queued);
            queued.is_some_and(|loading| {
                loading.stage = Stage::Asked;
                loading.is_bulk = true;
                true
            })
        })
    }

    /// Whether matches that were found in the set of `shard` are on their way into memory.
    pub(super) fn is_loading_from(&self, shard: ShardId) -> bool {
        let mut loading = self.loading.values();
        loading.any(|loading| loading.listed_by.contains(&shard))
    }

    /// Ends the loading of a match.
    fn take_loading(&mut self, id: MatchId) -> Option<Loading> {
        let loading = self.loading.remove(&id)?;
        if loading.is_bulk {
            self.requests.bulk_done();
        }
        Some(loading)
    }

    /// The answer to [`Output::ReadHeads`], in its order.
    pub fn heads_read(
        &mut self,
        ids: &[MatchId],
        answers: Vec<Result<Option<MatchHead>, StoreError>>,
        now: Now,
    ) {
        for (&id, answer) in ids.iter().zip(answers) {
            match answer {
                Err(error) => self.not_loaded(id, &error, now),
                Ok(None) => self.missing(id, now),
                Ok(Some(head)) if head.ownership.status == Status::Finished => {
                    self.take_ended(id, head.ownership);
                }
                Ok(Some(head)) => self.claim(id, &head, now),
            }
        }
    }

    /// A match that has ended is read; for its players it is claimed if its owner is dead, as they may agree on a
    /// rematch, and one shard only may answer that.
    fn take_ended(&mut self, id: MatchId, ended: Ownership) {
        let Ownership { epoch, owner, .. } = ended;
        let is_orphan = owner != self.id && self.registry.is_dead(owner);
        let Self { peers, loading, .. } = self;
        let Some(loading) = loading.get_mut(&id) else {
            return;
        };
        let is_of_players = loading.waiting.iter().any(|&(peer, _)| {
            let peer = peers.get(peer);
            peer.is_some_and(|peer| peer.role.seat().is_some())
        });
        if is_orphan && is_of_players && loading.claims < CLAIMS_MAX {
            loading.claims += 1;
            loading.is_listed_by([owner, self.id]);
            self.requests.claim(Claiming {
                status: Status::Finished,
                ..Claiming::new(id, epoch)
            });
        } else {
            self.outputs.push_back(Output::Load(id));
        }
    }

    /// The answer to [`Output::Load`].
    pub fn loaded(
        &mut self,
        id: MatchId,
        answer: Result<Option<Checkpoint>, StoreError>,
        now: Now,
    ) {
        let checkpoint = match answer {
            Err(error) => return self.not_loaded(id, &error, now),
            Ok(None) => return self.missing(id, now),
            Ok(Some(checkpoint)) => checkpoint,
        };
        if checkpoint.ownership.status == Status::Live {
            // The store went back to before its end.
            return self.read_head_again(id);
        }
        if let Some(loading) = self.loading.get_mut(&id) {
            loading.is_listed_by([checkpoint.ownership.owner, self.id]);
        }
        if self.loading.get(&id).is_some_and(Loading::is_wanted) {
            self.install(id, checkpoint, now);
        } else {
            self.record_elsewhere(id, CloseCode::Done, ANY_EPOCH, now);
        }
    }

    /// What was read of a match before is out of date.
    fn read_head_again(&mut self, id: MatchId) {
        if let Some(loading) = self.loading.get_mut(&id) {
            loading.stage = Stage::Asked;
            self.requests.want(id);
        }
    }

    /// The registry was read: matches whose owners were suspected are looked at again once that is decided.
    pub(super) fn look_at_suspects_again(&mut self) {
        let suspects: Vec<_> = self.registry.suspects().collect();
        let decided = self.loading.iter_mut().filter_map(|(&id, loading)| {
            let Stage::Suspect(owner) = loading.stage else {
                return None;
            };
            let is_decided = !suspects.contains(&owner);
            is_decided.then(|| {
                loading.stage = Stage::Asked;
                id
            })
        });
        let mut decided: Vec<_> = decided.collect();
        // In the same order whenever the same happens.
        decided.sort_unstable();
        decided.into_iter().for_each(|id| self.requests.want(id));
    }

    /// The answer to [`Output::Claim`].
    pub fn claimed(&mut self, id: MatchId, answer: Result<Claim, StoreError>, now: Now) {
        if self.by_id.contains_key(&id) {
            self.reclaimed(id, answer, now);
            return;
        }
        match answer {
            Err(error) => self.not_loaded(id, &error, now),
            Ok(Claim::Missing) => self.missing(id, now),
            Ok(Claim::Claimed(checkpoint)) => self.install(id, *checkpoint, now),
            // It ended in between: read how.
            Ok(Claim::Lost(Ownership {
                status: Status::Finished,
                ..
            })) => {
                self.outputs.push_back(Output::Load(id));
            }
            // A claim of our own whose answer was lost, or another shard's.
            Ok(Claim::Lost(_)) => self.read_head_again(id),
        }
    }

    /// A set may name it: it is about to be created, or never was.
    fn missing(&mut self, id: MatchId, now: Now) {
        let Some(mut loading) = self.take_loading(id) else {
            return;
        };
        let elsewhere = &mut self.elsewhere;
        loading
            .listed_by
            .retain(|&shard| elsewhere.note(id, shard, true, now));
        self.leave_lists(id, &loading, ANY_EPOCH);
        self.send_away(loading, CloseCode::MatchNotFound);
    }

    /// Claims a live match, unless it is another live shard's.
    fn claim(&mut self, id: MatchId, head: &MatchHead, now: Now) {
        let Ownership { epoch, owner, .. } = head.ownership;
        let is_ours = owner == self.id;
        let is_foreign = !is_ours && !self.registry.is_dead(owner);
        let is_suspect = is_foreign && self.registry.suspects().any(|id| id == owner);
        let Some(loading) = self.loading.get_mut(&id) else {
            return;
        };
        if is_suspect && loading.is_wanted() {
            // Its players were sent here by who knows more, or will be in a moment.
            loading.stage = Stage::Suspect(owner);
        } else if is_foreign {
            // A claim by this shard may be in flight: the epoch keeps its entry in the set.
            self.record_elsewhere(id, CloseCode::NotOwner, epoch, now);
        } else if loading.claims == CLAIMS_MAX {
            self.give_up(id, CloseCode::NotOwner);
        } else {
            self.counters.takeovers += u64::from(!is_ours && loading.claims == 0);
            loading.is_takeover |= !is_ours;
            loading.claims += 1;
            let heard = if is_ours {
                None
            } else {
                self.registry.last_clock(owner)
            };
            let move_time = head.counted(heard, self.limits.rejoin_wait);
            self.requests.claim(Claiming {
                match_id: id,
                expected: epoch,
                status: Status::Live,
                tenure: Some(Tenure {
                    seq: head.seq,
                    clock: self.clock.at(now.uptime),
                }),
                move_time,
            });
        }
    }

    /// Adds a match to memory and seats the peers that wait for it.
    fn install(&mut self, id: MatchId, mut checkpoint: Checkpoint, now: Now) {
        let Some(mut loading) = self.take_loading(id) else {
            return;
        };
        // Its former owner may have waited for the time at which it starts, for all that is known.
        let is_new = checkpoint.snapshot.seq() == 0 && checkpoint.tail.is_empty();
        if loading.is_takeover && is_new && checkpoint.snapshot.setup().start_at.is_some() {
            checkpoint.move_time = Duration::ZERO;
        }
        let Ownership {
            epoch,
            owner,
            status,
        } = checkpoint.ownership;
        let up_to = match status {
            Status::Live => {
                loading.listed_by.retain(|shard| *shard != self.id);
                epoch
            }
            Status::Finished => ANY_EPOCH,
        };
        self.leave_lists(id, &loading, up_to);
        match LiveMatch::load(checkpoint, self.moment(now), &self.limits) {
            Ok(mut live) => {
                tracing::debug!(match_id = %id, %epoch, "match is in memory");
                match status {
                    Status::Finished if owner != self.id => live.belongs_elsewhere(),
                    Status::Finished if loading.claims > 0 => {
                        live.reopen(self.clock.at(now.uptime), &self.limits);
                    }
                    _ => {}
                }
                let key = self.matches.insert(live);
                self.by_id.insert(id, key);
                if let Some(drain) = &mut self.takeover.drain {
                    drain.add(id);
                }
                if loading.is_takeover {
                    let took = now.uptime.since(loading.since);
                    self.measured.takeovers.push(took);
                }
                for (peer, seen) in loading.waiting {
                    self.seat(peer, key, seen, now);
                }
                self.after_change(key);
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

    /// The match cannot be played here, and claims up to an epoch are decided.
    fn record_elsewhere(&mut self, id: MatchId, code: CloseCode, up_to: Epoch, now: Now) {
        let Some(loading) = self.take_loading(id) else {
            return;
        };
        for &shard in &loading.listed_by {
            self.elsewhere.note(id, shard, false, now);
        }
        self.leave_lists(id, &loading, up_to);
        self.send_away(loading, code);
    }

    /// It is unknown whether the match can be played here.
    fn give_up(&mut self, id: MatchId, code: CloseCode) {
        if let Some(loading) = self.take_loading(id) {
            self.send_away(loading, code);
        }
    }

    fn send_away(&mut self, loading: Loading, code: CloseCode) {
        for (peer, _) in loading.waiting {
            self.close(peer, code);
        }
    }

    /// Removes the match from the sets that name it, for claims up to an epoch, which are decided.
    fn leave_lists(&mut self, id: MatchId, loading: &Loading, up_to: Epoch) {
        for &shard in &loading.listed_by {
            self.requests.disown(shard, id, up_to);
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
