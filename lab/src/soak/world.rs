//! What all bots of a soak share.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game_core::{MatchId, Seat};
use protocol::Role;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::args::{EndsAt, SoakConfig, Trouble};
use super::engines::Engines;
use super::figures::Figures;
use super::operations::{OperationLog, Span};
use super::oracle::stored::{Played, Verdict, read_log, verify};
use super::oracle::{Breach, Promise};
use super::report::BrokenPromise;
use super::takeovers::Takeovers;
use super::think::exponential;
use crate::cluster::LocalCluster;
use crate::udp_proxy::{UdpProxy, Weather};
use client::connection::ConnectionTimes;
use client::seat::{SeatFuture, SeatSource, SeatTimes, SessionConfig};
use client::{Connector, Matchmaker};

/// Questions of each kind to the matchmaker at once: more would only wait there, each in a connection of
/// its own.
const QUESTIONS_MAX: usize = 64;
/// Clients that share one UDP socket, so that its buffer holds what they are told at once.
const CLIENTS_PER_SOCKET: u32 = 500;
/// UDP sockets at the most.
const SOCKETS_MAX: u32 = 64;
/// Between two attempts to read what is stored of a match.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Broken promises that are kept with all their histories.
const BROKEN_MAX: usize = 20;

/// What all bots of a soak share.
pub(super) struct World {
    pub(super) config: SoakConfig,
    /// At least one; players take turns.
    pub(super) matchmakers: Vec<Matchmaker>,
    /// The cluster, where it is the soak's own.
    pub(super) cluster: Option<Arc<LocalCluster>>,
    pub(super) connector: Arc<Connector>,
    pub(super) session: SessionConfig,
    pub(super) engines: Option<Arc<Engines>>,
    pub(super) figures: Figures,
    /// Where the operations of all clients go, if anywhere.
    pub(super) operations: Option<OperationLog>,
    pub(super) takeovers: Takeovers,
    pub(super) lag: Lag,
    pub(super) arrivals: Arrivals,
    /// No match begins any more, and those in play are given up.
    pub(super) closing: CancellationToken,
    /// What is still played now is stuck.
    pub(super) overdue: CancellationToken,
    /// The soak is at its end: it was interrupted, or a promise is broken.
    pub(super) stop: CancellationToken,
    broken: Mutex<Vec<BrokenPromise>>,
    broken_counts: Mutex<BTreeMap<Promise, u64>>,
    /// Matches that are held against the log in the end.
    played: Mutex<Vec<Played>>,
    questions: Semaphore,
    /// To ask, when it is one's turn, where a match lives: apart from other questions, which a crowd that
    /// comes back is not to hold up.
    returns: Semaphore,
    proxies: Proxies,
    began: Instant,
}

impl World {
    /// Opens sockets, and lets nobody in yet.
    pub(super) fn new(
        config: SoakConfig,
        (matchmakers, cluster): (Vec<Matchmaker>, Option<Arc<LocalCluster>>),
        engines: Option<Arc<Engines>>,
        operations: Option<OperationLog>,
        stop: CancellationToken,
    ) -> std::io::Result<Self> {
        let clients = config.clients();
        let sockets = (clients / CLIENTS_PER_SOCKET).clamp(4, SOCKETS_MAX);
        let times = ConnectionTimes {
            handshake_max: Duration::from_secs(10) + 2 * config.latency,
            keep_alive: config.keep_alive,
            idle_max: config.idle_max,
        };
        let session = SessionConfig {
            times: SeatTimes {
                answer_max: Duration::from_secs(3) + 2 * config.latency,
                ..SeatTimes::default()
            },
            patience: config.patience,
            ..SessionConfig::default()
        };
        let connector = Connector::bind(sockets as usize, times)?;
        Ok(Self {
            matchmakers,
            cluster,
            connector: Arc::new(connector.by(config.transport.transports())),
            session,
            engines,
            figures: Figures::default(),
            operations,
            takeovers: Takeovers::default(),
            lag: Lag::default(),
            arrivals: Arrivals::new(config.seed, config.arrivals),
            closing: CancellationToken::new(),
            overdue: CancellationToken::new(),
            stop,
            broken: Mutex::default(),
            broken_counts: Mutex::default(),
            played: Mutex::default(),
            questions: Semaphore::new(QUESTIONS_MAX),
            returns: Semaphore::new(QUESTIONS_MAX),
            proxies: Proxies::new(&config),
            began: Instant::now(),
            config,
        })
    }

