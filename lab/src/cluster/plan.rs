//! What a cluster is made of.

use std::fmt;
use std::path::PathBuf;

use supervisor::RedisKind;

use crate::tcp_proxy::Rewrite;

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct LocalPlan {
    /// The program `rookery`.
    pub server: PathBuf,
    /// What runs in each place once it is started anew, if not the same as before: another version.
    pub upgrade_to: Option<PathBuf>,
    /// What runs as `… shard`, if not `server`: for shards of another build.
    pub shard_program: Option<PathBuf>,
    /// Further arguments for it.
    pub shard_arguments: Vec<String>,
    /// How Redis is run.
    pub store_kind: RedisKind,
    /// Replicas that must have a write before it counts as stored.
    pub store_replicas: u32,
    /// Further settings for Redis, as its command line takes them.
    pub redis_arguments: Vec<String>,
    /// Shards: at least one, and two for one of them to be missed.
    pub shards: u16,
    /// Matchmakers; none where the program that starts the cluster is one.
    pub matchmakers: u16,
    /// Where its directory is made; by default where temporary files go.
    pub directory: Option<PathBuf>,
    /// Where the processes log in full; by default they log warnings, into its own directory.
    pub logs: Option<PathBuf>,
    /// What lets its networks and its disk fail; nothing is between the processes otherwise.
    pub failing: Option<Failing>,
}

impl LocalPlan {
    /// So many shards of this program `rookery`, with one matchmaker.
    #[must_use]
    pub const fn of(server: PathBuf, shards: u16) -> Self {
        Self {
            server,
            upgrade_to: None,
            shard_program: None,
            shard_arguments: Vec::new(),
            store_kind: RedisKind::Single,
            store_replicas: 0,
            redis_arguments: Vec::new(),
            shards,
            matchmakers: 1,
            directory: None,
            logs: None,
            failing: None,
        }
    }

    /// The same on a Redis of this kind, where a replica confirms every write if one may take over.
    #[must_use]
    pub fn on(self, kind: RedisKind) -> Self {
        Self {
            store_kind: kind,
            store_replicas: kind.fails_over().into(),
            ..self
        }
    }

    /// The cluster for faults of every kind: three shards between proxies, and two matchmakers.
    #[must_use]
    pub fn for_faults(server: PathBuf, seed: u64) -> Self {
        Self {
            matchmakers: 2,
            failing: Some(Failing {
                seed,
                rewrite: None,
            }),
            ..Self::of(server, 3)
        }
    }
}

/// Proxies before and behind each shard, and a Redis that survives a write to a full disk.
#[derive(Clone)]
pub struct Failing {
    /// Decides which packets are hit.
    pub seed: u64,
    /// Changes what shards say to Redis.
    pub rewrite: Option<Rewrite>,
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Failing");
        shown.field("seed", &self.seed).finish_non_exhaustive()
    }
}
