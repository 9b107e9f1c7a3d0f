//! A local cluster of real processes: a Redis that flushes every write, a matchmaker, and shards, on
//! free ports of the loopback and in a temporary directory. All of it ends with the value.

mod process;
mod redis;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game_core::ShardId;
use serde::Deserialize;
use tempfile::TempDir;
use tokens::SigningKey;
use tokio::time::{Instant, sleep};

use client::{Matchmaker, MatchmakerError};
pub(crate) use process::POLL_EVERY;
pub use process::{Place, Signal, cpu_time, resident_bytes};
pub use redis::RedisPlace;

/// A part must answer within this, on a busy machine and with Redis killed meanwhile.
const START_MAX: Duration = Duration::from_secs(60);
/// Everyone who plays on a local cluster comes from one address.
const CONNECTIONS_MAX: &str = "60000";

const LOOPBACK: &str = "127.0.0.0/8";

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct LocalPlan {
    /// The program `rookery`.
    pub server: PathBuf,
    /// What runs as `… shard`, if not `server`: for shards of another build.
    pub shard_program: Option<PathBuf>,
    /// Shards: at least one, and two for one of them to be missed.
    pub shards: u16,
    /// Where its directory is made; by default where temporary files go.
    pub directory: Option<PathBuf>,
}

/// Why there is no cluster, or why a part of it does not do as it is told.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Redis is not installed.
    #[error(
        "a local cluster needs the program redis-server, which is not installed (on Debian: apt \
         install redis-server); or play on a server that runs, named by --matchmaker"
    )]
    NoRedis,
    /// A program is not where it should be.
    #[error(
        "{} is missing: build it in the same profile (cargo build --release -p server), or name it \
         with --server", .0.display()
    )]
    NoServer(PathBuf),
    /// A program cannot be started.
    #[error("cannot start {program}: {error}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// A part was started and does not answer.
    #[error("{name} does not answer; the last that it logged:\n{last_words}")]
    Silent {
        /// Which part.
        name: String,
        /// The end of its log.
        last_words: String,
    },
    /// A part cannot be signalled: it has ended.
    #[error("{name} cannot be sent {signal:?}: it has ended")]
    Signal {
        /// Which part.
        name: String,
        /// What it was to be sent.
        signal: Signal,
    },
    /// The store cannot be scanned.
    #[error("the store cannot be scanned: {0}")]
    Scan(String),
    /// A file, a directory or a port cannot be had.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The matchmaker's address makes no client.
    #[error(transparent)]
    Matchmaker(#[from] MatchmakerError),
}

/// A running cluster. Its parts may be killed and started again; what runs when it is dropped is
/// killed.
#[derive(Debug)]
pub struct LocalCluster {
    /// The order is the one in which they are ended.
    shards: Vec<ShardPlace>,
    matchmaker: Place,
    matchmaker_url: String,
    redis: RedisPlace,
    server: PathBuf,
    program: PathBuf,
    directory: TempDir,
}

/// The place of a shard: an address that stays, and processes that come and go.
#[derive(Debug)]
pub struct ShardPlace {
    place: Place,
    ready_file: PathBuf,
    known: Mutex<Known>,
}

/// What is known of the processes of a shard's place.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Chosen by the first of them, and kept.
    address: Option<SocketAddr>,
    /// Of the one that was started last, once it is ready.
    id: Option<ShardId>,
    /// The same.
    admin: Option<AdminPlace>,
}

/// An admin endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminPlace {
    /// Its URL.
    pub url: String,
    /// A token that it takes.
    pub token: String,
}

/// What a shard writes into its ready file.
#[derive(Debug, Clone, Deserialize)]
struct ReadyShard {
    id: ShardId,
    address: SocketAddr,
    admin: String,
    admin_token: String,
}

