//! Changes of owner: taking over from dead shards, handing over at a shutdown, and losing matches while this
//! process did not run.

use std::collections::{HashMap, HashSet, VecDeque};

use game_core::{Epoch, MatchId, ShardId};
use protocol::CloseCode;
use store::{HandOver, HandedOver, Liveness, StoreError};

use super::drain::Drain;
use super::hand_offs::Away;
use super::{LiveMatch, MatchKey, Now, Output, Shard};
use crate::Uptime;

/// What this shard is doing about ownership.
#[derive(Debug, Default)]
pub(super) struct Takeover {
    /// Dead shards whose sets are being read.
    reading: HashSet<ShardId>,
    /// This shard is draining and accepts no new matches.
    pub(super) drain: Option<Drain>,
    /// Matches whose players are on their way to the next owner.
    pub(super) away: Away,
    /// Matches on their way to another shard.
    leaving: HashMap<MatchId, Leaving>,
}

/// A hand-over that the store has not answered.
#[derive(Debug)]
struct Leaving {
    given: HandOver,
    /// When to retransmit it after an unknown outcome.
    retry_at: Option<Uptime>,
}

impl Takeover {
    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Requests one hand-over.
    pub(super) fn begin_hand_over(&mut self, given: HandOver, outputs: &mut VecDeque<Output>) {
        self.leaving.entry(given.match_id).or_insert_with(|| {
            outputs.push_back(Output::HandOver(given));
            Leaving {
                given,
                retry_at: None,
            }
        });
    }

    /// When the next hand-over is retransmitted.
    pub(super) fn next_retry(&self) -> Option<Uptime> {
        let retries = self.leaving.values();
        retries.filter_map(|leaving| leaving.retry_at).min()
    }

    /// Retransmits the hand-overs that are due.
    pub(super) fn retry(&mut self, now: Now, outputs: &mut VecDeque<Output>) {
        for leaving in self.leaving.values_mut() {
            if leaving.retry_at.is_some_and(|at| at <= now.uptime) {
                leaving.retry_at = None;
                outputs.push_back(Output::HandOver(leaving.given));
            }
        }
    }
}

impl Shard {
    /// The registry was read: takes over from dead shards and, if in doubt, verifies that this shard still
    /// owns its matches.
    pub(super) fn look_after_owners(&mut self) {
        self.verify_if_in_doubt();
        self.look_at_suspects_again();
        // Shards that start at the same time get their share: until they have had time to register, matches
        // are claimed only for players who join them.
        if self.takeover.is_draining() || self.registry.watched_for() < Liveness::SETTLED_AFTER {
            return;
        }
        let mut dead: Vec<_> = self.registry.dead().collect();
        dead.sort_unstable();
        for (shard, _) in dead {
            // The set is read by those who may find something for them in it: once, and again when what was
            // found is in memory, for what remains.
            let heirs = self.registry.heirs(shard);
            let is_heir = shard != self.id && (heirs.are_all() || heirs.contains(self.id));
            let is_due = is_heir && !self.is_loading_from(shard);
            if is_due && self.takeover.reading.insert(shard) {
                self.outputs.push_back(Output::Orphans(shard));
            }
        }
    }

