//! What the server does not know of a run, kept beside its PGN: which run it is, and what the engines thought of the moves
//! of games that are not over.
//!
//! The moves, clocks and results are the server's. Here are the scores that adjudication and the PGN need, so that a game
//! that is continued ends at the ply at which it would have ended. A note is written before its move is sent: what the
//! server has of moves decides which notes count.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use game_core::{MatchId, Seat, Uci};
use lab::engine::EngineScore;
use serde::{Deserialize, Serialize};

use super::record::{Failed, MoveNote};

/// The directory of a run.
#[derive(Debug)]
pub(super) struct RunDirectory {
    path: PathBuf,
    /// The identity of the run.
    run: String,
    /// Whether an earlier process began it.
    is_continued: bool,
    /// Held while this process lives.
    _lock: File,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunDirectoryError {
    /// It cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process has it.
    #[error("another process plays this run ({0}): wait for it, or give -pgnout another file")]
    Taken(PathBuf),
    /// The run was begun with another command line.
    #[error(
        "{path} is of a run with other engines, games or openings; go on with the same command line, or begin another run \
         with another -pgnout, or remove that directory"
    )]
    OtherRun {
        /// The directory.
        path: PathBuf,
    },
}

/// The file that says which run it is.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    version: u32,
    run: String,
    /// What determines the games, as a digest.
    plan: String,
}

const VERSION: u32 = 1;
/// The file that says how long the PGN file was before its last game.
const MARK: &str = "appending";
/// What the names of files with notes begin with.
const NOTES: &str = "game-";

impl RunDirectory {
    /// Opens the directory at `path`, or makes it for a new run, called `name` or by chance. `plan` is a digest of what
    /// determines the games: a run is continued only by the same.
    pub(super) fn open(
        path: &Path,
        name: Option<&str>,
        plan: &str,
    ) -> Result<Self, RunDirectoryError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error| RunDirectoryError::Io { path, error }
        };
        program::create_private_dir(path).map_err(io(path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RunDirectoryError::Taken(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io(&lock_path)(error)),
        }
        let identity_path = path.join("run.json");
        let kept = match fs::read(&identity_path) {
            Ok(bytes) => serde_json::from_slice::<Identity>(&bytes).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io(&identity_path)(error)),
        };
        // A command line that came to nothing binds nobody.
        let kept = match kept {
            Some(kept) if kept.plan != plan && !has_games(path).map_err(io(path))? => None,
            kept => kept,
        };
        let is_continued = kept.is_some();
        let identity = match kept {
            Some(kept) => {
                let is_named_so = name.is_none_or(|name| name == kept.run);
                if kept.version != VERSION || kept.plan != plan || !is_named_so {
                    let path = path.to_owned();
                    return Err(RunDirectoryError::OtherRun { path });
                }
                kept
            }
            None => {
                let identity = Identity {
                    version: VERSION,
                    run: name.map_or_else(new_run, str::to_owned),
                    plan: plan.to_owned(),
                };
                let json = serde_json::to_vec(&identity).map_err(io::Error::other);
                let json = json.map_err(io(&identity_path))?;
                program::write_private(&identity_path, &json).map_err(io(&identity_path))?;
                identity
            }
        };
        Ok(Self {
            path: path.to_owned(),
            run: identity.run,
            is_continued,
            _lock: lock,
        })
    }

    /// The identity of the run.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// Whether an earlier process began it.
    pub(super) const fn is_continued(&self) -> bool {
        self.is_continued
    }

    /// The file that says how long the PGN file was before its last game.
    pub(super) fn mark(&self) -> PathBuf {
        self.path.join(MARK)
    }

    /// The file for the notes of a game.
    pub(super) fn notes_of(&self, number: u32) -> PathBuf {
        self.path.join(format!("{NOTES}{number}.jsonl"))
    }
}

/// Whether a game of the run in this directory was begun.
fn has_games(path: &Path) -> io::Result<bool> {
    let mut found = false;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        found |= name == MARK || name.starts_with(NOTES);
    }
    Ok(found)
}

/// An identity that no other run has.
pub(super) fn new_run() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// One line of a file of notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    /// The match: a game that is played again has another one.
    #[serde(rename = "match")]
    match_id: MatchId,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum What {
    Move {
        ply: u16,
        uci: Uci,
        #[serde(skip_serializing_if = "Option::is_none")]
        cp: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        mate: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        depth: Option<u16>,
        ms: u64,
    },
    Failed {
        failed: Seat,
        why: String,
    },
}

/// The notes of one match.
#[derive(Debug)]
pub(super) struct Notes {
    match_id: MatchId,
    /// By the number of half-moves with it.
    moves: HashMap<u16, (Uci, MoveNote)>,
    failed: Option<Failed>,
    file: Option<File>,
}

