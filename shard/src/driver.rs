//! The task that owns a shard: it hands the state machine its inputs with the time of their receipt,
//! and carries out what it asks for.

mod address;
mod asks;
mod boot_clock;
mod joining;
mod outlet;
mod players;
mod storing;
mod traced;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use game_core::{Command, MatchId, PlayerId, ShardId, UnixMillis};
use protocol::CloseCode;
use quinn::Connection;
use slotmap::SecondaryMap;
use store::{
    Append, Appended, Checkpoint, Claim, Created, HandedOver, Liveness, Registered, ShardRecord,
    Standing, Store, StoreError,
};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::inspection::{Ask, Inspected};
use crate::metrics::Metrics;
use crate::traces::Tracer;
use crate::{ShardConfig, ShardFailed};
use address::{AddressWatch, Shared};
use boot_clock::boot_clock;
pub(crate) use joining::{Joining, Refused};
use outlet::Sent;
pub(crate) use outlet::{Outgoing, Outlet, last_frame};
use players::Players;
use shard_core::{Now, Output, PeerKey, Shard};
use storing::{timed, write_batches};

/// What a seat stream tells the shard.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A peer with a checked token wants in.
    Join(Joining),
    /// A command, and when its last byte was received.
    Command {
        peer: PeerKey,
        command: Command,
        received_at: Instant,
    },
    /// The peer said goodbye: it is owed a last frame.
    Leave { peer: PeerKey },
    /// The stream is gone.
    Gone { peer: PeerKey },
}

/// What the store answered.
enum Answer {
    Loaded(MatchId, Result<Option<Box<Checkpoint>>, StoreError>),
    Created(MatchId, Result<Created, StoreError>),
    Claimed(MatchId, Result<Claim, StoreError>),
    /// What a batch was answered, and when.
    Appended(Result<Vec<Appended>, StoreError>, Instant),
    /// The store has the heartbeat, and is asked more of it.
    HeartbeatReached,
    Heartbeat(Result<Vec<Registered>, StoreError>),
    Revoked(Vec<PlayerId>),
    Assigned(Vec<MatchId>),
    Orphans(ShardId, Result<Vec<MatchId>, StoreError>),
    Verified(Result<Vec<Standing>, StoreError>),
    HandedOver(MatchId, Result<HandedOver, StoreError>),
}

/// Reads and claims under way at once, so that a crowd of returning players does not crowd out the
/// writes.
const LOADS_MAX: usize = 16;
/// Answers of the store that wait: one batch, one heartbeat, one scan, and the loads.
const ANSWERS_LEN: usize = LOADS_MAX + 8;
/// Inputs taken from the inbox at one wake-up.
const ROUND_LEN: usize = 256;
/// The driver looks at its clock so often even when nothing happens.
const PULSE: Duration = Duration::from_millis(100);
/// Between two looks further apart than this, the process did not run.
const GAP_MIN: Duration = Duration::from_millis(250);
/// The shard looks for matches assigned to it with every so many heartbeats.
const SCAN_EVERY: u64 = 2;
/// At a shutdown, the batch in flight is waited for so long.
const SHUTDOWN_FLUSH: Duration = Duration::from_secs(3);
/// At a shutdown, giving the matches away may take so long.
const HAND_OVER: Duration = Duration::from_secs(10);

/// Where the driver's inputs come from.
struct Sources {
    inbox: mpsc::Receiver<Inbound>,
    answered: mpsc::Receiver<Answer>,
    asks: mpsc::Receiver<Ask>,
}

/// A seat stream as the driver knows it.
struct Peer {
    outlet: Outlet,
    connection: Connection,
    player: PlayerId,
    /// When it last sent a command or, before the first, when it joined.
    heard_at: Instant,
}

