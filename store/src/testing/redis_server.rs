//! A real Redis on free ports of this machine, for one test: one server, or several as they are run.

use std::net::SocketAddr;
use std::path::Path;

use redis::Value;
use supervisor::{Redis, RedisKind, RedisNode, RedisPlan, Signal};
use tempfile::TempDir;

use crate::redis::{RedisConfig, RedisLogin, RedisPassword, RedisTls};

/// A Redis of the test's own, with its data in a temporary directory; killed when dropped.
///
/// Every method panics when it cannot do its work: it is the test that fails then.
#[derive(Debug)]
pub struct RedisServer {
    redis: Redis,
    /// Removed after it has ended.
    pub(super) root: TempDir,
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
        Self::start_kind(RedisKind::Single, arguments)
    }

    /// A Redis of a kind, which may be of several servers; the further arguments are for each of them.
    ///
    /// # Panics
    ///
    /// If its program is not installed or does not start.
    #[must_use]
    pub fn start_kind(kind: RedisKind, arguments: &[&str]) -> Self {
        let directory = TempDir::with_prefix("rookery-redis-").expect("a temporary directory");
        let plan = RedisPlan {
            kind,
            more: arguments.iter().map(|&word| word.to_owned()).collect(),
            outlives_size_limit: true,
        };
        let redis = Redis::launch(directory.path(), &plan);
        Self {
            redis: redis.unwrap_or_else(|error| panic!("{kind}: {error}")),
            root: directory,
        }
    }

    /// All of it: its servers, what a program needs to use it, and the operations that only some kinds have.
    #[must_use]
    pub const fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.redis.address()
    }

    /// Its URL, as [`RedisConfig`](crate::RedisConfig) wants it.
    #[must_use]
    pub fn url(&self) -> String {
        self.redis.url().to_owned()
    }

    /// How a store uses it: with its URL, and what it wants beside.
    #[must_use]
    pub fn config(&self) -> RedisConfig {
        let mut config = RedisConfig::new(self.url());
        if let Some(access) = self.redis.access() {
            config.login = RedisLogin {
                user: Some(access.user.clone()),
                password: Some(RedisPassword::File(access.password_file.clone())),
            };
            config.tls = RedisTls {
                ca: Some(access.ca.clone()),
                identity: Some((access.certificate.clone(), access.key.clone())),
                server_name: None,
            };
        }
        config
    }

    /// The process id of a single server; of several, the primary's.
    ///
    /// # Panics
    ///
    /// If it was killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.redis.place().pid().expect("redis-server runs")
    }

    /// The directory that a single server keeps its data in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.redis.nodes()[0].directory()
    }

    /// Ends all its servers as `kill -9` does, and waits until they are gone.
    pub fn kill(&mut self) {
        self.redis.kill();
    }

    /// Starts it again on the same ports and data, after [`kill`](Self::kill).
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self) {
        let started = self.redis.restart();
        started.unwrap_or_else(|error| panic!("it does not start again: {error}"));
    }

    /// Suspends all servers (`SIGSTOP`): connections stay open, nothing is answered.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes suspended servers (`SIGCONT`).
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends one command to a single server, or to the primary with most keys, and returns its answer, if that is one line: `command(&["SCRIPT", "FLUSH"])` is `+OK`,
    /// a number is `:1`, an error `-` and its text; of any other answer nothing is told.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn command(&self, words: &[&str]) -> String {
        match self.redis.primary().command(words) {
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
        for place in self.redis.nodes().iter().map(RedisNode::place) {
            let sent = place.signal(signal);
            sent.expect("a child can be signalled");
        }
    }
}
