//! How faults are brought about on a cluster of one's own.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::figures::Phase;
use super::oracle::Promise;
use super::report::{BrokenPromise, StormReport};
use super::schedule::{Fault, FaultKind, Schedule};
use super::world::World;
use crate::cluster::{ClusterError, LocalCluster};
use supervisor::{Place, Signal};

/// A shard that was told to end must have, within this, with the store down meanwhile.
const DRAIN_MAX: Duration = Duration::from_secs(45);
/// After everyone is seated, the acknowledgements of so long are the calm ones.
const CALM: Duration = Duration::from_secs(20);
/// Players who are not back after this stay away.
const BACK_MAX: Duration = Duration::from_secs(60);
/// The acknowledgements of a storm are counted for so long at least.
const STORM_MIN: Duration = Duration::from_secs(10);
/// Between two looks at who is seated.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// A fault that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FaultRecord {
    /// When it began, in seconds since the start of the soak.
    pub(super) at_s: f64,
    /// How long it was until all parts of the cluster ran again, in seconds.
    pub(super) lasted_s: f64,
    /// Which kind.
    pub(super) kind: FaultKind,
    /// The shard that it hit.
    pub(super) shard: Option<usize>,
}

/// Brings faults about, and keeps a record of them.
pub(super) struct Chaos {
    world: Arc<World>,
    cluster: Arc<LocalCluster>,
    records: Mutex<Vec<FaultRecord>>,
}

impl Chaos {
    pub(super) fn new(world: &Arc<World>, cluster: &Arc<LocalCluster>) -> Self {
        Self {
            world: Arc::clone(world),
            cluster: Arc::clone(cluster),
            records: Mutex::default(),
        }
    }

