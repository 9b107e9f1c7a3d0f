//! A campaign of power cuts: players play on one server, whose machine loses its power again and again; in the end, whatever a
//! player was told of must stand in the store.

use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use serde_json::Value;
use supervisor::{Place, START_MAX, Signal, free_tcp_port, free_udp_port};

use super::{Cut, Shim};

/// A server that has lost its power is there again within this, on a busy machine too.
const READY_MAX: Duration = Duration::from_secs(120);
/// Players who are told to stop have checked everything within this.
const CHECKED_MAX: Duration = Duration::from_secs(300);
/// Longer than any campaign: the players are told to stop.
const FOR_EVER: &str = "24h";

/// What a flush takes longer than here: with moves all the time, one is under way at most cuts.
const FLUSH: Duration = Duration::from_millis(20);

const REDIS_LOG: &str = "redis.log";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where the server keeps its matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerStore {
    /// In its own process.
    Embedded,
    /// In a Redis that loses its power with it.
    Redis {
        /// Whether it flushes each write before it answers (`appendfsync always`), or once a second.
        flushes: bool,
    },
}

impl PowerStore {
    /// How long play needs between two cuts, on average, to go on in between: on Redis a server that starts again is a new
    /// shard, which has to be sure that the one before is dead.
    #[must_use]
    pub const fn calm(self) -> Duration {
        match self {
            Self::Embedded => Duration::from_millis(2_500),
            Self::Redis { .. } => Duration::from_secs(10),
        }
    }
}

impl FromStr for PowerStore {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "redis" => Ok(Self::Redis { flushes: true }),
            "redis-everysec" => Ok(Self::Redis { flushes: false }),
            _ => Err("there are: embedded, redis, redis-everysec"),
        }
    }
}

/// How a campaign runs.
#[derive(Debug, Clone)]
pub struct PowerCampaign {
    /// The program `rookery`.
    pub server: PathBuf,
    /// The program `bot-client`, whose soak plays and checks.
    pub players: PathBuf,
    /// Where matches are kept.
    pub store: PowerStore,
    /// Power cuts.
    pub cuts: u32,
    /// Between two of them, on average.
    pub every: Duration,
    /// Matches in play at a time.
    pub matches: u32,
    /// Decides what is lost in each cut, and how players play.
    pub seed: u64,
    /// Where every client's operations are written, as `docs/histories.md` says.
    pub history: Option<PathBuf>,
}

/// What came of a campaign.
#[derive(Debug, Clone, Serialize)]
pub struct PowerReport {
    /// Power cuts.
    pub cuts: u32,
    /// Cuts that took something away that was not flushed.
    pub felt: u32,
    /// Changes of files that were not flushed, in all cuts.
    pub pending: usize,
    /// Of these, those that were lost, whole or in part.
    pub lost: usize,
    /// Names that were not flushed with their directory and are as before.
    pub names: usize,
    /// Promises that the players found broken.
    pub violations: u64,
    /// What the players' soak says.
    pub soak: Value,
}

impl fmt::Display for PowerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} power cuts, {} of which took something: of {} changes that were not flushed {} were lost or torn, and {} names \
             went back; {} promises broken",
            self.cuts, self.felt, self.pending, self.lost, self.names, self.violations
        )
    }
}

/// Runs a campaign to its end.
///
/// # Errors
///
/// In words: what could not be started, or did not start again after a cut.
pub fn run(campaign: &PowerCampaign) -> Result<PowerReport, Failure> {
    let place = tempfile::tempdir()?;
    let site = Site::prepare(campaign, place.path())?;
    site.start()?;
    let json = place.path().join("soak.json");
    let players = Place::new("players", place.path());
    players.start(&mut soak(campaign, &site, &json))?;
    let mut dice = StdRng::seed_from_u64(campaign.seed);
    let (mut sum, mut felt) = (Cut::default(), 0);
    for n in 1..=campaign.cuts {
        std::thread::sleep(campaign.every.mul_f64(dice.random_range(0.5..1.5)));
        if players.has_died() {
            return Err(format!("the players ended before cut {n}: {}", log(&players)).into());
        }
        let cut = site.cut(&mut dice)?;
        felt += u32::from(cut.lost + cut.names > 0);
        sum = Cut {
            pending: sum.pending + cut.pending,
            lost: sum.lost + cut.lost,
            names: sum.names + cut.names,
        };
        if n % 50 == 0 {
            program::complain!("power: {n} cuts of {} …", campaign.cuts);
        }
    }
    let _ = players.signal(Signal::INT);
    if players.wait_ended(CHECKED_MAX).is_none() {
        return Err(format!("the players do not stop: {}", log(&players)).into());
    }
    let text = fs::read_to_string(&json)
        .map_err(|error| format!("the players have no report: {error}\n{}", log(&players)))?;
    let soak: Value = serde_json::from_str(&text)?;
    let violations = soak["violations"].as_u64().unwrap_or_default();
    if violations > 0 {
        program::complain!("{}", log(&players));
    }
    Ok(PowerReport {
        cuts: campaign.cuts,
        felt,
        pending: sum.pending,
        lost: sum.lost,
        names: sum.names,
        violations,
        soak,
    })
}