    /// The time since the start of the soak.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// A time since the start.
    pub(super) fn at(&self, at: std::time::Instant) -> Duration {
        Instant::from_std(at).saturating_duration_since(self.began)
    }

    /// The same in seconds.
    pub(super) fn at_s(&self, at: std::time::Instant) -> f64 {
        self.at(at).as_secs_f64()
    }

    /// By how much more than was thought a clock may be charged: what was configured, and by how much
    /// this process is late itself.
    pub(super) fn tolerance(&self) -> Duration {
        self.config.clock_tolerance + self.lag.recent()
    }

    /// The right to ask the matchmaker something.
    pub(super) async fn question(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.questions.acquire().await.ok()
    }

    /// The matchmaker that is asked by those who choose none.
    pub(super) fn matchmaker(&self) -> &Matchmaker {
        &self.matchmakers[0]
    }

    /// Whether matches are also held against the stored log, for which all histories are kept whole.
    pub(super) fn holds_against_the_log(&self) -> bool {
        self.cluster.is_some() && matches!(self.config.trouble, Trouble::Chaos(..))
    }

    /// Keeps what was told of a match until the end, where that is when it is held against the log.
    pub(super) fn keep(&self, played: Played) {
        lock(&self.played).push(played);
    }

    /// The matches that were kept.
    pub(super) fn take_played(&self) -> Vec<Played> {
        std::mem::take(&mut lock(&self.played))
    }

    /// Holds a match against the stored log, and counts what it shows. The store can be read within the
    /// patience of clients.
    pub(super) async fn hold_against_the_log(&self, played: &Played) {
        let Some(cluster) = &self.cluster else {
            return;
        };
        let end = Instant::now() + self.config.patience;
        let verdict = loop {
            match verify(cluster, self.matchmaker(), played).await {
                Ok(verdict) => break verdict,
                Err(got) if Instant::now() > end => {
                    let breach = Breach {
                        promise: Promise::Runs,
                        expected: "the store can be read".to_owned(),
                        got,
                    };
                    break Verdict::from(vec![breach]);
                }
                // Redis may be down at the moment.
                Err(_) => sleep(READ_AGAIN_AFTER).await,
            }
        };
        for breach in &verdict.breaches {
            let at = self.elapsed();
            self.broke(BrokenPromise {
                match_id: Some(played.id),
                ..BrokenPromise::of_the_cluster(breach.clone(), at)
            });
        }
        self.figures.held_against_the_log(played, &verdict);
        if let Some(operations) = &self.operations {
            self.note_log(operations, cluster, played.id).await;
        }
    }

    /// The stored log is the last that the history of a match has.
    async fn note_log(&self, operations: &OperationLog, cluster: &LocalCluster, id: MatchId) {
        let call = self.elapsed();
        match read_log(cluster, id).await {
            Ok(log) => {
                let returned = self.elapsed();
                operations.read_log(id, Span { call, returned }, &log);
            }
            Err(error) => {
                let text = format!("the history lacks a stored log: {error}");
                self.figures.error(&text);
            }
        }
    }

    /// A promise is broken, which may be the end of the soak.
    pub(super) fn broke(&self, broken: BrokenPromise) {
        let is_the_end = match self.config.ends_at {
            EndsAt::AnyBroken => true,
            EndsAt::Broken(promise) => promise == broken.promise,
            EndsAt::Nothing => false,
        };
        *lock(&self.broken_counts).entry(broken.promise).or_default() += 1;
        let mut kept = lock(&self.broken);
        if kept.len() < BROKEN_MAX {
            if !is_the_end {
                program::complain!("soak: {broken}");
            }
            kept.push(broken);
        }
        if is_the_end {
            self.stop.cancel();
        }
    }

    /// How often each promise was broken.
    pub(super) fn broken_counts(&self) -> BTreeMap<Promise, u64> {
        lock(&self.broken_counts).clone()
    }

