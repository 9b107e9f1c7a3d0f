//! How faults are brought about on a cluster of one's own.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::figures::Phase;
use super::oracle::{Breach, Promise};
use super::report::{BrokenPromise, StormReport};
use super::world::World;
use crate::cluster::LocalCluster;
use crate::faults::{Fault, FaultKind, Injector, Schedule};

/// A fault that is not over by then is none that was planned.
const FAULT_MAX: Duration = Duration::from_secs(150);
/// All clients are seated within this.
const SEATED_WITHIN: Duration = Duration::from_secs(120);
/// How long the shard of a storm is away.
const STORM_LASTS: Duration = Duration::from_secs(2);
/// After everyone is seated, the acknowledgements of so long are the calm ones.
const CALM: Duration = Duration::from_secs(20);
/// Players who are not back after this stay away.
const BACK_MAX: Duration = Duration::from_secs(60);
/// The acknowledgements of a storm are counted for so long at least.
const STORM_MIN: Duration = Duration::from_secs(10);
/// A match that nobody attends lasts for so long at least, in seconds (MATCH.md, "first move").
const UNATTENDED_LASTS_S: f64 = 10.0;
/// Between two looks at who is seated.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// A fault that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultRecord {
    /// When it began, in seconds since the start of the soak.
    pub at_s: f64,
    /// How long it was until all parts of the cluster ran again, in seconds.
    pub lasted_s: f64,
    /// Which kind.
    pub kind: FaultKind,
    /// The shard that it hit.
    pub shard: Option<usize>,
}

impl FaultRecord {
    /// Whether a match that nobody attends was in play when this happened, given when each of them was made.
    pub(super) fn hits_unattended(&self, made_s: &[f64]) -> bool {
        let end = self.at_s + self.lasted_s;
        let in_play = |made: &&f64| **made < end && **made + UNATTENDED_LASTS_S > self.at_s;
        made_s.iter().any(|made| in_play(&made))
    }
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

    /// Brings about faults until `end`, or so many of them once everyone is seated, overlapping where they
    /// do; everything is in its place again when it returns.
    pub(super) async fn run(
        self: &Arc<Self>,
        mut schedule: Schedule,
        every: Duration,
        faults: Option<u32>,
        end: Instant,
    ) {
        if faults.is_some() && !self.all_seated(Instant::now() + SEATED_WITHIN).await {
            let seated = self.world.figures.seated.load(Ordering::Relaxed);
            let got = format!("{seated} clients after {SEATED_WITHIN:?}");
            return self.broke("everyone is seated soon", got);
        }
        let mut under_way = JoinSet::new();
        let mut begun = 0;
        while faults.is_none_or(|all| begun < all) {
            let begins = Instant::now() + schedule.pause(every);
            if faults.is_none() && begins >= end {
                break;
            }
            loop {
                tokio::select! {
                    Some(fault) = under_way.join_next() => self.over(fault, &mut schedule),
                    () = sleep_until(begins) => break,
                }
            }
            let mut fault = loop {
                match (schedule.begin(), under_way.is_empty()) {
                    (Some(fault), _) => break fault,
                    (None, true) => return self.broke("a fault can begin", "none can".to_owned()),
                    (None, false) => {
                        let over = under_way.join_next().await;
                        over.into_iter()
                            .for_each(|fault| self.over(fault, &mut schedule));
                    }
                }
            };
            if faults.is_none() {
                fault.lasts = fault
                    .lasts
                    .min(end.saturating_duration_since(Instant::now()));
            }
            begun += 1;
            let this = Arc::clone(self);
            under_way.spawn(async move {
                this.inject(&fault).await;
                fault
            });
        }
        while let Some(fault) = under_way.join_next().await {
            self.over(fault, &mut schedule);
        }
    }

    /// What the fault touched works again. After one whose task broke it stays marked as faulty.
    fn over(&self, fault: Result<Fault, tokio::task::JoinError>, schedule: &mut Schedule) {
        match fault {
            Ok(fault) => schedule.ended(&fault),
            Err(error) => self.broke("a fault can be brought about", error.to_string()),
        }
    }

