//! Matches that change their owner: taken from the dead, given away at a shutdown, lost without
//! notice while this process was away.

use std::collections::{HashSet, VecDeque};

use game_core::{MatchId, ShardId};
use protocol::CloseCode;
use store::{HandOver, HandedOver, StoreError};

use super::drain::Drain;
use super::{Now, Output, Shard};

/// What this shard is doing about ownership.
#[derive(Debug, Default)]
pub(super) struct Takeover {
    /// Dead shards whose sets are being read.
    reading: HashSet<ShardId>,
    /// This shard is giving its matches away and takes no new ones.
    pub(super) drain: Option<Drain>,
    /// Matches on their way to another shard.
    leaving: HashSet<MatchId>,
}

impl Takeover {
    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Asks for a match to be given away, once.
    pub(super) fn begin_hand_over(&mut self, given: HandOver, outputs: &mut VecDeque<Output>) {
        if self.leaving.insert(given.match_id) {
            outputs.push_back(Output::HandOver(given));
        }
    }
}

impl Shard {
    /// The registry was read: claims what the dead have left, and looks whether this shard still owns
    /// what it thinks it does, if there is reason to doubt.
    pub(super) fn look_after_owners(&mut self) {
        self.verify_if_in_doubt();
        if self.takeover.is_draining() {
            return;
        }
        let dead: Vec<_> = self.registry.dead().collect();
        for shard in dead {
            if shard != self.id && self.takeover.reading.insert(shard) {
                self.outputs.push_back(Output::Orphans(shard));
            }
        }
    }

    /// The answer to [`Output::Orphans`]: the matches that a dead shard may have owned. Each is claimed
    /// by one survivor, the same in the eyes of all.
    pub fn orphans(&mut self, shard: ShardId, answer: Result<Vec<MatchId>, StoreError>, now: Now) {
        self.takeover.reading.remove(&shard);
        let Ok(matches) = answer else { return };
        if !self.registry.is_dead(shard) || self.takeover.is_draining() {
            return;
        }
        if matches.is_empty() {
            tracing::info!(%shard, "a dead shard has left no match: it leaves the registry");
            self.outputs.push_back(Output::Deregister(shard));
        }
        for id in matches {
            if self.registry.heir(id, None) == Some(self.id) {
                self.load_orphan(id, shard, now);
            }
        }
    }

    /// The answer to [`Output::HandOver`]: the match is another shard's, or nobody's until it is asked
    /// for, and its peers are told to ask. Where the store turns out to have lost some of it, it is
    /// given that again first.
    pub fn handed_over(&mut self, id: MatchId, answer: Result<HandedOver, StoreError>) {
        self.takeover.leaving.remove(&id);
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let Some(live) = self.matches.get(key) else {
            return;
        };
        match answer {
            Ok(HandedOver::Done) | Err(_) => self.drop_match(key, CloseCode::ShuttingDown),
            Ok(HandedOver::Fenced(owner))
                if owner.epoch < live.epoch() || owner.owner == self.id =>
            {
                self.reclaim(key, owner);
            }
            Ok(HandedOver::Fenced(_)) => self.drop_match(key, CloseCode::NotOwner),
            Ok(HandedOver::OtherLength { len }) if len < live.confirmed_seq() => {
                self.heal(key, len);
            }
            Ok(HandedOver::OtherLength { .. }) => self.lose(key, "the stored log is longer"),
            Ok(HandedOver::Missing) => self.lose(key, "the match is gone"),
        }
    }
}
