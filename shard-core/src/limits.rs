//! What a shard allows, and how long it waits.

use std::time::Duration;

/// The limits of a shard's bookkeeping. Each bounds a queue or a loop that a peer or the store could
/// otherwise grow without end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardLimits {
    /// Matches in memory, finished ones included; a join beyond it is refused as full, and further matches of
    /// a set are loaded once there is capacity. Twice the capacity or more: see
    /// [`ShardLimits::for_capacity`].
    pub matches_max: usize,
    /// Upper bound on peers of one match. Beyond it a spectator is refused as full, a seat never.
    pub peers_per_match_max: usize,
    /// Upper bound on events of one match that wait for the store; a command beyond it is refused as paused.
    /// A client that waits for its answers never has more than two.
    pub pending_events_max: usize,
    /// Number of events of a match kept for peers that come back; one that missed more receives the full
    /// state.
    pub recent_events: usize,
    /// Number of events between two stored snapshots, and so the most that a resume reads after one. A
    /// snapshot costs 16 bytes an event in the store, and most matches end before the second one.
    pub snapshot_every: u32,
    /// Bytes of records and snapshots in one batch, so that one slow write delays few matches. A
    /// batch of one match may exceed it.
    pub batch_bytes_max: usize,
    /// How long an answer of the store may be overdue before play pauses; clocks are set back to when it
    /// became due. A slow disk or a distant store answers sooner.
    pub store_stall: Duration,
    /// How long the store must answer in time before play resumes: about the time between two heartbeats, so
    /// that an unreliable store does not make play pause and resume repeatedly.
    pub store_steady: Duration,
    /// Delay before a failed batch is retransmitted.
    pub store_retry: Duration,
    /// How long the clock waits after a load for the side to move to come back.
    pub rejoin_wait: Duration,
    /// How long a finished match stays in memory, for peers that come back to read its end.
    pub finished_linger: Duration,
    /// How long a finished match stays in memory at most, while a player is there who may offer a rematch.
    pub rematch_wait: Duration,
    /// Refused or repeated commands that a peer may send in a burst.
    pub refusals_burst: u32,
    /// Time after which the allowance for one refused command is restored.
    pub refusal_refill: Duration,
    /// Joins of one player to one match in a burst; one beyond it is refused as rate-limited. Each costs the
    /// shard a full state, and perhaps a read of the store.
    pub joins_burst: u32,
    /// Time after which the allowance for one join is restored. A player on a bad network reconnects less
    /// often.
    pub join_refill: Duration,
    /// The safeguard that a test removes.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<Sabotage>,
}

/// A safeguard that a test removes to see whether its checks notice.
#[cfg(feature = "sabotage")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Frames leave without waiting for the store.
    Gate,
    /// A clock runs while the move before it is written, and through pauses of the store.
    StoreTime,
    /// What the store has is taken for all that was confirmed.
    Healing,
    /// A liveness port that refuses is evidence by itself.
    Evidence,
    /// Silence counts whether or not this shard hears itself.
    Silence,
}

impl ShardLimits {
    /// The default limits of a shard with this capacity, in live matches. Its memory holds twice as many:
    /// finished ones stay for a while, and survivors take over matches beyond their capacity if no other
    /// shard has capacity left.
    #[must_use]
    pub fn for_capacity(capacity: u32) -> Self {
        let usual = Self::default();
        Self {
            matches_max: usual.matches_max.max(2 * capacity as usize),
            ..usual
        }
    }
}

impl Default for ShardLimits {
    fn default() -> Self {
        Self {
            matches_max: 20_000,
            peers_per_match_max: 2_000,
            pending_events_max: 8,
            recent_events: 16,
            snapshot_every: 64,
            batch_bytes_max: 16 * 1024,
            store_stall: Duration::from_secs(1),
            store_steady: Duration::from_millis(500),
            store_retry: Duration::from_millis(100),
            rejoin_wait: Duration::from_secs(15),
            finished_linger: Duration::from_secs(30),
            rematch_wait: Duration::from_secs(5 * 60),
            refusals_burst: 40,
            refusal_refill: Duration::from_millis(250),
            joins_burst: 30,
            join_refill: Duration::from_millis(500),
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }
}
