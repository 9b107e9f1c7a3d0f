//! The way from one shard to the simulated store: slow, broken, and late as the seed says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, MatchId, ShardId, Snapshot};
use store::{
    Accounts, Append, Appended, Archive, Beats, Chat, Checkpoint, Claim, Claiming, Created, Feed,
    Front, HandOver, HandedOver, Holdings, Idempotency, MatchHead, MatchLog, MatchPage, Matches,
    MemoryStore, Outbox, Ownership, Presence, Ratings, Registered, Registry, Retention,
    Revocations, ScanCursor, ShardRecord, Standing, StoreError, Tickets, Tournaments, Transfers,
    Waves,
};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::dice::Dice;
use super::world::{Breach, World};

/// How often the store fails, in a thousand operations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Troubles {
    /// It is asked, and does nothing.
    pub(crate) refused: u64,
    /// It does what it was asked, and the answer is lost.
    pub(crate) unanswered: u64,
    /// It says nothing, and does what it was asked up to seconds later.
    pub(crate) late: u64,
    /// It takes up to seconds.
    pub(crate) slow: u64,
}

impl Troubles {
    pub(crate) const NONE: Self = Self {
        refused: 0,
        unanswered: 0,
        late: 0,
        slow: 0,
    };
}

/// A question that has arrived at the store.
type Deed = Box<dyn FnOnce(&mut World) + Send>;

/// What all ways to the store share.
pub(crate) struct Shared {
    world: Mutex<World>,
    troubles: Mutex<Troubles>,
    down_until: Mutex<Instant>,
    /// What is to be done when, and before what else of the same moment.
    queue: Mutex<BTreeMap<(Instant, u64), Deed>>,
    queued: Notify,
    /// How often the store failed to answer.
    failures: Mutex<BTreeMap<&'static str, u64>>,
}

impl Shared {
    /// A store that answers for as long as the runtime lives.
    pub(crate) fn new(troubles: Troubles, breach: Option<Breach>) -> Arc<Self> {
        let shared = Arc::new(Self {
            world: Mutex::new(World::new(breach)),
            troubles: Mutex::new(troubles),
            down_until: Mutex::new(Instant::now()),
            queue: Mutex::default(),
            queued: Notify::new(),
            failures: Mutex::default(),
        });
        tokio::spawn(Arc::clone(&shared).serve());
        shared
    }

