//! How shards that join take their share of the load.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use store::{Registered, Registry, ShardRecord};
use tokio::time::{Instant, sleep};

use super::BenchError;
use super::args::BenchConfig;
use super::moving::Crowd;
use super::{Bound, Budget};
use crate::cluster::{LocalCluster, LocalPlan};
use crate::soak::figures::Percentiles;
use supervisor::{START_MAX, Signal};

/// Shards that are full.
const FULL: usize = 3;
/// Shards that join.
const JOIN: usize = 2;
/// Time to think, on average.
const THINK: Duration = Duration::from_secs(1);
/// The load at which the full shards are when the others join, in permille of their share.
const FULL_AT: u32 = 900;
/// Calibration ends here: the load of full shards swings by more than what is missing.
const FULL_FROM: u32 = 870;
/// A load stands still for this long before it is read: it is an average of five seconds.
const SETTLE: Duration = Duration::from_secs(8);
/// Matches of the first step of the calibration.
const FIRST_STEP: u32 = 30;
const STEPS_MAX: u32 = 20;
/// No more matches than this: the clients are on the same machine.
const MATCHES_MAX: u32 = 4_000;
const CALM: Duration = Duration::from_secs(15);
/// How long shards are watched after others have joined.
const WATCHED: Duration = Duration::from_secs(75);
/// Seconds between two lines of progress.
const PROGRESS_EVERY: usize = 5;
/// The load that the busiest is to fall below, in permille.
const BELOW: u32 = 650;
/// Within this, in seconds.
const BELOW_S_MAX: f64 = 60.0;
/// The time of 99 of 100 answers to players whose matches moved, over that before.
const ACK_RATIO_MAX: f64 = 2.0;

/// What became of shards near their share of the CPU when others joined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evened {
    /// CPU time that each shard may use, in cores.
    pub cpu_share: f64,
    /// Matches.
    pub matches: u32,
    /// Loads of the full shards before, in permille of their share.
    pub before: Vec<u32>,
    /// Loads of all shards at the end.
    pub after: Vec<u32>,
    /// Loads of all shards at each second after the others were started.
    pub loads: Vec<Vec<u32>>,
    /// Seconds until the busiest shard was below 65 % and stayed there; absent if it was not.
    pub below_s: Option<f64>,
    /// Hand-overs that a side to move came through.
    pub hand_overs: u32,
    /// While the side to move could not play, in milliseconds.
    pub pause_ms: Percentiles,
    /// Answers to moves before the others joined, in milliseconds.
    pub ack_ms_calm: Percentiles,
    /// Answers to moves in matches that were handed over, from then on.
    pub ack_ms_moved: Percentiles,
    /// The same in the other matches, at the same time.
    pub ack_ms_stayed: Percentiles,
}

/// Fills three shards to nine tenths of their share, lets two more join, and watches.
pub(super) async fn measure(config: &BenchConfig, cpu_share: f64) -> Result<Evened, BenchError> {
    let plan = LocalPlan {
        shard_arguments: vec!["--cpu-share".into(), cpu_share.to_string()],
        ..LocalPlan::of(config.server.clone(), (FULL + JOIN) as u16)
    };
    let cluster = Arc::new(LocalCluster::start(plan).await?);
    for shard in &cluster.shards()[FULL..] {
        shard.place().signal(Signal::TERM)?;
        let ended = shard.place().ended(START_MAX).await;
        ended.ok_or("a shard without matches does not end")?;
    }
    let mut crowd = Crowd::new(Arc::clone(&cluster), THINK, config.seed)?;
    fill(&cluster, &mut crowd).await?;
    crowd.seen.take_acks();
    sleep(CALM).await;
    let ack_ms_calm = crowd.seen.take_acks().all;
    let before = loads(&cluster).await?;
    let began = Instant::now();
    for number in FULL..FULL + JOIN {
        cluster.start_shard(number).await?;
    }
    let mut watched = Vec::new();
    while began.elapsed() < WATCHED {
        sleep(Duration::from_secs(1)).await;
        crowd.check()?;
        let records = records(&cluster).await?;
        let now: Vec<u32> = records.iter().map(|record| record.load).collect();
        if watched.len() % PROGRESS_EVERY == 0 {
            let live: Vec<u32> = records.iter().map(|record| record.live).collect();
            let seconds = began.elapsed().as_secs();
            program::complain!("bench: after {seconds} s loads {now:?} ‰, matches {live:?} …");
        }
        watched.push(now);
    }
    let acks = crowd.seen.take_acks();
    Ok(Evened {
        cpu_share,
        matches: crowd.matches(),
        before,
        after: loads(&cluster).await?,
        below_s: below_for_good(&watched),
        loads: watched,
        hand_overs: crowd.seen.hand_overs(),
        pause_ms: crowd.seen.pauses(),
        ack_ms_calm,
        ack_ms_moved: acks.of_moved,
        ack_ms_stayed: acks.of_stayed,
    })
}

