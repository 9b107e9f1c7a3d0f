//! The driver's requests to the store: the batch in flight, and every other request in a task of its own.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use game_core::{BySeat, Epoch, MatchId, PlayerId, ShardId, Snapshot, UnixMillis};
use prometheus::Histogram;
use shard_core::{Now, Saying};
use store::{
    Append, Appended, Chats, Checkpoint, Claim, Claiming, Created, HandOver, HandedOver, Hint,
    Holding, Liveness, MatchHead, Proof, Registered, Standing, Status, Store, StoreError,
    Suspicion, UNCOUNTED_MAX,
};
use tokio::time::Instant;

use super::Driver;
use super::address::AddressRival;
use super::boot_clock::boot_clock;
use super::cpu::{cpu_time, permille};

/// Number of times at which a heartbeat may be due between two reads of the shard's own set, which names
/// matches assigned to it.
const SCAN_EVERY: u32 = 2;
/// Number of such times for one heartbeat while this shard's beats come back to it.
const BEATING_TICKS: u32 =
    (Liveness::STORED_EVERY.as_millis() / Liveness::HEARTBEAT_EVERY.as_millis()) as u32;

/// Older revocations concern only expired seat tokens: one lives for an hour at most, and the clocks of two
/// machines may differ by most of another.
const SEAT_TOKEN_LIFE_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// An answer of the store to anything but a batch.
pub(super) enum StoreAnswer {
    Loaded(MatchId, Result<Option<Box<Checkpoint>>, StoreError>),
    HeadsRead(Vec<MatchId>, Vec<Result<Option<MatchHead>, StoreError>>),
    Created(MatchId, Result<Created, StoreError>),
    Claimed(Vec<Claiming>, Vec<Result<Claim, StoreError>>),
    Said(Box<Saying>, Result<bool, StoreError>),
    ChatLoaded(MatchId, Result<Chats, StoreError>),
    /// The store has the heartbeat; further steps of it follow.
    HeartbeatReached,
    Heartbeat(Result<Vec<Registered>, StoreError>),
    Registry(Result<Vec<Registered>, StoreError>),
    Proved(Suspicion, Proof),
    Revoked(Vec<PlayerId>),
    Assigned(Vec<MatchId>),
    Orphans(ShardId, Result<Vec<MatchId>, StoreError>),
    Verified(Result<Vec<Standing>, StoreError>),
    Arrivals(Vec<MatchId>, Result<Vec<Standing>, StoreError>),
    HandedOver(MatchId, Result<HandedOver, StoreError>),
}

impl Driver {
    pub(super) fn load(&self, id: MatchId) {
        let timer = self.metrics.store_seconds.load.clone();
        self.ask(|store| async move {
            let found = timed(&timer, store.load(id)).await;
            StoreAnswer::Loaded(id, found.map(|found| found.map(Box::new)))
        });
    }

    pub(super) fn create(&self, snapshot: Box<Snapshot>) {
        let me = self.record.id;
        self.ask(|store| async move {
            let created = create_rematch(&*store, me, &snapshot).await;
            StoreAnswer::Created(snapshot.setup().id, created)
        });
    }

    pub(super) fn say(&self, saying: Saying) {
        self.ask(|store| async move {
            let (id, room) = (saying.match_id, saying.room);
            let answer = store.append_chat(id, room, &saying.line).await;
            StoreAnswer::Said(Box::new(saying), answer)
        });
    }

    pub(super) fn load_chat(&self, id: MatchId) {
        self.ask(|store| async move { StoreAnswer::ChatLoaded(id, store.load_chat(id).await) });
    }

    pub(super) fn read_heads(&self, ids: Vec<MatchId>) {
        let timer = self.metrics.store_seconds.load.clone();
        self.ask(|store| async move {
            let heads = timed(&timer, store.heads(&ids)).await;
            StoreAnswer::HeadsRead(ids, heads)
        });
    }

    pub(super) fn claim(&self, claims: Vec<Claiming>) {
        let me = self.record.id;
        let timer = self.metrics.store_seconds.claim.clone();
        self.ask(|store| async move {
            let answers = timed(&timer, store.claim_many(me, &claims)).await;
            StoreAnswer::Claimed(claims, answers)
        });
    }

    pub(super) fn orphans(&self, shard: ShardId) {
        self.ask(|store| async move { StoreAnswer::Orphans(shard, store.owned(shard).await) });
    }

    pub(super) fn verify(&self, matches: Vec<(MatchId, u32)>) {
        let shard = self.record.id;
        self.ask(move |store| async move {
            let standings = compare(&*store, shard, &matches).await;
            StoreAnswer::Verified(standings)
        });
    }