    /// Does everything in the order of its time and number, whichever task asked first.
    async fn serve(self: Arc<Self>) {
        loop {
            let next = self.queue().keys().next().map(|&(at, _)| at);
            let queued = self.queued.notified();
            match next {
                None => queued.await,
                Some(at) if at <= Instant::now() => {
                    let deed = self.queue().pop_first();
                    if let Some((_, deed)) = deed {
                        deed(&mut self.world());
                    }
                }
                Some(at) => tokio::select! {
                    biased;
                    () = sleep_until(at) => {}
                    () = queued => {}
                },
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, BTreeMap<(Instant, u64), Deed>> {
        self.queue.lock().expect("no holder of the lock panics")
    }

    fn enqueue(&self, after: Duration, number: u64, deed: Deed) {
        self.queue().insert((Instant::now() + after, number), deed);
        self.queued.notify_one();
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no holder of the lock panics")
    }

    pub(crate) fn set_troubles(&self, troubles: Troubles) {
        *self.troubles.lock().expect("no holder panics") = troubles;
    }

    /// Nobody reaches the store for so long.
    pub(crate) fn down_for(&self, spell: Duration) {
        *self.down_until.lock().expect("no holder panics") = Instant::now() + spell;
    }

    pub(crate) fn failures(&self) -> BTreeMap<&'static str, u64> {
        self.failures.lock().expect("no holder panics").clone()
    }

    fn failed(&self, how: &'static str) -> StoreError {
        *self
            .failures
            .lock()
            .expect("no holder panics")
            .entry(how)
            .or_default() += 1;
        StoreError::Unavailable(how.to_owned())
    }
}

/// One shard's way to the store.
pub(crate) struct Way {
    shared: Arc<Shared>,
    dice: Dice,
    /// How often each question was asked: one question's fate does not depend on the others, as a
    /// shard asks several at once in an order of its own.
    asked: Mutex<BTreeMap<String, u64>>,
    cut_until: Mutex<Instant>,
    alive: AtomicBool,
    /// Nobody is revoked and nothing grows old here; the network is not asked, whose faults would be others.
    quiet: MemoryStore,
}

impl Way {
    pub(crate) fn new(shared: Arc<Shared>, dice: Dice) -> Arc<Self> {
        Arc::new(Self {
            shared,
            dice,
            asked: Mutex::default(),
            cut_until: Mutex::new(Instant::now()),
            alive: AtomicBool::new(true),
            quiet: MemoryStore::new(),
        })
    }

    /// The process is dead: it asks nothing more and hears no answer. What it has asked may arrive.
    pub(crate) fn die(&self) {
        self.alive.store(false, Ordering::Relaxed);
    }

    /// This shard alone does not reach the store for so long.
    pub(crate) fn cut_for(&self, spell: Duration) {
        *self.cut_until.lock().expect("no holder panics") = Instant::now() + spell;
    }

    async fn unless_dead(&self) {
        if !self.alive.load(Ordering::Relaxed) {
            std::future::pending().await
        }
    }

    fn is_cut(&self) -> bool {
        let down = *self.shared.down_until.lock().expect("no holder panics");
        let cut = *self.cut_until.lock().expect("no holder panics");
        Instant::now() < down.max(cut)
    }

    /// Carries one question, named by `what`, to the store, or fails to.
    async fn ask<T: Send + 'static>(
        &self,
        what: String,
        question: impl FnOnce(&mut World) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.unless_dead().await;
        let dice = self.dice.of(&what);
        let n = {
            let mut asked = self.asked.lock().expect("no holder panics");
            let n = asked.entry(what).or_default();
            *n += 1;
            *n
        };
        let troubles = *self.shared.troubles.lock().expect("no holder panics");
        let happens = |what: &str, per_mille| dice.of(what).happens(n, per_mille);
        let ms = |what: &str, low, high| Duration::from_millis(dice.of(what).between(n, low, high));
        let mut there = ms("there", 1, 3);
        if happens("slow", troubles.slow) {
            there += ms("slowness", 200, 3_000);
        }
        sleep(there).await;
        self.unless_dead().await;
        if self.is_cut() || happens("refused", troubles.refused) {
            sleep(ms("patience", 20, 120)).await;
            self.unless_dead().await;
            return Err(self.shared.failed("refused"));
        }
        if happens("late", troubles.late) {
            let late = ms("lateness", 50, 6_000);
            let deed = |world: &mut World| drop(question(world));
            self.shared.enqueue(late, dice.roll(n), Box::new(deed));
            sleep(ms("patience", 20, 120)).await;
            self.unless_dead().await;
            return Err(self.shared.failed("late"));
        }
        let (tell, told) = oneshot::channel();
        let deed = |world: &mut World| drop(tell.send(question(world)));
        self.shared
            .enqueue(Duration::from_millis(1), dice.roll(n), Box::new(deed));
        let answer = told.await.expect("the store answers");
        sleep(ms("back", 1, 3)).await;
        self.unless_dead().await;
        if self.is_cut() || happens("unanswered", troubles.unanswered) {
            return Err(self.shared.failed("unanswered"));
        }
        Ok(answer)
    }

    fn told(&self, id: MatchId, len: u32) {
        self.shared.world().answered(id, len as usize);
    }
}

fn len_of(checkpoint: &Checkpoint) -> u32 {
    checkpoint.snapshot.seq() + checkpoint.tail.len() as u32
}

#[async_trait]
impl Matches for Way {
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError> {
        let snapshot = snapshot.clone();
        self.ask(format!("create {owner}"), move |world| {
            world.create(owner, &snapshot)
        })
        .await
    }

    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        let loaded = self
            .ask(format!("load {id}"), move |world| world.model.load(id))
            .await??;
        if let Some(checkpoint) = &loaded {
            self.told(id, len_of(checkpoint));
        }
        Ok(loaded)
    }

    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError> {
        let read = move |world: &mut World| world.model.ownership(id);
        self.ask(format!("ownership {id}"), read).await
    }

    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        let read = move |world: &mut World| world.model.matches(after, limit);
        self.ask("matches".to_owned(), read).await?
    }

    async fn claim_many(
        &self,
        claimant: ShardId,
        claims: &[Claiming],
    ) -> Vec<Result<Claim, StoreError>> {
        let all = claims.to_vec();
        let claim = move |world: &mut World| {
            let answers = all.iter().map(|claim| world.claim_with(claimant, claim));
            answers.collect::<Vec<_>>()
        };
        let first = claims.first().map(|claim| claim.match_id);
        let answers = match self.ask(format!("claim {first:?}"), claim).await {
            Ok(answers) => answers,
            Err(error) => return vec![Err(error); claims.len()],
        };
        for (claim, answer) in claims.iter().zip(&answers) {
            if let Ok(Claim::Claimed(checkpoint)) = answer {
                self.told(claim.match_id, len_of(checkpoint));
            }
        }
        answers
    }

    async fn heads(&self, matches: &[MatchId]) -> Vec<Result<Option<MatchHead>, StoreError>> {
        let ids = matches.to_vec();
        let read = move |world: &mut World| {
            let answers = ids.iter().map(|id| world.model.head(*id));
            answers.collect::<Vec<_>>()
        };
        let read = self.ask(format!("heads {:?}", matches.first()), read).await;
        read.unwrap_or_else(|error| vec![Err(error); matches.len()])
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError> {
        let (given, id) = (*hand_over, hand_over.match_id);
        let give = move |world: &mut World| world.hand_over(&given);
        self.ask(format!("hand over {id}"), give).await
    }

    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        let matches = matches.to_vec();
        let read = move |world: &mut World| {
            let standing = |&(id, seq): &(MatchId, u32)| world.model.standing(id, seq);
            matches.iter().map(standing).collect()
        };
        self.ask("standing".to_owned(), read).await
    }
}

