//! A real PostgreSQL for tests.

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use supervisor::Postgres;
use tempfile::TempDir;

use crate::postgres::PostgresConfig;

/// A PostgreSQL of the test's own, with its data in a temporary directory.
///
/// Every method panics when it cannot do its work: it is the test that fails then.
#[derive(Debug)]
pub struct PostgresServer {
    server: Postgres,
    /// Removed after it has ended.
    root: TempDir,
}

impl PostgresServer {
    /// The database that there is from the beginning.
    pub const DATABASE: &str = "archive";

    /// Starts a server with an empty database.
    ///
    /// # Panics
    ///
    /// If PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let root = TempDir::with_prefix("rookery-postgres-").expect("a temporary directory");
        let server = Postgres::launch(root.path()).unwrap_or_else(|error| panic!("{error}"));
        let made = server.create_database(Self::DATABASE);
        made.unwrap_or_else(|error| panic!("{error}"));
        Self { server, root }
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(Self::DATABASE)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// Starts it again on the same port and data.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&self) {
        self.server
            .start()
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// How an archive uses an empty database of the PostgreSQL that all tests of this process share. Nothing may be done to
/// the server that other tests notice.
///
/// # Panics
///
/// If PostgreSQL is not installed or does not start.
#[must_use]
pub fn fresh_postgres() -> PostgresConfig {
    static SHARED: OnceLock<(PostgresServer, Child)> = OnceLock::new();
    static USED: AtomicU32 = AtomicU32::new(0);
    let (shared, _) = SHARED.get_or_init(|| {
        let shared = PostgresServer::start();
        // Ends it with this process, of which a static is not dropped: the script waits for the end of its standard
        // input, which only this process holds open.
        let script = "trap '' INT TERM HUP; read -r _; kill -QUIT \"$2\"; sleep 1; rm -rf \"$1\"";
        let mut undertaker = Command::new("sh");
        undertaker
            .args(["-c", script, "sh"])
            .arg(shared.root.path());
        let pid = shared.server.place().pid().expect("it runs");
        undertaker.arg(pid.to_string()).stdin(Stdio::piped());
        undertaker.stdout(Stdio::null()).stderr(Stdio::null());
        let undertaker = undertaker.spawn().expect("sh starts");
        (shared, undertaker)
    });
    let name = format!("t{}", USED.fetch_add(1, Ordering::Relaxed));
    let made = shared.server.create_database(&name);
    made.unwrap_or_else(|error| panic!("{error}"));
    PostgresConfig::new(shared.server.url(&name))
}
