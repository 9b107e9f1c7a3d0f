//! Which shards take over the matches of one that is gone.

use std::cmp::Reverse;

use game_core::{MatchId, ShardId};

use crate::ShardRecord;

/// The shards that share the matches of one that is gone.
///
/// They are chosen by rendezvous hashing (Thaler and Ravishankar, 1998): first a few shards for the one that is
/// gone, then one of these for each match. Observers of the same registry agree, and the matches spread evenly. As
/// they are few, the set of a dead shard is read by few, and who a match goes to costs little, however many shards
/// there are.
///
/// Two observers that have read the registry at different moments may not agree about a shard that is filling up:
/// then both claim the match, and the store gives it to one; or neither does, and both try again with the next
/// heartbeat.
#[derive(Debug)]
pub struct Heirs<'a> {
    /// Each with whether it has room.
    heirs: Vec<(&'a ShardRecord, bool)>,
}

impl<'a> Heirs<'a> {
    /// Upper bound on their number. Of 1,000 matches, each gets about 60; if half of many shards are gone, each
    /// survivor is among the heirs of about as many.
    pub const MAX: usize = 16;

    /// The heirs of `gone` among `shards`, each of which is live and comes with whether it has room: none that
    /// drains, not `gone` itself, and none without room while another has some.
    pub fn of(gone: ShardId, shards: impl Iterator<Item = (&'a ShardRecord, bool)>) -> Self {
        let seed = hashed(OFFSET, gone.as_str());
        let fit = shards.filter(|(record, _)| !record.draining && record.id != gone);
        let mut heirs: Vec<_> = fit.collect();
        if heirs.len() > Self::MAX {
            heirs.select_nth_unstable_by_key(Self::MAX, |(record, has_room)| {
                Reverse((*has_room, rank(seed, record.id), record.id))
            });
            heirs.truncate(Self::MAX);
        }
        Self { heirs }
    }

    /// Whether they are so few that every shard that takes matches is one of them.
    #[must_use]
    pub fn are_all(&self) -> bool {
        self.heirs.len() < Self::MAX
    }

    /// Whether a shard is one of them.
    #[must_use]
    pub fn contains(&self, id: ShardId) -> bool {
        self.heirs.iter().any(|(record, _)| record.id == id)
    }

    /// The one that takes over a match; `None` if there is none at all.
    #[must_use]
    pub fn of_match(&self, id: MatchId) -> Option<&'a ShardRecord> {
        let seed = hashed(OFFSET, id.as_str());
        let heirs = self.heirs.iter();
        let heir =
            heirs.max_by_key(|(record, has_room)| (*has_room, rank(seed, record.id), record.id));
        heir.map(|(record, _)| *record)
    }
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a.
fn hashed(seed: u64, text: &str) -> u64 {
    text.bytes().fold(seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// The rank of a shard for what `seed` is the hash of.
fn rank(seed: u64, shard: ShardId) -> u64 {
    // A final mix (of SplitMix64), as FNV by itself hardly changes the high bits.
    let mut hash = hashed(seed, shard.as_str());
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use game_core::MatchTime;

    use super::*;

    fn record(n: u128) -> ShardRecord {
        ShardRecord {
            id: ShardId::from_random(n),
            heartbeat: 1,
            address: "127.0.0.1:1".parse().unwrap(),
            certificate_sha256: None,
            capacity: 10,
            live: 0,
            load: 0,
            cpu_share: 1_000,
            draining: false,
            admin: None,
            clock: MatchTime::default(),
            liveness: None,
            connections: Vec::new(),
            web: crate::WebDoors::default(),
        }
    }

    fn heirs<'a>(gone: u128, records: &'a [ShardRecord]) -> Heirs<'a> {
        let shards = records.iter().map(|record| (record, record.has_room()));
        Heirs::of(ShardId::from_random(gone), shards)
    }

    fn ids(heirs: &Heirs<'_>) -> Vec<ShardId> {
        let mut ids: Vec<_> = heirs.heirs.iter().map(|(record, _)| record.id).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn few_of_many_shards_are_heirs_and_all_observers_agree_on_them() {
        let mut records: Vec<_> = (0..1_000).map(record).collect();
        let before = ids(&heirs(7, &records));
        assert_eq!(before.len(), Heirs::MAX);
        records.reverse();
        assert_eq!(ids(&heirs(7, &records)), before);
        // Another one that dies is replaced, and the others stay.
        records.retain(|record| record.id != before[3]);
        let after = ids(&heirs(7, &records));
        let stayed = after.iter().filter(|id| before.contains(id)).count();
        assert_eq!(stayed, Heirs::MAX - 1);
    }

    #[test]
    fn matches_spread_over_the_heirs_and_heirs_over_the_shards() {
        let records: Vec<_> = (0..200).map(record).collect();
        let mut inherited: HashMap<ShardId, u32> = HashMap::new();
        for gone in 0..100 {
            let heirs = heirs(gone, &records[100..]);
            let mut of_one: HashMap<ShardId, u32> = HashMap::new();
            for n in 0..320 {
                let id = MatchId::from_random((gone << 32) | (n * 0x9e37_79b9_7f4a_7c15));
                let heir = heirs.of_match(id).unwrap().id;
                assert!(heirs.contains(heir));
                *of_one.entry(heir).or_default() += 1;
                *inherited.entry(heir).or_default() += 1;
            }
            assert_eq!(of_one.len(), Heirs::MAX);
            assert!(of_one.values().all(|n| (5..=45).contains(n)), "{of_one:?}");
        }
        // Each of 100 survivors gets the matches of about one of the 100 that are gone.
        assert_eq!(inherited.len(), 100);
        assert!(inherited.values().all(|n| *n < 2 * 320), "{inherited:?}");
    }

    #[test]
    fn none_without_room_is_among_them_while_others_have_some() {
        let mut records: Vec<_> = (0..100).map(record).collect();
        for record in &mut records[..80] {
            record.live = record.capacity;
        }
        let heirs = heirs(1_000, &records);
        assert!(heirs.heirs.iter().all(|(record, _)| record.has_room()));
        assert_eq!(heirs.heirs.len(), Heirs::MAX);
    }
}