pub(crate) struct Driver {
    shard: Shard,
    peers: SecondaryMap<PeerKey, Peer>,
    players: Players,
    metrics: Arc<Metrics>,
    /// Only where traces are exported.
    tracer: Option<Tracer>,
    store: Arc<dyn Store>,
    record: ShardRecord,
    batches: mpsc::Sender<Arc<[Append]>>,
    answers: mpsc::Sender<Answer>,
    heartbeat_under_way: bool,
    address_watch: AddressWatch,
    /// Another live shard that announces this one's address.
    address_shared: Option<Shared>,
    /// Who may not play although a seat token may say so: read with each heartbeat.
    revoked: HashSet<PlayerId>,
    /// The same by an operator's word, until the store's list has them.
    expelled: HashSet<PlayerId>,
    /// That list was read once. Before, nobody is let in.
    knows_revoked: bool,
    /// The task that writes is gone: nothing can be confirmed any more.
    writer_failed: bool,
    loads: Arc<Semaphore>,
    tasks: TaskTracker,
    started: Instant,
    last_look: Instant,
    calendar: fn() -> UnixMillis,
}

impl Driver {
    /// Runs the shard until `shutdown`, then gives its matches away in good order.
    pub(crate) async fn run(
        config: &ShardConfig,
        store: Arc<dyn Store>,
        calendar: fn() -> UnixMillis,
        inbox: mpsc::Receiver<Inbound>,
        inspected: Inspected,
        shutdown: CancellationToken,
    ) -> Result<(), ShardFailed> {
        let metrics = inspected.metrics;
        let (answers, answered) = mpsc::channel(ANSWERS_LEN);
        let (batches, to_write) = mpsc::channel(1);
        let tasks = TaskTracker::new();
        let times = metrics.store_seconds.clone();
        let writer = write_batches(Arc::clone(&store), to_write, answers.clone(), times);
        tasks.spawn(writer);
        let tracer = config.traces.as_ref();
        let tracer = tracer.and_then(|traces| Tracer::start(traces, config.id, &metrics));
        let mut driver = Self {
            shard: Shard::new(config.id, config.limits.clone()),
            peers: SecondaryMap::new(),
            players: Players::new(&config.net),
            metrics,
            tracer,
            store,
            record: record_of(config),
            batches,
            answers,
            heartbeat_under_way: false,
            address_watch: AddressWatch::default(),
            address_shared: None,
            revoked: HashSet::new(),
            expelled: HashSet::new(),
            knows_revoked: false,
            writer_failed: false,
            loads: Arc::new(Semaphore::new(LOADS_MAX)),
            tasks,
            started: Instant::now(),
            last_look: Instant::now(),
            calendar,
        };
        let mut sources = Sources {
            inbox,
            answered,
            asks: inspected.asks,
        };
        driver
            .serve(&mut sources, shutdown.cancelled(), |_| false)
            .await?;
        if config.hand_over {
            driver.drain(&mut sources).await?;
        }
        driver.finish(sources).await;
        Ok(())
    }

    /// Serves the shard until `ended`, or until it is `done`.
    async fn serve(
        &mut self,
        sources: &mut Sources,
        ended: impl Future<Output = ()>,
        done: impl Fn(&Shard) -> bool,
    ) -> Result<(), ShardFailed> {
        let Sources {
            inbox,
            answered,
            asks,
        } = sources;
        let mut heartbeats = interval(Liveness::HEARTBEAT_EVERY);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut inputs = Vec::with_capacity(ROUND_LEN);
        tokio::pin!(ended);
        while !done(&self.shard) {
            let wake_at = self.wake_at();
            tokio::select! {
                n = inbox.recv_many(&mut inputs, ROUND_LEN), if self.knows_revoked => {
                    if n == 0 { break }
                }
                Some(answer) = answered.recv() => {
                    let now = self.look();
                    self.store_answered(answer, now);
                }
                _ = heartbeats.tick() => self.heartbeat(),
                // One a round: operators wait for players.
                Some(ask) = asks.recv() => {
                    let now = self.look();
                    self.answer(ask, now);
                }
                () = sleep_until(wake_at) => {}
                () = &mut ended => break,
            }
            let now = self.look();
            while let Ok(answer) = answered.try_recv() {
                self.store_answered(answer, now);
            }
            self.handle(&mut inputs, now);
            // What was received before a deadline counts before it, even if it still waits here.
            if self.knows_revoked {
                for _ in 0..inbox.len() {
                    inputs.extend(inbox.try_recv());
                }
                self.handle(&mut inputs, now);
            }
            self.shard.turn(now);
            self.carry_out();
            self.metrics.measured(self.shard.take_measured());
            if self.writer_failed {
                return Err(ShardFailed("the task that writes to the store has failed"));
            }
        }
        Ok(())
    }

