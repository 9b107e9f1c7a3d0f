//! Power cuts: what a machine that loses its power may keep of files that were not flushed.
//!
//! `kill -9` of a process loses nothing of what it has written, as the kernel has it. A power cut does. So the program runs with
//! a library preloaded (`shim.c`) that notes every change of the files in its directory and every flush ([`Shim`]). After
//! `kill -9`, [`Shim::cut`] makes of those files what a disk may have at that moment: all that was flushed, and of each file's later
//! writes either the first few, the last of them torn, or any of their blocks, as disks write in an order of their own; of new
//! names and deletions that were not flushed with their directory, the first few.

pub mod campaign;
mod log;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use log::{Record, records};

/// What a disk writes at once, in bytes.
const BLOCK: usize = 512;

/// The library, built, and the directory whose files it watches.
#[derive(Debug, Clone)]
pub struct Shim {
    library: PathBuf,
    log: PathBuf,
    directory: PathBuf,
    flush: Duration,
}

impl Shim {
    /// Builds the library into a directory; returns its path.
    ///
    /// # Errors
    ///
    /// When there is no C compiler, or the directory cannot be written to.
    pub fn build(into: &Path) -> io::Result<PathBuf> {
        let [source, library] = ["shim.c", "shim.so"].map(|name| into.join(name));
        fs::write(&source, include_str!("shim.c"))?;
        let built = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .args(["-ldl", "-lpthread"])
            .status()?;
        match built.success() {
            true => Ok(library),
            false => Err(io::Error::other("cc does not build the library")),
        }
    }

    /// For programs that keep their files in `directory`; the log of changes is kept in `beside`. Both are on one file system,
    /// and neither is in the other.
    ///
    /// # Errors
    ///
    /// When there is no such directory.
    pub fn new(library: PathBuf, beside: &Path, directory: &Path) -> io::Result<Self> {
        Ok(Self {
            library,
            log: beside.join("changes"),
            directory: directory.canonicalize()?,
            flush: Duration::ZERO,
        })
    }

    /// The same where each flush takes so much longer, in milliseconds, so that cuts come before it.
    #[must_use]
    pub const fn slow(mut self, flush: Duration) -> Self {
        self.flush = flush;
        self
    }

    /// Has a program run with the library.
    pub fn preload(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("ROOKERY_POWER_DIRECTORY", &self.directory)
            .env("ROOKERY_POWER_LOG", &self.log)
            .env("ROOKERY_POWER_FLUSH_MS", self.flush.as_millis().to_string());
    }

    /// Cuts the power of a program that was killed: its files become what a disk may have kept of them.
    ///
    /// # Errors
    ///
    /// When the files or the log of their changes cannot be read or written.
    pub fn cut(&self, dice: &mut StdRng) -> io::Result<Cut> {
        let cut = cut(&self.directory, &self.log, dice)?;
        let names = self.log.file_name().unwrap_or_default().to_owned();
        for entry in fs::read_dir(self.log.parent().unwrap_or(Path::new(".")))? {
            let entry = entry?;
            let name = entry.file_name();
            if name
                .as_encoded_bytes()
                .starts_with(names.as_encoded_bytes())
            {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(cut)
    }
}

/// What a power cut took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// Writes and truncations that were not flushed.
    pub pending: usize,
    /// Of these, those that were lost, whole or in part.
    pub lost: usize,
    /// Names that were made, changed or deleted without a flush of the directory, and are as before.
    pub names: usize,
}

/// A change of a file's content.
struct Change {
    at: u64,
    size: u64,
    before: Vec<u8>,
    /// `None` for a truncation to `at`.
    after: Option<Vec<u8>>,
}

/// A change of a name.
enum Naming {
    Create(PathBuf),
    Rename {
        from: PathBuf,
        to: PathBuf,
        kept: u64,
    },
    Unlink {
        path: PathBuf,
        kept: u64,
    },
}

fn cut(directory: &Path, log: &Path, dice: &mut StdRng) -> io::Result<Cut> {
    let mut cut = Cut::default();
    let pending = Pending::read(&fs::read(log).unwrap_or_default())?;
    let inodes = inodes(directory, log)?;
    for (inode, changes) in pending.changes {
        cut.pending += changes.len();
        if let Some(path) = inodes.get(&inode) {
            cut.lost += tear(&OpenOptions::new().write(true).open(path)?, changes, dice)?;
        }
    }
    for namings in pending.namings.into_values() {
        let kept = dice.random_range(0..=namings.len());
        for (inode, naming) in namings.into_iter().skip(kept).rev() {
            cut.names += usize::from(undo(inode, naming, log)?);
        }
    }
    Ok(cut)
}

/// What was not flushed.
#[derive(Default)]
struct Pending {
    /// By file.
    changes: BTreeMap<u64, Vec<Change>>,
    /// By directory, each with its file.
    namings: BTreeMap<PathBuf, Vec<(u64, Naming)>>,
}

impl Pending {
    fn read(log: &[u8]) -> io::Result<Self> {
        let mut pending = Self::default();
        for record in records(log) {
            pending.add(record)?;
        }
        Ok(pending)
    }