impl LocalCluster {
    /// Starts everything, and returns when every part answers.
    ///
    /// # Errors
    ///
    /// [`ClusterError`]: what is missing, or does not start.
    pub async fn start(plan: LocalPlan) -> Result<Self, ClusterError> {
        let program = plan.shard_program.unwrap_or_else(|| plan.server.clone());
        for needed in [&plan.server, &program] {
            if !needed.exists() {
                return Err(ClusterError::NoServer(needed.clone()));
            }
        }
        let parent = plan.directory.unwrap_or_else(std::env::temp_dir);
        let directory = tempfile::Builder::new()
            .prefix("rookery-")
            .tempdir_in(parent)?;
        let redis = RedisPlace::start(directory.path(), &[]).await?;
        write_secrets(directory.path())?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let cluster = Self {
            shards: (0..plan.shards)
                .map(|number| ShardPlace::new(number, directory.path()))
                .collect(),
            matchmaker: Place::new("matchmaker", directory.path()),
            matchmaker_url: format!("http://{listen}"),
            redis,
            server: plan.server,
            program,
            directory,
        };
        cluster.start_matchmaker(listen)?;
        for number in 0..cluster.shards.len() {
            cluster.spawn_shard(number)?;
        }
        for number in 0..cluster.shards.len() {
            cluster.await_shard(number).await?;
        }
        cluster.await_matchmaker().await?;
        Ok(cluster)
    }

    /// URL of the matchmaker.
    #[must_use]
    pub fn matchmaker_url(&self) -> &str {
        &self.matchmaker_url
    }

    /// Its shards, by number.
    #[must_use]
    pub fn shards(&self) -> &[ShardPlace] {
        &self.shards
    }

    /// Its matchmaker.
    #[must_use]
    pub const fn matchmaker(&self) -> &Place {
        &self.matchmaker
    }

    /// Its Redis.
    #[must_use]
    pub const fn redis(&self) -> &RedisPlace {
        &self.redis
    }

    /// Starts the process of a shard anew, at its old address, and waits until it is in the registry.
    ///
    /// # Errors
    ///
    /// [`ClusterError`] when it does not come up.
    ///
    /// # Panics
    ///
    /// If there is no shard of that number.
    pub async fn start_shard(&self, number: usize) -> Result<(), ClusterError> {
        self.spawn_shard(number)?;
        self.await_shard(number).await
    }

    /// What one scan of the store finds without an owner that knows of it, a line each: matches, sets of
    /// matches and records of shards (`rookery check matches`).
    ///
    /// # Errors
    ///
    /// [`ClusterError`] when the store cannot be scanned.
    pub async fn forgotten(&self) -> Result<Vec<String>, ClusterError> {
        let mut command = tokio::process::Command::new(&self.server);
        command.args(["check", "matches", "--store", self.redis.url()]);
        let output = command.kill_on_drop(true).output().await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let found = text(&output.stdout);
        match output.status.code() {
            Some(0) => Ok(Vec::new()),
            // It ends so for what it has found, and names it.
            Some(1) if !found.is_empty() => Ok(found.lines().map(str::to_owned).collect()),
            _ => Err(ClusterError::Scan(text(&output.stderr))),
        }
    }

    /// Parts that ended without having been told to, and log lines that speak of a bug.
    #[must_use]
    pub fn alarms(&self) -> Vec<String> {
        let shards = self.shards.iter().map(ShardPlace::place);
        let mut alarms = Vec::new();
        for place in shards.chain([&self.matchmaker]) {
            if place.has_died() {
                alarms.push(format!("{} ended by itself", place.name()));
            }
            let lines = place.alarming_lines();
            alarms.extend(lines.iter().map(|line| format!("{}: {line}", place.name())));
        }
        alarms
    }

    /// Ends everything but leaves the directory with the logs behind; where it is.
    #[must_use]
    pub fn keep_logs(self) -> PathBuf {
        self.directory.keep()
    }

    // ---- parts -----------------------------------------------------------------------------------

    fn start_matchmaker(&self, listen: SocketAddr) -> Result<(), ClusterError> {
        let mut command = Command::new(&self.server);
        command.args(["matchmaker", "--listen", &listen.to_string()]);
        command.args(["--log", "warn", "--store", self.redis.url()]);
        command.args(["--limit-exempt", LOOPBACK]);
        command.arg("--signing-key").arg(self.file(SIGNING_KEY));
        self.matchmaker.start(&mut command)
    }

