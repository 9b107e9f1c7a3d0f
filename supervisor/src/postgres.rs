//! A PostgreSQL server of one's own on this machine.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, geteuid};

use crate::{Place, START_MAX, StartError, free_tcp_port};

/// Where Debian installs the servers of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Who owns nothing, where the system has no user for PostgreSQL.
const NOBODY: u32 = 65_534;
/// The superuser of the server, whom it asks for no password.
const USER: &str = "rookery";
/// A server that is told to end does so within this, on a busy machine.
const END_MAX: Duration = Duration::from_secs(20);

/// What a server says whose data another one had, some of whose processes still run.
const STILL_IN_USE: &str = "is still in use";
/// How often it is started again until they have ended.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// Why there is no PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// It is not installed.
    #[error("PostgreSQL is not installed: neither PATH nor {DEBIAN} has its initdb and postgres")]
    Missing,
    /// A file cannot be made, or a program not run.
    #[error("PostgreSQL: {0}")]
    Io(#[from] io::Error),
    /// A program failed.
    #[error("{program} failed:\n{said}")]
    Failed {
        /// Which.
        program: &'static str,
        /// What it wrote.
        said: String,
    },
    /// The server does not answer.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// A server with its data in a directory; ended when dropped.
#[derive(Debug)]
pub struct Postgres {
    place: Place,
    programs: PathBuf,
    data: PathBuf,
    port: u16,
    /// Whom it runs as: it refuses to run as root.
    user: Option<u32>,
}

impl Postgres {
    /// Makes a server with its data below `directory`, and starts it on a free port of the loopback. What it confirms
    /// is durable.
    ///
    /// # Errors
    ///
    /// [`PostgresError`].
    pub fn launch(directory: &Path) -> Result<Self, PostgresError> {
        let user = geteuid().is_root().then(user_id);
        if let Some(user) = user {
            chown(directory, Some(user), None)?;
        }
        let server = Self {
            place: Place::new("postgres", directory),
            programs: programs().ok_or(PostgresError::Missing)?,
            data: directory.join("data"),
            port: free_tcp_port()?,
            user,
        };
        // Its files need not outlive a power loss before it has started.
        let mut init = server.command("initdb");
        init.arg("-D").arg(&server.data);
        init.args([
            "--username",
            USER,
            "--auth",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
        ]);
        server.run("initdb", init)?;
        server.start()?;
        Ok(server)
    }

    /// Starts it on the same port and data, after it was killed, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`PostgresError`].
    pub fn start(&self) -> Result<(), PostgresError> {
        let begin = Instant::now();
        loop {
            match self.start_once() {
                // After a kill: its other processes have not noticed yet that their first one is gone.
                Err(PostgresError::Start(error))
                    if error.to_string().contains(STILL_IN_USE) && begin.elapsed() < START_MAX =>
                {
                    std::thread::sleep(RETRY_EVERY);
                }
                started => return started,
            }
        }
    }

    fn start_once(&self) -> Result<(), PostgresError> {
        let mut start = self.command("postgres");
        start.arg("-D").arg(&self.data);
        start.arg("-k").arg(&self.data);
        let port = self.port.to_string();
        start.args(["-p", &port, "-c", "listen_addresses=127.0.0.1"]);
        self.place.start(&mut start)?;
        let is_ready = || {
            let mut ask = Command::new(self.programs.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-p", &port]);
            ask.status()
                .is_ok_and(|status| status.success())
                .then_some(())
        };
        Ok(self.place.wait_until(START_MAX, is_ready)?)
    }

    /// Makes an empty database.
    ///
    /// # Errors
    ///
    /// [`PostgresError`], also if there is one of this name.
    pub fn create_database(&self, name: &str) -> Result<(), PostgresError> {
        let mut create = self.command("createdb");
        create.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER]);
        create.arg(name);
        self.run("createdb", create)
    }

    /// The URL of a database, as its superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = Ipv4Addr::LOCALHOST;
        format!("postgres://{USER}@{host}:{}/{database}", self.port)
    }

    /// Its first process.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Ends it as `kill -9` does; its other processes end when they notice.
    pub fn kill(&self) {
        self.place.kill();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        // Messages that can be compared, and no file of the user's that changes how it behaves.
        command.env("LC_ALL", "C").env_remove("PGDATA");
        command.current_dir("/");
        if let Some(user) = self.user {
            command.uid(user);
        }
        command
    }

    fn run(&self, program: &'static str, mut command: Command) -> Result<(), PostgresError> {
        let output = command.stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(PostgresError::Failed { program, said })
    }
}

impl Drop for Postgres {
    /// Ends it at once, but lets it give back what the system has lent it.
    fn drop(&mut self) {
        if self.place.signal(Signal::QUIT).is_ok() {
            let _ = self.place.wait_ended(END_MAX);
        }
    }
}

/// The directory of the programs: of the newest version, if there are several.
fn programs() -> Option<PathBuf> {
    let has_all = |directory: &PathBuf| {
        ["initdb", "postgres", "createdb", "pg_isready"]
            .iter()
            .all(|program| directory.join(program).is_file())
    };
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut on_path = std::env::split_paths(&on_path);
    let version = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.parse::<u32>().ok())
    };
    on_path.find(has_all).or_else(|| {
        let installed = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
        let mut installed: Vec<PathBuf> = installed.map(|entry| entry.path()).collect();
        installed.sort_by_key(version);
        let mut directories = installed.iter().rev().map(|path| path.join("bin"));
        directories.find(has_all)
    })
}

/// The number of the system's user for PostgreSQL.
fn user_id() -> u32 {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.find(|fields| fields.first() == Some(&"postgres"));
    let id = found.and_then(|fields| fields.get(2)?.parse().ok());
    id.unwrap_or(NOBODY)
}
