//! The cluster under test: Redis, matchmakers and shards as processes, each shard between two
//! proxies.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::udp_proxy::UdpProxy;
use game_core::ShardId;
use store::testing::RedisServer;
use store::{InMemory, RedisConfig, RedisStore, Registered, Registry};
use tokens::SigningKey;
use tokio::time::{Instant, sleep};

use super::schedule::{MATCHMAKERS, SHARDS};
use crate::tcp_proxy::{Rewrite, TcpProxy};

use crate::cluster::{free_port, free_udp_port};

/// A process must answer within this, with Redis killed meanwhile.
const START_MAX: Duration = Duration::from_secs(60);
/// Between two looks at something that is to happen.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// How the cluster is set up.
pub struct ClusterPlan {
    /// Decides the weather.
    pub seed: u64,
    /// The program `rookery`.
    pub server: PathBuf,
    /// Where keys and logs go.
    pub directory: PathBuf,
    /// More arguments for Redis.
    pub redis_arguments: Vec<String>,
    /// What runs as `… shard`, if not the server's own binary.
    pub shard_binary: Option<PathBuf>,
    /// More arguments for it.
    pub shard_arguments: Vec<String>,
    /// What shards say to Redis is changed.
    pub rewrite: Option<Rewrite>,
}

impl ClusterPlan {
    /// A cluster of this program `rookery`, with its keys and logs in `directory`.
    #[must_use]
    pub const fn of(server: PathBuf, directory: PathBuf) -> Self {
        Self {
            seed: 0,
            server,
            directory,
            redis_arguments: Vec::new(),
            shard_binary: None,
            shard_arguments: Vec::new(),
            rewrite: None,
        }
    }
}

/// A running cluster; all of it ends when it is dropped.
pub struct Cluster {
    /// Its shards, by number.
    pub shards: Vec<ShardSlot>,
    /// Its matchmakers, by number.
    pub matchmakers: Vec<MatchmakerSlot>,
    /// A way to the store that has no faults of its own.
    pub store: RedisStore,
    redis: Arc<Mutex<RedisServer>>,
    redis_url: String,
}

/// The place of a shard: addresses that stay, and a process that comes and goes.
pub struct ShardSlot {
    /// Between it and Redis.
    pub tcp: TcpProxy,
    /// Between players and it.
    pub udp: UdpProxy,
    binary: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    process: Mutex<Option<Process>>,
    /// The shards that were ever registered here.
    known: Mutex<HashSet<ShardId>>,
    /// The one of them that was started last.
    living: Mutex<Option<ShardId>>,
}

/// The place of a matchmaker.
pub struct MatchmakerSlot {
    /// Where it answers.
    pub url: String,
    binary: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    process: Mutex<Option<Process>>,
}

/// A child, killed when dropped.
#[derive(Debug)]
struct Process(Child);

impl Cluster {
    /// Starts everything, and returns when every shard and matchmaker answers.
    ///
    /// # Errors
    ///
    /// What does not start.
    pub async fn start(plan: ClusterPlan) -> Result<Self, String> {
        let words: Vec<&str> = plan.redis_arguments.iter().map(String::as_str).collect();
        let redis = RedisServer::start_with(&words);
        let (address, redis_url) = (redis.address(), redis.url());
        let store = RedisStore::connect(RedisConfig::new(&redis_url)).await;
        let store = store.map_err(|error| error.to_string())?;
        let files = KeyFiles::write(&plan.directory).map_err(|error| error.to_string())?;
        let mut shards = Vec::new();
        for number in 0..SHARDS {
            let slot = ShardSlot::new(&plan, number, address, &files).await;
            shards.push(slot.map_err(|error| error.to_string())?);
        }
        let matchmaker = |number| MatchmakerSlot::new(&plan, number, &redis_url, &files.private);
        let matchmakers: io::Result<_> = (0..MATCHMAKERS).map(matchmaker).collect();
        let cluster = Self {
            shards,
            matchmakers: matchmakers.map_err(|error| error.to_string())?,
            store,
            redis: Arc::new(Mutex::new(redis)),
            redis_url,
        };
        for number in 0..SHARDS {
            cluster.start_shard(number).await?;
        }
        for slot in &cluster.matchmakers {
            slot.start().await?;
        }
        Ok(cluster)
    }

