//! One Redis process that flushes every write before it answers.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Client, ConnectionLike, RedisResult, Value};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::RedisError;
use crate::{POLL_EVERY, Place, START_MAX};

/// Where it keeps the parts of its append-only file (`appenddirname`).
const LOG_DIRECTORY: &str = "appendonlydir";
/// Upper bound on one question while a process starts.
const PING_MAX: Duration = Duration::from_secs(1);
/// How long an answer may take, on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// A server whose disk is full ends within this, on a busy machine.
const FULL_DISK_NOTICED_MAX: Duration = Duration::from_secs(20);
/// How often it is looked at which file it writes.
const FULL_DISK_LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a process is started, the same each time.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    /// All of its arguments.
    pub(super) arguments: Vec<String>,
    /// A write beyond the limit of a file's size fails as on a full disk, and does not end the process. Needs the
    /// `env` of coreutils.
    pub(super) outlives_size_limit: bool,
}

/// The place of one server: an address and a directory that stay, and processes that come and go. What runs ends
/// with this value.
#[derive(Debug)]
pub struct RedisNode {
    place: Place,
    directory: PathBuf,
    /// TCP port that its clients connect to; 0 where it listens on a socket file alone.
    port: u16,
    /// Where this program asks it, as a user with every right.
    control: Client,
    launch: Launch,
}

impl RedisNode {
    /// A server that does not run yet; `control` is a URL at which a user has every right.
    pub(super) fn new(
        name: &str,
        directory: &Path,
        port: u16,
        control: &str,
        launch: Launch,
    ) -> Result<Self, RedisError> {
        Ok(Self {
            place: Place::new(name, directory),
            directory: directory.to_owned(),
            port,
            control: Client::open(control)?,
            launch,
        })
    }

    /// Its process.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// TCP port of the loopback that its clients connect to; 0 where it listens on a socket file alone.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The same as an address.
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

    /// Executes one command on a connection of its own, as a user with every right. Blocks.
    ///
    /// # Errors
    ///
    /// The server's error, which has a code, or that it does not answer.
    pub fn command<W: redis::ToRedisArgs>(&self, words: &[W]) -> RedisResult<Value> {
        self.ask(words, ANSWER_MAX)
    }

    /// The same for many commands at once; an error of one is an error of the whole.
    pub(super) fn pipeline(&self, pipeline: &redis::Pipeline) -> RedisResult<Vec<Value>> {
        let mut connection = self.control.get_connection_with_timeout(ANSWER_MAX)?;
        connection.set_read_timeout(Some(ANSWER_MAX))?;
        let packed = pipeline.get_packed_pipeline();
        let values = connection.req_packed_commands(&packed, 0, pipeline.len())?;
        values.into_iter().map(Value::extract_error).collect()
    }

    fn ask<W: redis::ToRedisArgs>(&self, words: &[W], within: Duration) -> RedisResult<Value> {
        let mut connection = self.control.get_connection_with_timeout(within)?;
        connection.set_read_timeout(Some(within))?;
        let mut command = redis::Cmd::new();
        command.arg(words);
        connection.req_command(&command)?.extract_error()
    }

    /// A field of what the server says of itself.
    pub(super) fn info(&self, section: &str, field: &str) -> Option<String> {
        let text = self.ask(&["INFO", section], PING_MAX).ok()?;
        let text: String = redis::from_redis_value(text).ok()?;
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        Some(value.to_owned())
    }

    /// Whether it runs and accepts writes, being nobody's replica.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.info("replication", "role").as_deref() == Some("master")
    }

    /// Starts it (again) on what it has written, and waits until it answers. Blocks. What ends at its start is
    /// started again: its port may be taken for a moment by a connection that is still being closed.
    ///
    /// # Errors
    ///
    /// [`RedisError::Start`] when it does not come up.
    pub fn restart(&self) -> Result<(), RedisError> {
        self.restart_with(&[])
    }

    pub(super) fn restart_with(&self, more: &[String]) -> Result<(), RedisError> {
        let end = Instant::now() + START_MAX;
        loop {
            match self.start(more) {
                Err(_) if Instant::now() < end => thread::sleep(POLL_EVERY),
                started => return started,
            }
        }
    }

    /// Simulates a full disk: its files can grow by at most `room` bytes. A Redis that flushes every write
    /// then ends by itself, which this waits for. Blocks.
    ///
    /// # Errors
    ///
    /// When it does not run, or goes on, as nothing was written to it meanwhile: then it is killed.
    pub fn fill_disk(&self, room: u64) -> io::Result<()> {
        let pid = self.place.pid().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        let end = Instant::now() + FULL_DISK_NOTICED_MAX;
        let mut least = u64::MAX;
        while Instant::now() < end {
            // The part that is being written: the one written last. A rewrite begins another one, which is shorter.
            let newest = self
                .log_files(".incr.aof")
                .max_by_key(|part| part.modified().ok());
            let limit = newest.map_or(0, |part| part.len()) + room;
            if limit < least {
                least = limit;
                let limit = Rlimit {
                    current: Some(limit),
                    maximum: Some(limit),
                };
                prlimit(Some(pid), Resource::Fsize, limit)?;
            }
            if self.place.wait_ended(FULL_DISK_LOOK_EVERY).is_some() {
                return Ok(());
            }
        }
        self.place.kill();
        Err(io::Error::other(
            "redis-server does not notice its full disk",
        ))
    }

    /// Starts it, with further arguments for this time, and waits until it answers.
    pub(super) fn start(&self, more: &[String]) -> Result<(), RedisError> {
        self.spawn(more)?;
        self.wait_answering()
    }

    /// Starts it without waiting.
    pub(super) fn spawn(&self, more: &[String]) -> Result<(), RedisError> {
        let mut command = if self.launch.outlives_size_limit {
            let mut command = Command::new("env");
            command.arg("--ignore-signal=XFSZ");
            command.arg(&self.launch.program);
            command
        } else {
            Command::new(&self.launch.program)
        };
        command.args(&self.launch.arguments).args(more);
        Ok(self.place.start(&mut command)?)
    }

    /// Waits until it serves. One that still reads its log says so instead of `PONG`; that it wants a password is an
    /// answer.
    pub(super) fn wait_answering(&self) -> Result<(), RedisError> {
        let answers = || match self.ask(&["PING"], PING_MAX) {
            Ok(_) => Some(()),
            Err(error) => (error.code() == Some("NOAUTH")).then_some(()),
        };
        Ok(self.place.wait_until(START_MAX, answers)?)
    }
}
