//! The processes or threads of the demo, and how to kill a shard.

use std::net::Ipv4Addr;

use game_core::ShardId;
use lab::cluster::{LocalCluster, LocalPlan, Place, Redis, ShardPlace};
use matchmaker::LimitArgs;
use settings::Networks;
use tempfile::TempDir;
use tokens::SigningKey;
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::commands::backend::Backend;
use crate::commands::cluster::{InProcessCluster, InProcessPlan};

/// Shards on the stage: one to lose, and two to share what it leaves.
const SHARDS: u16 = 3;

/// A shard on the stage.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    pub(super) id: ShardId,
    /// Where it is reached, and which process it is.
    pub(super) place: String,
}

/// A separate cluster, in a temporary directory.
pub(super) enum Stage {
    /// Real processes on a Redis of their own, killed with real signals.
    Processes(Box<LocalCluster>),
    /// Where no redis-server is installed: threads of this process on the embedded store.
    Threads {
        cluster: Box<InProcessCluster>,
        // Removed when the stage is.
        _directory: TempDir,
    },
}

impl Stage {
    /// Builds the stage that this machine can bear.
    pub(super) async fn build(shutdown: CancellationToken) -> Result<Self, Failure> {
        if Redis::is_installed() {
            let plan = LocalPlan::of(std::env::current_exe()?, SHARDS);
            let cluster = LocalCluster::start(plan).await?;
            return Ok(Self::Processes(Box::new(cluster)));
        }
        let directory = tempfile::tempdir()?;
        let backend = Backend::embedded(directory.path(), store::FINISHED_KEEP)?;
        let limits = LimitArgs {
            limit_exempt: vec![Networks::loopback()],
            ..LimitArgs::default()
        };
        let key = SigningKey::generate()?.0;
        let host = Ipv4Addr::LOCALHOST.into();
        let plan = InProcessPlan::local(host, (0, 0), SHARDS, key, limits);
        let cluster = InProcessCluster::start(plan, &backend, shutdown).await?;
        Ok(Self::Threads {
            cluster: Box::new(cluster),
            _directory: directory,
        })
    }

    /// URL of the matchmaker.
    pub(super) fn matchmaker(&self) -> &str {
        match self {
            Self::Processes(cluster) => cluster.matchmaker_url(),
            Self::Threads { cluster, .. } => &cluster.addresses.matchmaker,
        }
    }

    /// Its parts beside the shards, a line for each.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Processes(cluster) => lines_of(cluster),
            Self::Threads { cluster, .. } => vec![
                "no redis-server is installed here, so the shards are threads of this process"
                    .to_owned(),
                "store       embedded, in a temporary directory".to_owned(),
                format!("matchmaker  {}", cluster.addresses.matchmaker),
            ],
        }
    }

    /// The shards that stand on it at the beginning.
    pub(super) fn shards(&self) -> Vec<Actor> {
        match self {
            Self::Processes(cluster) => cluster.shards().iter().filter_map(actor).collect(),
            Self::Threads { cluster, .. } => {
                let shards = cluster.addresses.shards.iter();
                shards
                    .map(|shard| Actor {
                        id: shard.id,
                        place: format!("{} (QUIC)", shard.address),
                    })
                    .collect()
            }
        }
    }

    /// Kills a shard; returns a description.
    pub(super) fn kill(&mut self, shard: ShardId) -> Result<String, Failure> {
        match self {
            Self::Processes(cluster) => kill(cluster, shard),
            Self::Threads { cluster, .. } => {
                cluster.abort(shard)?;
                Ok(format!(
                    "shard {shard}, which owned this match, aborted without a goodbye"
                ))
            }
        }
    }

    /// Takes the stage down.
    pub(super) async fn strike(self) -> Result<(), Failure> {
        match self {
            Self::Threads { cluster, .. } => cluster.stop().await,
            Self::Processes(_) => Ok(()),
        }
    }
}

/// The real processes of the demo, beside its shards.
fn lines_of(cluster: &LocalCluster) -> Vec<String> {
    let pid = |place: &Place| place.pid().unwrap_or_default();
    let redis = cluster.redis();
    vec![
        format!(
            "redis       {}, appendfsync always, pid {}",
            redis.url(),
            pid(redis.place())
        ),
        format!(
            "matchmaker  {}, pid {}",
            cluster.matchmaker_url(),
            pid(cluster.matchmakers()[0].place())
        ),
    ]
}

fn actor(shard: &ShardPlace) -> Option<Actor> {
    let (address, pid) = (shard.address()?, shard.place().pid()?);
    Some(Actor {
        id: shard.id()?,
        place: format!("{address} (QUIC), pid {pid}"),
    })
}

fn kill(cluster: &LocalCluster, id: ShardId) -> Result<String, Failure> {
    let shard = cluster.shards().iter().find(|shard| shard.id() == Some(id));
    let place = shard.ok_or("the owner is not on this stage")?.place();
    let pid = place.pid().ok_or("the owner is gone already")?;
    place.kill();
    Ok(format!(
        "kill -9 {pid}: shard {id} is gone, which owned this match"
    ))
}
