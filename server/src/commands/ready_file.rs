//! The file that says what was started, for scripts that wait for it.

use std::path::Path;

use super::failure::Failure;

/// Writes a ready file, which may hold a token.
pub(super) fn write_ready_file(path: &Path, ready: &serde_json::Value) -> Result<(), Failure> {
    program::write_private(path, format!("{ready:#}\n").as_bytes())
        .map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}
