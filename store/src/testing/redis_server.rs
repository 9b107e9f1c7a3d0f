//! A real `redis-server` on a free port of this machine, for one test.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use redis::{Client, ConnectionLike, RedisResult, Value};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

/// How long a server may take to answer after its start, on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Interval between two checks whether it answers.
const POLL: Duration = Duration::from_millis(5);
/// Ports that are tried: another process may take the free one that was found.
const PORTS_TRIED: usize = 8;
/// What makes the server keep the store's contract.
const DURABLE: [&str; 6] = [
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--save",
    "",
];

/// A `redis-server` of the test's own, with its data in a temporary directory; killed when dropped.
///
/// Every method panics when it cannot do its work: it is the test that fails then.
#[derive(Debug)]
pub struct RedisServer {
    directory: TempDir,
    arguments: Vec<String>,
    port: u16,
    child: Child,
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
        let arguments: Vec<String> = DURABLE
            .iter()
            .chain(arguments)
            .map(|&argument| argument.to_owned())
            .collect();
        for _ in 0..PORTS_TRIED {
            let port = free_port();
            let mut child = spawn(directory.path(), port, &arguments);
            if answers(&mut child, port) {
                return Self {
                    directory,
                    arguments,
                    port,
                    child,
                };
            }
            end(&mut child);
        }
        panic!(
            "redis-server does not start. If it is missing: apt-get install redis-server. \
             Its log ends: {}",
            log_tail(directory.path())
        );
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where it listens, as [`RedisConfig`](crate::RedisConfig) wants it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory that it keeps its data in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends it as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        end(&mut self.child);
    }

    /// Starts it again on the same port and data, after [`kill`](Self::kill).
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self) {
        end(&mut self.child);
        let until = Instant::now() + START_TIMEOUT;
        // Its port may be taken for a moment by a connection that is still being closed.
        while Instant::now() < until {
            self.child = spawn(self.directory.path(), self.port, &self.arguments);
            if answers(&mut self.child, self.port) {
                return;
            }
            end(&mut self.child);
            thread::sleep(POLL);
        }
        panic!(
            "redis-server does not start again: {}",
            log_tail(self.directory.path())
        );
    }

    /// Suspends the process (`SIGSTOP`): connections stay open, nothing is answered.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes a suspended process (`SIGCONT`).
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Simulates a full disk: its files can grow by at most `room` bytes. A Redis that flushes every write
    /// then ends by itself, which this waits for.
    ///
    /// # Panics
    ///
    /// If nothing is written to it meanwhile, so that it does not notice.
    pub fn fill_disk(&mut self, room: u64) {
        let limit = self.written_file_len() + room;
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        let pid = Some(Pid::from_child(&self.child));
        prlimit(pid, Resource::Fsize, limit).expect("a child's limits can be lowered");
        let until = Instant::now() + START_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) {
            assert!(Instant::now() < until, "redis-server minds no full disk");
            thread::sleep(POLL);
        }
    }

    /// Sends one command and returns its answer, if that is one line: `command(&["SCRIPT", "FLUSH"])` is `+OK`,
    /// a number is `:1`, an error `-` and its text; of any other answer nothing is told.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn command(&self, words: &[&str]) -> String {
        match ask(self.port, words) {
            Ok(Value::Okay) => "+OK".to_owned(),
            Ok(Value::SimpleString(text)) => format!("+{text}"),
            Ok(Value::Int(number)) => format!(":{number}"),
            Ok(_) => String::new(),
            Err(error) if error.code().is_some() => format!("-{error}"),
            Err(error) => panic!("redis-server does not answer: {error}"),
        }
    }

    /// Bytes in its append-only files.
    ///
    /// # Panics
    ///
    /// If its directory cannot be read.
    #[must_use]
    pub fn aof_bytes(&self) -> u64 {
        self.files("").map(|file| file.len()).sum()
    }

    /// Bytes in the append-only file that is being written: the one written last.
    fn written_file_len(&self) -> u64 {
        let increments = self.files(".incr.aof");
        let newest = increments.max_by_key(|file| file.modified().ok());
        newest.map_or(0, |file| file.len())
    }

    /// The append-only files whose names end so.
    fn files(&self, ending: &str) -> impl Iterator<Item = fs::Metadata> {
        let files = self.directory().join("appendonlydir");
        let files = fs::read_dir(files).expect("append-only files");
        files.filter_map(move |file| {
            let file = file.ok()?;
            let name = file.file_name();
            let is_meant = name.to_string_lossy().ends_with(ending);
            is_meant.then(|| file.metadata().ok()).flatten()
        })
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child can be signalled");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn spawn(directory: &Path, port: u16, arguments: &[String]) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log_path(directory))
        .expect("a file for the log");
    // A write beyond the limit of a file's size is to fail as on a full disk, not to end the process.
    Command::new("env")
        .args(["--ignore-signal=XFSZ", "redis-server"])
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--daemonize",
            "no",
            "--dir",
        ])
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(Stdio::null())
        .spawn()
        .expect("the command env of coreutils")
}

/// Waits until the server answers as ready; false if it ends instead, as on a port that is taken.
fn answers(child: &mut Child, port: u16) -> bool {
    let until = Instant::now() + START_TIMEOUT;
    while Instant::now() < until {
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        // While it loads its data it says so; that it wants a password is an answer.
        match ask(port, &["PING"]).map_err(|error| error.code().map(str::to_owned)) {
            Err(None) => {}
            Err(Some(code)) if code == "LOADING" => {}
            Ok(_) | Err(Some(_)) => return true,
        }
        thread::sleep(POLL);
    }
    false
}

/// One command on a separate connection. An error with a code is an answer of the server.
fn ask(port: u16, words: &[&str]) -> RedisResult<Value> {
    let client = Client::open(("127.0.0.1", port))?;
    let mut connection = client.get_connection_with_timeout(START_TIMEOUT)?;
    connection.set_read_timeout(Some(START_TIMEOUT))?;
    let mut command = redis::Cmd::new();
    command.arg(words);
    connection.req_command(&command)?.extract_error()
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// Ends a process and waits until it is gone; one that has ended already is fine.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn log_path(directory: &Path) -> PathBuf {
    directory.join("redis.log")
}

fn log_tail(directory: &Path) -> String {
    let log = fs::read_to_string(log_path(directory)).unwrap_or_default();
    log.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
}
