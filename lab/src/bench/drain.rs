//! How long players wait when a shard is stopped in an orderly way.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::BenchError;
use super::args::BenchConfig;
use super::moving::Crowd;
use super::{Bound, Budget};
use crate::cluster::{LocalCluster, LocalPlan};
use crate::soak::figures::Percentiles;
use supervisor::{START_MAX, Signal};

/// Time to think, on average.
const THINK: Duration = Duration::from_secs(2);
/// The matchmaker and the shards know after this which shards there are.
const REGISTRY_READ: Duration = Duration::from_secs(3);
/// How long players are watched before the shard is stopped.
const CALM: Duration = Duration::from_secs(10);
/// The shard must have ended within this.
const DRAIN_MAX: Duration = Duration::from_secs(120);
/// Players whose matches were handed over last must have come back within this.
const BACK_MAX: Duration = Duration::from_secs(20);

/// The number of matches for which there are budgets.
pub(super) const MATCHES: u32 = 1_000;
/// While the side to move cannot play, in milliseconds.
const PAUSE_MS_MAX: f64 = 100.0;
/// From the signal to the end of the process, in seconds.
const DRAIN_S_MAX: f64 = 30.0;

/// What became of the matches of a shard that was stopped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drained {
    /// Matches that it had.
    pub matches: u32,
    /// From SIGTERM to the end of its process, in milliseconds.
    pub drain_ms: f64,
    /// From the last moment at which the old owner could have acknowledged a move of the side to move until the
    /// next owner's first frame, in milliseconds.
    pub pause_ms: Percentiles,
    /// Answers to moves before the signal, in milliseconds.
    pub ack_ms_calm: Percentiles,
    /// Answers to moves from the signal to the end of the process, reconnections included.
    pub ack_ms_drain: Percentiles,
    /// Clocks that were compared: what the old owner stored at the hand-over, and what the next owner sent first.
    pub clocks_compared: u32,
    /// Those that were not equal to the millisecond, in words.
    pub clocks_differ: Vec<String>,
}

/// Plays so many matches on one shard, stops it with SIGTERM, and watches its players go to two others.
pub(super) async fn measure(config: &BenchConfig, matches: u32) -> Result<Drained, BenchError> {
    let cluster = LocalCluster::start(LocalPlan::of(config.server.clone(), 3)).await?;
    let cluster = Arc::new(cluster);
    let [victim, heirs @ ..] = cluster.shards() else {
        return Err("a cluster of three shards has three".into());
    };
    // Away while matches are made, so that the first shard gets them all.
    for heir in heirs {
        heir.place().signal(Signal::TERM)?;
        let ended = heir.place().ended(START_MAX).await;
        ended.ok_or("a shard without matches does not end")?;
    }
    sleep(REGISTRY_READ).await;
    let mut crowd = Crowd::new(Arc::clone(&cluster), THINK, config.seed)?;
    crowd.begin(matches).await?;
    for number in 1..cluster.shards().len() {
        cluster.start_shard(number).await?;
    }
    sleep(REGISTRY_READ).await;
    crowd.seen.take_acks();
    sleep(CALM).await;
    let ack_ms_calm = crowd.seen.take_acks().all;
    victim.place().signal(Signal::TERM)?;
    let stopped = Instant::now();
    let ended = victim.place().ended(DRAIN_MAX).await;
    ended.ok_or("the shard does not end")?;
    let drain_ms = stopped.elapsed().as_secs_f64() * 1e3;
    let ack_ms_drain = crowd.seen.take_acks().all;
    let until = Instant::now() + BACK_MAX;
    while crowd.seen.hand_overs() < matches && Instant::now() < until {
        crowd.check()?;
        sleep(Duration::from_millis(50)).await;
    }
    let (clocks_compared, clocks_differ) = crowd.seen.clocks();
    Ok(Drained {
        matches,
        drain_ms,
        pause_ms: crowd.seen.pauses(),
        ack_ms_calm,
        ack_ms_drain,
        clocks_compared,
        clocks_differ,
    })
}

/// The budgets of a drain.
pub(super) fn budgets(drains: &[Drained]) -> Vec<Budget> {
    let of = drains.iter().find(|drain| drain.matches == MATCHES);
    let at_most = |what: &str, limit, figure| {
        let what = format!("{what}, {MATCHES} matches drained");
        Budget::new(what, Bound::AtMost, limit, figure)
    };
    vec![
        at_most(
            "pause of a match for the side to move, p99, ms",
            PAUSE_MS_MAX,
            of.map(|drain| drain.pause_ms.p99),
        ),
        at_most(
            "the whole drain, s",
            DRAIN_S_MAX,
            of.map(|drain| drain.drain_ms / 1e3),
        ),
        at_most(
            "clocks that a hand-over changed",
            0.0,
            of.map(|drain| drain.clocks_differ.len() as f64),
        ),
    ]
}
