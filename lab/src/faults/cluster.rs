//! The cluster under test: Redis, matchmakers and shards as processes, each shard between two
//! proxies.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::udp_proxy::UdpProxy;
use game_core::ShardId;
use store::testing::RedisServer;
use store::{InMemory, RedisConfig, RedisStore, Registered, Registry};
use supervisor::{Place, START_MAX, Signal, StartError, free_tcp_port, free_udp_port};

use super::schedule::{MATCHMAKERS, SHARDS};
use crate::tcp_proxy::{Rewrite, TcpProxy};

use crate::cluster::{PUBLIC_KEY, RESET_SECRET, SIGNING_KEY, write_secrets};

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
    place: Place,
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
    place: Place,
}

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
        write_secrets(&plan.directory).map_err(|error| error.to_string())?;
        let mut shards = Vec::new();
        for number in 0..SHARDS {
            let slot = ShardSlot::new(&plan, number, address).await;
            shards.push(slot.map_err(|error| error.to_string())?);
        }
        let matchmaker = |number| MatchmakerSlot::new(&plan, number, &redis_url);
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
        slot.spawn().map_err(|error| error.to_string())?;
        let registered = async || {
            let registry = self.store.shards().await.ok()?;
            let mut records = registry.iter().filter_map(Registered::record);
            let new = records.find(|shard| slot.is_new(shard.id, shard.address));
            new.map(|shard| shard.id)
        };
        let id = slot.place.until(START_MAX, registered).await;
        let id = id.map_err(|error| error.to_string())?;
        slot.known().insert(id);
        *slot.living() = Some(id);
        Ok(())
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
        let shards = self.shards.iter().map(|slot| &slot.place);
        let all = shards.chain(self.matchmakers.iter().map(|slot| &slot.place));
        let not_running = |place: &Place| {
            let is_empty = place.pid().is_none();
            is_empty.then(|| format!("{} does not run", place.name()))
        };
        all.flat_map(|place| not_running(place).into_iter().chain(place.alarms()))
            .collect()
    }
}

impl ShardSlot {
    async fn new(plan: &ClusterPlan, number: usize, redis: SocketAddr) -> io::Result<Self> {
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
            plan.directory.join(PUBLIC_KEY).display().to_string(),
            "--reset-secret".to_owned(),
            plan.directory.join(RESET_SECRET).display().to_string(),
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
            place: Place::new(&format!("shard-{number}"), &plan.directory),
            known: Mutex::new(HashSet::new()),
            living: Mutex::new(None),
        })
    }

    /// Ends the process as `kill -9` does.
    pub fn kill(&self) {
        self.place.kill();
    }

    /// Sends the process a signal.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.place.signal(signal)
    }

    /// Waits until the process has ended by itself; `None` if it has not by then.
    pub async fn ended(&self, within: Duration) -> Option<ExitStatus> {
        self.place.ended(within).await
    }

    fn spawn(&self) -> Result<(), StartError> {
        self.place
            .start(Command::new(&self.binary).args(&self.arguments))
    }

    fn is_new(&self, id: ShardId, address: SocketAddr) -> bool {
        address == self.udp.address() && !self.known().contains(&id)
    }

    fn living(&self) -> MutexGuard<'_, Option<ShardId>> {
        self.living.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, HashSet<ShardId>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MatchmakerSlot {
    fn new(plan: &ClusterPlan, number: usize, redis_url: &str) -> io::Result<Self> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()?));
        let arguments = [
            "matchmaker".to_owned(),
            "--listen".to_owned(),
            listen.to_string(),
            "--store".to_owned(),
            redis_url.to_owned(),
            "--signing-key".to_owned(),
            plan.directory.join(SIGNING_KEY).display().to_string(),
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
            place: Place::new(&format!("matchmaker-{number}"), &plan.directory),
        })
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When that takes too long.
    pub async fn start(&self) -> Result<(), String> {
        let command = &mut Command::new(&self.binary);
        let started = self.place.start(command.args(&self.arguments));
        started.map_err(|error| error.to_string())?;
        let url = format!("{}/readyz", self.url);
        let ready = async || {
            let reply = reqwest::get(&url).await.ok()?;
            reply.status().is_success().then_some(())
        };
        let ready = self.place.until(START_MAX, ready).await;
        ready.map_err(|error| error.to_string())
    }

    /// Ends the process as `kill -9` does.
    pub fn kill(&self) {
        self.place.kill();
    }
}
