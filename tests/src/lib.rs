//! What the integration tests need: real servers as processes, a shard whose store fails on demand,
//! a client that sends whatever bytes it is given, and attacks.

pub mod browser;
pub mod capacity;
pub mod club;
pub mod contract;
pub mod engine_match;
pub mod gate;
pub mod half_open;
pub mod history;
pub mod hostile;
pub mod installation;
pub mod machines;
pub mod page;
pub mod process;
pub mod runs;
pub mod shard;
pub mod simulation;
pub mod terminal;
pub mod turns;
pub mod wire;

use std::path::{Path, PathBuf};

/// The folder of the files that tests read; see its README for where they come from.
#[must_use]
pub fn data_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

/// The 200 real games that the tests play; see `tests/data/README.md` for where they come from.
#[must_use]
pub fn games_file() -> PathBuf {
    data_dir().join("lichess-2025-05.pgn")
}

/// The Python interpreter that has the packages `aioquic`, `chess`, `kubernetes-validate`, `py4swiss` and `schemathesis`.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn python() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = std::env::var_os("ROOKERY_TEST_PYTHON")
        .map_or_else(|| workspace.join("target/python/bin/python"), PathBuf::from);
    assert!(
        python.exists(),
        "{} is missing: run tests/run, which makes it, or set ROOKERY_TEST_PYTHON to a Python with the \
         packages aioquic, berserk, chess, kubernetes-validate, py4swiss and schemathesis",
        python.display()
    );
    python
}