    /// The faults so far.
    pub(super) fn records(&self) -> Vec<FaultRecord> {
        let records = self.records.lock();
        records.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Faults until `end`, one at a time; everything is in its place again when it returns.
    ///
    /// # Errors
    ///
    /// When a part of the cluster does not come up again.
    pub(super) async fn run(&self, schedule: Schedule, end: Instant) -> Result<(), ClusterError> {
        for fault in schedule {
            let begins = Instant::now() + fault.after;
            if begins + fault.lasts >= end {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep_until(begins) => {}
                () = self.world.stop.cancelled() => break,
            }
            self.inject(fault).await?;
        }
        Ok(())
    }

    /// Waits until everyone is seated and some more, kills the shard that holds most players, and
    /// waits until they are back.
    ///
    /// # Errors
    ///
    /// When the shard does not come up again.
    pub(super) async fn storm(&self, end: Instant) -> Result<Option<StormReport>, ClusterError> {
        let (world, figures) = (&self.world, &self.world.figures);
        let all = i64::from(world.config.clients());
        while figures.seated.load(Ordering::Relaxed) < all * 99 / 100 {
            if Instant::now() + CALM >= end || world.stop.is_cancelled() {
                return Ok(None);
            }
            sleep(POLL_EVERY).await;
        }
        figures.enter(Phase::Calm);
        sleep(CALM).await;
        let addresses = self.cluster.shards().iter().map(|shard| shard.address());
        let held = addresses.map(|address| address.map_or(0, |a| world.takeovers.players_of(a)));
        let fullest = held.enumerate().max_by_key(|&(_, players)| players);
        let (shard, players) = fullest.unwrap_or_default();
        let fault = Fault {
            after: Duration::ZERO,
            kind: FaultKind::Storm,
            shard,
            lasts: Duration::from_secs(2),
        };
        figures.enter(Phase::Storm);
        let began = Instant::now();
        let injected = self.inject(fault);
        let (injected, back) = tokio::join!(injected, self.all_back(began));
        injected?;
        figures.enter(Phase::Uncounted);
        let (calm, storm) = figures.storm_ack_ms();
        Ok(Some(StormReport {
            players,
            all_back_s: back.map(|back| back.as_secs_f64()),
            back_ms: world.takeovers.back_ms(),
            others_calm_ack_ms: calm,
            others_storm_ack_ms: storm,
            others_p99_ratio: (calm.p99 > 0.0).then(|| storm.p99 / calm.p99),
        }))
    }

    /// How long after `began` the last player was back; `None` if some stayed away.
    async fn all_back(&self, began: Instant) -> Option<Duration> {
        let mut back = None;
        while back.is_none() || began.elapsed() < STORM_MIN {
            sleep(POLL_EVERY).await;
            // Nobody is away before the kill, which comes at once.
            if back.is_none() && began.elapsed() > POLL_EVERY && self.world.takeovers.away() == 0 {
                back = Some(began.elapsed());
            }
            if began.elapsed() > BACK_MAX {
                break;
            }
        }
        back
    }

    /// Brings one fault about and waits until it is over.
    async fn inject(&self, fault: Fault) -> Result<(), ClusterError> {
        let at = self.world.elapsed();
        self.world.figures.faults.fetch_add(1, Ordering::Relaxed);
        let redis = self.cluster.redis();
        tracing::info!(kind = %fault.kind, shard = fault.shard, lasts = ?fault.lasts, "fault");
        match fault.kind {
            FaultKind::Kill | FaultKind::Storm => {
                self.kill(fault.shard);
                sleep(fault.lasts).await;
                self.cluster.start_shard(fault.shard).await?;
            }
            FaultKind::Stop => stop(self.place(fault.shard), fault.lasts).await?,
            FaultKind::Drain => self.drain(fault.shard).await?,
            FaultKind::KillInOutage => {
                let outage = stop(redis.place(), 2 * fault.lasts);
                let killed = async {
                    sleep(fault.lasts).await;
                    self.kill(fault.shard);
                };
                tokio::join!(outage, killed).0?;
                self.cluster.start_shard(fault.shard).await?;
            }
            FaultKind::RedisKill => {
                redis.place().kill();
                sleep(fault.lasts).await;
                self.cluster.restart_redis().await?;
            }
            FaultKind::RedisStop => stop(redis.place(), fault.lasts).await?,
        }
        let hits_redis = matches!(fault.kind, FaultKind::RedisKill | FaultKind::RedisStop);
        let record = FaultRecord {
            at_s: at.as_secs_f64(),
            lasted_s: self.world.elapsed().saturating_sub(at).as_secs_f64(),
            kind: fault.kind,
            shard: (!hits_redis).then_some(fault.shard),
        };
        let records = self.records.lock();
        records.unwrap_or_else(PoisonError::into_inner).push(record);
        Ok(())
    }

    fn place(&self, shard: usize) -> &Place {
        self.cluster.shards()[shard].place()
    }

    fn hit(&self, shard: usize) {
        if let Some(address) = self.cluster.shards()[shard].address() {
            self.world.takeovers.hit(address, self.world.elapsed());
        }
    }

    fn kill(&self, shard: usize) {
        self.hit(shard);
        self.place(shard).kill();
    }

    async fn drain(&self, shard: usize) -> Result<(), ClusterError> {
        let place = self.place(shard);
        place.signal(Signal::TERM)?;
        let ended = place.ended(DRAIN_MAX).await;
        if !ended.is_some_and(|status| status.success()) {
            self.world.broke(BrokenPromise::of_the_cluster(
                Promise::Runs,
                self.world.elapsed(),
                format!(
                    "{} ends in good order within {DRAIN_MAX:?} of SIGTERM",
                    place.name()
                ),
                ended.map_or("it still runs".to_owned(), |status| status.to_string()),
            ));
        }
        self.cluster.start_shard(shard).await
    }
}

/// Lets a process stand still for a while.
async fn stop(place: &Place, lasts: Duration) -> Result<(), ClusterError> {
    place.signal(Signal::STOP)?;
    sleep(lasts).await;
    Ok(place.signal(Signal::CONT)?)
}
