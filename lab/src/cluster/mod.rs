//! A local cluster of real processes: a Redis that flushes every write, matchmakers, and shards, on
//! free ports of the loopback and in a temporary directory. All of it ends with the value.

mod counters;
mod places;
mod plan;
mod stored;
mod way;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use client::{Matchmaker, MatchmakerError};
use store::{InMemory, RedisStore, StoreError};
use supervisor::{RedisError, RedisPlan, START_MAX, StartError};
use tempfile::TempDir;
use tokens::SigningKey;

pub use self::places::{AdminPlace, MatchmakerPlace, Proxies, ShardPlace};
use self::places::{Known, ReadyShard};
pub use self::plan::{Failing, LocalPlan};
use self::stored::{config_of, options_of};
pub use self::way::StoreProxies;
pub use supervisor::{Place, Redis, RedisKind};

/// Everyone who plays on a local cluster comes from one address.
const CONNECTIONS_MAX: &str = "60000";

/// Errors that operators must see, and that a failover of Redis causes: no replica is left until the former primary is
/// back, and a claim that the replica did not have yet is undone.
const AT_FAILOVERS: [&str; 3] = [
    "replicas (--store-replicas) confirmed a write",
    "the store went back to another live owner",
    // The record of a shard that has left is back.
    "another live shard announces this one's address",
];

const LOOPBACK: &str = "127.0.0.0/8";

/// How many minutes finished matches stay among the live ones: a campaign checks them at its end. The environment may
/// say otherwise.
const LIVE_KEEP: (&str, &str) = ("ROOKERY_LIVE_KEEP", "10080");

