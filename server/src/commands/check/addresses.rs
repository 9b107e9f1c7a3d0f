//! Live shards that announce one address: players of each reach whoever answers there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use game_core::ShardId;
use store::{Liveness, Registered, ShardRecord, Store, StoreError};
use tokio::time::{Instant, sleep};

/// An address that several live shards announce.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SharedAddress {
    address: SocketAddr,
    shards: BTreeSet<ShardId>,
}

impl fmt::Display for SharedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards: Vec<String> = self.shards.iter().map(ToString::to_string).collect();
        write!(
            f,
            "the shards {} live and announce one address, {}, so that players reach one of them: give each \
             its own --public-address (ROOKERY_PUBLIC_ADDRESS)",
            shards.join(" and "),
            self.address
        )
    }
}

/// Observes the registry long enough to distinguish dead shards from live ones, if any records share an
/// address.
pub(super) async fn shared(store: &dyn Store) -> Result<Vec<SharedAddress>, StoreError> {
    let mut watch = Watch::new(&store.shards().await?);
    let end = Instant::now() + Liveness::DEAD_AFTER;
    while watch.may_find_more() && Instant::now() < end {
        sleep(Liveness::HEARTBEAT_EVERY).await;
        watch.observe(&store.shards().await?);
    }
    Ok(watch.found())
}

/// The shards of addresses that stand in several records, and which of them live.
struct Watch {
    first: BTreeMap<SocketAddr, BTreeMap<ShardId, u64>>,
    living: BTreeSet<ShardId>,
}

impl Watch {
    fn new(registry: &[Registered]) -> Self {
        let mut first: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for ShardRecord {
            address,
            id,
            heartbeat,
            ..
        } in registry.iter().filter_map(Registered::record)
        {
            first.entry(*address).or_default().insert(*id, *heartbeat);
        }
        first.retain(|_, shards| shards.len() > 1);
        let living = BTreeSet::new();
        Self { first, living }
    }

    /// A counter that has moved belongs to a live shard.
    fn observe(&mut self, registry: &[Registered]) {
        for record in registry.iter().filter_map(Registered::record) {
            let shards = self.first.get(&record.address);
            let first = shards.and_then(|shards| shards.get(&record.id));
            if first.is_some_and(|&first| first != record.heartbeat) {
                self.living.insert(record.id);
            }
        }
    }

    fn may_find_more(&self) -> bool {
        let mut shards = self.first.values().flat_map(BTreeMap::keys);
        shards.any(|shard| !self.living.contains(shard))
    }

    fn found(&self) -> Vec<SharedAddress> {
        let shared = self.first.iter().map(|(&address, shards)| SharedAddress {
            address,
            shards: shards
                .keys()
                .copied()
                .filter(|id| self.living.contains(id))
                .collect(),
        });
        shared.filter(|shared| shared.shards.len() > 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u128, port: u16, heartbeat: u64) -> Registered {
        Registered::from(ShardRecord {
            id: ShardId::from_random(n),
            heartbeat,
            address: ([127, 0, 0, 1], port).into(),
            certificate_sha256: None,
            capacity: 1,
            live: 0,
            load: 0,
            cpu_share: 1_000,
            draining: false,
            admin: None,
            clock: game_core::MatchTime::default(),
            liveness: None,
            connections: Vec::new(),
            web: store::WebDoors::default(),
        })
    }

    /// Three share an address and one of them is dead; two share another, of whom one is; one has its own.
    #[test]
    fn only_shards_that_live_share_an_address() {
        let registry = |beat| {
            let of_one = [
                record(1, 7_100, 5),
                record(2, 7_100, 7 + beat),
                record(3, 7_100, beat),
            ];
            let others = [
                record(4, 7_101, 5),
                record(5, 7_101, beat),
                record(6, 7_102, beat),
            ];
            [of_one, others].concat()
        };
        let mut watch = Watch::new(&registry(0));
        assert_eq!(watch.found(), []);
        watch.observe(&registry(1));
        assert!(watch.may_find_more());
        let shards = [2, 3].map(ShardId::from_random);
        let expected = SharedAddress {
            address: ([127, 0, 0, 1], 7_100).into(),
            shards: shards.into(),
        };
        assert_eq!(watch.found(), [expected]);
    }

    #[test]
    fn addresses_of_their_own_need_no_watch() {
        let watch = Watch::new(&[record(1, 7_100, 5), record(2, 7_101, 5)]);
        assert!(!watch.may_find_more());
    }
}