    pub(super) fn arrivals(&self, matches: Vec<MatchId>) {
        self.ask(|store| async move {
            let asked: Vec<_> = matches.iter().map(|&id| (id, 0)).collect();
            StoreAnswer::Arrivals(matches, store.standing(&asked).await)
        });
    }

    pub(super) fn hand_over(&self, given: HandOver) {
        self.ask(|store| async move {
            StoreAnswer::HandedOver(given.match_id, store.hand_over(&given).await)
        });
    }

    pub(super) fn store_answered(&mut self, answer: StoreAnswer, now: Now) {
        match answer {
            StoreAnswer::Loaded(id, answer) => {
                let answer = answer.map(|found| found.map(|checkpoint| *checkpoint));
                self.shard.loaded(id, answer, now);
            }
            StoreAnswer::Created(id, answer) => self.shard.created(id, answer, now),
            StoreAnswer::HeadsRead(ids, answers) => self.shard.heads_read(&ids, answers, now),
            StoreAnswer::Claimed(claims, answers) => {
                for (claim, answer) in claims.iter().zip(answers) {
                    self.shard.claimed(claim.match_id, answer, now);
                }
            }
            StoreAnswer::Said(saying, answer) => self.shard.chat_stored(&saying, answer),
            StoreAnswer::ChatLoaded(id, answer) => self.shard.chat_loaded(id, answer),
            StoreAnswer::Assigned(matches) => self.shard.assigned(matches, now),
            StoreAnswer::Orphans(shard, answer) => self.shard.orphans(shard, answer, now),
            StoreAnswer::Verified(answer) => self.shard.verified(answer),
            StoreAnswer::Arrivals(matches, answer) => self.shard.arrivals(&matches, answer),
            StoreAnswer::HandedOver(id, answer) => self.shard.handed_over(id, answer, now),
            StoreAnswer::HeartbeatReached => self.shard.heartbeat_reached(now, boot_clock()),
            StoreAnswer::Heartbeat(answer) => {
                self.heartbeat_under_way = false;
                if let Ok(registry) = &answer {
                    self.watch_address(registry);
                }
                self.shard.heartbeat_answered(answer, now, boot_clock());
            }
            StoreAnswer::Registry(answer) => self.shard.registry_read(answer, now),
            StoreAnswer::Proved(suspicion, proof) => self.shard.proved(&suspicion, proof),
            StoreAnswer::Revoked(players) => self.deny(players),
        }
    }

    /// Checks whether another live shard announces this one's address, and logs it.
    fn watch_address(&mut self, registry: &[Registered]) {
        let shared = self.address_watch.observe(&self.record, registry);
        self.metrics.address_shared.set(shared.is_some().into());
        if shared != self.address_shared
            && let Some(AddressRival {
                with,
                is_ours_to_yield,
            }) = shared
        {
            let address = self.record.address;
            tracing::error!(%address, other = %with, is_ours_to_yield,
                "another live shard announces this one's address, so that players reach one of the two: the \
                 younger takes no matches until --public-address (ROOKERY_PUBLIC_ADDRESS) of both differ");
        }
        self.address_shared = shared;
    }

    fn ask<F>(&self, question: impl FnOnce(Arc<dyn Store>) -> F)
    where
        F: Future<Output = StoreAnswer> + Send + 'static,
    {
        let (answers, loads) = (self.answers.clone(), Arc::clone(&self.loads));
        let question = question(Arc::clone(&self.store));
        self.tasks.spawn(async move {
            // It is closed when the shard ends: requests that have not begun by then are dropped.
            if let Ok(_turn) = loads.acquire_owned().await {
                let _ = answers.send(question.await).await;
            }
        });
    }

    pub(super) fn disown(&self, shard: ShardId, matches: Vec<(MatchId, Epoch)>) {
        let store = Arc::clone(&self.store);
        self.tasks.spawn(async move {
            if let Err(error) = store.disown(shard, &matches).await {
                tracing::debug!(%error, "an ended or reassigned match stays in a shard's set for now");
            }
        });
    }

