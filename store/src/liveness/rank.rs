//! The order in which shards take a match over.

use game_core::{MatchId, ShardId};

/// The rank of a shard for taking over a match whose owner is gone (rendezvous hashing: Thaler and
/// Ravishankar, 1998). All observers compute the same order, and the matches of a dead shard spread evenly
/// over those that live.
#[must_use]
pub fn rendezvous_rank(match_id: MatchId, shard: ShardId) -> u64 {
    // FNV-1a, and a final mix (of SplitMix64), as FNV by itself hardly changes the high bits.
    let (match_id, shard) = (match_id.to_string(), shard.to_string());
    let bytes = match_id.bytes().chain(shard.bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}
