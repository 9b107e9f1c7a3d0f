//! A Redis that flushes every write before it answers.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::{POLL_EVERY, Place, START_MAX, StartError, free_tcp_port};

const PROGRAM: &str = "redis-server";
/// Where it keeps the parts of its append-only file (`appenddirname`).
const LOG_DIRECTORY: &str = "appendonlydir";
/// Upper bound on one question at the start.
const PING_MAX: Duration = Duration::from_secs(1);
/// A server whose disk is full ends within this, on a busy machine.
const FULL_DISK_NOTICED_MAX: Duration = Duration::from_secs(20);
/// Ports that are tried: another process may take the free one that was found.
const PORTS_TRIED: usize = 8;

/// Why there is no Redis.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// It is not installed.
    #[error("redis-server is not installed (on Debian: apt install redis-server)")]
    Missing,
    /// It was started and does not answer, or cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There is no free port.
    #[error("no free port: {0}")]
    Port(#[from] io::Error),
}

/// The place of a Redis: a port and a directory that stay, and processes that come and go. What runs ends with
/// this value.
#[derive(Debug)]
pub struct Redis {
    place: Place,
    directory: PathBuf,
    port: u16,
    /// Further settings, as its command line takes them.
    more: Vec<String>,
    url: String,
    /// A write beyond the limit of a file's size fails as on a full disk, and does not end the process.
    outlives_size_limit: bool,
}

impl Redis {
    /// Whether Redis is installed here.
    #[must_use]
    pub fn is_installed() -> bool {
        let mut version = Command::new(PROGRAM);
        version.arg("--version").stdin(Stdio::null());
        let version = version.stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    }

    /// Starts a Redis in a directory, with further settings that override those here, and returns when it
    /// answers. Blocks.
    ///
    /// # Errors
    ///
    /// [`RedisError`].
    pub fn start(directory: &Path, more: &[&str]) -> Result<Self, RedisError> {
        Self::start_as(directory, more, false)
    }

    /// The same for a test that lets its files reach a limit of their size: a write beyond it is to fail as on a
    /// full disk, not to end the process. Needs the `env` of coreutils.
    ///
    /// # Errors
    ///
    /// [`RedisError`].
    pub fn start_outliving_size_limit(directory: &Path, more: &[&str]) -> Result<Self, RedisError> {
        Self::start_as(directory, more, true)
    }

    fn start_as(
        directory: &Path,
        more: &[&str],
        outlives_size_limit: bool,
    ) -> Result<Self, RedisError> {
        if !Self::is_installed() {
            return Err(RedisError::Missing);
        }
        let mut tried = 1;
        loop {
            let port = free_tcp_port()?;
            let redis = Self {
                place: Place::new("redis", directory),
                directory: directory.to_owned(),
                port,
                more: more.iter().map(|&word| word.to_owned()).collect(),
                url: format!("redis://127.0.0.1:{port}"),
                outlives_size_limit,
            };
            match redis.launch() {
                Ok(()) => return Ok(redis),
                Err(error) if tried == PORTS_TRIED => return Err(error),
                Err(_) => tried += 1,
            }
        }
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The directory that it keeps its data in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The parts of its append-only file whose names end so: all of them with an empty one.
    pub fn log_files(&self, ending: &str) -> impl Iterator<Item = fs::Metadata> {
        let parts = fs::read_dir(self.directory.join(LOG_DIRECTORY));
        parts
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(move |part| {
                let is_meant = part.file_name().to_string_lossy().ends_with(ending);
                is_meant.then(|| part.metadata().ok()).flatten()
            })
    }

    /// Bytes of its append-only file, all parts of it.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.log_files("").map(|part| part.len()).sum()
    }

    /// Starts it (again) on what it has written, and waits until it answers. Blocks. What ends at its start is
    /// started again: its port may be taken for a moment by a connection that is still being closed.
    ///
    /// # Errors
    ///
    /// [`RedisError::Start`] when it does not come up.
    pub fn restart(&self) -> Result<(), RedisError> {
        let end = Instant::now() + START_MAX;
        loop {
            match self.launch() {
                Err(_) if Instant::now() < end => thread::sleep(POLL_EVERY),
                launched => return launched,
            }
        }
    }

    /// Simulates a full disk: its files can grow by at most `room` bytes. A Redis that flushes every write
    /// then ends by itself, which this waits for. Blocks.
    ///
    /// # Errors
    ///
    /// When it does not run, or goes on, as nothing was written to it meanwhile.
    pub fn fill_disk(&self, room: u64) -> io::Result<()> {
        // The part that is being written: the one written last.
        let newest = self
            .log_files(".incr.aof")
            .max_by_key(|part| part.modified().ok());
        let limit = Some(newest.map_or(0, |part| part.len()) + room);
        let limit = Rlimit {
            current: limit,
            maximum: limit,
        };
        let pid = self.place.pid().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        prlimit(Some(pid), Resource::Fsize, limit)?;
        let ended = self.place.wait_ended(FULL_DISK_NOTICED_MAX);
        let goes_on = || io::Error::other("redis-server does not notice its full disk");
        ended.map(|_| ()).ok_or_else(goes_on)
    }

    fn launch(&self) -> Result<(), RedisError> {
        let mut command = if self.outlives_size_limit {
            let mut command = Command::new("env");
            command.args(["--ignore-signal=XFSZ", PROGRAM]);
            command
        } else {
            Command::new(PROGRAM)
        };
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(["--daemonize", "no", "--dir"]);
        command.arg(&self.directory);
        command.arg("--logfile").arg(self.place.log());
        command.args([
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ]);
        self.place.start(command.args(&self.more))?;
        let answers = || self.answers().then_some(());
        Ok(self.place.wait_until(START_MAX, answers)?)
    }

    /// Whether it serves. One that still reads its log says so instead of `PONG`; that it wants a password is an
    /// answer.
    fn answers(&self) -> bool {
        let ping = || {
            let mut stream = TcpStream::connect_timeout(&self.address(), PING_MAX)?;
            stream.set_read_timeout(Some(PING_MAX))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer)?;
            io::Result::Ok(answer)
        };
        ping().is_ok_and(|answer| answer == *b"+PONG" || answer == *b"-NOAU")
    }
}
