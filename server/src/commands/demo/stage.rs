//! What the demonstration runs on, and whom it can kill.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use game_core::ShardId;
use protocol::token::SigningKey;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::commands::backend::Backend;
use crate::commands::cluster::{Cluster, ClusterPlan, signing_key};

/// Shards on the stage: one to lose, and two to share what it leaves.
const SHARDS: u16 = 3;
/// Each part must answer within this.
const START_DEADLINE: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(20);

/// A cluster of its own, in a temporary directory.
pub(super) enum Stage {
    /// Real processes on a Redis of their own, killed with real signals.
    Processes(Processes),
    /// Where no redis-server is installed: threads of this process on the embedded store.
    Threads {
        cluster: Cluster,
        // Removed when the stage is.
        _directory: TempDir,
    },
}

impl Stage {
    /// Builds the stage that this machine can bear.
    pub(super) async fn build(shutdown: CancellationToken) -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        if let Some(redis) = redis_server(directory.path())? {
            return Ok(Self::Processes(Processes::start(directory, redis).await?));
        }
        let backend = Backend::embedded(directory.path())?;
        let plan = ClusterPlan {
            host: Ipv4Addr::LOCALHOST.into(),
            matchmaker_port: 0,
            shard_port: 0,
            shards: SHARDS,
            key: SigningKey::generate()?.0,
            admin: None,
        };
        let cluster = Cluster::start(plan, &backend, shutdown).await?;
        Ok(Self::Threads {
            cluster,
            _directory: directory,
        })
    }

    /// URL of the matchmaker.
    pub(super) fn matchmaker(&self) -> &str {
        match self {
            Self::Processes(processes) => &processes.matchmaker_url,
            Self::Threads { cluster, .. } => &cluster.addresses.matchmaker,
        }
    }

    /// What stands on it, a line for each part.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Processes(processes) => processes.lines(),
            Self::Threads { cluster, .. } => {
                let mut lines = vec![
                    "no redis-server is installed here, so the shards are threads of this process"
                        .to_owned(),
                    "store       embedded, in a temporary directory".to_owned(),
                    format!("matchmaker  {}", cluster.addresses.matchmaker),
                ];
                lines.extend(
                    cluster.addresses.shards.iter().map(|shard| {
                        format!("shard       {} (QUIC), id {}", shard.address, shard.id)
                    }),
                );
                lines
            }
        }
    }

    /// Ends a shard without a goodbye; says how.
    pub(super) fn kill(&mut self, shard: ShardId) -> Result<String, Failure> {
        match self {
            Self::Processes(processes) => processes.kill(shard),
            Self::Threads { cluster, .. } => {
                cluster.abort(shard)?;
                Ok(format!("shard {shard} aborted without a goodbye"))
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

/// A child that ends with this value.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        let quiet = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = quiet.spawn();
        child
            .map(Self)
            .map_err(|error| format!("cannot start {program}: {error}").into())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct ShardProcess {
    process: Process,
    ready: ReadyShard,
}

#[derive(Deserialize)]
struct ReadyShard {
    id: ShardId,
    address: std::net::SocketAddr,
}

/// Redis, a matchmaker and shards, each a process of its own. The order is the one in which they
/// are ended.
pub(super) struct Processes {
    shards: Vec<ShardProcess>,
    matchmaker: Process,
    matchmaker_url: String,
    redis: Process,
    redis_url: String,
    _directory: TempDir,
}

impl Processes {
    async fn start(directory: TempDir, redis: (Process, String)) -> Result<Self, Failure> {
        let (redis, redis_url) = redis;
        let exe = std::env::current_exe()?;
        let key = signing_key(directory.path())?;
        let public_key = directory.path().join("public-key.pem");
        std::fs::write(&public_key, key.verifying_key().to_pem())?;

        let mut starting = Vec::new();
        for index in 0..SHARDS {
            let ready_file = directory.path().join(format!("shard-{index}.json"));
            let mut command = Command::new(&exe);
            command.args(["shard", "--listen", "127.0.0.1:0", "--store", &redis_url]);
            command.arg("--matchmaker-key").arg(&public_key);
            command.arg("--ready-file").arg(&ready_file);
            starting.push((Process::start(&mut command)?, ready_file));
        }
        let port = free_port()?;
        let mut command = Command::new(&exe);
        command.args(["matchmaker", "--listen", &format!("127.0.0.1:{port}")]);
        command.args(["--store", &redis_url, "--signing-key"]);
        command.arg(directory.path().join("signing-key.pem"));
        let matchmaker = Process::start(&mut command)?;

        let mut shards = Vec::new();
        for (mut process, ready_file) in starting {
            let ready = until_ready(&mut process, &ready_file).await?;
            shards.push(ShardProcess { process, ready });
        }
        let matchmaker_url = format!("http://127.0.0.1:{port}");
        Ok(Self {
            shards,
            matchmaker,
            matchmaker_url,
            redis,
            redis_url,
            _directory: directory,
        })
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "redis       {}, appendfsync always, pid {}",
                self.redis_url,
                self.redis.pid()
            ),
            format!(
                "matchmaker  {}, pid {}",
                self.matchmaker_url,
                self.matchmaker.pid()
            ),
        ];
        lines.extend(self.shards.iter().map(|ShardProcess { process, ready }| {
            format!(
                "shard       {} (QUIC), pid {}, id {}",
                ready.address,
                process.pid(),
                ready.id
            )
        }));
        lines
    }

    fn kill(&mut self, id: ShardId) -> Result<String, Failure> {
        let index = self.shards.iter().position(|shard| shard.ready.id == id);
        let index = index.ok_or("the owner is not on this stage")?;
        let shard = self.shards.swap_remove(index);
        let pid = shard.process.pid();
        // SIGKILL, and the body is collected.
        drop(shard);
        Ok(format!("kill -9 {pid}: shard {id} is gone"))
    }
}

async fn until_ready(process: &mut Process, ready_file: &PathBuf) -> Result<ReadyShard, Failure> {
    let end = Instant::now() + START_DEADLINE;
    loop {
        if let Ok(text) = std::fs::read_to_string(ready_file) {
            return Ok(serde_json::from_str(&text)?);
        }
        if process.has_ended() || Instant::now() > end {
            return Err("a shard does not start; `rookery shard` by itself says why".into());
        }
        sleep(POLL_EVERY).await;
    }
}

/// A redis-server of its own that flushes every write; `None` where none is installed.
fn redis_server(directory: &Path) -> Result<Option<(Process, String)>, Failure> {
    let installed = Command::new("redis-server")
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !installed.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let port = free_port()?.to_string();
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port, "--save", ""]);
    command
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(directory);
    Ok(Some((
        Process::start(&mut command)?,
        format!("redis://127.0.0.1:{port}"),
    )))
}

/// A TCP port of the loopback that is free now.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