    fn spawn_shard(&self, number: usize) -> Result<(), ClusterError> {
        let shard = &self.shards[number];
        let listen = shard.address();
        match std::fs::remove_file(&shard.ready_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {
                let mut known = shard.known();
                (known.id, known.admin) = (None, None);
            }
        }
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut command = Command::new(&self.program);
        command.args(["shard", "--listen", &listen.unwrap_or(free).to_string()]);
        command.args(["--admin-listen", &free.to_string()]);
        command.args(["--store", self.redis.url()]);
        command.args(["--store-wait", &START_MAX.as_secs().to_string()]);
        command.args(["--connections-max", CONNECTIONS_MAX]);
        command.args(["--connections-per-address-max", CONNECTIONS_MAX]);
        command.arg("--matchmaker-key").arg(self.file(PUBLIC_KEY));
        command.arg("--reset-secret").arg(self.file(RESET_SECRET));
        command.arg("--ready-file").arg(&shard.ready_file);
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        shard.place.start(&mut command)
    }

    async fn await_shard(&self, number: usize) -> Result<(), ClusterError> {
        let shard = &self.shards[number];
        let end = Instant::now() + START_MAX;
        loop {
            if let Ok(text) = std::fs::read_to_string(&shard.ready_file)
                && let Ok(ready) = serde_json::from_str::<ReadyShard>(&text)
            {
                *shard.known() = Known {
                    address: Some(ready.address),
                    id: Some(ready.id),
                    admin: Some(AdminPlace {
                        url: ready.admin,
                        token: ready.admin_token,
                    }),
                };
                return Ok(());
            }
            if shard.place.has_died() || Instant::now() > end {
                return Err(silent(&shard.place));
            }
            sleep(POLL_EVERY).await;
        }
    }

    async fn await_matchmaker(&self) -> Result<(), ClusterError> {
        let matchmaker = Matchmaker::new(&self.matchmaker_url, START_MAX)?;
        let ready = matchmaker.ready().await;
        ready.map_err(|_| silent(&self.matchmaker))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl ShardPlace {
    fn new(number: u16, directory: &Path) -> Self {
        Self {
            place: Place::new(&format!("shard-{number}"), directory),
            ready_file: directory.join(format!("shard-{number}.json")),
            known: Mutex::default(),
        }
    }

    /// Its process.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Where players reach it, once it was started.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.known().address
    }

    /// What the process that was started last calls itself, once it is ready.
    #[must_use]
    pub fn id(&self) -> Option<ShardId> {
        self.known().id
    }

    /// The admin endpoint of that process.
    #[must_use]
    pub fn admin(&self) -> Option<AdminPlace> {
        self.known().admin.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server's program: the one beside this one.
#[must_use]
pub fn server_beside() -> PathBuf {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("rookery"));
    beside().unwrap_or_else(|| "rookery".into())
}

const SIGNING_KEY: &str = "signing-key.pem";
const PUBLIC_KEY: &str = "public-key.pem";
const RESET_SECRET: &str = "reset-secret";

/// The matchmaker's key, the half of it that shards check tokens with, and what shards share.
fn write_secrets(directory: &Path) -> io::Result<()> {
    let (key, pem) = SigningKey::generate().map_err(io::Error::other)?;
    let public = key.verifying_key().to_pem();
    let secret: [u8; 32] = rand::random();
    let files: [(&str, &[u8]); 3] = [
        (SIGNING_KEY, pem.as_bytes()),
        (PUBLIC_KEY, public.as_bytes()),
        (RESET_SECRET, &secret),
    ];
    for (name, bytes) in files {
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        options.open(directory.join(name))?.write_all(bytes)?;
    }
    Ok(())
}

pub(crate) fn silent(place: &Place) -> ClusterError {
    ClusterError::Silent {
        name: place.name().to_owned(),
        last_words: place.last_words(),
    }
}

/// A TCP port of the loopback that is free now.
pub(crate) fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// A UDP port of the loopback that is free now.
#[cfg(feature = "faults")]
pub(crate) fn free_udp_port() -> io::Result<u16> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(socket.local_addr()?.port())
}