    /// The answer to [`Output::Orphans`]: the matches that a dead shard may have owned. Each is claimed by
    /// one survivor, on which all agree.
    pub fn orphans(&mut self, shard: ShardId, answer: Result<Vec<MatchId>, StoreError>, now: Now) {
        self.takeover.reading.remove(&shard);
        let Ok(matches) = answer else { return };
        if !self.registry.is_dead(shard) || self.takeover.is_draining() {
            return;
        }
        if matches.is_empty() && self.registry.is_past(shard) {
            let dead = self.registry.dead().find(|(dead, _)| *dead == shard);
            if let Some((_, heartbeat)) = dead {
                tracing::info!(%shard, "a dead shard has left no match: it leaves the registry");
                self.outputs
                    .push_back(Output::Deregister { shard, heartbeat });
            }
        }
        let heirs = self.registry.heirs(shard);
        let is_ours = |id| heirs.of_match(id).is_some_and(|heir| heir.id == self.id);
        let ours: Vec<_> = matches.into_iter().filter(|id| is_ours(*id)).collect();
        let mut room = self.room();
        for id in ours {
            let is_here = self.by_id.contains_key(&id) || self.loading.contains_key(&id);
            // Another shard takes it over when the registry shows this shard as full.
            if !is_here && room == 0 && self.others_have_room() {
                continue;
            }
            room = room.saturating_sub(usize::from(!is_here));
            self.load_listed(id, shard, now);
        }
    }

    /// Capacity left, by this shard's own count.
    fn room(&self) -> usize {
        let own = self.registry.live(self.id);
        let capacity = own.map_or(0, |record| record.capacity as usize);
        capacity.saturating_sub(self.live() as usize + self.loading.len())
    }

    fn others_have_room(&self) -> bool {
        let mut others = self.registry.lives().filter(|record| record.id != self.id);
        others.any(|record| !record.draining && record.has_room())
    }

    /// The answer to [`Output::HandOver`]. Once another shard owns the match, its peers are sent to the
    /// matchmaker. After an unknown outcome the same hand-over is retransmitted: whoever owns the match by
    /// then has it in its set. If the store lost events, they are written again first.
    pub fn handed_over(&mut self, id: MatchId, answer: Result<HandedOver, StoreError>, now: Now) {
        let retry_at = now.uptime + self.limits.store_retry;
        let Some(leaving) = self.takeover.leaving.get_mut(&id) else {
            return;
        };
        if let Err(StoreError::Unavailable(error)) = &answer {
            tracing::debug!(match_id = %id, error, "not handed over yet");
            leaving.retry_at = Some(retry_at);
            return;
        }
        let HandOver { to, epoch, .. } = leaving.given;
        self.takeover.leaving.remove(&id);
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let confirmed = self.matches.get(key).map(LiveMatch::confirmed_seq);
        match answer {
            Ok(HandedOver::Done) => self.gone(key, id, epoch.next(), now),
            Ok(HandedOver::Fenced(next)) if next.owner == to && next.epoch == epoch.next() => {
                self.gone(key, id, next.epoch, now);
            }
            Ok(HandedOver::Fenced(now)) if now.epoch < epoch || now.owner == self.id => {
                self.reclaim(key, now);
            }
            Ok(HandedOver::Fenced(now)) => {
                tracing::warn!(match_id = %id, %epoch, owner = %now.owner, current = %now.epoch,
                    "another shard owns this match now; it is dropped here");
                self.counters.fenced += 1;
                self.compare_after_all(key);
                self.drop_match(key, CloseCode::NotOwner);
            }
            Ok(HandedOver::OtherLength { len }) if Some(len) < confirmed => self.heal(key, len),
            Ok(HandedOver::OtherLength { .. }) => self.lose(key, "the stored log is longer"),
            Ok(HandedOver::Missing) => self.lose(key, "it is gone"),
            // It cannot be read: the next write reports that.
            Err(error) => {
                tracing::error!(match_id = %id, %epoch, %error, "a match cannot be handed over");
                if let Some(live) = self.matches.get_mut(key) {
                    live.stay();
                }
                self.after_change(key);
            }
        }
    }

    /// Removes a match that was handed over under `epoch`.
    fn gone(&mut self, key: MatchKey, id: MatchId, epoch: Epoch, now: Now) {
        let live = self.matches.get(key);
        if live.is_some_and(|live| !live.members().is_empty()) {
            self.takeover.away.add(id, epoch, now);
        }
        self.drop_match(key, CloseCode::ShuttingDown);
        self.requests.disown(self.id, id, epoch);
    }
}
