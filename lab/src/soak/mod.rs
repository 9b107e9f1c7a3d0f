//! `soak` and the fault campaign: many matches at a time, every player an oracle, and a cluster that is broken
//! meanwhile.
//!
//! `args` is the command line of `soak`, and [`campaign`] the same for so many faults; `world` is what all bots
//! share; `terms` draws what is agreed on, `matches` pairs players and holds what they were told against the records; `bot` is one client,
//! `conduct` what it does next, and [`oracle`] what is checked. [`neglected`] makes matches that nobody attends.
//! `operations` writes what all clients did for a checker of its own. `chaos` brings faults about by a schedule; `figures`, `takeovers` and `samples` measure; [`report`], `text` and
//! `html` tell.

mod args;
mod bot;
pub mod campaign;
mod chaos;
mod conduct;
mod engines;
pub(crate) mod figures;
mod html;
mod matches;
pub mod neglected;
mod operations;
pub mod oracle;
mod progress;
mod rematches;
pub mod report;
mod rooms;
mod samples;
mod takebacks;
mod takeovers;
mod terms;
mod text;
mod think;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

pub use args::SoakArgs;
use args::{SoakConfig, Trouble, Venue};
use chaos::Chaos;
use engines::Engines;
use neglected::Neglected;
use operations::OperationLog;
use oracle::{Breach, Promise};
use report::{BrokenPromise, ClockFigures, Connections, Report, StormReport};
use samples::Samples;
use world::World;

use crate::cluster::LocalCluster;
use crate::command::{Failure, ServerArgs, cancelled_by_signals, say};
use crate::faults::Schedule;
use crate::unattended::Unattended;
use client::Matchmaker;

/// What is stuck is told so, and has this long to say what it knows.
const LAST_WORDS_MAX: Duration = Duration::from_secs(30);
/// The counter of shards that were taken for dead and lived.
const NEEDLESS_TAKEOVERS: &str = "rookery_needless_takeovers_total";
/// Matches that are read back at once in the end.
const READ_AT_ONCE_MAX: usize = 16;

/// Runs a soak, says what came of it, and writes the reports.
///
/// # Errors
///
/// [`Failure::Play`] for broken promises; [`Failure::Setup`] where nothing could be played.
pub async fn run(args: &SoakArgs, server: &ServerArgs) -> Result<(), Failure> {
    let config = args.config(server)?;
    let (json, html) = (config.json.clone(), config.html.clone());
    let soak = Soak::prepare(config, cancelled_by_signals()?).await?;
    let (report, written) = soak.run().await;
    written.map_err(Failure::setup)?;
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
    samples: Arc<Samples>,
}

impl Soak {
    /// Starts or finds the server, and opens sockets; `stop` breaks the soak off.
    async fn prepare(config: SoakConfig, stop: CancellationToken) -> Result<Self, Failure> {
        let (cluster, urls, ca) = match &config.venue {
            Venue::Matchmaker { url, ca } => (None, vec![url.clone()], ca.clone()),
            Venue::Local(plan) => {
                let started = LocalCluster::start(plan.clone()).await;
                let cluster = started.map_err(Failure::setup)?;
                let matchmakers = cluster.matchmakers().iter();
                let urls = matchmakers.map(|place| place.url().to_owned()).collect();
                (Some(Arc::new(cluster)), urls, None)
            }
        };
        let mut matchmakers = Vec::new();
        for url in urls {
            let matchmaker = Matchmaker::trusting(&url, ca.as_deref(), config.patience)?;
            // Without a matchmaker there is one error instead of one a match.
            matchmaker.ready().await?;
            matchmakers.push(matchmaker);
        }
        let operations = config.history.as_deref().map(OperationLog::create);
        let operations = operations.transpose().map_err(|error| {
            let path = config.history.clone().unwrap_or_default();
            Failure::setup(format!("cannot write {}: {error}", path.display()))
        })?;
        let engines = Engines::start(&config.players).await;
        let engines = engines.map_err(Failure::setup)?;
        let outside = (matchmakers, cluster);
        let world = World::new(config, outside, engines, operations, stop);
        Ok(Self {
            world: Arc::new(world.map_err(Failure::setup)?),
            samples: Arc::default(),
        })
    }