#[async_trait]
impl MatchLog for Way {
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        let writes = batch.to_vec();
        let write = move |world: &mut World| {
            let answers = writes.iter().map(|append| world.append(append));
            answers.collect::<Vec<_>>()
        };
        let answers = self.ask("append".to_owned(), write).await?;
        for (append, answer) in batch.iter().zip(&answers) {
            if matches!(answer, Appended::Stored { .. }) {
                self.told(append.match_id, append.last_seq());
            }
        }
        Ok(answers)
    }
}

#[async_trait]
impl Registry for Way {
    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError> {
        let record = shard.clone();
        let beat = move |world: &mut World| world.model.heartbeat(&record);
        self.ask("heartbeat".to_owned(), beat).await
    }

    async fn shards(&self) -> Result<Vec<Registered>, StoreError> {
        self.ask("shards".to_owned(), |world| world.model.shards())
            .await
    }

    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError> {
        self.ask("leave".to_owned(), move |world| world.model.leave(shard))
            .await
    }

    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError> {
        let remove = move |world: &mut World| world.model.deregister(shard, heartbeat);
        self.ask("deregister".to_owned(), remove).await
    }

    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        let read = move |world: &mut World| world.model.owned(shard);
        self.ask(format!("owned {shard}"), read).await
    }

    async fn own(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        let matches = matches.to_vec();
        self.ask(format!("own {matches:?}"), move |world| {
            world.model.own(shard, &matches)
        })
        .await
    }

    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        let matches = matches.to_vec();
        self.ask(format!("disown {matches:?}"), move |world| {
            world.model.disown(shard, &matches)
        })
        .await
    }

    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError> {
        let registry = self.shards().await?;
        Ok(registry.iter().map(Registered::id).collect())
    }
}

fn no_tickets<T>() -> Result<T, StoreError> {
    Err(StoreError::Unfit(
        "there are no tickets and no operators here".to_owned(),
    ))
}

impl Front<dyn Beats> for Way {
    fn behind(&self) -> Result<&dyn Beats, StoreError> {
        Ok(&self.quiet)
    }
}

impl Front<dyn Tickets> for Way {
    fn behind(&self) -> Result<&dyn Tickets, StoreError> {
        no_tickets()
    }
}

impl Front<dyn Waves> for Way {
    fn behind(&self) -> Result<&dyn Waves, StoreError> {
        no_tickets()
    }
}

impl Front<dyn Ratings> for Way {
    fn behind(&self) -> Result<&dyn Ratings, StoreError> {
        no_tickets()
    }
}

impl Front<dyn Idempotency> for Way {
    fn behind(&self) -> Result<&dyn Idempotency, StoreError> {
        no_tickets()
    }
}

impl Front<dyn Outbox> for Way {
    fn behind(&self) -> Result<&dyn Outbox, StoreError> {
        no_tickets()
    }
}

impl Front<dyn Holdings> for Way {
    fn behind(&self) -> Result<&dyn Holdings, StoreError> {
        Ok(&self.quiet)
    }
}

impl Front<dyn Accounts> for Way {
    fn behind(&self) -> Result<&dyn Accounts, StoreError> {
        no_tickets()
    }
}

impl Front<dyn Presence> for Way {
    fn behind(&self) -> Result<&dyn Presence, StoreError> {
        Ok(&self.quiet)
    }
}

impl Front<dyn Tournaments> for Way {
    fn behind(&self) -> Result<&dyn Tournaments, StoreError> {
        no_tickets()
    }
}

impl Front<dyn Transfers> for Way {
    fn behind(&self) -> Result<&dyn Transfers, StoreError> {
        no_tickets()
    }
}

impl Front<dyn Revocations> for Way {
    fn behind(&self) -> Result<&dyn Revocations, StoreError> {
        Ok(&self.quiet)
    }
}

impl Front<dyn Chat> for Way {
    fn behind(&self) -> Result<&dyn Chat, StoreError> {
        Ok(&self.quiet)
    }
}

impl Front<dyn Archive> for Way {
    fn behind(&self) -> Result<&dyn Archive, StoreError> {
        Ok(&self.quiet)
    }
}

impl Front<dyn Feed> for Way {
    fn behind(&self) -> Result<&dyn Feed, StoreError> {
        Ok(&self.quiet)
    }
}

impl Front<dyn Retention> for Way {
    fn behind(&self) -> Result<&dyn Retention, StoreError> {
        Ok(&self.quiet)
    }
}
