//! A store that may connect after the process has started.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, Event, MatchId, PlayerId, ShardId, Snapshot, UnixMillis};
use store::{
    Append, Appended, Assignment, Checkpoint, Claim, Created, HandOver, HandedOver, Holding,
    MatchPage, Ownership, Registered, Room, ScanCursor, ShardRecord, Standing, Store, StoreError,
    Swept, Ticket, TicketId,
};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

/// A [`Store`] that answers [`StoreError::Unavailable`] until [`connect`](Self::connect) has opened the real one,
/// and then forwards every call to it.
#[derive(Default)]
pub struct LateStore {
    real: OnceLock<Arc<dyn Store>>,
}

impl LateStore {
    const PAUSE_MIN: Duration = Duration::from_millis(250);
    const PAUSE_MAX: Duration = Duration::from_secs(5);

    /// Calls `open` until it returns a store, with a backoff that doubles from 250 ms to 5 s, each pause drawn
    /// between its half and its whole so that matchmakers do not connect all at once. Attempts are logged.
    ///
    /// # Errors
    ///
    /// Any error of `open` that trying again cannot cure: all but [`StoreError::Unavailable`].
    pub async fn connect<F>(&self, mut open: impl FnMut() -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<Arc<dyn Store>, StoreError>>,
    {
        let mut pause = Self::PAUSE_MIN;
        let mut attempt = 1_u64;
        loop {
            match open().await {
                Ok(store) => {
                    info!(attempt, "connected to the store");
                    let _ = self.real.set(store);
                    return Ok(());
                }
                Err(error @ StoreError::Unavailable(_)) => {
                    let pause = pause.mul_f64(rand::random_range(0.5..=1.0));
                    let retry_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                    warn!(%error, attempt, retry_ms, "cannot reach the store yet; trying again");
                    sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
            pause = (2 * pause).min(Self::PAUSE_MAX);
            attempt += 1;
        }
    }

    /// The same, for at most `limit`; `None` for as long as it takes.
    ///
    /// # Errors
    ///
    /// Also [`StoreError::Unavailable`] if there is no store in time.
    pub async fn connect_within<F>(
        &self,
        limit: Option<Duration>,
        open: impl FnMut() -> F,
    ) -> Result<(), StoreError>
    where
        F: Future<Output = Result<Arc<dyn Store>, StoreError>>,
    {
        let Some(limit) = limit else {
            return self.connect(open).await;
        };
        let connected = timeout(limit, self.connect(open)).await;
        connected.unwrap_or_else(|_| {
            let why = format!("it did not answer within {} s", limit.as_secs());
            Err(StoreError::Unavailable(why))
        })
    }

    fn real(&self) -> Result<&Arc<dyn Store>, StoreError> {
        self.real
            .get()
            .ok_or_else(|| StoreError::Unavailable("not connected yet".to_owned()))
    }
}

#[async_trait]
impl Store for LateStore {
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError> {
        self.real()?.create(owner, snapshot).await
    }

    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        self.real()?.load(id).await
    }

    async fn log(&self, id: MatchId) -> Result<Vec<Event>, StoreError> {
        self.real()?.log(id).await
    }

    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError> {
        self.real()?.ownership(id).await
    }

    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        self.real()?.matches(after, limit).await
    }

    async fn claim(
        &self,
        id: MatchId,
        claimant: ShardId,
        expected: Epoch,
    ) -> Result<Claim, StoreError> {
        self.real()?.claim(id, claimant, expected).await
    }

    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        self.real()?.append(batch).await
    }

    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        self.real()?.sweep(now).await
    }

    async fn room(&self) -> Result<Room, StoreError> {
        self.real()?.room().await
    }

    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError> {
        self.real()?.heartbeat(shard).await
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError> {
        self.real()?.hand_over(hand_over).await
    }

    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        self.real()?.standing(matches).await
    }

    async fn heartbeat_in_steps(
        &self,
        shard: &ShardRecord,
        answered: &(dyn Fn() + Send + Sync),
    ) -> Result<Vec<Registered>, StoreError> {
        self.real()?.heartbeat_in_steps(shard, answered).await
    }

    async fn shards(&self) -> Result<Vec<Registered>, StoreError> {
        self.real()?.shards().await
    }

    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError> {
        self.real()?.leave(shard).await
    }

    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError> {
        self.real()?.deregister(shard, heartbeat).await
    }

    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        self.real()?.owned(shard).await
    }

    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        self.real()?.disown(shard, matches).await
    }

    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError> {
        self.real()?.shard_traces().await
    }

    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        self.real()?.put_ticket(ticket).await
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        self.real()?.ticket(id).await
    }

    async fn waiting(&self, pool: &str) -> Result<Vec<Ticket>, StoreError> {
        self.real()?.waiting(pool).await
    }

    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        self.real()?.touch_ticket(id, now).await
    }

    async fn cancel_ticket(&self, id: TicketId) -> Result<bool, StoreError> {
        self.real()?.cancel_ticket(id).await
    }

    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        self.real()?.assign_tickets(tickets, assignment).await
    }

    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.real()?.hold(player, kind, id, max, now).await
    }

    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError> {
        self.real()?.held(player, kind).await
    }

    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError> {
        self.real()?.let_go(player, kind, ids).await
    }

    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        self.real()?.revoke(player, at).await
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        self.real()?.revoked_at(player).await
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        self.real()?.revoked_since(since).await
    }
}
