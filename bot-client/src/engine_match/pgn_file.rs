//! The PGN file of a run: read once, cut where a process died while it wrote, then appended to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use game_core::Outcome;

use super::record::{is_whole, written};

/// The file, with its games of a run.
#[derive(Debug)]
pub(super) struct PgnFile {
    file: File,
    /// Has the length of the file before the last game was appended: what is behind it and not whole was half written.
    mark: PathBuf,
    /// Number and result of each game of the run, in the order of the file.
    games: Vec<(u32, Outcome)>,
}

impl PgnFile {
    /// Opens the file, or makes it. `mark` is a file beside it of this run's own.
    pub(super) fn open(path: &Path, mark: PathBuf, run: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // A mark that was half written is none: nothing was appended after it.
        let marked = fs::read_to_string(&mark).ok();
        let marked = marked.and_then(|mark| mark.strip_suffix('\n')?.parse::<usize>().ok());
        if let Some(behind) = marked.and_then(|len| bytes.get(len..))
            && !is_whole(&String::from_utf8_lossy(behind))
        {
            bytes.truncate(bytes.len() - behind.len());
            file.set_len(bytes.len() as u64)?;
        }
        file.seek(SeekFrom::End(0))?;
        if !bytes.is_empty() && !bytes.ends_with(b"\n\n") && !bytes.ends_with(b"\n\r\n") {
            file.write_all(b"\n\n")?;
        }
        Ok(Self {
            file,
            mark,
            games: written(&String::from_utf8_lossy(&bytes), run),
        })
    }

    /// Number and result of each game of the run that the file had at first.
    pub(super) fn games(&self) -> &[(u32, Outcome)] {
        &self.games
    }

    /// Appends a game.
    pub(super) fn append(&mut self, game: &str) -> io::Result<()> {
        let len = self.file.seek(SeekFrom::End(0))?;
        fs::write(&self.mark, format!("{len}\n"))?;
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
        let open = || PgnFile::open(&path, folder.path().join("mark"), "r").unwrap();
        let other = "[Event \"M\u{fc}nchen\"]\n[Result \"1-0\"]\n\n1. e4 1-0\n";
        // Latin-1, as old files are, and without an empty line at its end.
        let latin: Vec<u8> = other
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect();
        fs::write(&path, &latin).unwrap();
        let game =
            "[Event \"x\"]\n[Result \"0-1\"]\n[Run \"r\"]\n[GameNumber \"4\"]\n\n1. e4 0-1\n\n";
        let mut file = open();
        assert_eq!(file.games(), []);
        file.append(game).unwrap();
        let mut expected = latin;
        expected.extend_from_slice(b"\n\n");
        expected.extend_from_slice(game.as_bytes());
        for cut in [0, 1, 30, game.len() - 1] {
            file.append(&game[..cut]).unwrap();
            file = open();
            assert_eq!(file.games(), [(4, Outcome::BlackWins)]);
            assert_eq!(fs::read(&path).unwrap(), expected, "{cut}");
        }
        // A mark that was half written.
        fs::write(folder.path().join("mark"), "1").unwrap();
        assert_eq!(open().games(), [(4, Outcome::BlackWins)]);
        assert_eq!(fs::read(&path).unwrap(), expected);
    }
}
