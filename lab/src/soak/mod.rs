//! `soak`: thousands of matches at a time, every player an oracle, and a cluster that is broken
//! meanwhile.
//!
//! `args` is the command line; `world` is what all bots share; `matches` pairs players and holds
//! what they were told against the records; `bot` is one client, and `oracle` what it checks.
//! `neglected` makes matches that nobody attends. `chaos` breaks the cluster by a `schedule`; `figures`, `takeovers` and `samples` measure;
//! `report` and `html` tell.

mod args;
mod bot;
mod chaos;
mod engines;
mod figures;
mod html;
mod matches;
mod neglected;
mod oracle;
mod progress;
mod report;
mod samples;
mod schedule;
mod takeovers;
mod think;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

pub use args::SoakArgs;
use args::{SoakConfig, Trouble, Venue};
use chaos::Chaos;
use engines::Engines;
use neglected::Neglected;
use oracle::Promise;
use report::{BrokenPromise, ClockFigures, Connections, Report, StormReport};
use samples::Samples;
use schedule::Schedule;
use world::World;

use crate::cluster::{ClusterError, LocalCluster, LocalPlan};
use crate::command::{Failure, ServerArgs, say};
use client::Matchmaker;

/// What is stuck is told so, and has this long to say what it knows.
const LAST_WORDS_MAX: Duration = Duration::from_secs(30);

/// Runs a soak, says what came of it, and writes the reports.
///
/// # Errors
///
/// [`Failure::Play`] for broken promises; [`Failure::Setup`] where nothing could be played.
pub async fn run(args: &SoakArgs, server: &ServerArgs) -> Result<(), Failure> {
    let config = args.config(server)?;
    let (json, html) = (config.json.clone(), config.html.clone());
    let soak = Soak::prepare(config).await?;
    let report = soak.run().await?;
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&report).map_err(Failure::play)?;
        write(&path, &text)?;
    }
    if let Some(path) = html {
        write(&path, &html::page(&report))?;
    }
    say(&report.to_string());
    if report.is_clean() {
        Ok(())
    } else {
        let text = format!("{} promises were broken", report.violations);
        Err(Failure::play(text))
    }
}

fn write(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    let written = std::fs::write(path, text);
    written.map_err(|error| Failure::setup(format!("cannot write {}: {error}", path.display())))
}

/// A soak that is ready to begin.
struct Soak {
    world: Arc<World>,
    cluster: Option<Arc<LocalCluster>>,
    samples: Arc<Samples>,
}

impl Soak {
    /// Starts or finds the server, and opens sockets.
    async fn prepare(config: SoakConfig) -> Result<Self, Failure> {
        let stop = crate::command::cancelled_by_signals()?;
        let (cluster, url, ca) = match &config.venue {
            Venue::Matchmaker { url, ca } => (None, url.clone(), ca.clone()),
            Venue::Local {
                server,
                shard_program,
                shards,
                directory,
            } => {
                let plan = LocalPlan {
                    server: server.clone(),
                    shard_program: shard_program.clone(),
                    shards: *shards,
                    directory: directory.clone(),
                };
                let started = LocalCluster::start(plan).await;
                let cluster = started.map_err(Failure::setup)?;
                let url = cluster.matchmaker_url().to_owned();
                (Some(Arc::new(cluster)), url, None)
            }
        };
        let matchmaker = Matchmaker::trusting(&url, ca.as_deref(), config.patience)?;
        // Without a matchmaker there is one error instead of one a match.
        matchmaker.ready().await?;
        let engines = Engines::start(&config.players).await;
        let engines = engines.map_err(Failure::setup)?;
        let world = World::new(config, matchmaker, engines, stop).map_err(Failure::setup)?;
        Ok(Self {
            world: Arc::new(world),
            cluster,
            samples: Arc::default(),
        })
    }

    /// Plays until the time is over or a promise is broken.
    async fn run(self) -> Result<Report, Failure> {
        let (world, config) = (&self.world, &self.world.config);
        let end = Instant::now() + config.duration;
        let chaos = self
            .cluster
            .as_ref()
            .map(|cluster| Chaos::new(world, cluster));
        let chaos = chaos.map(Arc::new);
        let mut watching = self.watch();
        let mut boards = JoinSet::new();
        for number in 0..config.matches {
            boards.spawn(matches::board(Arc::clone(world), number));
        }
        let neglected = Neglected::begin(world);
        let storm = tokio::select! {
            storm = self.play(chaos.as_deref(), end) => storm,
            () = world.stop.cancelled() => Ok(None),
        };
        self.close(&mut boards).await;
        let unattended = self.check_neglected(neglected).await;
        watching.shutdown().await;
        let storm = storm.map_err(|error| {
            // The cluster is our own: what does not come up again is a finding.
            let expected = "every part of the cluster starts again".to_owned();
            world.broke(BrokenPromise::of_the_cluster(
                Promise::Runs,
                world.elapsed(),
                expected,
                error.to_string(),
            ));
        });
        self.look_for_alarms();
        let report = self.report(chaos.as_deref(), storm.ok().flatten(), unattended);
        drop((boards, chaos));
        self.leave(report.is_clean()).await;
        Ok(report)
    }

    /// What runs beside the matches.
    fn watch(&self) -> JoinSet<()> {
        let mut watching = JoinSet::new();
        let world = Arc::clone(&self.world);
        watching.spawn(async move { world.lag.watch().await });
        let (world, samples) = (Arc::clone(&self.world), Arc::clone(&self.samples));
        let cluster = self.cluster.clone();
        let over = world.config.duration;
        watching.spawn(async move { samples.watch(&world, cluster, over).await });
        let (world, samples) = (Arc::clone(&self.world), Arc::clone(&self.samples));
        watching.spawn(async move { progress::show(&world, &samples).await });
        watching
    }