    /// Plays until the time or the faults are over, or a promise is broken. Beside the report, says in words why the
    /// history is not whole, if it is not.
    async fn run(self) -> (Report, Result<(), String>) {
        let (world, config) = (&self.world, &self.world.config);
        let end = Instant::now() + config.duration;
        let chaos = world.cluster.as_ref();
        let chaos = chaos.map(|cluster| Arc::new(Chaos::new(world, cluster)));
        let mut watching = self.watch();
        let mut boards = JoinSet::new();
        for number in 0..config.matches {
            boards.spawn(matches::board(Arc::clone(world), number));
        }
        let neglected = Neglected::begin(world);
        let storm = tokio::select! {
            storm = self.play(chaos.as_ref(), end) => storm,
            () = world.stop.cancelled() => None,
        };
        self.close(&mut boards).await;
        self.check_the_disk().await;
        let unattended = self.check_neglected(neglected).await;
        watching.shutdown().await;
        self.look_for_alarms();
        let mut report = self.report(chaos.as_deref(), storm, unattended);
        if let Some(cluster) = &self.world.cluster {
            report.needless_takeovers = cluster.counted(NEEDLESS_TAKEOVERS).await;
        }
        drop((boards, chaos));
        let written = self.world.operations.as_ref().map(OperationLog::finish);
        self.leave(report.is_clean()).await;
        let why = |error| format!("the history cannot be written: {error}");
        (report, written.unwrap_or(Ok(())).map_err(why))
    }

    /// What runs beside the matches.
    fn watch(&self) -> JoinSet<()> {
        let mut watching = JoinSet::new();
        let world = Arc::clone(&self.world);
        watching.spawn(async move { world.lag.watch().await });
        let (world, samples) = (Arc::clone(&self.world), Arc::clone(&self.samples));
        let over = world.config.duration;
        watching.spawn(async move { samples.watch(&world, over).await });
        let (world, samples) = (Arc::clone(&self.world), Arc::clone(&self.samples));
        watching.spawn(async move { progress::show(&world, &samples).await });
        watching
    }

    /// The time that is played, with what happens to the cluster in it.
    async fn play(&self, chaos: Option<&Arc<Chaos>>, end: Instant) -> Option<StormReport> {
        let config = &self.world.config;
        let mut storm = None;
        match (&config.trouble, chaos, &self.world.cluster) {
            (Trouble::Chaos(kinds, every), Some(chaos), Some(cluster)) => {
                let (shards, matchmakers) = (cluster.shards().len(), cluster.matchmakers().len());
                let schedule = Schedule::new(kinds.clone(), config.seed, shards, matchmakers);
                chaos.run(schedule, *every, config.faults, end).await;
            }
            (Trouble::Storm, Some(chaos), _) => storm = chaos.storm(end).await,
            _ => {}
        }
        if config.faults.is_none() {
            sleep_until(end).await;
        }
        storm
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
        let all = self.all_closed(boards);
        let finished = tokio::select! {
            finished = timeout(overdue_after, all) => finished.is_ok(),
            () = world.stop.cancelled() => true,
        };
        if !finished {
            world.overdue.cancel();
            let last_words_max = LAST_WORDS_MAX.min(world.config.last_waits_max);
            // Past it there is nothing more to learn from them.
            let _ = timeout(last_words_max, self.all_closed(boards)).await;
        }
        boards.shutdown().await;
    }

    async fn all_closed(&self, boards: &mut JoinSet<()>) {
        while let Some(closed) = boards.join_next().await {
            if let Err(error) = closed {
                self.does_not_run(format!("who plays broke: {error}"));
            }
        }
    }

    /// After so many faults, holds every match against what is stored after Redis was killed once more: what
    /// counts is on its disk.
    async fn check_the_disk(&self) {
        let world = &self.world;
        let (Some(cluster), Some(_)) = (&world.cluster, world.config.faults) else {
            return;
        };
        cluster.redis().kill();
        if let Err(error) = cluster.restart_redis().await {
            return self.does_not_run(error.to_string());
        }
        let mut reading = JoinSet::new();
        for played in world.take_played() {
            if reading.len() >= READ_AT_ONCE_MAX {
                reading.join_next().await;
            }
            let world = Arc::clone(world);
            reading.spawn(async move { world.hold_against_the_log(&played).await });
        }
        reading.join_all().await;
    }