    /// Waits until nearly everyone is seated; whether that was before `end`.
    async fn all_seated(&self, end: Instant) -> bool {
        let (world, seated) = (&self.world, &self.world.figures.seated);
        let all = i64::from(world.config.clients());
        while seated.load(Ordering::Relaxed) < all * 99 / 100 {
            if Instant::now() >= end || world.stop.is_cancelled() {
                return false;
            }
            sleep(POLL_EVERY).await;
        }
        true
    }

    /// Waits until everyone is seated and some more, kills the shard that holds most players, and
    /// waits until they are back. `None` if they are not seated in time.
    pub(super) async fn storm(&self, end: Instant) -> Option<StormReport> {
        let (world, figures) = (&self.world, &self.world.figures);
        if !self.all_seated(end - CALM).await {
            return None;
        }
        figures.enter(Phase::Calm);
        sleep(CALM).await;
        let addresses = self.cluster.shards().iter().map(|shard| shard.address());
        let held = addresses.map(|address| address.map_or(0, |a| world.takeovers.players_of(a)));
        let fullest = held.enumerate().max_by_key(|&(_, players)| players);
        let (shard, players) = fullest.unwrap_or_default();
        let fault = Fault {
            kind: FaultKind::ShardKill,
            shards: vec![shard],
            matchmaker: None,
            lasts: STORM_LASTS,
            severity: 0.0,
            other_way: false,
        };
        figures.enter(Phase::Storm);
        let began = Instant::now();
        let injected = self.inject(&fault);
        let ((), back) = tokio::join!(injected, self.all_back(began));
        figures.enter(Phase::Uncounted);
        let (calm, storm) = figures.storm_ack_ms();
        Some(StormReport {
            players,
            all_back_s: back.map(|back| back.as_secs_f64()),
            back_ms: world.takeovers.back_ms(),
            others_calm_ack_ms: calm,
            others_storm_ack_ms: storm,
            others_p99_ratio: (calm.p99 > 0.0).then(|| storm.p99 / calm.p99),
        })
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
    async fn inject(&self, fault: &Fault) {
        let (world, at) = (&self.world, self.world.elapsed());
        world.figures.faults.fetch_add(1, Ordering::Relaxed);
        tracing::info!(kind = %fault.kind, shards = ?fault.shards, lasts = ?fault.lasts, "fault");
        let injector = Injector {
            cluster: &self.cluster,
            hit: &|address, going| {
                world.takeovers.hit(address, going, world.elapsed());
            },
        };
        match timeout(FAULT_MAX, injector.inject(fault)).await {
            Ok(Ok(drains)) => drains
                .into_iter()
                .for_each(|took| world.figures.drained(took)),
            Ok(Err(error)) => self.fails(fault, error.to_string()),
            Err(_) => self.fails(fault, format!("not over after {FAULT_MAX:?}")),
        }
        let record = FaultRecord {
            at_s: at.as_secs_f64(),
            lasted_s: world.elapsed().saturating_sub(at).as_secs_f64(),
            kind: fault.kind,
            shard: fault.shards.first().copied(),
        };
        let records = self.records.lock();
        records.unwrap_or_else(PoisonError::into_inner).push(record);
    }

    fn fails(&self, fault: &Fault, got: String) {
        let got = format!("{}: {got}", fault.kind);
        self.broke(
            "shards stop in good order, and every part of the cluster starts again",
            got,
        );
    }

    /// The cluster is our own: what does not come up again is a finding.
    fn broke(&self, expected: &str, got: String) {
        let breach = Breach {
            promise: Promise::Runs,
            expected: expected.to_owned(),
            got,
        };
        let broken = BrokenPromise::of_the_cluster(breach, self.world.elapsed());
        self.world.broke(broken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_what_was_made_shortly_before_or_meanwhile() {
        let fault = FaultRecord {
            at_s: 100.0,
            lasted_s: 5.0,
            kind: FaultKind::ShardKill,
            shard: None,
        };
        for (made, is_hit) in [(80.0, false), (95.0, true), (104.0, true), (106.0, false)] {
            assert_eq!(fault.hits_unattended(&[made]), is_hit, "{made}");
        }
    }
}
