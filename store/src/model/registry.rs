//! The shards of the model, and the sets of matches that each may own.

use std::collections::{BTreeMap, BTreeSet};

use game_core::{MatchId, ShardId};

use crate::shard::{Registered, ShardRecord};

#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    shards: BTreeMap<ShardId, ShardRecord>,
    /// The matches that each shard may own; none of the sets is empty.
    owned: BTreeMap<ShardId, BTreeSet<MatchId>>,
    /// Shards that have left for good.
    left: BTreeSet<ShardId>,
}

impl Registry {
    pub(super) fn heartbeat(&mut self, shard: &ShardRecord) {
        if !self.left.contains(&shard.id) {
            self.shards.insert(shard.id, shard.clone());
        }
    }

    /// All that is recorded, and every shard whose set is not empty.
    pub(super) fn registered(&self) -> Vec<Registered> {
        let mut registry: BTreeMap<_, _> = self
            .shards
            .iter()
            .map(|(&id, record)| (id, Registered::Recorded(record.clone())))
            .collect();
        for &id in self.owned.keys() {
            registry.entry(id).or_insert(if self.left.contains(&id) {
                Registered::Left(id)
            } else {
                Registered::Absent(id)
            });
        }
        registry.into_values().collect()
    }

    #[cfg(feature = "testing")]
    pub(crate) fn has_left(&self, shard: ShardId) -> bool {
        self.left.contains(&shard)
    }

    pub(super) fn leave(&mut self, shard: ShardId) -> usize {
        self.left.insert(shard);
        self.shards.remove(&shard);
        self.owned.get(&shard).map_or(0, BTreeSet::len)
    }

    pub(super) fn deregister(&mut self, shard: ShardId, heartbeat: Option<u64>) -> bool {
        let known = self.shards.get(&shard).map(|record| record.heartbeat);
        let goes = known == heartbeat && !self.owned.contains_key(&shard);
        if goes {
            self.shards.remove(&shard);
        }
        goes
    }

    pub(super) fn owned(&self, shard: ShardId) -> Vec<MatchId> {
        let set = self.owned.get(&shard);
        set.into_iter().flatten().copied().collect()
    }

    /// Adds a match to a shard's set.
    pub(super) fn hint(&mut self, shard: ShardId, id: MatchId) {
        self.owned.entry(shard).or_default().insert(id);
    }

    /// Removes a match from a set that no longer needs it.
    pub(super) fn unhint(&mut self, shard: ShardId, id: MatchId) {
        if let Some(set) = self.owned.get_mut(&shard) {
            set.remove(&id);
            if set.is_empty() {
                self.owned.remove(&shard);
            }
        }
    }
}