    /// Gives every match to another shard, and plays on with those whose turn has not come.
    async fn drain(&mut self, sources: &mut Sources) -> Result<(), ShardFailed> {
        let now = self.look();
        self.shard.drain(now);
        self.heartbeat();
        self.serve(sources, sleep(HAND_OVER), Shard::is_drained)
            .await?;
        if !self.shard.is_drained() {
            tracing::warn!("not every match was handed over; the others take over what is left");
        }
        Ok(())
    }

    /// Writes what is in flight, sends the peers away and leaves the registry.
    async fn finish(mut self, sources: Sources) {
        let Sources {
            mut inbox,
            mut answered,
            asks: _,
        } = sources;
        let flush = self.until(|shard| !shard.is_writing(), &mut inbox, &mut answered);
        if timeout(SHUTDOWN_FLUSH, flush).await.is_err() {
            tracing::warn!("the store did not confirm the last writes; nobody was told of them");
        }
        self.shard.close_all(CloseCode::ShuttingDown);
        self.carry_out();
        // Who comes now is to hear that at once.
        drop(inbox);
        // What is under way is waited for: a heartbeat would find the shard gone, and matches that are on
        // their way out of its set would be looked for by the others.
        self.loads.close();
        drop(answered);
        drop(self.batches);
        self.tasks.close();
        let traced = async {
            if let Some(tracer) = self.tracer {
                tracer.finish().await;
            }
        };
        let _ = tokio::join!(timeout(SHUTDOWN_FLUSH, self.tasks.wait()), traced);
        leave(&*self.store, self.record.id).await;
    }

    /// Goes on with what the store answers until `done`. Commands that come meanwhile are left to be
    /// sent again to the next owner.
    async fn until(
        &mut self,
        done: impl Fn(&Shard) -> bool,
        inbox: &mut mpsc::Receiver<Inbound>,
        answered: &mut mpsc::Receiver<Answer>,
    ) {
        let mut heartbeats = interval(Liveness::HEARTBEAT_EVERY);
        loop {
            let now = self.look();
            self.shard.turn(now);
            self.carry_out();
            if done(&self.shard) {
                return;
            }
            let wake_at = self.wake_at();
            tokio::select! {
                Some(answer) = answered.recv() => {
                    let now = self.look();
                    self.store_answered(answer, now);
                }
                Some(input) = inbox.recv(), if self.knows_revoked => {
                    if !matches!(input, Inbound::Command { .. }) {
                        let now = self.look();
                        self.handle(&mut vec![input], now);
                    }
                }
                _ = heartbeats.tick() => self.heartbeat(),
                () = sleep_until(wake_at) => {}
            }
        }
    }

    /// Reads the clock; what the process slept through is charged to nobody.
    fn look(&mut self) -> Now {
        let now = Instant::now();
        let gap = now.saturating_duration_since(self.last_look);
        if gap > GAP_MIN {
            tracing::warn!(gap_ms = gap.as_millis() as u64, "the server stood still");
            self.metrics.tick_gaps.inc();
            self.metrics.tick_gap_seconds.inc_by(gap.as_secs_f64());
            self.shard.skipped(gap);
        }
        self.last_look = now;
        Now {
            uptime: self.uptime(now),
            calendar: (self.calendar)(),
        }
    }

