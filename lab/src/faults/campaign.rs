//! A campaign from its start to its report.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::unattended::{Neglectful, Neglecting, Unattended};
use client::connection::ConnectionTimes;
use client::{Connector, Matchmaker, SessionConfig};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::cluster::{Cluster, ClusterPlan};
use super::history::History;
use super::inject::inject;
use super::player::World;
use super::report::{Report, Times};
use super::sabotage::Sabotage;
use super::schedule::{Fault, FaultKind, Schedule};
use super::table::{Played, Table};
use super::unattended::{check_nothing_forgotten, check_unattended};
use super::verify::verify;

/// How a campaign runs.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The program `rookery`.
    pub server: PathBuf,
    /// Faults that are brought about.
    pub faults: u32,
    /// Matches in play at any time.
    pub matches: usize,
    /// Decides everything that is left to chance, but the machine's timing.
    pub seed: u64,
    /// The kinds of faults, each as often as any other.
    pub kinds: Vec<FaultKind>,
    /// Between the beginnings of two faults, on average.
    pub every: Duration,
    /// A player thinks at least and at most so long for a move.
    pub thinks: (Duration, Duration),
    /// A safeguard that is taken out, and the binary that runs shards without one.
    pub sabotage: Option<(Sabotage, PathBuf)>,
    /// Where the logs of the processes stay; by default they go with the campaign.
    pub logs: Option<PathBuf>,
}

impl Campaign {
    /// A short one against this program `rookery`.
    #[must_use]
    pub fn of(server: PathBuf) -> Self {
        Self {
            server,
            faults: 10,
            matches: 20,
            seed: 1,
            kinds: FaultKind::ORDINARY.to_vec(),
            every: Duration::from_millis(1_200),
            thinks: (Duration::from_millis(20), Duration::from_millis(180)),
            sabotage: None,
            logs: None,
        }
    }
}

