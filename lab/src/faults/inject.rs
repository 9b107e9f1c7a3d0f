//! How each fault is brought about on a cluster. The sleeps here are the faults' own durations.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use supervisor::{Place, Redis, Signal};
use tokio::time::sleep;

use super::kind::FaultKind;
use super::schedule::Fault;
use crate::cluster::{ClusterError, LocalCluster, Proxies};
use crate::tcp_proxy::TcpFault;
use crate::udp_proxy::{Heading, Weather};

/// A shard that was told to end must have, within this, with the store down meanwhile.
const DRAIN_MAX: Duration = Duration::from_secs(45);
/// The most that a slow connection is late.
const DELAY_MAX: Duration = Duration::from_millis(800);
/// The most that a connection lags where nothing may come of it.
const LAG_MAX: Duration = Duration::from_millis(200);
/// The most that a packet is late, where packets overtake each other.
const LATE_MAX: Duration = Duration::from_millis(60);

/// What still fits on a disk before it is full, in bytes: part of a batch.
const DISK_ROOM: u64 = 1_000;

/// How a shard goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Going {
    /// `kill -9`.
    Killed,
    /// SIGTERM.
    Drained,
}

/// What did not go as it must.
#[derive(Debug, thiserror::Error)]
pub enum InjectError {
    /// A process cannot be told, or does not start again.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A shard does not end in good order.
    #[error("{name} does not end in good order within {DRAIN_MAX:?} of SIGTERM: {got}")]
    Drain {
        /// Which shard.
        name: String,
        /// What it does instead.
        got: String,
    },
    /// There are no proxies.
    #[error("nothing stands between the processes of this cluster")]
    NoProxies,
}

impl From<std::io::Error> for InjectError {
    fn from(error: std::io::Error) -> Self {
        Self::Cluster(error.into())
    }
}

/// A cluster to whom faults happen, and who hears of the shards that go.
#[derive(Clone, Copy)]
pub struct Injector<'a> {
    /// The cluster.
    pub cluster: &'a LocalCluster,
    /// Told the address of each shard that goes, right before it does.
    pub hit: &'a (dyn Fn(SocketAddr, Going) + Sync),
}

