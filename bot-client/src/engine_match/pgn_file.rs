//! The PGN file of a run: read once, cut where a process died while it wrote, then appended to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use game_core::Outcome;

use super::record::written;

/// The file, with its games of a run.
#[derive(Debug)]
pub(super) struct PgnFile {
    file: File,
    /// Number and result of each game of the run, in the order of the file.
    games: Vec<(u32, Outcome)>,
}

impl PgnFile {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path, run: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // Positions in the text are those in the file only if nothing of it had to be replaced.
        let text = String::from_utf8(bytes).unwrap_or_else(|not| {
            let bytes = not.into_bytes();
            bytes
                .iter()
                .map(|&byte| {
                    if byte.is_ascii() {
                        char::from(byte)
                    } else {
                        '?'
                    }
                })
                .collect()
        });
        let found = written(&text, run);
        let kept = &text[..found.len];
        file.set_len(found.len as u64)?;
        file.seek(SeekFrom::End(0))?;
        if !kept.is_empty() && !kept.ends_with("\n\n") && !kept.ends_with("\n\r\n") {
            file.write_all(b"\n\n")?;
        }
        Ok(Self {
            file,
            games: found.games,
        })
    }

    /// Number and result of each game of the run that the file had at first.
    pub(super) fn games(&self) -> &[(u32, Outcome)] {
        &self.games
    }

    /// Appends a game.
    pub(super) fn append(&mut self, game: &str) -> io::Result<()> {
        self.file.write_all(game.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_half_written_is_cut_off_and_what_others_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("games.pgn");
        let other = "[Event \"M\u{fc}nchen\"]\n[Result \"1-0\"]\n\n1. e4 1-0\n";
        // Latin-1, as old files are.
        let latin: Vec<u8> = other
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect();
        std::fs::write(&path, &latin).unwrap();
        let game =
            "[Event \"x\"]\n[Result \"0-1\"]\n[Run \"r\"]\n[GameNumber \"4\"]\n\n1. e4 0-1\n\n";
        let mut file = PgnFile::open(&path, "r").unwrap();
        assert_eq!(file.games(), []);
        file.append(game).unwrap();
        file.append(&game[..30]).unwrap();
        let file = PgnFile::open(&path, "r").unwrap();
        assert_eq!(file.games(), [(4, Outcome::BlackWins)]);
        let mut expected = latin;
        expected.extend_from_slice(b"\n\n");
        expected.extend_from_slice(game.as_bytes());
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    }
}
