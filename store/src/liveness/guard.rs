//! What an observer does not believe at once, however silent others are.

use std::collections::HashSet;
use std::time::Duration;

use game_core::ShardId;

/// Bounds on deaths by silence: who judges many at once is more likely to be wrong than right.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// When a shard was taken for dead by silence, in order.
    recent: Vec<Duration>,
    /// The shards that were silent at the last judgement and were not taken for dead.
    held: HashSet<ShardId>,
}

impl Guard {
    /// Silence of more than half of the shards is believed after this.
    const MANY_AFTER: Duration = Duration::from_secs(10);
    /// A shard that was taken for dead by silence and came back is not taken for dead by silence again within this.
    const AGAIN_AFTER: Duration = Duration::from_secs(30);

    /// Of the `silent` shards, with how long they are and when each was last taken for dead by silence, those that
    /// are dead. `live` is the number of all that were alive until now, this observer among them if it is a shard.
    pub(super) fn judge(
        &mut self,
        silent: &[(ShardId, Duration, Option<Duration>)],
        live: usize,
        now: Duration,
    ) -> Vec<ShardId> {
        self.recent.retain(|at| now < *at + Self::MANY_AFTER);
        let judged = self.recent.len();
        let are_many = 2 * (silent.len() + judged) > live + judged;
        let is_believed = |(_, silence, before): &(ShardId, Duration, Option<Duration>)| {
            let is_again = before.is_some_and(|at| now < at + Self::AGAIN_AFTER);
            !is_again && (!are_many || *silence >= Self::MANY_AFTER)
        };
        let (dead, held): (Vec<_>, Vec<_>) =
            silent.iter().copied().partition(|one| is_believed(one));
        self.held = held.into_iter().map(|(id, ..)| id).collect();
        self.recent.extend(dead.iter().map(|_| now));
        dead.into_iter().map(|(id, ..)| id).collect()
    }

    /// Whether a shard was silent at the last judgement and not taken for dead.
    pub(super) fn holds(&self, id: ShardId) -> bool {
        self.held.contains(&id)
    }
}
