//! The task that owns a shard: it passes inputs to the state machine with the time of their receipt, and
//! carries out its outputs. Of a move's path all that the driver does is in this file: the command, the append,
//! its answer, the frames.

mod address;
mod asks;
mod beating;
mod boot_clock;
mod cpu;
mod joining;
mod outlet;
mod peer;
mod players;
mod shows;
mod stopping;
mod storing;

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use game_core::{Command, CommandKind, MatchId, MatchTime, PlayerId, UnixMillis};
use protocol::{CloseCode, FAST_HEARTBEAT_EVERY, HEARTBEAT_EVERY, JoinFlags};
use slotmap::SecondaryMap;
use store::{Append, Liveness, ShardRecord, Store};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ShardConfig;
use crate::inspection::{Ask, Inspected};
use crate::metrics::Metrics;
use crate::traces::Tracer;
use address::{AddressRival, AddressWatch};
use beating::BEATS_UNDER_WAY_MAX;
use cpu::CpuMeter;
pub(crate) use joining::{JoinRefused, Joining};
pub(crate) use outlet::{Outgoing, Outlet, last_frame, unsupported_frame};
use outlet::{Sent, heartbeat_frame};
use peer::Peer;
use players::Players;
use shard_core::{Now, Output, PeerKey, Reception, Shard, Uptime};
use shows::Shows;
use storing::{StoreAnswer, Write, Written, begin_write, written};

/// A message of a seat stream to the shard.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A peer with a checked token joins.
    Join(Box<Joining>),
    /// A command, and when its last byte was received.
    Command {
        peer: PeerKey,
        command: Command,
        received_at: Instant,
    },
    /// A line of chat.
    Say {
        peer: PeerKey,
        id: u64,
        text: String,
    },
    /// The peer leaves on purpose, and receives a last frame.
    Leave { peer: PeerKey },
    /// The stream is gone.
    Gone { peer: PeerKey },
}

/// Upper bound on reads and claims in flight, so that many returning players do not delay the writes.
const LOADS_MAX: usize = 16;
/// Answers of the store that wait: one heartbeat, one scan, the loads, and proofs.
const ANSWERS_LEN: usize = LOADS_MAX + 72;
/// Inputs taken from the inbox at one wake-up.
const ROUND_LEN: usize = 256;
/// Interval at which the driver reads its clock even when nothing happens.
const PULSE: Duration = Duration::from_millis(100);
/// Between two reads of the clock further apart than this, the process did not run.
const GAP_MIN: Duration = Duration::from_millis(250);
/// The sources of the driver's inputs.
struct Sources {
    inbox: mpsc::Receiver<Inbound>,
    answered: mpsc::Receiver<StoreAnswer>,
    asks: mpsc::Receiver<Ask>,
}

pub(crate) struct Driver {
    shard: Shard,
    peers: SecondaryMap<PeerKey, Peer>,
    players: Players,
    shows: Shows,
    /// Operators who wait for a change of a match.
    followers: HashMap<MatchId, Vec<oneshot::Sender<()>>>,
    /// The frames of this round, in order.
    round: Vec<(PeerKey, Bytes)>,
    metrics: Arc<Metrics>,
    /// Only where traces are exported.
    tracer: Option<Tracer>,
    store: Arc<dyn Store>,
    record: ShardRecord,
    cpu: CpuMeter,
    /// CPU time a second that the process may use, in cores.
    cpu_share: f64,
    /// The batch that is being written, if one is.
    write: Option<Write>,
    answers: mpsc::Sender<StoreAnswer>,
    heartbeat_under_way: bool,
    /// Places for beats that wait for an answer.
    beats: Arc<Semaphore>,
    beats_refused: bool,
    /// Looks at what was heard.
    looks: u32,
    /// Times at which a heartbeat may be due.
    heartbeat_ticks: u32,
    address_watch: AddressWatch,
    /// Another live shard that announces this one's address.
    address_shared: Option<AddressRival>,
    /// Players who may not play in spite of a valid seat token: read with each heartbeat.
    revoked: HashSet<PlayerId>,
    /// The same by an operator's request, until the store's list contains them; with the number of lists since. A list
    /// that was read before the request may lack them; if the one after does, they were restored meanwhile.
    expelled: HashMap<PlayerId, u8>,
    /// Whether that list was read once. Until then, no join is accepted.
    knows_revoked: bool,
    /// Whether the shard stops: commands are then ignored, and clients retransmit them to the next owner.
    is_closing: bool,
    /// What the store counted as possible losses when matches were last compared with it.
    regressions: u64,
    loads: Arc<Semaphore>,
    tasks: TaskTracker,
    started: Instant,
    last_look: Instant,
    calendar: fn() -> UnixMillis,
}

