//! A local cluster of real processes: a Redis that flushes every write, a matchmaker, and shards, on
//! free ports of the loopback and in a temporary directory. All of it ends with the value.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use game_core::ShardId;
use serde::Deserialize;
use supervisor::{RedisError, START_MAX, StartError, free_tcp_port};
use tempfile::TempDir;
use tokens::SigningKey;

use client::{Matchmaker, MatchmakerError};
pub use supervisor::{Place, Redis};

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
    /// A part does not start, or does not answer.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Redis does not start.
    #[error(transparent)]
    Redis(RedisError),
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
    redis: Arc<Redis>,
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
        let redis = start_redis(directory.path(), &[]).await?;
        write_secrets(directory.path())?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()?));
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
    pub fn redis(&self) -> &Redis {
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

    /// Starts the Redis again on what it has written, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Redis`] when it does not come up.
    pub async fn restart_redis(&self) -> Result<(), ClusterError> {
        let redis = Arc::clone(&self.redis);
        blocking(move || redis.restart()).await
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
        let all = shards.chain([&self.matchmaker]);
        all.flat_map(Place::alarms).collect()
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
        Ok(self.matchmaker.start(&mut command)?)
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
        Ok(shard.place.start(&mut command)?)
    }

    async fn await_shard(&self, number: usize) -> Result<(), ClusterError> {
        let shard = &self.shards[number];
        let ready = shard
            .place
            .ready::<ReadyShard>(&shard.ready_file, START_MAX);
        let ready = ready.await?;
        *shard.known() = Known {
            address: Some(ready.address),
            id: Some(ready.id),
            admin: Some(AdminPlace {
                url: ready.admin,
                token: ready.admin_token,
            }),
        };
        Ok(())
    }

    async fn await_matchmaker(&self) -> Result<(), ClusterError> {
        let matchmaker = Matchmaker::new(&self.matchmaker_url, START_MAX)?;
        let is_ready = async || matchmaker.ready().await.ok();
        Ok(self.matchmaker.until(START_MAX, is_ready).await?)
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

/// Starts a Redis, on a thread that may block.
pub(crate) async fn start_redis(
    directory: &Path,
    more: &'static [&'static str],
) -> Result<Arc<Redis>, ClusterError> {
    let directory = directory.to_owned();
    let started = blocking(move || Redis::start(&directory, more)).await;
    started.map(Arc::new)
}

async fn blocking<T: Send + 'static>(
    deed: impl FnOnce() -> Result<T, RedisError> + Send + 'static,
) -> Result<T, ClusterError> {
    let done = tokio::task::spawn_blocking(deed).await;
    done.map_err(io::Error::other)?
        .map_err(|error| match error {
            RedisError::Missing => ClusterError::NoRedis,
            error => ClusterError::Redis(error),
        })
}

pub(crate) const SIGNING_KEY: &str = "signing-key.pem";
pub(crate) const PUBLIC_KEY: &str = "public-key.pem";
pub(crate) const RESET_SECRET: &str = "reset-secret";

/// The matchmaker's key, the half of it that shards check tokens with, and what shards share.
pub(crate) fn write_secrets(directory: &Path) -> io::Result<()> {
    let (key, pem) = SigningKey::generate().map_err(io::Error::other)?;
    let public = key.verifying_key().to_pem();
    let secret: [u8; 32] = rand::random();
    let write = |name, bytes: &[u8]| program::write_private(&directory.join(name), bytes);
    write(SIGNING_KEY, pem.as_bytes())?;
    write(PUBLIC_KEY, public.as_bytes())?;
    write(RESET_SECRET, &secret)
}
