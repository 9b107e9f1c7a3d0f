//! Detection of another shard that announces this one's address: players of either would reach whichever
//! answers there.

use std::collections::HashMap;

use game_core::ShardId;
use store::{Registered, ShardRecord};

/// Watches the registry for live shards of the same address.
#[derive(Debug, Default)]
pub(super) struct AddressWatch {
    /// The counters of shards with our address when they were first seen. An unchanged one may be the remains
    /// of a predecessor.
    first_beats: HashMap<ShardId, u64>,
}

/// The other shard that announces the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AddressRival {
    pub(super) with: ShardId,
    /// This shard started later, and must accept no matches.
    pub(super) is_ours_to_yield: bool,
}

impl AddressWatch {
    /// Compares the registry with the record of this shard as it was last written.
    pub(super) fn observe(
        &mut self,
        own: &ShardRecord,
        registry: &[Registered],
    ) -> Option<AddressRival> {
        let records = registry.iter().filter_map(Registered::record);
        let others: Vec<_> = records
            .filter(|record| record.id != own.id && record.address == own.address)
            .collect();
        self.first_beats
            .retain(|id, _| others.iter().any(|other| other.id == *id));
        let mut living = others.into_iter().filter(|other| {
            let first = self.first_beats.entry(other.id).or_insert(other.heartbeat);
            *first != other.heartbeat
        });
        let other = living.next()?;
        Some(AddressRival {
            with: other.id,
            // Both count their heartbeats at the same pace.
            is_ours_to_yield: (own.heartbeat, other.id) < (other.heartbeat, own.id),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u128, port: u16, heartbeat: u64) -> ShardRecord {
        ShardRecord {
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
        }
    }

    fn registered(records: &[ShardRecord]) -> Vec<Registered> {
        records.iter().cloned().map(Registered::from).collect()
    }

    #[test]
    fn two_live_shards_of_one_address_see_each_other_and_the_younger_yields() {
        let (mut old, mut young) = (AddressWatch::default(), AddressWatch::default());
        let other = record(3, 7_101, 500);
        for beat in 1..5 {
            let (a, b) = (record(1, 7_100, 100 + beat), record(2, 7_100, beat));
            let registry = registered(&[a.clone(), b.clone(), other.clone()]);
            let seen = [old.observe(&a, &registry), young.observe(&b, &registry)];
            let shared = |with: &ShardRecord, is_ours_to_yield| AddressRival {
                with: with.id,
                is_ours_to_yield,
            };
            let expected = [shared(&b, false), shared(&a, true)].map(|s| (beat > 1).then_some(s));
            assert_eq!(seen, expected, "{beat}");
        }
        // The other one has gone.
        let a = record(1, 7_100, 200);
        assert_eq!(old.observe(&a, &registered(&[a.clone(), other])), None);
    }

    #[test]
    fn the_last_trace_of_a_predecessor_is_no_shard() {
        let mut watch = AddressWatch::default();
        let dead = record(1, 7_100, 70);
        for beat in 1..20 {
            let own = record(2, 7_100, beat);
            let registry = registered(&[dead.clone(), own.clone()]);
            assert_eq!(watch.observe(&own, &registry), None);
        }
    }

    #[test]
    fn of_two_that_started_together_one_yields() {
        let mut watches = [AddressWatch::default(), AddressWatch::default()];
        for beat in 1..3 {
            let records = [record(1, 7_100, beat), record(2, 7_100, beat)];
            let registry = registered(&records);
            let yields = [0, 1].map(|n| {
                let shared = watches[n].observe(&records[n], &registry);
                shared.is_some_and(|shared| shared.is_ours_to_yield)
            });
            assert_eq!(
                yields.iter().filter(|&&yields| yields).count(),
                usize::from(beat > 1)
            );
        }
    }
}
