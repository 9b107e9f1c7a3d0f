//! A real `redis-server` on a free port of this machine, for one test.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use redis::{Client, ConnectionLike, RedisResult, Value};
use supervisor::{Redis, Signal};
use tempfile::TempDir;

/// How long a server may take to answer, on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A `redis-server` of the test's own, with its data in a temporary directory; killed when dropped.
///
/// Every method panics when it cannot do its work: it is the test that fails then.
#[derive(Debug)]
pub struct RedisServer {
    redis: Redis,
    /// Removed after it has ended.
    _directory: TempDir,
}

impl RedisServer {
    /// Starts a server that keeps the store's contract.
    ///
    /// # Panics
    ///
    /// If `redis-server` is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, which override the defaults: `["--appendfsync", "everysec"]`.
    ///
    /// # Panics
    ///
    /// If `redis-server` is not installed or does not start.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        let directory = TempDir::with_prefix("rookery-redis-").expect("a temporary directory");
        let redis = Redis::start_outliving_size_limit(directory.path(), arguments);
        Self {
            redis: redis.unwrap_or_else(|error| panic!("{error}")),
            _directory: directory,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.redis.address()
    }

    /// Where it listens, as [`RedisConfig`](crate::RedisConfig) wants it.
    #[must_use]
    pub fn url(&self) -> String {
        self.redis.url().to_owned()
    }

    /// Its process id.
    ///
    /// # Panics
    ///
    /// If it was killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.redis.place().pid().expect("redis-server runs")
    }

    /// The directory that it keeps its data in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.redis.directory()
    }

    /// Ends it as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        self.redis.place().kill();
    }

    /// Starts it again on the same port and data, after [`kill`](Self::kill).
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self) {
        let started = self.redis.restart();
        started.unwrap_or_else(|error| panic!("it does not start again: {error}"));
    }

    /// Suspends the process (`SIGSTOP`): connections stay open, nothing is answered.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes a suspended process (`SIGCONT`).
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends one command and returns its answer, if that is one line: `command(&["SCRIPT", "FLUSH"])` is `+OK`,
    /// a number is `:1`, an error `-` and its text; of any other answer nothing is told.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn command(&self, words: &[&str]) -> String {
        match ask(self.address(), words) {
            Ok(Value::Okay) => "+OK".to_owned(),
            Ok(Value::SimpleString(text)) => format!("+{text}"),
            Ok(Value::Int(number)) => format!(":{number}"),
            Ok(_) => String::new(),
            Err(error) if error.code().is_some() => format!("-{error}"),
            Err(error) => panic!("redis-server does not answer: {error}"),
        }
    }

    /// Bytes in its append-only files.
    #[must_use]
    pub fn aof_bytes(&self) -> u64 {
        self.redis.log_bytes()
    }

    fn signal(&self, signal: Signal) {
        let sent = self.redis.place().signal(signal);
        sent.expect("a child can be signalled");
    }
}

/// One command on a separate connection. An error with a code is an answer of the server.
fn ask(address: SocketAddr, words: &[&str]) -> RedisResult<Value> {
    let client = Client::open((address.ip().to_string(), address.port()))?;
    let mut connection = client.get_connection_with_timeout(ANSWER_MAX)?;
    connection.set_read_timeout(Some(ANSWER_MAX))?;
    let mut command = redis::Cmd::new();
    command.arg(words);
    connection.req_command(&command)?.extract_error()
}
