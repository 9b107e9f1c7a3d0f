//! A Redis of each kind that all tests of a process share: to start a group for each of them takes seconds.

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use supervisor::{Place, RedisKind};

use super::RedisServer;
use crate::redis::RedisConfig;

/// Databases of each server: one for each test, however many there are.
const DATABASES: u32 = 1_024;

/// One running Redis.
struct Shared {
    server: RedisServer,
    /// Databases that were given away.
    used: AtomicU32,
    /// Ends the servers with this process, of which a static is not dropped: it waits for the end of its standard
    /// input, which only this process holds open.
    _undertaker: Child,
}

impl Shared {
    fn start(kind: RedisKind) -> Self {
        let databases = DATABASES.to_string();
        // A Cluster has one database.
        let more: &[&str] = match kind {
            RedisKind::Cluster => &[],
            _ => &["--databases", &databases],
        };
        let server = RedisServer::start_kind(kind, more);
        let script =
            "trap '' INT TERM HUP; read -r _; root=$1; shift; kill -9 \"$@\"; rm -rf \"$root\"";
        let mut undertaker = Command::new("sh");
        undertaker
            .args(["-c", script, "sh"])
            .arg(server.root.path());
        let pids = server.redis().places().filter_map(Place::pid);
        undertaker.args(pids.map(|pid| pid.to_string()));
        let undertaker = undertaker.stdin(Stdio::piped()).stdout(Stdio::null());
        let undertaker = undertaker.stderr(Stdio::null()).spawn();
        Self {
            server,
            used: AtomicU32::new(0),
            _undertaker: undertaker.expect("sh starts"),
        }
    }
}

/// How a store uses an empty part of the running Redis of a kind that all tests of this process share. Nothing may be
/// done to its servers that other tests notice.
///
/// # Panics
///
/// If its program is not installed or does not start.
#[must_use]
pub fn fresh_redis(kind: RedisKind) -> RedisConfig {
    static RUNNING: [OnceLock<Shared>; RedisKind::ALL.len()] =
        [const { OnceLock::new() }; RedisKind::ALL.len()];
    let place = RedisKind::ALL.iter().position(|known| *known == kind);
    let running = place.map(|place| &RUNNING[place]);
    let shared = running
        .expect("a known kind")
        .get_or_init(|| Shared::start(kind));
    let number = shared.used.fetch_add(1, Ordering::Relaxed) % DATABASES;
    let mut config = shared.server.config();
    match kind {
        RedisKind::Unix => config.url = format!("{}?db={number}", config.url),
        RedisKind::Cluster => config.prefix = format!("rk{number}"),
        _ => config.url = format!("{}/{number}", config.url),
    }
    config
}
