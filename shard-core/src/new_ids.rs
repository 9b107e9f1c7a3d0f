//! Ids for the matches that follow others.

use std::hash::{DefaultHasher, Hash, Hasher};

use game_core::{MatchId, ShardId, Tag};

/// New match ids, made of the shard's own id, which is random and never used again, and a counter: the same
/// inputs give the same history, and no two shards give one id but by the chance that two random ones are
/// equal. Nothing is protected by their secrecy.
#[derive(Debug)]
pub(crate) struct NewIds {
    shard: ShardId,
    given: u64,
}

impl NewIds {
    pub(crate) fn new(shard: ShardId) -> Self {
        Self { shard, given: 0 }
    }

    /// A new id with this tag.
    pub(crate) fn next(&mut self, tag: Tag) -> MatchId {
        self.given += 1;
        let half = |part: u8| {
            let mut hasher = DefaultHasher::new();
            (self.shard, self.given, part).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        MatchId::with_tag(tag, half(0) << 64 | half(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_and_have_their_tag() {
        let [one, other] = [1, 2].map(ShardId::from_random);
        let tag = MatchId::from_random(7).tag();
        let mut seen = HashSet::new();
        for shard in [one, other] {
            let mut ids = NewIds::new(shard);
            for _ in 0..1_000 {
                let id = ids.next(tag);
                assert_eq!(id.tag(), tag);
                assert!(seen.insert(id), "{id} twice");
            }
        }
        assert_eq!(NewIds::new(one).next(tag), NewIds::new(one).next(tag));
    }
}
