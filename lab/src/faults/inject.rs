//! How each fault is brought about. The sleeps here are the faults' own durations.

use std::thread;
use std::time::{Duration, Instant};

use crate::udp_proxy::Weather;
use store::testing::RedisServer;
use supervisor::Signal;
use tokio::time::sleep;

use super::cluster::{Cluster, ShardSlot};
use super::pulse::{Going, Pulses};
use super::schedule::{Fault, FaultKind};
use crate::tcp_proxy::TcpFault;

/// A shard that was told to end must have, within this, with the store down meanwhile.
const DRAIN_MAX: Duration = Duration::from_secs(45);
/// The most that a slow connection is late.
const DELAY_MAX: Duration = Duration::from_millis(800);
/// The most that a packet is late, where packets overtake each other.
const LATE_MAX: Duration = Duration::from_millis(60);

/// What still fits on a disk before it is full, in bytes: part of a batch.
const DISK_ROOM: u64 = 1_000;

/// Brings a fault about and waits until it is over and everything is in its place again. Returns how
/// long each drained shard took to end.
///
/// # Errors
///
/// What did not go as it must: a process that does not start again, or does not end when told to.
pub async fn inject(
    cluster: &Cluster,
    pulses: &Pulses,
    fault: &Fault,
) -> Result<Vec<Duration>, String> {
    let lasts = fault.lasts;
    match fault.kind {
        FaultKind::ShardKill | FaultKind::DoubleKill => kill_shards(cluster, pulses, fault).await?,
        FaultKind::ShardStop => {
            tell_shard(cluster, fault.shards[0], Signal::STOP)?;
            sleep(lasts).await;
            tell_shard(cluster, fault.shards[0], Signal::CONT)?;
        }
        FaultKind::ShardDrain => {
            return Ok(vec![drain(cluster, pulses, fault.shards[0]).await?]);
        }
        FaultKind::RollingRestart => {
            let mut took = Vec::new();
            for &number in &fault.shards {
                took.push(drain(cluster, pulses, number).await?);
            }
            return Ok(took);
        }
        FaultKind::KillInOutage => {
            cluster.redis(|redis| redis.stop()).await?;
            sleep(lasts).await;
            let killed = kill_shards(cluster, pulses, fault);
            let woken = async {
                sleep(lasts).await;
                cluster.redis(|redis| redis.cont()).await
            };
            let (killed, woken) = tokio::join!(killed, woken);
            killed.and(woken)?;
        }
        FaultKind::MatchmakerKill => {
            let matchmaker = &cluster.matchmakers[fault.matchmaker.unwrap_or_default()];
            matchmaker.kill();
            sleep(lasts).await;
            matchmaker.start().await?;
        }
        FaultKind::RedisKill => kill_redis(cluster, lasts).await?,
        FaultKind::RedisStop => {
            cluster.redis(|redis| redis.stop()).await?;
            sleep(lasts).await;
            cluster.redis(|redis| redis.cont()).await?;
        }
        FaultKind::RedisDiskFull => {
            let fill = move |redis: &mut RedisServer| {
                redis.fill_disk(DISK_ROOM);
                thread::sleep(lasts);
                redis.restart();
            };
            cluster.redis(fill).await?;
        }
        FaultKind::ScriptFlush => tell_redis(cluster, &["SCRIPT", "FLUSH"]).await?,
        FaultKind::RewriteLog => tell_redis(cluster, &["BGREWRITEAOF"]).await?,
        FaultKind::TcpCut
        | FaultKind::TcpHalfOpen
        | FaultKind::TcpDelay
        | FaultKind::TcpLoseReplies => {
            slot(cluster, fault).tcp.set(tcp_fault(fault));
            sleep(lasts).await;
            slot(cluster, fault).tcp.set(TcpFault::None);
        }
        FaultKind::UdpLoss | FaultKind::UdpReorder => {
            slot(cluster, fault).udp.set(weather(fault));
            sleep(lasts).await;
            slot(cluster, fault).udp.set(Weather::default());
        }
        FaultKind::UdpRebind => slot(cluster, fault).udp.rebind(),
        FaultKind::Blackout => {
            for &number in &fault.shards {
                hit(cluster, pulses, number, Going::Killed);
                cluster.shards[number].kill();
            }
            kill_redis(cluster, lasts).await?;
            start_shards(cluster, fault).await?;
        }
    }
    Ok(Vec::new())
}

fn slot<'a>(cluster: &'a Cluster, fault: &Fault) -> &'a ShardSlot {
    &cluster.shards[fault.shards[0]]
}

fn tell_shard(cluster: &Cluster, number: usize, signal: Signal) -> Result<(), String> {
    let told = cluster.shards[number].signal(signal);
    told.map_err(|error| error.to_string())
}

fn hit(cluster: &Cluster, pulses: &Pulses, number: usize, going: Going) {
    pulses.hit(cluster.shards[number].udp.address(), going, Instant::now());
}

async fn kill_shards(cluster: &Cluster, pulses: &Pulses, fault: &Fault) -> Result<(), String> {
    for &number in &fault.shards {
        hit(cluster, pulses, number, Going::Killed);
        cluster.shards[number].kill();
    }
    sleep(fault.lasts).await;
    start_shards(cluster, fault).await
}

async fn start_shards(cluster: &Cluster, fault: &Fault) -> Result<(), String> {
    for &number in &fault.shards {
        cluster.start_shard(number).await?;
    }
    Ok(())
}

async fn drain(cluster: &Cluster, pulses: &Pulses, number: usize) -> Result<Duration, String> {
    let began = Instant::now();
    hit(cluster, pulses, number, Going::Drained);
    let slot = &cluster.shards[number];
    tell_shard(cluster, number, Signal::TERM)?;
    let status = slot.ended(DRAIN_MAX).await;
    let took = began.elapsed();
    slot.kill();
    cluster.start_shard(number).await?;
    match status {
        Some(status) if status.success() => Ok(took),
        Some(status) => Err(format!("a shard that was told to end ended with {status}")),
        None => Err(format!(
            "a shard that was told to end did not within {DRAIN_MAX:?}"
        )),
    }
}

async fn kill_redis(cluster: &Cluster, lasts: Duration) -> Result<(), String> {
    let restart = move |redis: &mut RedisServer| {
        redis.kill();
        thread::sleep(lasts);
        redis.restart();
    };
    cluster.redis(restart).await
}

async fn tell_redis(cluster: &Cluster, words: &'static [&'static str]) -> Result<(), String> {
    let tell = move |redis: &mut RedisServer| {
        redis.command(words);
    };
    cluster.redis(tell).await
}

fn tcp_fault(fault: &Fault) -> TcpFault {
    match fault.kind {
        FaultKind::TcpCut => TcpFault::Cut,
        FaultKind::TcpHalfOpen if fault.other_way => TcpFault::SwallowRequests,
        FaultKind::TcpHalfOpen => TcpFault::SwallowReplies,
        FaultKind::TcpLoseReplies => TcpFault::LoseReplies,
        _ => TcpFault::Delay(DELAY_MAX.mul_f64(fault.severity)),
    }
}

fn weather(fault: &Fault) -> Weather {
    match fault.kind {
        FaultKind::UdpLoss => Weather {
            loss: 0.01 + 0.29 * fault.severity,
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