    pub(super) fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) {
        let store = Arc::clone(&self.store);
        self.tasks.spawn(async move {
            if let Err(error) = store.deregister(shard, heartbeat).await {
                tracing::debug!(%shard, %error, "a dead shard stays in the registry for now");
            }
        });
    }

    /// Sends a heartbeat if one is due: less often while beats come back.
    pub(super) fn heartbeat_tick(&mut self) {
        self.heartbeat_ticks = self.heartbeat_ticks.wrapping_add(1);
        if self.heartbeat_ticks.is_multiple_of(BEATING_TICKS) || !self.shard.hears() {
            self.heartbeat();
        }
    }

    pub(super) fn heartbeat(&mut self) {
        let now = self.look();
        let cores = self.cpu.read(now.uptime.since_start(), cpu_time());
        self.record.load = permille(cores, self.cpu_share);
        self.metrics.load.set(cores / self.cpu_share);
        let lag = self.shard.checkpoint_lag(now);
        self.metrics.follow(&self.shard, self.record.capacity, lag);
        if let Some(tracer) = &mut self.tracer {
            tracer.forget_old(self.last_look);
        }
        if self.heartbeat_under_way {
            return;
        }
        self.heartbeat_under_way = true;
        self.shard.heartbeat_sent(now, boot_clock());
        self.record.heartbeat += 1;
        let mut record = self.shard.record(&self.record);
        record.draining |= self
            .address_shared
            .is_some_and(|shared| shared.is_ours_to_yield);
        let is_scan_due = self.heartbeat_ticks.is_multiple_of(SCAN_EVERY);
        let (store, answers) = (Arc::clone(&self.store), self.answers.clone());
        let timer = self.metrics.store_seconds.heartbeat.clone();
        let seat_token_ms = SEAT_TOKEN_LIFE_MAX.as_millis() as u64;
        let revoked_since = UnixMillis(now.calendar.0.saturating_sub(seat_token_ms));
        self.tasks.spawn(async move {
            // A full queue contains enough answers.
            let reached = || _ = answers.try_send(StoreAnswer::HeartbeatReached);
            let answer = timed(&timer, store.heartbeat_in_steps(&record, &reached)).await;
            let alive = answer.is_ok();
            let _ = answers.send(StoreAnswer::Heartbeat(answer)).await;
            if alive && let Ok(players) = store.revoked_since(revoked_since).await {
                let _ = answers.send(StoreAnswer::Revoked(players)).await;
            }
            if alive
                && is_scan_due
                && let Ok(matches) = store.owned(record.id).await
            {
                let _ = answers.send(StoreAnswer::Assigned(matches)).await;
            }
        });
    }
}

/// How matches stand in the store. Those that are this shard's are in its set afterwards, which the store may have lost
/// apart from the match.
async fn compare(
    store: &dyn Store,
    shard: ShardId,
    matches: &[(MatchId, u32)],
) -> Result<Vec<Standing>, StoreError> {
    let standings = store.standing(matches).await?;
    let own = matches
        .iter()
        .zip(&standings)
        .filter_map(|((id, _), standing)| match standing {
            Standing::Stored { ownership, .. }
                if ownership.owner == shard && ownership.status == Status::Live =>
            {
                Some((*id, ownership.epoch))
            }
            _ => None,
        });
    store.own(shard, &own.collect::<Vec<_>>()).await?;
    Ok(standings)
}

/// A batch in flight.
pub(super) type Write = Pin<Box<dyn Future<Output = Written> + Send>>;

/// The result of a batch.
pub(super) struct Written {
    pub(super) answer: Result<Vec<Appended>, StoreError>,
    /// When the answer arrived.
    pub(super) at: Instant,
}

/// Writes a batch, once the future is polled.
pub(super) fn begin_write(store: Arc<dyn Store>, batch: Arc<[Append]>, timer: Histogram) -> Write {
    Box::pin(async move {
        let answer = timed(&timer, store.append(&batch)).await;
        let at = Instant::now();
        Written { answer, at }
    })
}

/// Waits for the batch in flight; for ever if there is none. It may be dropped at any time: the batch stays
/// in flight.
pub(super) async fn written(write: &mut Option<Write>) -> Written {
    match write {
        Some(under_way) => {
            let written = under_way.await;
            *write = None;
            written
        }
        None => pending().await,
    }
}

/// How long an operation takes that succeeds or fails; one that never ends is not counted.
pub(super) async fn timed<T>(histogram: &Histogram, operation: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let answer = operation.await;
    histogram.observe(begun.elapsed().as_secs_f64());
    answer
}

/// Creates a match, and lists it for its players before, as matchmakers do with the matches that they create, so that
/// whoever asks for a player's matches is told of it.
async fn create_rematch(
    store: &dyn Store,
    owner: ShardId,
    snapshot: &Snapshot,
) -> Result<Created, StoreError> {
    let setup = snapshot.setup();
    let BySeat { white, black } = &setup.players;
    for player in [white, black] {
        let (kind, id) = (Holding::Uncounted, setup.id.as_str());
        // A list that is full leaves it out.
        store
            .hold(&player.id, kind, id, UNCOUNTED_MAX, setup.created_at)
            .await?;
    }
    let created = store.create(owner, snapshot).await?;
    let hint = Hint {
        about: setup.id,
        players: vec![white.id.clone(), black.id.clone()],
    };
    // Whoever is not told looks some seconds later.
    let _ = store.hint(&hint).await;
    Ok(created)
}