    /// The time that is played, with what happens to the cluster in it.
    async fn play(
        &self,
        chaos: Option<&Chaos>,
        end: Instant,
    ) -> Result<Option<StormReport>, ClusterError> {
        let config = &self.world.config;
        let mut storm = None;
        match (&config.trouble, chaos) {
            (Trouble::Chaos(kinds, every), Some(chaos)) => {
                let shards = self.cluster.as_ref().map_or(1, |c| c.shards().len());
                let schedule = Schedule::new(config.seed, kinds, *every, shards);
                chaos.run(schedule, end).await?;
            }
            (Trouble::Storm, Some(chaos)) => storm = chaos.storm(end).await?,
            _ => {}
        }
        sleep_until(end).await;
        Ok(storm)
    }

    /// Lets the matches in play come to their ends.
    async fn close(&self, boards: &mut JoinSet<()>) {
        let world = &self.world;
        world.closing.cancel();
        if world.stop.is_cancelled() {
            // Nobody waits for matches after a broken promise.
            boards.shutdown().await;
            return;
        }
        let overdue_after = world.config.overdue_after();
        let all = async { while boards.join_next().await.is_some() {} };
        let finished = tokio::select! {
            finished = timeout(overdue_after, all) => finished.is_ok(),
            () = world.stop.cancelled() => true,
        };
        if !finished {
            world.overdue.cancel();
            let all = async { while boards.join_next().await.is_some() {} };
            // Past it there is nothing more to learn from them.
            let _ = timeout(LAST_WORDS_MAX, all).await;
        }
        boards.shutdown().await;
    }

    /// Matches that nobody attended have ended, and nothing is forgotten; unless the soak was broken off.
    async fn check_neglected(&self, neglected: Neglected) -> BTreeMap<&'static str, u64> {
        tokio::select! {
            unattended = neglected.check(&self.world, self.cluster.as_deref()) => unattended,
            () = self.world.stop.cancelled() => BTreeMap::new(),
        }
    }

    /// Parts of the cluster that ended by themselves, or logged an error.
    fn look_for_alarms(&self) {
        let alarms = self.cluster.as_ref().map_or_else(Vec::new, |c| c.alarms());
        for alarm in alarms {
            self.world.broke(BrokenPromise::of_the_cluster(
                Promise::Runs,
                self.world.elapsed(),
                "the server runs without an error of its own".to_owned(),
                alarm,
            ));
        }
    }

    fn report(
        &self,
        chaos: Option<&Chaos>,
        storm: Option<StormReport>,
        unattended: BTreeMap<&'static str, u64>,
    ) -> Report {
        let (world, figures) = (&self.world, &self.world.figures);
        let (violations, broken) = world.broken();
        let samples = self.samples.all();
        let fault_log = chaos.map_or_else(Vec::new, Chaos::records);
        let mut faults = BTreeMap::new();
        for fault in &fault_log {
            *faults.entry(fault.kind.name()).or_default() += 1;
        }
        let seconds = world.elapsed().as_secs_f64();
        let moves = figures.moves.load(Ordering::Relaxed);
        let lost_by = figures.losses();
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        let memory = || samples::memory(&samples, world.config.clients());
        Report {
            command: command(),
            seed: world.config.seed,
            seconds,
            violations,
            broken,
            matches_begun: figures.matches_begun.load(Ordering::Relaxed),
            matches_finished: figures.matches_finished.load(Ordering::Relaxed),
            moves,
            unattended,
            forgotten: figures.forgotten.load(Ordering::Relaxed),
            draw_offers: figures.draw_offers.load(Ordering::Relaxed),
            moves_per_s: moves as f64 / seconds.max(f64::EPSILON),
            faults,
            fault_log,
            ack_ms: figures.ack_ms(),
            takeover_ms: world.takeovers.next_ack_ms(),
            back_ms: world.takeovers.back_ms(),
            clocks: ClockFigures {
                beyond_thinking_ms: figures.beyond_ms(),
                tolerance_ms: ms(world.config.clock_tolerance),
                own_lag_ms_max: ms(world.lag.max()),
            },
            rss_mb: self.cluster.as_ref().map(|_| memory()),
            connections: Connections {
                max: figures.seated_max.load(Ordering::Relaxed),
                lost: lost_by.values().sum(),
                lost_by,
                dropped: figures.dropped.load(Ordering::Relaxed),
                resumed: figures.resumed.load(Ordering::Relaxed),
            },
            sessions_lost: figures.sessions_lost.load(Ordering::Relaxed),
            errors: figures.errors(),
            storm,
            samples,
        }
    }

    /// Ends the cluster; after a broken promise its logs are left behind.
    async fn leave(self, is_clean: bool) {
        self.world.connector.wait_idle(Duration::from_secs(1)).await;
        if let (false, Some(Ok(cluster))) = (is_clean, self.cluster.map(Arc::try_unwrap)) {
            let logs = cluster.keep_logs();
            program::complain!("soak: the logs of the cluster are in {}", logs.display());
        }
    }
}

/// The command line of this process, in words that a shell reads.
fn command() -> String {
    let plain = |word: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,".contains(c);
        !word.is_empty() && word.chars().all(plain)
    };
    let quoted = |word: String| match plain(&word) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    let words: Vec<String> = std::env::args().map(quoted).collect();
    words.join(" ")
}