/// Once every table plays, play goes on so long before the first fault.
const QUIET: Duration = Duration::from_secs(1);
/// Every table plays within this.
const SEATED_WITHIN: Duration = Duration::from_secs(120);
/// Once the faults are over, every match must end within this.
const SETTLE: Duration = Duration::from_secs(120);
/// Once every match has ended, what is left of them and of dead shards goes within this.
const AT_REST_WITHIN: Duration = Duration::from_secs(30);
/// A fault that is not over by then is none that was planned.
const FAULT_MAX: Duration = Duration::from_secs(150);
/// Between two matches of each kind that nobody attends.
const NEGLECTED_EVERY: Duration = Duration::from_secs(5);
/// Between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// Between two looks at whether all play.
const POLL_EVERY: Duration = Duration::from_millis(50);
/// Players ask two matchmakers for this long, each of which is never down for more than a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a campaign to its end.
///
/// # Errors
///
/// When the cluster does not start, or what is stored cannot be read: then nothing is known.
pub async fn run(campaign: &Campaign) -> Result<Report, String> {
    let began = Instant::now();
    let temporary = TempDir::with_prefix("rookery-faults-").map_err(|error| error.to_string())?;
    let directory = campaign
        .logs
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
    let cluster = Arc::new(Cluster::start(cluster_plan(campaign, directory)).await?);
    let world = Arc::new(world(&cluster)?);
    let last_round = CancellationToken::new();
    let abandon = CancellationToken::new();
    let matches_done = Arc::new(AtomicU64::new(0));
    let mut tables = JoinSet::new();
    for number in 0..campaign.matches {
        let table = Table {
            world: Arc::clone(&world),
            seed: campaign.seed.wrapping_add(1_000 * (number as u64 + 1)),
            thinks: campaign.thinks,
            last_round: last_round.clone(),
            abandon: abandon.clone(),
            matches_done: Arc::clone(&matches_done),
        };
        tables.spawn(table.run());
    }
    let players = |kind| Neglectful {
        matchmaker: world.matchmakers[0].clone(),
        connector: Arc::clone(&world.connector),
        session: world.session,
        neglect: kind,
        every: NEGLECTED_EVERY,
    };
    let neglecting = Neglecting::begin(players, &last_round);
    let mut report = Report {
        seed: campaign.seed,
        ..Report::default()
    };
    all_play(campaign, &world).await?;
    let drains = inject_all(campaign, &cluster, &world, &matches_done, &mut report).await;
    program::complain!("the faults are over; the matches under way are played to their ends");
    last_round.cancel();
    let played = gather(tables, &abandon, &mut report).await?;
    report.takeover_ms = Times::of(world.pulses.takeovers());
    report.drain_ms = Times::of(world.pulses.drains());
    report.drain_exit_ms = Times::of(drains);
    report.sessions_lost = world.sessions_lost.load(Ordering::Relaxed);
    for alarm in cluster.alarms() {
        report.alarm(alarm);
    }
    let unattended = gather_neglected(neglecting, &mut report).await;
    check_all(&cluster, &world, &played, &mut report).await?;
    check_neglected(&cluster, &unattended, &mut report).await?;
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

fn cluster_plan(campaign: &Campaign, directory: PathBuf) -> ClusterPlan {
    let mut plan = ClusterPlan {
        seed: campaign.seed,
        ..ClusterPlan::of(campaign.server.clone(), directory)
    };
    match &campaign.sabotage {
        Some((Sabotage::Gate, binary)) => {
            plan.shard_binary = Some(binary.clone());
            plan.shard_arguments = vec!["--sabotage".to_owned(), "gate".to_owned()];
        }
        #[cfg(feature = "sabotage")]
        Some((Sabotage::Position, _)) => {
            plan.rewrite = Some(super::sabotage::rewrite_position_check());
        }
        Some((Sabotage::RelaxedStore, _)) => {
            plan.redis_arguments = vec!["--appendfsync".to_owned(), "everysec".to_owned()];
        }
        _ => {}
    }
    plan
}

/// Clients as they are by default, but those who wait for their opponent notice the end of a shard as
/// fast as those who move.
fn world(cluster: &Cluster) -> Result<World, String> {
    let times = ConnectionTimes {
        keep_alive: Duration::from_secs(1),
        idle_max: Duration::from_secs(4),
        ..ConnectionTimes::default()
    };
    let session = SessionConfig {
        patience: PATIENCE,
        ..SessionConfig::default()
    };
    let connector = Connector::bind(4, times).map_err(|error| error.to_string())?;
    let matchmaker = |url: &str| Matchmaker::new(url, PATIENCE).map_err(|error| error.to_string());
    let matchmakers: Result<_, String> = cluster
        .matchmakers
        .iter()
        .map(|slot| matchmaker(&slot.url))
        .collect();
    Ok(World {
        connector: Arc::new(connector),
        matchmakers: matchmakers?,
        session,
        pulses: Default::default(),
        acked: AtomicU64::new(0),
        sessions_lost: AtomicU64::new(0),
    })
}

/// Waits until as many matches are in play as there are to be.
async fn all_play(campaign: &Campaign, world: &World) -> Result<(), String> {
    let end = Instant::now() + SEATED_WITHIN;
    while world.pulses.live() < campaign.matches {
        if Instant::now() > end {
            let live = world.pulses.live();
            return Err(format!(
                "only {live} matches are in play after {SEATED_WITHIN:?}"
            ));
        }
        sleep(POLL_EVERY).await;
    }
    sleep(QUIET).await;
    Ok(())
}

/// Brings all faults about, overlapping where they do, and waits until the last one is over. Returns
/// how long drained shards took to end.
async fn inject_all(
    campaign: &Campaign,
    cluster: &Arc<Cluster>,
    world: &Arc<World>,
    matches_done: &AtomicU64,
    report: &mut Report,
) -> Vec<Duration> {
    let mut schedule = Schedule::new(campaign.kinds.clone(), campaign.seed);
    let mut under_way = JoinSet::new();
    let mut drains = Vec::new();
    let (began, mut spoke) = (Instant::now(), Instant::now());
    let mut done = 0;
    while done < campaign.faults || !under_way.is_empty() {
        let next = if done < campaign.faults {
            schedule.begin()
        } else {
            None
        };
        if let Some(fault) = next {
            done += 1;
            *report.faults.entry(fault.kind.name()).or_default() += 1;
            let (cluster, world) = (Arc::clone(cluster), Arc::clone(world));
            under_way.spawn(async move {
                let injected = inject(&cluster, &world.pulses, &fault);
                let outcome = timeout(FAULT_MAX, injected).await;
                let late = |_| Err("it is not over in time".to_owned());
                (fault, outcome.unwrap_or_else(late))
            });
            let pause = sleep(schedule.pause(campaign.every));
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    Some(ended) = under_way.join_next() => {
                        fault_ended(ended, &mut schedule, &mut drains, report);
                    }
                    () = &mut pause => break,
                }
            }
        } else if let Some(ended) = under_way.join_next().await {
            fault_ended(ended, &mut schedule, &mut drains, report);
        }
        if spoke.elapsed() >= PROGRESS_EVERY {
            spoke = Instant::now();
            program::complain!(
                "{:>5.0} s: {done} of {} faults, {} matches over, {} acknowledged, {} takeovers",
                began.elapsed().as_secs_f64(),
                campaign.faults,
                matches_done.load(Ordering::Relaxed),
                world.acked.load(Ordering::Relaxed),
                world.pulses.takeovers().len(),
            );
        }
    }
    drains
}