impl Driver {
    /// Runs the shard until `shutdown`, then hands its matches over.
    pub(crate) async fn run(
        config: &ShardConfig,
        store: Arc<dyn Store>,
        calendar: fn() -> UnixMillis,
        inbox: mpsc::Receiver<Inbound>,
        inspected: Inspected,
        shutdown: CancellationToken,
    ) {
        let metrics = inspected.metrics;
        let (answers, answered) = mpsc::channel(ANSWERS_LEN);
        let tracer = config.traces.as_ref();
        let tracer = tracer.and_then(|traces| Tracer::start(traces, config.id, &metrics));
        let mut driver = Self {
            shard: Shard::new(config.id, config.limits.clone()),
            peers: SecondaryMap::new(),
            players: Players::new(&config.net),
            shows: Shows::default(),
            followers: HashMap::new(),
            round: Vec::new(),
            metrics,
            tracer,
            regressions: store.regressions(),
            store,
            record: record_of(config),
            cpu: CpuMeter::default(),
            cpu_share: config.cpu_share,
            write: None,
            answers,
            heartbeat_under_way: false,
            beats: Arc::new(Semaphore::new(BEATS_UNDER_WAY_MAX)),
            beats_refused: false,
            looks: 0,
            heartbeat_ticks: 0,
            address_watch: AddressWatch::default(),
            address_shared: None,
            revoked: HashSet::new(),
            expelled: HashMap::new(),
            knows_revoked: false,
            is_closing: false,
            loads: Arc::new(Semaphore::new(LOADS_MAX)),
            tasks: TaskTracker::new(),
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
            .await;
        driver.stop(sources, config.hand_over_within).await;
    }

    /// Serves the shard until `ended`, or until it is `done`.
    async fn serve(
        &mut self,
        sources: &mut Sources,
        ended: impl Future<Output = ()>,
        done: impl Fn(&Shard) -> bool,
    ) {
        let Sources {
            inbox,
            answered,
            asks,
        } = sources;
        let mut heartbeats = interval(Liveness::HEARTBEAT_EVERY);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = interval(Liveness::LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut inputs = Vec::with_capacity(ROUND_LEN);
        tokio::pin!(ended);
        while !done(&self.shard) {
            let wake_at = self.wake_at();
            // In a fixed order of priority: the same inputs at the same times give the same history.
            tokio::select! {
                biased;
                () = &mut ended => break,
                written = written(&mut self.write) => {
                    let now = self.look();
                    self.appended(written, now);
                }
                Some(answer) = answered.recv() => {
                    let now = self.look();
                    self.store_answered(answer, now);
                }
                _ = heartbeats.tick() => {
                    self.heartbeat_tick();
                    self.send_heartbeats();
                }
                _ = looks.tick() => self.listen(),
                // One an iteration: operators wait for players, whose inputs are read in each.
                Some(ask) = asks.recv() => {
                    let now = self.look();
                    self.answer(ask, now);
                }
                n = inbox.recv_many(&mut inputs, ROUND_LEN), if self.knows_revoked => {
                    if n == 0 { break }
                }
                () = std::future::ready(()), if !self.shows.is_empty() => {}
                () = sleep_until(wake_at) => {}
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
            let regressions = self.store.regressions();
            if regressions != self.regressions {
                self.regressions = regressions;
                self.shard.store_may_have_lost();
            }
            self.shard.advance(now);
            self.carry_out();
            self.show();
            self.metrics.measured(self.shard.take_measured());
        }
    }

    /// Reads the clock; no player is charged for time in which the process did not run.
    fn look(&mut self) -> Now {
        let now = Instant::now();
        let gap = now.saturating_duration_since(self.last_look);
        if gap > GAP_MIN {
            tracing::warn!(gap_ms = gap.as_millis() as u64, "the process did not run");
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

    fn uptime(&self, at: Instant) -> Uptime {
        Uptime::from_start(at.saturating_duration_since(self.started))
    }

    fn wake_at(&self) -> Instant {
        let pulse = self.last_look + PULSE;
        self.shard.next_turn().map_or(pulse, |uptime| {
            pulse.min(self.started + uptime.since_start())
        })
    }

    fn handle(&mut self, inputs: &mut Vec<Inbound>, now: Now) {
        for input in inputs.drain(..) {
            match input {
                Inbound::Join(joining) => self.join(*joining, now),
                Inbound::Command { .. } if self.is_closing => {}
                Inbound::Command {
                    peer,
                    command,
                    received_at,
                } => self.command(peer, &command, received_at, now),
                Inbound::Say { .. } if self.is_closing => {}
                Inbound::Say { peer, id, text } => self.shard.say(peer, id, &text, now),
                Inbound::Leave { peer } => self.shard.say_goodbye(peer),
                Inbound::Gone { peer } => self.gone(peer),
            }
        }
    }

    fn command(&mut self, peer: PeerKey, command: &Command, received_at: Instant, now: Now) {
        let mut received = Reception::from(self.uptime(received_at));
        if let Some(sender) = self.peers.get_mut(peer) {
            sender.heard_at = received_at;
            let round_trip = sender.link.rtt();
            received.round_trip = Some(round_trip.into());
            if !sender.flags.has(JoinFlags::NO_LAG_COMPENSATION) {
                received.lag = sender.lag.measure(round_trip);
            }
        }
        let Some(tracer) = self.tracer.as_mut().filter(|tracer| tracer.samples()) else {
            self.shard.command(peer, command, received, now);
            return;
        };
        let begun_at = Instant::now();
        if let Some(accepted) = self.shard.command(peer, command, received, now) {
            let is_move = matches!(command.kind, CommandKind::Move { .. });
            tracer.accepted(accepted, is_move, [received_at, begun_at, Instant::now()]);
        }
    }

    /// Begins to write a batch; at most one is in flight.
    fn append(&mut self, batch: Arc<[Append]>) {
        if let Some(tracer) = &mut self.tracer {
            tracer.sent(&batch, Instant::now());
        }
        let timer = self.metrics.store_seconds.append.clone();
        self.write = Some(begin_write(Arc::clone(&self.store), batch, timer));
    }

    /// The batch in flight was answered.
    fn appended(&mut self, Written { answer, at }: Written, now: Now) {
        if let (Some(tracer), Ok(answers)) = (&mut self.tracer, &answer) {
            tracer.answered(answers, at);
        }
        self.shard.appended(answer, now);
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.shard.next_output() {
            match output {
                Output::Send { peer, frame } => self.round.push((peer, frame)),
                Output::Show { spectators, frame } => {
                    if let Err(unserved) = self.shows.add(spectators, frame) {
                        for peer in unserved {
                            self.drop_slow(peer);
                        }
                    }
                }
                Output::Close { peer, frame, code } => {
                    // What it was sent before comes before.
                    self.send_round();
                    if let Some(outlet) = self.forget(peer) {
                        outlet.close(frame, code);
                    }
                }
                Output::Changed(id) => self.changed(id),
                Output::Append(batch) => self.append(batch),
                Output::ReadHeads(ids) => self.read_heads(ids),
                Output::Load(id) => self.load(id),
                Output::Create(snapshot) => self.create(snapshot),
                Output::Say(saying) => self.say(saying),
                Output::LoadChat(id) => self.load_chat(id),
                Output::Claim(claims) => self.claim(claims),
                Output::Disown(shard, matches) => self.disown(shard, matches),
                Output::Orphans(shard) => self.orphans(shard),
                Output::Deregister { shard, heartbeat } => self.deregister(shard, heartbeat),
                Output::Verify(matches) => self.verify(matches),
                Output::Arrivals(matches) => self.arrivals(matches),
                Output::HandOver(given) => self.hand_over(given),
                Output::ReadRegistry => self.read_registry(),
                Output::Prove(suspicions) => self.prove(suspicions),
            }
        }
        self.send_round();
        if let Some(tracer) = &mut self.tracer {
            tracer.frames_left();
        }
    }

    /// Sends the frames of this round: those to one peer, of which a mover has two, in one write.
    fn send_round(&mut self) {
        let mut round = mem::take(&mut self.round);
        // Of one peer, in their order.
        round.sort_by_key(|(peer, _)| *peer);
        let mut frames = Vec::new();
        for to_one in round.chunk_by_mut(|(one, _), (next, _)| one == next) {
            frames.extend(to_one.iter_mut().map(|(_, frame)| mem::take(frame)));
            if let Some((peer, _)) = to_one.first() {
                self.send(*peer, &mut frames);
            }
        }
        round.clear();
        self.round = round;
    }

    /// Sends frames to one peer, and empties the list.
    fn send(&mut self, peer: PeerKey, frames: &mut Vec<Bytes>) {
        let Some(link) = self.peers.get_mut(peer) else {
            frames.clear();
            return;
        };
        link.sent_at = self.last_look;
        if link.outlet.send(frames) == Sent::TooSlow {
            self.drop_slow(peer);
        }
    }

    /// A peer does not read what it is sent.
    fn drop_slow(&mut self, peer: PeerKey) {
        self.metrics.slow_peers.inc();
        // Its queue is dropped here; its stream ends when its write is overdue.
        self.forget(peer);
        self.shard.close(peer, CloseCode::SlowPeer);
    }

    /// Sends the next spectators their frames.
    fn show(&mut self) {
        let mut frames = Vec::with_capacity(1);
        for (peer, frame) in self.shows.slice() {
            frames.push(frame);
            self.send(peer, &mut frames);
        }
    }

    /// Sends a frame to peers that asked for a sign of life and were not sent anything else for a while.
    fn send_heartbeats(&mut self) {
        let (now, server_time) = (self.last_look, self.shard.server_time());
        let is_due = |peer: &Peer| {
            let every = if peer.flags.has(JoinFlags::FAST_HEARTBEATS) {
                FAST_HEARTBEAT_EVERY
            } else if peer.flags.has(JoinFlags::HEARTBEATS) {
                HEARTBEAT_EVERY
            } else {
                return false;
            };
            // This is looked at now and then: to the nearest look.
            now - peer.sent_at + Liveness::HEARTBEAT_EVERY / 2 >= every
        };
        let due: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, peer)| is_due(peer))
            .map(|(key, _)| key)
            .collect();
        let mut frames = Vec::with_capacity(1);
        for peer in due {
            frames.push(heartbeat_frame().stamp(server_time));
            self.send(peer, &mut frames);
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
        load: 0,
        cpu_share: cpu::permille(config.cpu_share, 1.0).max(1),
        draining: false,
        admin: config.admin,
        clock: MatchTime::default(),
        liveness: config.liveness,
        connections: Vec::new(),
        web: config.web.clone(),
    }
}