    fn uptime(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.started)
    }

    fn wake_at(&self) -> Instant {
        let pulse = self.last_look + PULSE;
        self.shard
            .next_turn()
            .map_or(pulse, |uptime| pulse.min(self.started + uptime))
    }

    fn handle(&mut self, inputs: &mut Vec<Inbound>, now: Now) {
        for input in inputs.drain(..) {
            match input {
                Inbound::Join(joining) => self.join(joining, now),
                Inbound::Command {
                    peer,
                    command,
                    received_at,
                } => self.command(peer, &command, received_at, now),
                Inbound::Leave { peer } => self.shard.close(peer, CloseCode::Done),
                Inbound::Gone { peer } => self.gone(peer),
            }
        }
    }

    fn store_answered(&mut self, answer: Answer, now: Now) {
        match answer {
            Answer::Loaded(id, answer) => {
                let answer = answer.map(|found| found.map(|checkpoint| *checkpoint));
                self.shard.loaded(id, answer, now);
            }
            Answer::Created(id, answer) => self.shard.created(id, answer, now),
            Answer::Claimed(id, answer) => self.shard.claimed(id, answer, now),
            Answer::Appended(answer, at) => self.appended(answer, at, now),
            Answer::Assigned(matches) => self.shard.assigned(matches, now),
            Answer::Orphans(shard, answer) => self.shard.orphans(shard, answer, now),
            Answer::Verified(answer) => self.shard.verified(answer),
            Answer::HandedOver(id, answer) => self.shard.handed_over(id, answer, now),
            Answer::HeartbeatReached => self.shard.heartbeat_reached(now, boot_clock()),
            Answer::Heartbeat(answer) => {
                self.heartbeat_under_way = false;
                if let Ok(registry) = &answer {
                    self.watch_address(registry);
                }
                self.shard.heartbeat_answered(answer, now, boot_clock());
            }
            Answer::Revoked(players) => self.deny(players),
        }
    }

    /// Looks whether another live shard announces this one's address, and says so.
    fn watch_address(&mut self, registry: &[Registered]) {
        let shared = self.address_watch.observe(&self.record, registry);
        self.metrics.address_shared.set(shared.is_some().into());
        if shared != self.address_shared
            && let Some(Shared {
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

    fn carry_out(&mut self) {
        while let Some(output) = self.shard.next_output() {
            match output {
                Output::Send { peer, frame } => self.send(peer, frame),
                Output::Close { peer, frame, code } => {
                    if let Some(outlet) = self.forget(peer) {
                        outlet.close(frame, code);
                    }
                }
                Output::Append(batch) => self.append(batch),
                Output::Load(id) => {
                    let timer = self.metrics.store_seconds.load.clone();
                    self.ask(|store| async move {
                        let found = timed(&timer, store.load(id)).await;
                        Answer::Loaded(id, found.map(|found| found.map(Box::new)))
                    });
                }
                Output::Create(snapshot) => {
                    let me = self.record.id;
                    self.ask(|store| async move {
                        let created = store.create(me, &snapshot).await;
                        Answer::Created(snapshot.setup().id, created)
                    });
                }
                Output::Claim(id, expected) => {
                    let me = self.record.id;
                    let timer = self.metrics.store_seconds.claim.clone();
                    self.ask(|store| async move {
                        Answer::Claimed(id, timed(&timer, store.claim(id, me, expected)).await)
                    });
                }
                Output::Disown(shard, matches) => self.disown(shard, matches),
                Output::Orphans(shard) => self
                    .ask(|store| async move { Answer::Orphans(shard, store.owned(shard).await) }),
                Output::Deregister { shard, heartbeat } => self.deregister(shard, heartbeat),
                Output::Verify(matches) => self
                    .ask(|store| async move { Answer::Verified(store.standing(&matches).await) }),
                Output::HandOver(given) => self.ask(|store| async move {
                    Answer::HandedOver(given.match_id, store.hand_over(&given).await)
                }),
            }
        }
        if let Some(tracer) = &mut self.tracer {
            tracer.frames_left();
        }
    }

    fn send(&mut self, peer: PeerKey, frame: Bytes) {
        let Some(link) = self.peers.get_mut(peer) else {
            return;
        };
        if link.outlet.send(frame) == Sent::TooSlow {
            self.metrics.slow_peers.inc();
            // Its queue is dropped here; its stream ends when its write is overdue.
            self.forget(peer);
            self.shard.close(peer, CloseCode::SlowPeer);
        }
    }
}

/// Leaves the registry. Matches that are in the shard's set still are the others' to take over.
async fn leave(store: &dyn Store, id: ShardId) {
    match store.leave(id).await {
        Ok(0) => {}
        Ok(matches) => tracing::info!(shard = %id, matches, "the others take over what is left"),
        Err(error) => {
            tracing::warn!(shard = %id, %error, "could not leave the registry; the others will notice");
        }
    }
}

fn record_of(config: &ShardConfig) -> ShardRecord {
    ShardRecord {
        id: config.id,
        heartbeat: 0,
        address: config.address,
        certificate_sha256: config.certificate_sha256,
        capacity: config.capacity,
        live: 0,
        draining: false,
        admin: config.admin,
    }
}