impl Injector<'_> {
    /// Brings a fault about and waits until it is over and everything is in its place again. Returns how
    /// long each drained shard took to end.
    ///
    /// # Errors
    ///
    /// [`InjectError`].
    pub async fn inject(&self, fault: &Fault) -> Result<Vec<Duration>, InjectError> {
        let (cluster, lasts) = (self.cluster, fault.lasts);
        match fault.kind {
            FaultKind::ShardKill | FaultKind::DoubleKill => self.kill_shards(fault).await?,
            FaultKind::ShardStop | FaultKind::ShardPause => {
                suspend(self.shard(fault), lasts).await?
            }
            FaultKind::ShardDrain | FaultKind::RollingRestart => {
                // As deploy/README.md says: matchmakers read what shards of both versions write.
                for number in 0..cluster.matchmakers().len() * usize::from(cluster.upgrades()) {
                    cluster.matchmakers()[number].place().kill();
                    cluster.start_matchmaker(number).await?;
                }
                let mut took = Vec::new();
                for &number in &fault.shards {
                    took.push(self.drain(number).await?);
                }
                return Ok(took);
            }
            FaultKind::KillInOutage => {
                let outage = self.suspend_redis(2 * lasts);
                let killed = async {
                    sleep(lasts).await;
                    self.kill_shards(fault).await
                };
                let (outage, killed) = tokio::join!(outage, killed);
                killed.and(outage)?;
            }
            FaultKind::MatchmakerKill => {
                let number = fault.matchmaker.unwrap_or_default();
                cluster.matchmakers()[number].place().kill();
                sleep(lasts).await;
                cluster.start_matchmaker(number).await?;
            }
            FaultKind::RedisKill => {
                cluster
                    .with_redis(|redis| {
                        redis.primary().place().kill();
                        Ok(())
                    })
                    .await?;
                sleep(lasts).await;
                cluster.restart_redis().await?;
            }
            FaultKind::RedisStop => self.suspend_redis(lasts).await?,
            FaultKind::StoreFailover => {
                let is_abrupt = fault.other_way;
                let failover = cluster.with_redis(move |redis| redis.failover(is_abrupt));
                failover.await?;
            }
            FaultKind::StoreReshard => {
                cluster.with_redis(Redis::reshard).await?;
            }
            FaultKind::RedisDiskFull => {
                let filled = cluster.fill_disk(DISK_ROOM).await;
                sleep(lasts).await;
                cluster.restart_redis().await?;
                // Without its replica, which may be late after a failover, nothing is stored, and so nothing noticed.
                if !cluster.redis().kind().fails_over() {
                    filled?;
                }
            }
            FaultKind::ScriptFlush => self.tell_redis(&["SCRIPT", "FLUSH"]).await?,
            FaultKind::RewriteLog => self.tell_redis(&["BGREWRITEAOF"]).await?,
            FaultKind::TcpCut
            | FaultKind::TcpHalfOpen
            | FaultKind::TcpDelay
            | FaultKind::TcpLag
            | FaultKind::TcpLoseReplies => {
                let proxy = &self.proxies(fault)?.store;
                proxy.set(tcp_fault(fault));
                sleep(lasts).await;
                proxy.set(TcpFault::None);
            }
            FaultKind::RedisMemoryFull => {
                self.tell_redis(&["CONFIG", "SET", "maxmemory", "1"])
                    .await?;
                sleep(lasts).await;
                self.tell_redis(&["CONFIG", "SET", "maxmemory", "0"])
                    .await?;
            }
            FaultKind::ShardFilesFull => fill_files(self.shard(fault), lasts).await?,
            FaultKind::MatchmakerFilesFull => {
                let number = fault.matchmaker.unwrap_or_default();
                fill_files(cluster.matchmakers()[number].place(), lasts).await?;
            }
            FaultKind::UdpLoss | FaultKind::UdpReorder | FaultKind::UdpHalfCut => {
                let proxy = &self.proxies(fault)?.udp;
                proxy.set(weather(fault));
                sleep(lasts).await;
                proxy.set(Weather::default());
            }
            FaultKind::UdpRebind => self.proxies(fault)?.udp.rebind(),
            FaultKind::Blackout => {
                self.end_shards(fault);
                cluster.redis().kill();
                sleep(lasts).await;
                cluster.restart_redis().await?;
                self.start_shards(fault).await?;
            }
        }
        Ok(Vec::new())
    }

    fn shard(&self, fault: &Fault) -> &Place {
        self.cluster.shards()[fault.shards[0]].place()
    }

    fn proxies(&self, fault: &Fault) -> Result<&Proxies, InjectError> {
        let proxies = self.cluster.shards()[fault.shards[0]].proxies();
        proxies.ok_or(InjectError::NoProxies)
    }

    fn goes(&self, number: usize, going: Going) -> &Place {
        let shard = &self.cluster.shards()[number];
        if let Some(address) = shard.address() {
            (self.hit)(address, going);
        }
        shard.place()
    }

    fn end_shards(&self, fault: &Fault) {
        for &number in &fault.shards {
            self.goes(number, Going::Killed).kill();
        }
    }

    async fn start_shards(&self, fault: &Fault) -> Result<(), InjectError> {
        for &number in &fault.shards {
            self.cluster.start_shard(number).await?;
        }
        Ok(())
    }

    async fn kill_shards(&self, fault: &Fault) -> Result<(), InjectError> {
        self.end_shards(fault);
        sleep(fault.lasts).await;
        self.start_shards(fault).await
    }

    async fn drain(&self, number: usize) -> Result<Duration, InjectError> {
        let began = Instant::now();
        let place = self.goes(number, Going::Drained);
        place.signal(Signal::TERM)?;
        let status = place.ended(DRAIN_MAX).await;
        let took = began.elapsed();
        self.cluster.start_shard(number).await?;
        match status {
            Some(status) if status.success() => Ok(took),
            status => {
                let got = status.map_or("it still runs".to_owned(), |status| status.to_string());
                let name = place.name().to_owned();
                Err(InjectError::Drain { name, got })
            }
        }
    }

    async fn tell_redis(&self, words: &'static [&'static str]) -> Result<(), InjectError> {
        let told = self
            .cluster
            .with_redis(|redis| redis.command_everywhere(words));
        Ok(told.await?)
    }

    /// Lets a primary stand still for a while. One that was replaced meanwhile has found out when this returns.
    async fn suspend_redis(&self, lasts: Duration) -> Result<(), InjectError> {
        let cluster = self.cluster;
        let number = cluster
            .with_redis(|redis| Ok(redis.primary_number()))
            .await?;
        suspend(cluster.redis().nodes()[number].place(), lasts).await?;
        match cluster.redis().kind().fails_over() {
            true => Ok(cluster.with_redis(Redis::restart).await?),
            false => Ok(()),
        }
    }
}

/// Lets a process stand still for a while.
async fn suspend(place: &Place, lasts: Duration) -> Result<(), InjectError> {
    place.signal(Signal::STOP)?;
    sleep(lasts).await;
    Ok(place.signal(Signal::CONT)?)
}

/// Lets a process open no file and no connection for a while.
async fn fill_files(place: &Place, lasts: Duration) -> Result<(), InjectError> {
    let before = place.limit_files(0)?;
    sleep(lasts).await;
    if let Some(before) = before {
        place.limit_files(before)?;
    }
    Ok(())
}

fn tcp_fault(fault: &Fault) -> TcpFault {
    match fault.kind {
        FaultKind::TcpCut => TcpFault::Cut,
        FaultKind::TcpHalfOpen if fault.other_way => TcpFault::SwallowRequests,
        FaultKind::TcpHalfOpen => TcpFault::SwallowReplies,
        FaultKind::TcpLoseReplies => TcpFault::LoseReplies,
        FaultKind::TcpLag => TcpFault::Delay(LAG_MAX.mul_f64(fault.severity)),
        _ => TcpFault::Delay(DELAY_MAX.mul_f64(fault.severity)),
    }
}

fn weather(fault: &Fault) -> Weather {
    match fault.kind {
        FaultKind::UdpLoss => Weather {
            loss: 0.01 + 0.29 * fault.severity,
            ..Weather::default()
        },
        FaultKind::UdpHalfCut => Weather {
            cut: Some(match fault.other_way {
                true => Heading::ToShard,
                false => Heading::ToPlayers,
            }),
            ..Weather::default()
        },
        _ => Weather {
            repeated: 0.2 * fault.severity,
            late: 0.1 + 0.4 * fault.severity,
            late_max: LATE_MAX,
            ..Weather::default()
        },
    }
}