    /// Starts a shard's process and waits until it is in the registry.
    ///
    /// # Errors
    ///
    /// When that takes too long.
    pub async fn start_shard(&self, number: usize) -> Result<(), String> {
        let slot = &self.shards[number];
        slot.spawn()?;
        let end = Instant::now() + START_MAX;
        while Instant::now() < end {
            if let Ok(registry) = self.store.shards().await
                && let Some(shard) = registry
                    .iter()
                    .filter_map(Registered::record)
                    .find(|shard| slot.is_new(shard.id, shard.address))
            {
                slot.known().insert(shard.id);
                *slot.living() = Some(shard.id);
                return Ok(());
            }
            if slot.process().as_mut().is_none_or(Process::has_ended) {
                return Err(format!("shard {number} ended at its start"));
            }
            sleep(POLL_EVERY).await;
        }
        Err(format!(
            "shard {number} is not in the registry after {START_MAX:?}"
        ))
    }

    /// The shards that live, none of which has a match in memory: all of them have ended.
    #[must_use]
    pub fn at_rest(&self) -> InMemory {
        let living = self.shards.iter().filter_map(|slot| *slot.living());
        living.map(|shard| (shard, BTreeSet::new())).collect()
    }

    /// Does something to Redis, on a thread where waiting is allowed.
    ///
    /// # Errors
    ///
    /// When that fails.
    pub async fn redis(
        &self,
        deed: impl FnOnce(&mut RedisServer) + Send + 'static,
    ) -> Result<(), String> {
        let redis = Arc::clone(&self.redis);
        let done = tokio::task::spawn_blocking(move || {
            deed(&mut redis.lock().unwrap_or_else(PoisonError::into_inner));
        });
        done.await.map_err(|error| format!("Redis: {error}"))
    }

    /// The URL of Redis itself.
    #[must_use]
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// The processes that ended without having been told to, and what the logs hold that must not
    /// be there.
    #[must_use]
    pub fn alarms(&self) -> Vec<String> {
        let mut alarms = Vec::new();
        for (number, slot) in self.shards.iter().enumerate() {
            if slot.process().as_mut().is_none_or(Process::has_ended) {
                alarms.push(format!("shard {number} does not run"));
            }
            alarms.extend(alarms_in(&slot.log));
        }
        for (number, slot) in self.matchmakers.iter().enumerate() {
            if slot.process().as_mut().is_none_or(Process::has_ended) {
                alarms.push(format!("matchmaker {number} does not run"));
            }
            alarms.extend(alarms_in(&slot.log));
        }
        alarms
    }
}

