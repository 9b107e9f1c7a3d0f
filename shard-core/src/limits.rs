//! What a shard allows, and how long it waits.

use std::time::Duration;

/// The limits of a shard's bookkeeping. Each stands for a queue or a loop that a peer or the store
/// could otherwise grow without end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardLimits {
    /// Matches in memory, finished ones included; a join to one more is refused as full, and what a set
    /// names beyond it is loaded once there is room. Twice the capacity or more: see
    /// [`ShardLimits::for_capacity`].
    pub matches_max: usize,
    /// Peers in the room of one match; a spectator more is refused as full, a seat never is.
    pub peers_per_match_max: usize,
    /// Events of one match that may wait for the store; a command more is refused as paused. A
    /// client that waits for its answers never has more than two.
    pub pending_events_max: usize,
    /// Events of a match kept for peers that come back; one that missed more gets the full state.
    pub recent_events: usize,
    /// A snapshot is stored with every so many events: a resume reads at most these beside it. It
    /// costs 16 bytes an event in the store, and most matches end before the second one.
    pub snapshot_every: u32,
    /// Bytes of records and snapshots in one batch, so that one slow write delays few matches. A
    /// batch of one match may exceed it.
    pub batch_bytes_max: usize,
    /// A store that owes an answer and has given none for so long is down: play pauses, and the clocks
    /// go back to when the answer was owed. A slow disk or a distant store answers sooner.
    pub store_stall: Duration,
    /// Play goes on when the store has answered in time for so long: about the time between two
    /// heartbeats, so that a store between good and bad does not make play stop and go.
    pub store_steady: Duration,
    /// Wait before a failed batch is sent again.
    pub store_retry: Duration,
    /// After a load, the clock waits so long for the side to move to come back.
    pub rejoin_wait: Duration,
    /// A finished match stays in memory so long, for peers that come back to read its end.
    pub finished_linger: Duration,
    /// Refused or repeated commands that a peer may send in a burst.
    pub refusals_burst: u32,
    /// Time in which one refused command is forgiven.
    pub refusal_refill: Duration,
    /// Joins of one player to one match in a burst; one more is refused as rate-limited. Each costs the
    /// shard a full state, and perhaps a read of the store.
    pub joins_burst: u32,
    /// Time in which one join is forgiven. Whoever comes back again and again over a bad network does so
    /// less often.
    pub join_refill: Duration,
    /// The safeguard that a test takes out.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<Sabotage>,
}

/// A safeguard to be taken out, so that a test sees whether its checks notice.
#[cfg(feature = "sabotage")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Frames leave without waiting for the store.
    Gate,
    /// A clock runs while the move before it is written, and through pauses of the store.
    StoreTime,
}

impl ShardLimits {
    /// The usual limits of a shard that is willing to hold so many live matches. In memory there is room
    /// for twice as many: ended ones stay for a while, and survivors take the matches of the dead on
    /// beyond their capacity if nobody else has room.
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
            peers_per_match_max: 1_000,
            pending_events_max: 8,
            recent_events: 16,
            snapshot_every: 64,
            batch_bytes_max: 16 * 1024,
            store_stall: Duration::from_secs(1),
            store_steady: Duration::from_millis(500),
            store_retry: Duration::from_millis(100),
            rejoin_wait: Duration::from_secs(15),
            finished_linger: Duration::from_secs(30),
            refusals_burst: 40,
            refusal_refill: Duration::from_millis(250),
            joins_burst: 30,
            join_refill: Duration::from_millis(500),
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }
}
