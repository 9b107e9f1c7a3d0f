//! The record of the game, as a file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use game_core::MatchId;

use super::Failure;

/// Writes the record to `file`, or to a new temporary file; returns its path.
pub(super) fn write(file: Option<&Path>, id: MatchId, pgn: &str) -> Result<PathBuf, Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    let path = match file {
        Some(path) => {
            options.create(true).truncate(true);
            path.to_owned()
        }
        None => {
            // Other users who may write there cannot have created a file of this name.
            options.create_new(true);
            std::env::temp_dir().join(format!("rookery-demo-{id}.pgn"))
        }
    };
    let written = options
        .open(&path)
        .and_then(|mut file| file.write_all(pgn.as_bytes()));
    match written {
        Ok(()) => Ok(path),
        Err(error) => Err(format!("cannot write the record to {}: {error}", path.display()).into()),
    }
}