    /// The first broken promises, in full.
    pub(super) fn broken(&self) -> Vec<BrokenPromise> {
        lock(&self.broken).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The seat of a player or the place of a spectator, asked for each time it is taken.
pub(super) struct BotSeat {
    pub(super) world: Arc<World>,
    /// The number of the matchmaker that is asked.
    pub(super) matchmaker: usize,
    pub(super) token: String,
    pub(super) role: Role,
}

impl SeatSource for BotSeat {
    fn seat(&self, match_id: MatchId) -> SeatFuture<'_> {
        Box::pin(async move {
            let world = &self.world;
            let permit = world.returns.acquire().await.ok();
            let matchmaker = &world.matchmakers[self.matchmaker % world.matchmakers.len()];
            let asking = async {
                match self.role.seat() {
                    Some(_) => matchmaker.seat(&self.token, match_id).await,
                    None => matchmaker.watch(&self.token, match_id).await,
                }
            };
            let mut reply = world.connector.in_start_slot(asking).await?;
            drop(permit);
            if self.role.seat().is_some() {
                world.takeovers.located(match_id, reply.shard.address);
            }
            reply.shard.address = world.proxies.way_to(reply.shard.address).await;
            Ok(reply)
        })
    }
}

/// The bad network between bots and shards: a proxy before each shard.
struct Proxies {
    /// `None` where the network is left as it is.
    weather: Option<Weather>,
    seed: u64,
    running: tokio::sync::Mutex<HashMap<SocketAddr, UdpProxy>>,
}

impl Proxies {
    fn new(config: &SoakConfig) -> Self {
        let weather = Weather {
            loss: config.loss,
            latency: config.latency,
            ..Weather::default()
        };
        Self {
            weather: (weather != Weather::default()).then_some(weather),
            seed: config.seed,
            running: tokio::sync::Mutex::default(),
        }
    }

    /// Where a shard is to be reached; a proxy is started where it is needed. A shard before which
    /// none can be started is reached directly.
    async fn way_to(&self, shard: SocketAddr) -> SocketAddr {
        let Some(weather) = self.weather else {
            return shard;
        };
        let mut running = self.running.lock().await;
        if let Some(proxy) = running.get(&shard) {
            return proxy.address();
        }
        match UdpProxy::start(shard, self.seed ^ u64::from(shard.port())).await {
            Ok(proxy) => {
                proxy.set(weather);
                let address = proxy.address();
                running.insert(shard, proxy);
                address
            }
            Err(error) => {
                tracing::error!(%shard, %error, "no proxy: this shard is reached directly");
                shard
            }
        }
    }
}

/// When matches begin: at random, so many a second on average.
pub(super) struct Arrivals {
    next: tokio::sync::Mutex<(Instant, StdRng)>,
    per_second: f64,
}

impl Arrivals {
    fn new(seed: u64, per_second: f64) -> Self {
        let dice = StdRng::seed_from_u64(seed ^ 0xa11a);
        Self {
            next: tokio::sync::Mutex::new((Instant::now(), dice)),
            per_second,
        }
    }

    /// Waits for the next turn to begin a match.
    pub(super) async fn wait(&self) {
        let at = {
            let mut next = self.next.lock().await;
            let (at, dice) = &mut *next;
            // Turns that nobody took are not made up for.
            *at = (*at).max(Instant::now());
            *at += Duration::from_secs_f64(exponential(dice) / self.per_second);
            *at
        };
        sleep_until(at).await;
    }
}

/// How late this process is: its own lateness is not the server's.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// The worst of the present window and of the one before, in microseconds.
    windows: [AtomicU64; 2],
    max: AtomicU64,
}

impl Lag {
    const NAP: Duration = Duration::from_millis(20);
    const WINDOW: Duration = Duration::from_secs(5);

    /// Measures for ever.
    pub(super) async fn watch(&self) {
        loop {
            let window = Instant::now();
            while window.elapsed() < Self::WINDOW {
                let before = Instant::now();
                sleep(Self::NAP).await;
                let late = before.elapsed().saturating_sub(Self::NAP).as_micros();
                let late = u64::try_from(late).unwrap_or(u64::MAX);
                self.windows[0].fetch_max(late, Ordering::Relaxed);
                self.max.fetch_max(late, Ordering::Relaxed);
            }
            let present = self.windows[0].swap(0, Ordering::Relaxed);
            self.windows[1].store(present, Ordering::Relaxed);
        }
    }

    /// The worst of the last seconds.
    pub(super) fn recent(&self) -> Duration {
        let worst = self.windows.iter().map(|late| late.load(Ordering::Relaxed));
        Duration::from_micros(worst.max().unwrap_or_default())
    }

    /// The worst of all.
    pub(super) fn max(&self) -> Duration {
        Duration::from_micros(self.max.load(Ordering::Relaxed))
    }
}

/// The seat that gives a match up first when the soak ends.
pub(super) const GIVES_UP_FIRST: Seat = Seat::White;
