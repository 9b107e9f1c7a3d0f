//! The final scan: what must hold for a store when faults have ended and no operation is in flight.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use game_core::{MatchId, ShardId};

use crate::contract::{SCAN_LIMIT_MAX, Store};
use crate::error::StoreError;
use crate::ownership::{Ownership, Status};
use crate::shard::Registered;

/// The live shards, each with the matches that it has in memory.
pub type InMemory = BTreeMap<ShardId, BTreeSet<MatchId>>;

/// Something in a store that must not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// The registry does not name the owner of a live match: no survivor will take it over.
    OwnerUnregistered {
        /// Which match.
        match_id: MatchId,
        /// Its owner.
        owner: ShardId,
    },
    /// The owner of a live match has it neither in memory nor in its set.
    Forgotten {
        /// Which match.
        match_id: MatchId,
        /// Its owner.
        owner: ShardId,
    },
    /// A live match is in the set of its owner, which is live and does not have it in memory: its clocks do
    /// not run.
    NotLoaded {
        /// Which match.
        match_id: MatchId,
        /// Its owner.
        owner: ShardId,
    },
    /// A record or a set is stored under an id that the registry does not name.
    Unnamed {
        /// Which shard.
        shard: ShardId,
    },
    /// The registry names a dead shard whose matches have not been taken over or, if there are none, which
    /// has not been removed.
    NotLive {
        /// Which shard.
        shard: ShardId,
    },
    /// A set names a match that is finished, owned by another shard, or missing.
    StrayHint {
        /// Whose set.
        shard: ShardId,
        /// Which match.
        match_id: MatchId,
    },
}

impl Finding {
    /// Whether it leaves a match unplayed until a player joins it; the other findings only cost a check now
    /// and then.
    #[must_use]
    pub const fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::OwnerUnregistered { .. } | Self::Forgotten { .. }
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnerUnregistered { match_id, owner } => write!(
                f,
                "live match {match_id}: the registry does not name its owner {owner}"
            ),
            Self::Forgotten { match_id, owner } => write!(
                f,
                "live match {match_id}: its owner {owner} has it neither in memory nor in its set"
            ),
            Self::NotLoaded { match_id, owner } => write!(
                f,
                "live match {match_id}: its owner {owner} lives and has not loaded it"
            ),
            Self::Unnamed { shard } => write!(
                f,
                "shard {shard}: a record or a set is stored, and the registry does not name it"
            ),
            Self::NotLive { shard } => {
                write!(
                    f,
                    "shard {shard}: the registry names it, and it does not live"
                )
            }
            Self::StrayHint { shard, match_id } => write!(
                f,
                "shard {shard}: its set names match {match_id}, which is not its own or not live"
            ),
        }
    }
}

/// Scans a whole store for matches that no shard will take over, and for remains of shards and matches.
///
/// `in_memory` names every live shard, with the matches that it has in memory; without it, only the store's
/// own data is checked. While matches change their owner, findings may be temporary: on a running
/// installation, repeat the scan until there are none, or for as long as operations in flight can take.
///
/// # Errors
///
/// The store's error if it cannot be read.
pub async fn audit(
    store: &dyn Store,
    in_memory: Option<&InMemory>,
) -> Result<Vec<Finding>, StoreError> {
    let matches = read_matches(store).await?;
    let view = StoredShards::read(store).await?;
    let mut findings = BTreeSet::new();
    let mut doubtful = Vec::new();
    for (&id, ownership) in &matches {
        if view.judge(id, *ownership, in_memory).is_some() {
            doubtful.push(id);
        }
    }
    // Its owner may have changed between the two reads.
    if !doubtful.is_empty() {
        let mut again = BTreeMap::new();
        for id in doubtful {
            again.extend(store.ownership(id).await?.map(|ownership| (id, ownership)));
        }
        let view = StoredShards::read(store).await?;
        let found = again
            .iter()
            .filter_map(|(&id, ownership)| view.judge(id, *ownership, in_memory));
        findings.extend(found);
    }
    for (&shard, set) in &view.sets {
        let named = view.registry.contains(&shard);
        findings.extend((!named).then_some(Finding::Unnamed { shard }));
        let lives = in_memory.is_none_or(|shards| shards.contains_key(&shard));
        findings.extend((named && !lives).then_some(Finding::NotLive { shard }));
        for &match_id in set {
            let ownership = matches.get(&match_id);
            let is_own =
                ownership.is_some_and(|now| now.owner == shard && now.status == Status::Live);
            findings.extend((!is_own).then_some(Finding::StrayHint { shard, match_id }));
        }
    }
    Ok(findings.into_iter().collect())
}

async fn read_matches(store: &dyn Store) -> Result<BTreeMap<MatchId, Ownership>, StoreError> {
    let mut matches = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store.matches(after, SCAN_LIMIT_MAX).await?;
        matches.extend(page.matches);
        after = page.next;
        if after.is_none() {
            return Ok(matches);
        }
    }
}

/// The stored data of shards, at about one moment.
struct StoredShards {
    registry: BTreeSet<ShardId>,
    /// The set of every shard of which anything is stored.
    sets: BTreeMap<ShardId, BTreeSet<MatchId>>,
}

impl StoredShards {
    async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut sets = BTreeMap::new();
        for shard in store.shard_traces().await? {
            sets.insert(shard, store.owned(shard).await?.into_iter().collect());
        }
        let registry = store.shards().await?;
        Ok(Self {
            registry: registry.iter().map(Registered::id).collect(),
            sets,
        })
    }

    /// What is wrong with a match.
    fn judge(
        &self,
        match_id: MatchId,
        Ownership { owner, status, .. }: Ownership,
        in_memory: Option<&InMemory>,
    ) -> Option<Finding> {
        if status == Status::Finished {
            return None;
        }
        let memory = in_memory.and_then(|shards| shards.get(&owner));
        let is_in_memory = memory.is_some_and(|matches| matches.contains(&match_id));
        let set = self.sets.get(&owner);
        let is_in_set = set.is_some_and(|set| set.contains(&match_id));
        if !self.registry.contains(&owner) {
            Some(Finding::OwnerUnregistered { match_id, owner })
        } else if !is_in_memory && !is_in_set {
            Some(Finding::Forgotten { match_id, owner })
        } else if memory.is_some() && !is_in_memory {
            Some(Finding::NotLoaded { match_id, owner })
        } else {
            None
        }
    }
}
