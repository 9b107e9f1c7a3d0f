//! A store that fails when it is told to, and remembers what it confirmed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, Event, MatchId, PlayerId, ShardId, Snapshot, UnixMillis};
use tokio::sync::watch;

use crate::contract::{
    Append, Appended, Checkpoint, Claim, Created, HandOver, HandedOver, MatchPage, Ownership,
    Registered, Room, ScanCursor, ShardRecord, Standing, Store, StoreError, Swept,
};
use crate::holding::Holding;
use crate::ticket::{Assignment, Ticket, TicketId};

/// What happens to appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AppendFault {
    /// Nothing: they are done at once.
    #[default]
    None,
    /// They are done so much later.
    Delay(Duration),
    /// They wait, undone, until another fault, or none, is set; that then applies to them.
    Hold,
    /// They are done, and their answers wait until another fault, or none, is set.
    HoldAnswers,
    /// They are not done, and answered [`StoreError::Unavailable`].
    Refuse,
    /// They are done, and answered [`StoreError::Unavailable`].
    LoseAnswers,
}

/// Tells a [`FaultyStore`] how to fail, and knows what it confirmed. Clones steer the same store.
#[derive(Debug, Clone)]
pub struct Faults {
    appends: Arc<watch::Sender<AppendFault>>,
    down: Arc<watch::Sender<bool>>,
    /// Appends that wait because of [`AppendFault::Hold`] or [`AppendFault::HoldAnswers`].
    held: Arc<watch::Sender<usize>>,
    confirmed: Arc<Mutex<Vec<Append>>>,
}

impl Faults {
    /// Sets what happens to appends from now on, held ones included.
    pub fn set_appends(&self, fault: AppendFault) {
        self.appends.send_replace(fault);
    }

    /// Makes every operation answer [`StoreError::Unavailable`] without being done, or ends that.
    /// Appends that have begun are not affected.
    pub fn set_down(&self, down: bool) {
        self.down.send_replace(down);
    }

    /// Waits until some append is being held.
    pub async fn until_held(&self) {
        // The sender is this handle's own: it cannot be gone.
        let _ = self.held.subscribe().wait_for(|held| *held > 0).await;
    }

    /// Every append that was confirmed to its caller as stored, in the order of the answers.
    #[must_use]
    pub fn confirmed(&self) -> Vec<Append> {
        self.confirmations().clone()
    }

    /// For each match the seq up to which its caller was told that records are stored.
    #[must_use]
    pub fn confirmed_seqs(&self) -> HashMap<MatchId, u32> {
        let mut seqs = HashMap::new();
        for append in self.confirmations().iter() {
            let seq = seqs.entry(append.match_id).or_insert(0);
            *seq = append.last_seq().max(*seq);
        }
        seqs
    }

    fn confirmations(&self) -> MutexGuard<'_, Vec<Append>> {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store that hands everything to another one, except for the faults it is told to have.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Faults,
}

impl FaultyStore {
    /// Wraps a store; it has no faults yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        let faults = Faults {
            appends: Arc::new(watch::Sender::new(AppendFault::None)),
            down: Arc::new(watch::Sender::new(false)),
            held: Arc::new(watch::Sender::new(0)),
            confirmed: Arc::default(),
        };
        Self { inner, faults }
    }

    /// The handle that steers this store.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    fn up(&self) -> Result<&dyn Store, StoreError> {
        if *self.faults.down.borrow() {
            Err(StoreError::Unavailable("down, as told".to_owned()))
        } else {
            Ok(&*self.inner)
        }
    }

    /// Waits until the fault is another one than `hold`, and returns it.
    async fn held_by(&self, hold: AppendFault) -> AppendFault {
        let mut faults = self.faults.appends.subscribe();
        if *faults.borrow() != hold {
            return *faults.borrow();
        }
        let _held = Held::new(&self.faults.held);
        faults
            .wait_for(|fault| *fault != hold)
            .await
            .map_or(hold, |fault| *fault)
    }
}

/// Counts an append as held for as long as it lives, also if its caller gives up.
struct Held<'a>(&'a watch::Sender<usize>);

impl<'a> Held<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|held| *held += 1);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        let store = self.up()?;
        match self.held_by(AppendFault::Hold).await {
            AppendFault::Delay(delay) => tokio::time::sleep(delay).await,
            AppendFault::Refuse => {
                return Err(StoreError::Unavailable("refused, as told".to_owned()));
            }
            _ => {}
        }
        let answers = store.append(batch).await?;
        if self.held_by(AppendFault::HoldAnswers).await == AppendFault::LoseAnswers {
            return Err(StoreError::Unavailable(
                "the answer is lost, as told".to_owned(),
            ));
        }
        let stored = batch
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| matches!(answer, Appended::Stored { .. }));
        self.faults
            .confirmations()
            .extend(stored.map(|(append, _)| append.clone()));
        Ok(answers)
    }

    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError> {
        self.up()?.create(owner, snapshot).await
    }

    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        self.up()?.load(id).await
    }

    async fn log(&self, id: MatchId) -> Result<Vec<Event>, StoreError> {
        self.up()?.log(id).await
    }

    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError> {
        self.up()?.ownership(id).await
    }

    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        self.up()?.matches(after, limit).await
    }

    async fn claim(
        &self,
        id: MatchId,
        claimant: ShardId,
        expected: Epoch,
    ) -> Result<Claim, StoreError> {
        self.up()?.claim(id, claimant, expected).await
    }

    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        self.up()?.sweep(now).await
    }

    async fn room(&self) -> Result<Room, StoreError> {
        self.up()?.room().await
    }

    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError> {
        self.up()?.heartbeat(shard).await
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError> {
        self.up()?.hand_over(hand_over).await
    }

    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        self.up()?.standing(matches).await
    }

    async fn heartbeat_in_steps(
        &self,
        shard: &ShardRecord,
        answered: &(dyn Fn() + Send + Sync),
    ) -> Result<Vec<Registered>, StoreError> {
        self.up()?.heartbeat_in_steps(shard, answered).await
    }

    async fn shards(&self) -> Result<Vec<Registered>, StoreError> {
        self.up()?.shards().await
    }

    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError> {
        self.up()?.leave(shard).await
    }

    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError> {
        self.up()?.deregister(shard, heartbeat).await
    }

    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        self.up()?.owned(shard).await
    }

    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        self.up()?.disown(shard, matches).await
    }

    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError> {
        self.up()?.shard_traces().await
    }

    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        self.up()?.put_ticket(ticket).await
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        self.up()?.ticket(id).await
    }

    async fn waiting(&self, pool: &str) -> Result<Vec<Ticket>, StoreError> {
        self.up()?.waiting(pool).await
    }

    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        self.up()?.touch_ticket(id, now).await
    }

    async fn cancel_ticket(&self, id: TicketId) -> Result<bool, StoreError> {
        self.up()?.cancel_ticket(id).await
    }

    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        self.up()?.assign_tickets(tickets, assignment).await
    }

    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.up()?.hold(player, kind, id, max, now).await
    }

    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError> {
        self.up()?.held(player, kind).await
    }

    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError> {
        self.up()?.let_go(player, kind, ids).await
    }

    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        self.up()?.revoke(player, at).await
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        self.up()?.revoked_at(player).await
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        self.up()?.revoked_since(since).await
    }
}
