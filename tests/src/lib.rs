//! What the integration tests need: real servers as processes, a shard whose store fails on demand,
//! a client that sends whatever bytes it is given, and campaigns of faults.

pub mod faults;
pub mod installation;
pub mod process;
pub mod shard;
pub mod turns;
pub mod wire;

use std::path::{Path, PathBuf};

/// The 200 real games that the tests play; see `tests/data/README.md` for where they come from.
#[must_use]
pub fn games_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/lichess-2025-05.pgn")
}