    fn add(&mut self, record: Record<'_>) -> io::Result<()> {
        let path = record.path();
        let naming = match record.kind {
            log::WRITE | log::TRUNCATE => {
                self.changes.entry(record.inode).or_default().push(Change {
                    at: record.at,
                    size: record.size,
                    before: record.before.to_vec(),
                    after: (record.kind == log::WRITE).then(|| record.after.to_vec()),
                });
                return Ok(());
            }
            log::FLUSH => {
                self.changes.remove(&record.inode);
                return Ok(());
            }
            log::FLUSH_DIRECTORY => {
                self.namings.remove(&path);
                return Ok(());
            }
            log::CREATE => Naming::Create(path.clone()),
            log::RENAME => Naming::Rename {
                from: path.clone(),
                to: record.target(),
                kept: record.at,
            },
            log::UNLINK => Naming::Unlink {
                path: path.clone(),
                kept: record.at,
            },
            _ => return Err(io::Error::other("the log of changes is damaged")),
        };
        // A new name is one of the directory that it is in.
        let named = match &naming {
            Naming::Rename { to, .. } => to,
            Naming::Create(path) | Naming::Unlink { path, .. } => path,
        };
        let parent = named.parent().unwrap_or(Path::new("/")).to_owned();
        let of_parent = self.namings.entry(parent).or_default();
        of_parent.push((record.inode, naming));
        Ok(())
    }
}

/// The present path of each file, those that have lost their name included.
fn inodes(directory: &Path, log: &Path) -> io::Result<HashMap<u64, PathBuf>> {
    let mut inodes = HashMap::new();
    let mut directories = vec![directory.to_owned()];
    directories.extend(log.parent().map(Path::to_owned));
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                directories.push(entry.path());
            } else if metadata.is_file() {
                inodes.insert(metadata.ino(), entry.path());
            }
        }
    }
    Ok(inodes)
}

/// Makes of a file with these changes what the disk may have; returns how many are lost, whole or in part.
fn tear(file: &File, changes: Vec<Change>, dice: &mut StdRng) -> io::Result<usize> {
    for change in changes.iter().rev() {
        file.write_all_at(&change.before, change.at)?;
        file.set_len(change.size)?;
    }
    // Those that change the length come in their order; blocks within it as the disk likes.
    let resizes = |change: &Change| match &change.after {
        Some(after) => change.at + after.len() as u64 > change.size,
        None => true,
    };
    let resizing = changes.iter().filter(|change| resizes(change)).count();
    let kept = dice.random_range(0..=resizing);
    let of_blocks = [0.0, 0.5, 1.0][dice.random_range(0..3)];
    let (mut resized, mut lost) = (0, 0);
    for change in &changes {
        let Some(after) = &change.after else {
            match resized < kept {
                true => file.set_len(change.at)?,
                false => lost += 1,
            }
            resized += 1;
            continue;
        };
        if resizes(change) {
            let len = match resized {
                earlier if earlier < kept => after.len(),
                earlier if earlier == kept => dice.random_range(0..=after.len()),
                _ => 0,
            };
            file.write_all_at(&after[..len], change.at)?;
            lost += usize::from(len < after.len());
            resized += 1;
            continue;
        }
        let whole = file.metadata()?.len();
        let (mut at, mut is_lost) = (0, false);
        while at < after.len() {
            let offset = change.at + at as u64;
            let end = after
                .len()
                .min(at + BLOCK - (offset % BLOCK as u64) as usize);
            if dice.random_bool(of_blocks) && change.at + end as u64 <= whole {
                file.write_all_at(&after[at..end], offset)?;
            } else {
                is_lost = true;
            }
            at = end;
        }
        lost += usize::from(is_lost);
    }
    Ok(lost)
}

/// Takes a change of a name back, if it was made: a program may be killed before it makes what it has noted.
fn undo(inode: u64, naming: Naming, log: &Path) -> io::Result<bool> {
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.ino() == inode);
    let bring_back = |kept: u64, path: &Path| match kept {
        0 => Ok(()),
        _ => fs::rename(format!("{}.{kept}", log.display()), path),
    };
    match naming {
        Naming::Create(path) if is_there(&path) => fs::remove_file(path)?,
        Naming::Rename { from, to, kept } if is_there(&to) => {
            fs::rename(&to, from)?;
            bring_back(kept, &to)?;
        }
        Naming::Unlink { path, kept } if !is_there(&path) => bring_back(kept, &path)?,
        _ => return Ok(false),
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
