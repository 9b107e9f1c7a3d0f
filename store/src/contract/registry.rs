//! Which shards there are, and which matches each may own.

use async_trait::async_trait;
use game_core::{Epoch, MatchId, ShardId};

use crate::error::StoreError;
use crate::shard::{Registered, ShardRecord};

/// Above every epoch that a claim can give: see [`Registry::disown`].
pub const ANY_EPOCH: Epoch = Epoch(u64::MAX);

/// The shards, and for each the set of matches that it may own.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Puts a shard's record into the registry and returns the whole registry, by id.
    ///
    /// A shard that has [left](Self::leave) is not registered again: a heartbeat in flight when it left
    /// changes nothing.
    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError>;

    /// The same as [`heartbeat`](Self::heartbeat), and calls `answered` at every answer on the way to the
    /// last. A store that needs several requests for one heartbeat overrides this, so that its caller can
    /// tell a slow server from one that does not answer.
    async fn heartbeat_in_steps(
        &self,
        shard: &ShardRecord,
        _answered: &(dyn Fn() + Send + Sync),
    ) -> Result<Vec<Registered>, StoreError> {
        self.heartbeat(shard).await
    }

    /// Reads the registry, by id: every shard that has a record, and every one whose set of matches is
    /// not empty. No set exists under an id that the registry does not name.
    async fn shards(&self) -> Result<Vec<Registered>, StoreError>;

    /// A shard leaves for good: its record is removed. If its set of matches is empty, the registry does not
    /// name it any more; otherwise it lists it as [`Registered::Left`] until other shards have taken its
    /// matches over. Returns the size of the set.
    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError>;

    /// Removes a dead shard from the registry, if its set of matches is empty and it has not sent a heartbeat
    /// since: its record still has this `heartbeat` or, for `None`, it still has none. Returns whether it
    /// did. A shard that was not dead after all registers again with its next heartbeat.
    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError>;

    /// The matches that a shard may own: a hint that is never incomplete and may name too many.
    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError>;

    /// Adds matches to a shard's set, each for the epoch under which it owns the match, as its claim did: for a store
    /// that may have lost the addition and kept the claim, as a Redis Cluster may that lost one of its primaries. One
    /// that is not the shard's is a hint too many.
    async fn own(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError>;

    /// Removes matches from a shard's set, except those that were added for a claim to a higher epoch than
    /// the given one.
    ///
    /// A match is added to a set *before* the claim that makes its shard the owner, and that claim may be in
    /// flight for any length of time. So that no removal can undo an addition that is still needed, the
    /// addition carries the epoch of its claim (0 for a creation). A caller that has read that another shard
    /// owns the match under epoch `e` passes `e`: claims to `e` and below are decided and can make no shard
    /// the owner any more; additions for higher ones stay. For a match that is finished, or was never
    /// created, no claim can follow: [`ANY_EPOCH`] removes any addition.
    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError>;

    /// Every shard of which anything is stored, whether the registry names it or not, by id. It reads
    /// all names in the store: for checks.
    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError>;
}
