//! Which process pairs a pool, and the pairs that it makes.

use std::time::Duration;

use async_trait::async_trait;
use game_core::PlayerId;

use crate::error::StoreError;
use crate::ticket::{Assignment, TicketId};
use crate::wave::{Paired, Wave};

/// The waves of pools: one process at a time pairs the players of a pool, under an epoch that rises with each holder.
///
/// The lease only spreads the work. What keeps a player from having two matches is that a pair is assigned in one step
/// or not at all; what keeps a holder that was away from pairing by an old list is the epoch.
#[async_trait]
pub trait Waves: Send + Sync + 'static {
    /// Leases the wave of a pool to a process for `lease` from now on, or prolongs its lease. `None` while another
    /// process has it.
    ///
    /// `holder` is a random number of the process. The epoch stays while one holder prolongs its lease in time.
    async fn hold_wave(
        &self,
        pool: &str,
        holder: u64,
        lease: Duration,
    ) -> Result<Option<Wave>, StoreError>;

    /// Ends a lease early; no effect if it is not held any more.
    async fn release_wave(&self, wave: &Wave) -> Result<(), StoreError>;

    /// Gives a match to two tickets of the wave's pool in one step, and withdraws the other tickets that either player
    /// has waiting in any pool. Challenges are left.
    ///
    /// Answers [`Paired::Done`] also to a retransmission, whoever holds the wave by then.
    async fn assign_pair(
        &self,
        wave: &Wave,
        tickets: [TicketId; 2],
        assignment: &Assignment,
    ) -> Result<Paired, StoreError>;

    /// The opponent in the player's last match from a pool, if that was made in the last hour.
    async fn last_opponent(&self, player: &PlayerId) -> Result<Option<PlayerId>, StoreError>;

    /// Records how long players of a pool waited for the matches that they have just been given, in milliseconds. It is
    /// for people to read: a repetition counts twice, and a crash may lose it.
    async fn note_waits(&self, pool: &str, waits_ms: &[u32]) -> Result<(), StoreError>;

    /// How long the last players waited in each of these pools, the newest first: at most
    /// [`WAITS_MAX`](crate::WAITS_MAX) of a pool, and none if its last were recorded more than an hour ago.
    async fn waits(&self, pools: &[Box<str>]) -> Result<Vec<Vec<u32>>, StoreError>;
}