fn log(place: &Place) -> String {
    fs::read_to_string(place.log()).unwrap_or_default()
}

fn soak(campaign: &PowerCampaign, site: &Site, json: &Path) -> Command {
    let mut command = Command::new(&campaign.players);
    command.args(["soak", "--matchmaker", &site.matchmaker()]);
    command.args(["--matches", &campaign.matches.to_string()]);
    command.args(["--seed", &campaign.seed.to_string()]);
    command.args(["--duration", FOR_EVER, "--arrivals", "50"]);
    command.args(["--think", "50ms..400ms", "--clock-tolerance", "10s"]);
    command.args(["--patience", "120", "--plain", "--keep-going"]);
    command.arg("--json").arg(json);
    if let Some(history) = &campaign.history {
        command.arg("--history").arg(history);
    }
    command
}

/// A server and its store, whose files lose what was not flushed.
struct Site {
    program: PathBuf,
    server: Place,
    redis: Option<(Place, u16, bool)>,
    shim: Shim,
    /// Whose changes are noted.
    files: PathBuf,
    /// Where the rest is kept.
    beside: PathBuf,
    matchmaker: u16,
    shard: u16,
}

impl Site {
    fn prepare(campaign: &PowerCampaign, place: &Path) -> Result<Self, Failure> {
        let [files, beside] = ["files", "beside"].map(|name| place.join(name));
        fs::create_dir(&files)?;
        fs::create_dir(&beside)?;
        let library = Shim::build(&beside)?;
        let redis = match campaign.store {
            PowerStore::Embedded => None,
            PowerStore::Redis { flushes } => {
                Some((Place::new("redis", place), free_tcp_port()?, flushes))
            }
        };
        Ok(Self {
            program: campaign.server.clone(),
            server: Place::new("rookery", place),
            redis,
            shim: Shim::new(library, &beside, &files)?.slow(FLUSH),
            files,
            beside,
            matchmaker: free_tcp_port()?,
            shard: free_udp_port()?,
        })
    }

    fn matchmaker(&self) -> String {
        format!("http://127.0.0.1:{}", self.matchmaker)
    }

    /// Starts all of it, and waits until it answers.
    fn start(&self) -> Result<(), Failure> {
        let ready = self.beside.join("ready.json");
        let _ = fs::remove_file(&ready);
        let mut server = Command::new(&self.program);
        server.args(["dev", "--shards", "1"]);
        server.args(["--matchmaker-port", &self.matchmaker.to_string()]);
        server.args(["--shard-port", &self.shard.to_string()]);
        server.arg("--ready-file").arg(&ready);
        server.env("RUST_LOG", "warn");
        match &self.redis {
            None => {
                server.arg("--data-dir").arg(self.files.join("data"));
                self.shim.preload(&mut server);
            }
            Some((redis, port, flushes)) => {
                let mut command = Command::new("redis-server");
                command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
                command.arg("--dir").arg(&self.files);
                command.args(["--save", "", "--appendonly", "yes"]);
                let policy = if *flushes { "always" } else { "everysec" };
                command.args(["--appendfsync", policy]);
                command.arg("--logfile").arg(self.beside.join(REDIS_LOG));
                self.shim.preload(&mut command);
                redis.start(&mut command)?;
                let address = (Ipv4Addr::LOCALHOST, *port);
                redis.wait_until(START_MAX, || TcpStream::connect(address).ok())?;
                let url = format!("redis://127.0.0.1:{port}");
                server.args(["--store", &url]);
                server.arg("--data-dir").arg(self.beside.join("data"));
            }
        }
        self.server.start(&mut server)?;
        let ready = self.server.wait_ready::<Value>(&ready, READY_MAX);
        ready.map_err(|error| format!("{error}\n{}", self.last_words_of_redis()))?;
        Ok(())
    }

    fn last_words_of_redis(&self) -> String {
        let log = fs::read_to_string(self.beside.join(REDIS_LOG)).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Cuts the power, and starts all of it again.
    fn cut(&self, dice: &mut StdRng) -> Result<Cut, Failure> {
        self.server.kill();
        if let Some((redis, ..)) = &self.redis {
            redis.kill();
        }
        let cut = self.shim.cut(dice)?;
        self.start()?;
        Ok(cut)
    }
}