impl ShardSlot {
    async fn new(
        plan: &ClusterPlan,
        number: usize,
        redis: SocketAddr,
        files: &KeyFiles,
    ) -> io::Result<Self> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_udp_port()?));
        let tcp = TcpProxy::start(redis, plan.rewrite.clone()).await?;
        let udp = UdpProxy::start(listen, plan.seed.wrapping_add(number as u64)).await?;
        let mut arguments = vec![
            "shard".to_owned(),
            "--store".to_owned(),
            format!("redis://{}", tcp.address()),
            "--store-wait".to_owned(),
            START_MAX.as_secs().to_string(),
            "--listen".to_owned(),
            listen.to_string(),
            "--public-address".to_owned(),
            udp.address().to_string(),
            "--matchmaker-key".to_owned(),
            files.public.display().to_string(),
            "--reset-secret".to_owned(),
            files.reset_secret.display().to_string(),
            // All players come by one proxy.
            "--connections-per-address-max".to_owned(),
            "25000".to_owned(),
        ];
        arguments.extend_from_slice(&plan.shard_arguments);
        Ok(Self {
            tcp,
            udp,
            binary: plan.shard_binary.as_ref().unwrap_or(&plan.server).clone(),
            arguments,
            log: plan.directory.join(format!("shard-{number}.log")),
            process: Mutex::new(None),
            known: Mutex::new(HashSet::new()),
            living: Mutex::new(None),
        })
    }

    /// Ends the process as `kill -9` does.
    pub fn kill(&self) {
        *self.process() = None;
    }

    /// Sends the process a signal by name.
    pub fn signal(&self, name: &str) {
        if let Some(process) = &*self.process() {
            process.signal(name);
        }
    }

    /// Waits until the process has ended by itself; `None` if it has not by then.
    pub async fn ended(&self, within: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + within;
        while Instant::now() < end {
            let status = self.process().as_mut().and_then(Process::status);
            if status.is_some() {
                return status;
            }
            sleep(POLL_EVERY).await;
        }
        None
    }

    fn spawn(&self) -> Result<(), String> {
        let process = Process::spawn(&self.binary, &self.arguments, &self.log);
        let process = process.map_err(|error| format!("{}: {error}", self.binary.display()))?;
        *self.process() = Some(process);
        Ok(())
    }

    fn is_new(&self, id: ShardId, address: SocketAddr) -> bool {
        address == self.udp.address() && !self.known().contains(&id)
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn living(&self) -> MutexGuard<'_, Option<ShardId>> {
        self.living.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, HashSet<ShardId>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MatchmakerSlot {
    fn new(plan: &ClusterPlan, number: usize, redis_url: &str, key: &Path) -> io::Result<Self> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let arguments = [
            "matchmaker".to_owned(),
            "--listen".to_owned(),
            listen.to_string(),
            "--store".to_owned(),
            redis_url.to_owned(),
            "--signing-key".to_owned(),
            key.display().to_string(),
            "--log".to_owned(),
            "warn".to_owned(),
            // All players come from this machine.
            "--limit-exempt".to_owned(),
            "127.0.0.0/8".to_owned(),
        ];
        Ok(Self {
            url: format!("http://{listen}"),
            binary: plan.server.clone(),
            arguments: arguments.to_vec(),
            log: plan.directory.join(format!("matchmaker-{number}.log")),
            process: Mutex::new(None),
        })
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When that takes too long.
    pub async fn start(&self) -> Result<(), String> {
        let process = Process::spawn(&self.binary, &self.arguments, &self.log);
        *self.process() = Some(process.map_err(|error| error.to_string())?);
        let end = Instant::now() + START_MAX;
        while Instant::now() < end {
            let ready = reqwest::get(format!("{}/readyz", self.url)).await;
            if ready.is_ok_and(|reply| reply.status().is_success()) {
                return Ok(());
            }
            sleep(POLL_EVERY).await;
        }
        Err(format!("the matchmaker at {} is not ready", self.url))
    }

    /// Ends the process as `kill -9` does.
    pub fn kill(&self) {
        *self.process() = None;
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    fn spawn(binary: &Path, arguments: &[String], log: &Path) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let child = Command::new(binary)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Self(child))
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    fn has_ended(&mut self) -> bool {
        self.status().is_some()
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "kill -s {name}"
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The matchmakers' key, the half of it that shards check tokens with, and what shards share.
struct KeyFiles {
    private: PathBuf,
    public: PathBuf,
    reset_secret: PathBuf,
}

impl KeyFiles {
    fn write(directory: &Path) -> io::Result<Self> {
        let (key, pem) = SigningKey::generate().map_err(io::Error::other)?;
        let private = directory.join("signing-key.pem");
        let public = directory.join("public-key.pem");
        let reset_secret = directory.join("reset-secret");
        program::write_private(&reset_secret, &rand::random::<[u8; 32]>())?;
        program::write_private(&private, pem.as_bytes())?;
        std::fs::write(&public, key.verifying_key().to_pem())?;
        Ok(Self {
            private,
            public,
            reset_secret,
        })
    }
}

/// Lines that speak of a bug.
fn alarms_in(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let speaks_of_a_bug = |line: &&str| line.contains("panicked") || line.contains(" ERROR ");
    text.lines()
        .filter(speaks_of_a_bug)
        .map(str::to_owned)
        .collect()
}
