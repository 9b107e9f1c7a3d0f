//! The binaries of the workspace as processes, killed with real signals.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde::Deserialize;
use supervisor::{POLL_EVERY, Place, START_MAX, Signal, StartError};
use tempfile::TempDir;

/// The directory of the workspace's binaries, built first, in the profile of this test run.
///
/// # Panics
///
/// If they do not build.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let mut build = cargo();
        build.args([
            "build",
            "--quiet",
            "--bins",
            "-p",
            "server",
            "-p",
            "bot-client",
        ]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        if cfg!(feature = "sabotage") {
            build.args(["--features", "server/sabotage"]);
        }
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build.status().expect("cargo can be run");
        assert!(status.success(), "the binaries do not build");
        // The test binary lies in `deps` beside them.
        let mut directory = std::env::current_exe().expect("this test has a path");
        directory.pop();
        if directory.ends_with("deps") {
            directory.pop();
        }
        directory
    });
    directory.join(name)
}

/// Cargo, as if called from a shell: what it tells a test of the test's own package would be news to build
/// scripts, and half of the tree would be built again.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let is_of_the_test =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_of_the_test) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a binary to its end and returns what it said; ends it after `limit`.
///
/// # Panics
///
/// If it cannot be started, or did not end within `limit`.
#[must_use]
pub fn run(name: &str, args: &[&str], limit: Duration) -> Output {
    let child = spawn(name, args);
    finish(child, limit)
}

/// Starts a binary with its output kept for [`finish`].
///
/// # Panics
///
/// If it cannot be started.
#[must_use]
pub fn spawn(name: &str, args: &[&str]) -> Child {
    Command::new(binary(name))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"))
}

/// Waits for a process to end, and returns what it said.
///
/// # Panics
///
/// If it did not end within `limit`; it is killed then.
#[must_use]
pub fn finish(mut child: Child, limit: Duration) -> Output {
    // Read while it runs: it must not wait for room in a pipe.
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut text);
            }
            text
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let end = Instant::now() + limit;
    let status = loop {
        match child.try_wait().expect("a child can be waited for") {
            Some(status) => break Some(status),
            None if Instant::now() > end => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            None => std::thread::sleep(POLL_EVERY),
        }
    };
    let stdout = stdout.join().expect("the reader ends");
    let stderr = stderr.join().expect("the reader ends");
    let Some(status) = status else {
        panic!(
            "not done within {limit:?}:\n{}\n{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        );
    };
    Output {
        status,
        stdout,
        stderr,
    }
}

/// What the ready file says.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// URL of the matchmaker.
    pub matchmaker: String,
    /// URL of the admin endpoint of the whole.
    pub admin: String,
    /// What the admin endpoints ask for.
    pub admin_token: String,
    /// URL of the gateway, if there is one.
    #[serde(default)]
    pub gateway: Option<String>,
    /// Tokens of bot accounts that were made.
    #[serde(default)]
    pub bot_tokens: Vec<String>,
    /// Every shard.
    pub shards: Vec<ReadyShard>,
}

/// A shard in the ready file.
#[derive(Debug, Clone, Deserialize)]
pub struct ReadyShard {
    /// Which process.
    pub id: String,
    /// Where it answers.
    pub address: SocketAddr,
    /// Where pages reach it by WebSocket.
    pub web_socket: String,
    /// URL of its admin endpoint.
    pub admin: String,
}

/// `rookery dev` as a process of its own, on a data directory of its own.
#[derive(Debug)]
pub struct Server {
    place: Place,
    directory: TempDir,
    args: Vec<String>,
    /// Where it answers.
    pub ready: Ready,
}

impl Server {
    /// Starts a server on the embedded store.
    #[must_use]
    pub fn embedded() -> Self {
        Self::start(&[])
    }

    /// Starts a server on a Redis.
    #[must_use]
    pub fn on_redis(url: &str) -> Self {
        Self::start(&["--store", url])
    }

    /// Starts a server on free ports with more arguments.
    ///
    /// # Panics
    ///
    /// If it does not answer in time.
    #[must_use]
    pub fn start(args: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        // Ports that stay the same over a restart; between this look and the server's start another
        // process may take one, so a failed start is tried again with others.
        let mut last = String::new();
        for _ in 0..3 {
            let ports = [
                "--matchmaker-port".to_owned(),
                free_tcp_port().to_string(),
                "--shard-port".to_owned(),
                supervisor::free_udp_ports(2)
                    .expect("free ports")
                    .to_string(),
            ];
            let args: Vec<String> = ports
                .into_iter()
                .chain(args.iter().map(|&arg| arg.to_owned()))
                .collect();
            let place = place(&directory);
            match launch(&place, &directory, &args) {
                Ok(ready) => {
                    return Self {
                        place,
                        directory,
                        args,
                        ready,
                    };
                }
                Err(error) => last = error.to_string(),
            }
        }
        panic!("the server does not start: {last}");
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        self.place.kill();
    }

    /// Starts it again on the same data and the same ports.
    ///
    /// # Panics
    ///
    /// If it does not answer in time.
    pub fn restart(&mut self) {
        self.ready = launch(&self.place, &self.directory, &self.args)
            .unwrap_or_else(|error| panic!("the server does not start again: {error}"));
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.place.pid()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If it does not run, or cannot be signalled.
    pub fn signal(&self, signal: Signal) {
        assert!(self.pid().is_some(), "the server runs");
        self.place.signal(signal).expect("a child can be signalled");
    }

    /// Waits for it to end by itself, and says whether it ended well.
    ///
    /// # Panics
    ///
    /// If it does not end within `limit`.
    pub fn wait(&mut self, limit: Duration) -> bool {
        let ended = self.place.wait_ended(limit);
        ended.expect("the server stops in time").success()
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.log()).unwrap_or_default()
    }

    /// Where its data is.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

fn place(directory: &TempDir) -> Place {
    Place::with_log("rookery dev".to_owned(), directory.path().join("log"))
}

fn launch(place: &Place, directory: &TempDir, args: &[String]) -> Result<Ready, StartError> {
    let ready_file = directory.path().join("ready.json");
    place.kill();
    let _ = std::fs::remove_file(&ready_file);
    let mut command = Command::new(binary("rookery"));
    command.arg("dev").arg("--data-dir").arg(directory.path());
    command.arg("--ready-file").arg(&ready_file).args(args);
    place.start(&mut command)?;
    place.wait_ready(&ready_file, START_MAX)
}

/// A TCP port of the loopback that is free now.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn free_tcp_port() -> u16 {
    supervisor::free_tcp_port().expect("a free port")
}

/// A UDP port of the loopback that is free now.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn free_udp_port() -> u16 {
    supervisor::free_udp_port().expect("a free port")
}