/// Begins matches until the shards are as busy as they are to be.
async fn fill(cluster: &LocalCluster, crowd: &mut Crowd) -> Result<(), BenchError> {
    sleep(SETTLE).await;
    let idle = mean(&loads(cluster).await?);
    let mut step = FIRST_STEP;
    for _ in 0..STEPS_MAX {
        crowd.begin(step).await?;
        sleep(SETTLE).await;
        crowd.check()?;
        let load = mean(&loads(cluster).await?);
        program::complain!(
            "bench: {} matches are a load of {load} ‰ …",
            crowd.matches()
        );
        if load >= FULL_FROM {
            return Ok(());
        }
        // A match costs less where there are many: each step stays below the target.
        let for_each = load.saturating_sub(idle).max(1) as f32 / crowd.matches() as f32;
        let missing = FULL_AT.saturating_sub(load) as f32 / for_each;
        step = ((missing * 0.7) as u32).clamp(5, 4 * crowd.matches());
        if crowd.matches() + step > MATCHES_MAX {
            break;
        }
    }
    let text = format!(
        "{} matches do not fill the shards: try a smaller --cpu-share",
        crowd.matches()
    );
    Err(text.into())
}

/// Loads of the cluster's shards, in permille.
async fn loads(cluster: &LocalCluster) -> Result<Vec<u32>, BenchError> {
    let records = records(cluster).await?;
    Ok(records.iter().map(|record| record.load).collect())
}

/// What the cluster's shards say of themselves, in the order in which they were begun.
async fn records(cluster: &LocalCluster) -> Result<Vec<ShardRecord>, BenchError> {
    let registry = cluster.store().shards().await?;
    let find = |id| {
        registry
            .iter()
            .filter_map(Registered::record)
            .find(|record| record.id == id)
    };
    let running = cluster.shards().iter().filter_map(|shard| shard.id());
    Ok(running.filter_map(find).cloned().collect())
}

fn mean(loads: &[u32]) -> u32 {
    loads.iter().sum::<u32>() / u32::try_from(loads.len()).unwrap_or(u32::MAX).max(1)
}

/// The second from which on the busiest was below the limit.
fn below_for_good(loads: &[Vec<u32>]) -> Option<f64> {
    let is_above = |loads: &Vec<u32>| loads.iter().any(|load| *load >= BELOW);
    let from = loads.iter().rposition(is_above).map_or(0, |last| last + 1);
    (from < loads.len()).then_some(from as f64 + 1.0)
}

/// The budgets of a cluster that grows.
pub(super) fn budgets(evened: &[Evened]) -> Vec<Budget> {
    let of = evened.first();
    let seconds = |evened: &Evened| evened.below_s.unwrap_or(f64::INFINITY);
    let ratio = |evened: &Evened| evened.ack_ms_moved.p99 / evened.ack_ms_calm.p99;
    vec![
        Budget::new(
            "seconds until the busiest of 3 shards at 90 % is below 65 %, when 2 join",
            Bound::AtMost,
            BELOW_S_MAX,
            of.map(seconds),
        ),
        Budget::new(
            "ack p99 of players whose matches moved, over that before",
            Bound::AtMost,
            ACK_RATIO_MAX,
            of.map(ratio),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_below_the_limit_once_it_stays_there() {
        let below = |busiest: &[u32]| {
            let loads: Vec<_> = busiest.iter().map(|load| vec![100, *load]).collect();
            below_for_good(&loads)
        };
        assert_eq!(below(&[900, 700, 640, 660, 649, 600]), Some(5.0));
        assert_eq!(below(&[600, 600]), Some(1.0));
        assert_eq!(below(&[600, 700]), None);
        assert_eq!(below(&[]), None);
    }
}