type FaultOutcome = (Fault, Result<Vec<Duration>, String>);

fn fault_ended(
    ended: Result<FaultOutcome, tokio::task::JoinError>,
    schedule: &mut Schedule,
    drains: &mut Vec<Duration>,
    report: &mut Report,
) {
    match ended {
        Ok((fault, outcome)) => {
            match outcome {
                Ok(drain) => drains.extend(drain),
                Err(error) => {
                    program::complain!("{}: {error}", fault.kind);
                    report.alarm(format!("{}: {error}", fault.kind));
                }
            }
            schedule.ended(&fault);
        }
        // What it touched stays marked as faulty.
        Err(error) => report.alarm(format!("a fault could not be brought about: {error}")),
    }
}

/// All matches, played to their ends, or left when they do not come to one.
async fn gather(
    mut tables: JoinSet<Result<Vec<Played>, client::MatchmakerError>>,
    abandon: &CancellationToken,
    report: &mut Report,
) -> Result<Vec<Played>, String> {
    let mut played = Vec::new();
    let settled = sleep(SETTLE);
    tokio::pin!(settled);
    loop {
        tokio::select! {
            table = tables.join_next() => match table {
                None => return Ok(played),
                Some(Ok(Ok(matches))) => played.extend(matches),
                Some(Ok(Err(error))) => report.alarm(format!("a table plays nothing: {error}")),
                Some(Err(error)) => return Err(format!("a table broke: {error}")),
            },
            () = &mut settled, if !abandon.is_cancelled() => abandon.cancel(),
        }
    }
}

/// The matches that nobody attends, counted.
async fn gather_neglected(neglecting: Neglecting, report: &mut Report) -> Vec<Unattended> {
    let (all, errors) = neglecting.finish().await;
    errors.into_iter().for_each(|error| report.alarm(error));
    for one in &all {
        *report.unattended.entry(one.neglect.name()).or_default() += 1;
    }
    all
}

/// Every match that nobody attends ends by itself, and then a scan of the store finds nothing that is
/// forgotten.
async fn check_neglected(
    cluster: &Cluster,
    unattended: &[Unattended],
    report: &mut Report,
) -> Result<(), String> {
    let store = &cluster.store;
    let mut breaches = check_unattended(store, unattended, SETTLE).await?;
    let in_memory = cluster.at_rest();
    let found = check_nothing_forgotten(store, Some(&in_memory), AT_REST_WITHIN).await?;
    breaches.extend(found);
    for breach in &breaches {
        program::complain!("{breach}");
    }
    report.count(&breaches);
    Ok(())
}

/// Holds every match against what is stored after Redis was killed once more: what counts is on its
/// disk.
async fn check_all(
    cluster: &Cluster,
    world: &World,
    played: &[Played],
    report: &mut Report,
) -> Result<(), String> {
    cluster
        .redis(|redis| {
            redis.kill();
            redis.restart();
        })
        .await?;
    report.matches = played.len();
    let mut excess = Vec::new();
    for game in played {
        let histories = game.histories.iter();
        report.acked += histories.clone().map(History::acked).sum::<usize>();
        report.unknown += histories.map(History::unknown).sum::<usize>();
        let verdict = retried(async || verify(cluster, &world.matchmakers[0], game).await).await?;
        for breach in &verdict.breaches {
            program::complain!("{breach}");
        }
        report.count(&verdict.breaches);
        excess.extend(verdict.excess);
        report.owner_changes += verdict.owner_changes;
    }
    report.excess_ms = Times::of(excess);
    Ok(())
}

/// Redis has just been started: connections to it are made anew.
async fn retried<T>(reading: impl AsyncFn() -> Result<T, String>) -> Result<T, String> {
    const TRIES: u32 = 20;
    for _ in 1..TRIES {
        match reading().await {
            Ok(read) => return Ok(read),
            Err(_) => sleep(Duration::from_millis(250)).await,
        }
    }
    reading().await
}