/// Has a process of the cluster keep finished matches. By a variable, which an earlier version ignores.
fn keep_finished(command: &mut Command) {
    let (variable, minutes) = LIVE_KEEP;
    if std::env::var_os(variable).is_none() {
        command.env(variable, minutes);
    }
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
    /// The store cannot be reached.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// A file, a directory or a port cannot be had.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A matchmaker's address makes no client.
    #[error(transparent)]
    Matchmaker(#[from] MatchmakerError),
}

/// A running cluster. Its parts may be killed and started again; what runs when it is dropped is
/// killed.
pub struct LocalCluster {
    /// The order is the one in which they are ended.
    shards: Vec<ShardPlace>,
    matchmakers: Vec<MatchmakerPlace>,
    store: RedisStore,
    redis: Arc<Redis>,
    plan: LocalPlan,
    /// All parts were started once.
    has_started: AtomicBool,
    path: PathBuf,
    directory: Mutex<TempDir>,
}

impl LocalCluster {
    /// Starts everything, and returns when every part answers.
    ///
    /// # Errors
    ///
    /// [`ClusterError`]: what is missing, or does not start.
    pub async fn start(plan: LocalPlan) -> Result<Self, ClusterError> {
        let more = [plan.shard_program.as_ref(), plan.upgrade_to.as_ref()];
        for needed in [Some(&plan.server)].into_iter().chain(more) {
            if let Some(missing) = needed.filter(|program| !program.exists()) {
                return Err(ClusterError::NoServer(missing.clone()));
            }
        }
        let parent = plan.directory.clone().unwrap_or_else(std::env::temp_dir);
        let directory = tempfile::Builder::new()
            .prefix("rookery-")
            .tempdir_in(parent)?;
        if let Some(logs) = &plan.logs {
            std::fs::create_dir_all(logs)?;
        }
        let redis = Arc::new(redis_of(&plan, directory.path()).await?);
        write_secrets(directory.path())?;
        let logs = plan.logs.as_deref().unwrap_or(directory.path());
        let mut shards = Vec::new();
        for number in 0..plan.shards {
            let proxies = match &plan.failing {
                Some(failing) => Some(Proxies::start(failing, number, &redis).await?),
                None => None,
            };
            shards.push(ShardPlace::new(number, directory.path(), logs, proxies));
        }
        let matchmaker = |number| MatchmakerPlace::new(number, logs);
        let cluster = Self {
            shards,
            matchmakers: (0..plan.matchmakers)
                .map(matchmaker)
                .collect::<io::Result<_>>()?,
            store: RedisStore::connect(config_of(&redis)).await?,
            redis,
            plan,
            has_started: AtomicBool::new(false),
            path: directory.path().to_owned(),
            directory: Mutex::new(directory),
        };
        cluster.start_all().await?;
        cluster.has_started.store(true, Ordering::Relaxed);
        Ok(cluster)
    }

    async fn start_all(&self) -> Result<(), ClusterError> {
        for number in 0..self.matchmakers.len() {
            self.spawn_matchmaker(number)?;
        }
        for number in 0..self.shards.len() {
            self.spawn_shard(number)?;
        }
        for number in 0..self.shards.len() {
            self.await_shard(number).await?;
        }
        for number in 0..self.matchmakers.len() {
            self.await_matchmaker(number).await?;
        }
        Ok(())
    }

    /// Its shards, by number.
    #[must_use]
    pub fn shards(&self) -> &[ShardPlace] {
        &self.shards
    }

    /// Its matchmakers, by number.
    #[must_use]
    pub fn matchmakers(&self) -> &[MatchmakerPlace] {
        &self.matchmakers
    }

    /// URL of its first matchmaker.
    #[must_use]
    pub fn matchmaker_url(&self) -> &str {
        &self.matchmakers[0].url
    }

    /// Its Redis.
    #[must_use]
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// The key of its matchmakers, for another one.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`] if its file cannot be read.
    pub fn signing_key(&self) -> Result<SigningKey, ClusterError> {
        let pem = std::fs::read_to_string(self.file(SIGNING_KEY))?;
        Ok(SigningKey::from_pem(&pem).map_err(io::Error::other)?)
    }

    /// A way to its store that has no faults of its own.
    #[must_use]
    pub const fn store(&self) -> &RedisStore {
        &self.store
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

    /// Starts the process of a matchmaker anew, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`ClusterError`] when it does not come up.
    ///
    /// # Panics
    ///
    /// If there is no matchmaker of that number.
    pub async fn start_matchmaker(&self, number: usize) -> Result<(), ClusterError> {
        self.spawn_matchmaker(number)?;
        self.await_matchmaker(number).await
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

    /// Fills the disk of Redis but for `room` bytes, and waits until Redis has ended over it.
    ///
    /// # Errors
    ///
    /// [`ClusterError`] when it goes on.
    pub async fn fill_disk(&self, room: u64) -> Result<(), ClusterError> {
        let redis = Arc::clone(&self.redis);
        let filled = tokio::task::spawn_blocking(move || redis.primary().fill_disk(room)).await;
        Ok(filled.map_err(io::Error::other)??)
    }

    /// Does something with Redis on a thread that may block.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Redis`] when it fails.
    pub async fn with_redis<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&Redis) -> Result<T, RedisError> + Send + 'static,
    ) -> Result<T, ClusterError> {
        let redis = Arc::clone(&self.redis);
        blocking(move || deed(&redis)).await
    }

    /// The shards that live, none of which has a match in memory: all of them have ended.
    #[must_use]
    pub fn at_rest(&self) -> InMemory {
        let living = self.shards.iter().filter_map(ShardPlace::id);
        living.map(|shard| (shard, BTreeSet::new())).collect()
    }

    /// Parts that ended without having been told to, and log lines that speak of a bug.
    #[must_use]
    pub fn alarms(&self) -> Vec<String> {
        let fails_over = self.redis.kind().fails_over();
        let is_expected =
            |line: &String| fails_over && AT_FAILOVERS.iter().any(|part| line.contains(part));
        let alarms = self.places().flat_map(Place::alarms);
        alarms.filter(|line| !is_expected(line)).collect()
    }

    /// Whether what is started anew is another version.
    #[must_use]
    pub const fn upgrades(&self) -> bool {
        self.plan.upgrade_to.is_some()
    }

    /// Parts that were ended and not started again.
    #[must_use]
    pub fn absent(&self) -> Vec<String> {
        let absent = self.places().filter(|place| place.pid().is_none());
        absent
            .map(|place| format!("{} does not run", place.name()))
            .collect()
    }

    /// Leaves the directory with the logs behind when everything ends; where it is.
    #[must_use]
    pub fn keep_logs(&self) -> PathBuf {
        let directory = self.directory.lock();
        let mut directory = directory.unwrap_or_else(PoisonError::into_inner);
        directory.disable_cleanup(true);
        directory.path().to_owned()
    }

    // ---- parts -----------------------------------------------------------------------------------

    fn spawn_matchmaker(&self, number: usize) -> Result<(), ClusterError> {
        let matchmaker = &self.matchmakers[number];
        let mut command = Command::new(self.program());
        command.args(["matchmaker", "--listen", &matchmaker.listen.to_string()]);
        command.args(["--log", "warn", "--store", self.redis.url()]);
        command.args(self.store_options());
        command.args(["--limit-exempt", LOOPBACK]);
        command.arg("--signing-key").arg(self.file(SIGNING_KEY));
        keep_finished(&mut command);
        Ok(matchmaker.place.start(&mut command)?)
    }

    fn spawn_shard(&self, number: usize) -> Result<(), ClusterError> {
        let shard = &self.shards[number];
        match std::fs::remove_file(&shard.ready_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {
                let mut known = shard.known();
                (known.id, known.admin) = (None, None);
            }
        }
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let program = self.plan.shard_program.as_ref();
        let mut command = Command::new(program.unwrap_or(self.program()));
        command.arg("shard");
        match &shard.proxies {
            Some(Proxies { store, udp, listen }) => command
                .args(["--store", store.url()])
                .args(["--listen", &listen.to_string()])
                .args(["--public-address", &udp.address().to_string()]),
            None => command
                .args(["--store", self.redis.url()])
                .args(["--listen", &shard.address().unwrap_or(free).to_string()]),
        };
        command.args(self.store_options());
        // Beside --listen it could be the port of anybody. A program of an earlier version does not have it.
        command.env("ROOKERY_WEB_LISTEN", free.to_string());
        command.args(["--admin-listen", &free.to_string()]);
        command.args(["--store-wait", &START_MAX.as_secs().to_string()]);
        command.args(["--connections-max", CONNECTIONS_MAX]);
        command.args(["--connections-per-address-max", CONNECTIONS_MAX]);
        command.arg("--matchmaker-key").arg(self.file(PUBLIC_KEY));
        command.arg("--reset-secret").arg(self.file(RESET_SECRET));
        command.arg("--ready-file").arg(&shard.ready_file);
        command.args(&self.plan.shard_arguments);
        keep_finished(&mut command);
        if self.plan.logs.is_none() && std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        Ok(shard.place.start(&mut command)?)
    }

    /// The version that is started now.
    fn program(&self) -> &PathBuf {
        let newer = self.plan.upgrade_to.as_ref();
        let newer = newer.filter(|_| self.has_started.load(Ordering::Relaxed));
        newer.unwrap_or(&self.plan.server)
    }

    fn store_options(&self) -> Vec<OsString> {
        options_of(&self.redis, self.plan.store_replicas)
    }

    async fn await_shard(&self, number: usize) -> Result<(), ClusterError> {
        let shard = &self.shards[number];
        let ready = shard
            .place
            .ready::<ReadyShard>(&shard.ready_file, START_MAX);
        let ready = ready.await?;
        *shard.known() = Known::from(ready);
        Ok(())
    }

    async fn await_matchmaker(&self, number: usize) -> Result<(), ClusterError> {
        let MatchmakerPlace { place, url, .. } = &self.matchmakers[number];
        let matchmaker = Matchmaker::new(url, START_MAX)?;
        let is_ready = async || matchmaker.ready().await.ok();
        Ok(place.until(START_MAX, is_ready).await?)
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        let matchmakers = self.matchmakers.iter().map(MatchmakerPlace::place);
        self.shards.iter().map(ShardPlace::place).chain(matchmakers)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// The server's program: the one beside this one.
#[must_use]
pub fn server_beside() -> PathBuf {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("rookery"));
    beside().unwrap_or_else(|| "rookery".into())
}

async fn redis_of(plan: &LocalPlan, directory: &Path) -> Result<Redis, ClusterError> {
    let directory = directory.to_owned();
    let plan = RedisPlan {
        kind: plan.store_kind,
        more: plan.redis_arguments.clone(),
        outlives_size_limit: plan.failing.is_some(),
    };
    blocking(move || Redis::launch(&directory, &plan)).await
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

const SIGNING_KEY: &str = "signing-key.pem";
const PUBLIC_KEY: &str = "public-key.pem";
const RESET_SECRET: &str = "reset-secret";

/// The matchmaker's key, the half of it that shards check tokens with, and what shards share.
fn write_secrets(directory: &Path) -> io::Result<()> {
    let (key, pem) = SigningKey::generate().map_err(io::Error::other)?;
    let public = key.verifying_key().to_pem();
    let secret: [u8; 32] = rand::random();
    let write = |name, bytes: &[u8]| program::write_private(&directory.join(name), bytes);
    write(SIGNING_KEY, pem.as_bytes())?;
    write(PUBLIC_KEY, public.as_bytes())?;
    write(RESET_SECRET, &secret)
}