impl Notes {
    /// The notes of a match, as an earlier process has left them in `path`. Without a path they are lost with this process.
    pub(super) fn open(path: Option<&Path>, match_id: MatchId) -> io::Result<Self> {
        let mut notes = Self {
            match_id,
            moves: HashMap::new(),
            failed: None,
            file: None,
        };
        let Some(path) = path else {
            return Ok(notes);
        };
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        // A line that a dying process has not finished is none.
        for line in text
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        {
            if line.match_id == match_id {
                notes.add(line.what);
            }
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        notes.file = Some(file);
        Ok(notes)
    }

    fn add(&mut self, what: What) {
        match what {
            What::Move {
                ply,
                uci,
                cp,
                mate,
                depth,
                ms,
            } => {
                let cp = cp.map(EngineScore::Centipawns);
                let note = MoveNote {
                    score: cp.or(mate.map(EngineScore::Mate)),
                    depth,
                    took: Duration::from_millis(ms),
                };
                self.moves.insert(ply, (uci, note));
            }
            What::Failed { failed, why } => {
                self.failed = Some(Failed { seat: failed, why });
            }
        }
    }

    fn write(&mut self, what: What) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let line = Line {
                match_id: self.match_id,
                what: what.clone(),
            };
            let mut json = serde_json::to_vec(&line).map_err(io::Error::other)?;
            json.push(b'\n');
            // In one piece, which outlives the process at once.
            file.write_all(&json)?;
        }
        self.add(what);
        Ok(())
    }

    /// Notes a move that is about to be sent; `ply` is the number of half-moves with it.
    pub(super) fn moved(&mut self, ply: u16, uci: Uci, note: MoveNote) -> io::Result<()> {
        let (cp, mate) = match note.score {
            None => (None, None),
            Some(EngineScore::Centipawns(cp)) => (Some(cp), None),
            Some(EngineScore::Mate(mate)) => (None, Some(mate)),
        };
        self.write(What::Move {
            ply,
            uci,
            cp,
            mate,
            depth: note.depth,
            ms: u64::try_from(note.took.as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// Notes that an engine failed, before its match is given up.
    pub(super) fn failed(&mut self, failed: &Failed) -> io::Result<()> {
        self.write(What::Failed {
            failed: failed.seat,
            why: failed.why.clone(),
        })
    }

    /// What is known of the move that was made as this half-move.
    pub(super) fn of_move(&self, ply: u16, uci: Uci) -> Option<MoveNote> {
        let (noted, note) = self.moves.get(&ply)?;
        (*noted == uci).then_some(*note)
    }

    /// How an engine failed, if one did.
    pub(super) const fn failure(&self) -> Option<&Failed> {
        self.failed.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(score: EngineScore) -> MoveNote {
        MoveNote {
            score: Some(score),
            depth: Some(9),
            took: Duration::from_millis(70),
        }
    }

    #[test]
    fn notes_outlive_their_process_and_are_of_one_match() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("game-1.jsonl");
        let id: MatchId = "AbCdEfGhIjKl".parse().unwrap();
        let (e4, d4): (Uci, Uci) = ("e2e4".parse().unwrap(), "d2d4".parse().unwrap());
        let mut notes = Notes::open(Some(&path), id).unwrap();
        notes
            .moved(1, e4, note(EngineScore::Centipawns(20)))
            .unwrap();
        // It was not sent, and thought about again.
        notes.moved(1, d4, note(EngineScore::Mate(-3))).unwrap();
        let failed = Failed {
            seat: Seat::Black,
            why: "it died".into(),
        };
        notes.failed(&failed).unwrap();
        drop(notes);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"match\":\"AbC").unwrap();
        let mut notes = Notes::open(Some(&path), id).unwrap();
        assert_eq!(notes.of_move(1, e4), None);
        assert_eq!(notes.of_move(1, d4), Some(note(EngineScore::Mate(-3))));
        assert_eq!(notes.failure(), Some(&failed));
        notes
            .moved(2, e4, note(EngineScore::Centipawns(-1)))
            .unwrap();
        drop(notes);
        let notes = Notes::open(Some(&path), id).unwrap();
        assert!(notes.of_move(2, e4).is_some());
        let other = Notes::open(Some(&path), "MnOpQrStUvWx".parse().unwrap()).unwrap();
        assert_eq!((other.of_move(1, d4), other.failure()), (None, None));
    }

    #[test]
    fn a_run_is_continued_by_one_process_and_by_the_same_command_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("games.pgn.run");
        let first = RunDirectory::open(&path, None, "plan").unwrap();
        let run = first.run().to_owned();
        assert!(!first.is_continued() && run.len() == 32);
        let taken = RunDirectory::open(&path, None, "plan").unwrap_err();
        assert!(matches!(taken, RunDirectoryError::Taken(_)), "{taken}");
        drop(first);
        let again = RunDirectory::open(&path, None, "plan").unwrap();
        assert!(again.is_continued() && again.run() == run);
        drop(again);
        // Nothing was played: another command line is another run.
        let other = RunDirectory::open(&path, None, "other").unwrap();
        assert!(!other.is_continued() && other.run() != run);
        drop(other);
        let again = RunDirectory::open(&path, None, "plan").unwrap();
        fs::write(again.mark(), "0\n").unwrap();
        drop(again);
        for (name, plan) in [(None, "another"), (Some("named"), "plan")] {
            let error = RunDirectory::open(&path, name, plan).unwrap_err();
            assert!(
                matches!(error, RunDirectoryError::OtherRun { .. }),
                "{error}"
            );
        }
        let named = folder.path().join("named.run");
        let named = RunDirectory::open(&named, Some("night"), "plan").unwrap();
        assert_eq!(named.run(), "night");
    }
}