    /// Matches that nobody attended have ended, and nothing is forgotten; unless the soak was broken off.
    async fn check_neglected(&self, neglected: Neglected) -> Vec<Unattended> {
        tokio::select! {
            unattended = neglected.check(&self.world) => unattended,
            () = self.world.stop.cancelled() => Vec::new(),
        }
    }

    /// Parts of the cluster that ended by themselves or are missing, or logged an error.
    fn look_for_alarms(&self) {
        let Some(cluster) = &self.world.cluster else {
            return;
        };
        let mut alarms = cluster.alarms();
        // What is broken off leaves a fault behind.
        if !self.world.stop.is_cancelled() {
            alarms.extend(cluster.absent());
        }
        alarms
            .into_iter()
            .for_each(|alarm| self.does_not_run(alarm));
    }

    fn does_not_run(&self, got: String) {
        let breach = Breach {
            promise: Promise::Runs,
            expected: "the server runs without an error of its own".to_owned(),
            got,
        };
        let at = self.world.elapsed();
        self.world.broke(BrokenPromise::of_the_cluster(breach, at));
    }

    fn report(
        &self,
        chaos: Option<&Chaos>,
        storm: Option<StormReport>,
        neglected: Vec<Unattended>,
    ) -> Report {
        let (world, figures) = (&self.world, &self.world.figures);
        let mut promises = BTreeMap::from(Promise::ALL.map(|promise| (promise, 0)));
        promises.extend(world.broken_counts());
        let samples = self.samples.all();
        let fault_log = chaos.map_or_else(Vec::new, Chaos::records);
        let mut faults = BTreeMap::new();
        for fault in &fault_log {
            *faults.entry(fault.kind.name()).or_default() += 1;
        }
        let mut unattended = BTreeMap::new();
        for one in &neglected {
            *unattended.entry(one.neglect.name()).or_default() += 1;
        }
        let made_s: Vec<f64> = neglected.iter().map(|one| world.at_s(one.made)).collect();
        let hit = fault_log
            .iter()
            .filter(|fault| fault.hits_unattended(&made_s));
        let mut faults_on_unattended = BTreeMap::new();
        for fault in hit {
            *faults_on_unattended.entry(fault.kind.name()).or_default() += 1;
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
            violations: promises.values().sum(),
            promises,
            broken: world.broken(),
            matches_begun: figures.matches_begun.load(Ordering::Relaxed),
            matches_finished: figures.matches_finished.load(Ordering::Relaxed),
            moves,
            unattended,
            faults_on_unattended,
            draw_offers: figures.draw_offers.load(Ordering::Relaxed),
            rematches: figures.rematches.load(Ordering::Relaxed),
            rooms: figures.rooms.load(Ordering::Relaxed),
            commands: figures.commands(),
            moves_per_s: moves as f64 / seconds.max(f64::EPSILON),
            faults,
            fault_log,
            ack_ms: figures.ack_ms(),
            next_ack_ms: world.takeovers.next_ack_ms(),
            takeover_ms: world.takeovers.takeover_ms(),
            drain_ms: world.takeovers.drain_ms(),
            drain_exit_ms: figures.drain_exit_ms(),
            in_log: figures.in_log(),
            back_ms: world.takeovers.back_ms(),
            clocks: ClockFigures {
                beyond_thinking_ms: figures.beyond_ms(),
                tolerance_ms: ms(world.config.clock_tolerance),
                own_lag_ms_max: ms(world.lag.max()),
            },
            needless_takeovers: 0,
            rss_mb: world.cluster.as_ref().map(|_| memory()),
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

    /// Ends the cluster; after a promise that a soak found broken its logs are left behind.
    async fn leave(self, is_clean: bool) {
        self.world.connector.wait_idle(Duration::from_secs(1)).await;
        if let (false, None, Some(cluster)) =
            (is_clean, self.world.config.faults, &self.world.cluster)
        {
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
