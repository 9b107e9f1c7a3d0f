//! The servers of the demo: shards that can be killed, and a matchmaker in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use admin::Access;
use axum::Router;
use game_core::{MatchId, ShardId};
use lab::cluster::{LocalCluster, LocalPlan, Redis};
use matchmaker::LimitArgs;
use settings::Networks;
use store::{RedisConfig, Store};
use tempfile::TempDir;
use tokens::SigningKey;
use tokio_util::sync::CancellationToken;

use super::super::Failure;
use crate::commands::backend::Backend;
use crate::commands::cluster::{InProcessCluster, InProcessPlan};
use crate::commands::data_dir::admin_token_file;

/// One to lose, and two to share what it leaves.
const SHARDS: u16 = 3;

/// The servers, on a loopback address and in a temporary directory.
pub(super) struct Hall {
    shards: Shards,
    /// The matchmaker and, where there is no Redis, the shards.
    cluster: InProcessCluster,
    store: Arc<dyn Store>,
    // Removed with it.
    _directory: TempDir,
}

enum Shards {
    /// Real processes on a Redis of their own, killed with real signals.
    Processes(Box<LocalCluster>),
    /// Where no redis-server is installed: threads of this process on the embedded store, and those that were aborted.
    Threads(Vec<ShardId>),
}

/// A shard, for who watches.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Actor {
    id: Option<ShardId>,
    /// Its process; absent for a thread, and while it is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    /// Whether it runs.
    pub(super) alive: bool,
}

/// A shard that was killed.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Killed {
    pub(super) shard: ShardId,
    /// The process that was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<u32>,
    /// Its place, by number.
    #[serde(skip)]
    pub(super) place: usize,
}

impl Hall {
    /// Builds what this machine can bear; the matchmaker serves `routes` too.
    pub(super) async fn build(
        port: u16,
        routes: Router,
        shutdown: CancellationToken,
    ) -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let token = admin_token_file(directory.path())?;
        let limits = LimitArgs {
            limit_exempt: vec![Networks::loopback()],
            ..LimitArgs::default()
        };
        let host = Ipv4Addr::LOCALHOST.into();
        let (shards, plan, backend) = if Redis::is_installed() {
            let plan = LocalPlan {
                matchmakers: 0,
                // So that the matchmaker may ask all of them.
                shard_arguments: vec!["--admin-token-file".to_owned(), token.display().to_string()],
                ..LocalPlan::of(std::env::current_exe()?, SHARDS)
            };
            let processes = LocalCluster::start(plan).await?;
            let key = processes.signing_key()?;
            let backend = Backend::redis(RedisConfig::new(processes.redis().url()), None);
            let plan = InProcessPlan::local(host, (port, 0), 0, key, limits);
            (Shards::Processes(Box::new(processes)), plan, backend)
        } else {
            let backend = Backend::embedded(directory.path(), store::FINISHED_KEEP)?;
            let key = SigningKey::generate()?.0;
            let plan = InProcessPlan::local(host, (port, 0), SHARDS, key, limits);
            (Shards::Threads(Vec::new()), plan, backend)
        };
        let plan = InProcessPlan {
            admin: Some((SocketAddr::new(host, 0), Access::read(&token)?)),
            routes,
            ..plan
        };
        let store = backend.open().await?;
        Ok(Self {
            shards,
            cluster: InProcessCluster::start(plan, &backend, shutdown).await?,
            store,
            _directory: directory,
        })
    }

    /// URL of the matchmaker, and of the page.
    pub(super) fn url(&self) -> &str {
        &self.cluster.addresses.matchmaker
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Its parts, a line for each.
    pub(super) fn lines(&self) -> Vec<String> {
        let page = format!("page        {}/", self.url());
        match &self.shards {
            Shards::Processes(processes) => {
                let redis = processes.redis();
                let pid = redis.place().pid().unwrap_or_default();
                let mut lines = vec![
                    page,
                    format!("redis       {}, appendfsync always, pid {pid}", redis.url()),
                ];
                lines.extend(processes.shards().iter().filter_map(|shard| {
                    let (address, pid) = (shard.address()?, shard.place().pid()?);
                    Some(format!(
                        "shard       {} at {address}, pid {pid}",
                        shard.id()?
                    ))
                }));
                lines
            }
            Shards::Threads(_) => vec![
                page,
                "no redis-server is installed here, so the shards are threads of this process"
                    .to_owned(),
                "store       embedded, in a temporary directory".to_owned(),
            ],
        }
    }

    /// All places of shards.
    pub(super) fn actors(&self) -> Vec<Actor> {
        match &self.shards {
            Shards::Processes(processes) => {
                let shards = processes.shards().iter();
                shards
                    .map(|shard| {
                        let (id, pid) = (shard.id(), shard.place().pid());
                        Actor {
                            alive: id.is_some() && pid.is_some(),
                            id,
                            pid,
                        }
                    })
                    .collect()
            }
            Shards::Threads(dead) => {
                let shards = self.cluster.addresses.shards.iter();
                shards
                    .map(|shard| Actor {
                        id: Some(shard.id),
                        pid: None,
                        alive: !dead.contains(&shard.id),
                    })
                    .collect()
            }
        }
    }

    /// The shard that owns a match, if the match exists.
    pub(super) async fn owner(&self, id: MatchId) -> Result<Option<ShardId>, Failure> {
        Ok(self.store.ownership(id).await?.map(|owned| owned.owner))
    }

    /// Kills a shard at once; `None` if it does not run, as it was killed already.
    pub(super) fn kill(&mut self, id: ShardId) -> Result<Option<Killed>, Failure> {
        let is_it = |actor: &Actor| actor.id == Some(id) && actor.alive;
        let actors = self.actors();
        let Some(place) = actors.iter().position(is_it) else {
            return Ok(None);
        };
        match &mut self.shards {
            Shards::Processes(processes) => processes.shards()[place].place().kill(),
            Shards::Threads(dead) => {
                self.cluster.abort(id)?;
                dead.push(id);
            }
        }
        Ok(Some(Killed {
            shard: id,
            pid: actors[place].pid,
            place,
        }))
    }

    /// Starts the place of a killed shard anew, under another id.
    pub(super) async fn restart(&mut self, killed: &Killed) -> Result<(), Failure> {
        match &mut self.shards {
            Shards::Processes(processes) => Ok(processes.start_shard(killed.place).await?),
            Shards::Threads(dead) => {
                self.cluster.replace(killed.shard).await?;
                dead.retain(|id| *id != killed.shard);
                Ok(())
            }
        }
    }

    /// Ends everything.
    pub(super) async fn close(self) -> Result<(), Failure> {
        self.cluster.stop().await
        // Processes are killed when they are dropped.
    }
}
