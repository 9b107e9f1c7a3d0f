//! The Redis of a local cluster: it flushes every write before it answers.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::process::{POLL_EVERY, Place};
use super::{ClusterError, START_MAX, free_port, silent};

const PROGRAM: &str = "redis-server";
/// Where it keeps the parts of its append-only file (`appenddirname`).
const LOG_DIRECTORY: &str = "appendonlydir";
/// One question at the start may take so long.
const PING_MAX: Duration = Duration::from_secs(1);

/// The place of a Redis: a port and a directory that stay, and processes that come and go.
#[derive(Debug)]
pub struct RedisPlace {
    place: Place,
    directory: PathBuf,
    port: u16,
    /// Further settings, as its command line takes them.
    more: Vec<String>,
    url: String,
}

impl RedisPlace {
    /// Whether Redis is installed here.
    #[must_use]
    pub fn is_installed() -> bool {
        let version = Command::new(PROGRAM)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        version.is_ok_and(|status| status.success())
    }

    /// Starts a Redis in a directory, with further settings, and returns when it answers.
    pub(crate) async fn start(directory: &Path, more: &[&str]) -> Result<Self, ClusterError> {
        if !Self::is_installed() {
            return Err(ClusterError::NoRedis);
        }
        let port = free_port()?;
        let redis = Self {
            place: Place::new("redis", directory),
            directory: directory.to_owned(),
            port,
            more: more.iter().map(|&word| word.to_owned()).collect(),
            url: format!("redis://127.0.0.1:{port}"),
        };
        redis.restart().await?;
        Ok(redis)
    }

    /// Its process.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Bytes of its append-only file, all parts of it.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        let parts = std::fs::read_dir(self.directory.join(LOG_DIRECTORY));
        let lens = parts.into_iter().flatten().flatten();
        lens.filter_map(|part| Some(part.metadata().ok()?.len()))
            .sum()
    }

    /// Starts it (again) on what it has written, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`ClusterError`] when it does not come up.
    pub async fn restart(&self) -> Result<(), ClusterError> {
        let mut command = Command::new(PROGRAM);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(["--save", "", "--appendonly", "yes"]);
        command.args(["--appendfsync", "always", "--logfile", "redis.log"]);
        command.arg("--dir").arg(&self.directory);
        command.args(&self.more);
        self.place.start(&mut command)?;
        let end = Instant::now() + START_MAX;
        while !self.answers().await {
            if self.place.has_died() || Instant::now() > end {
                return Err(silent(&self.place));
            }
            sleep(POLL_EVERY).await;
        }
        Ok(())
    }

    /// Whether it serves: one that still reads its log says so instead of `PONG`.
    async fn answers(&self) -> bool {
        let ping = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(b"PING\r\n").await?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).await?;
            std::io::Result::Ok(answer == *b"+PONG")
        };
        matches!(timeout(PING_MAX, ping).await, Ok(Ok(true)))
    }
}
