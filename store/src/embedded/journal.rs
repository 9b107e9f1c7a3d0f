//! The journal: a file beside the database to which each commit of appends adds one row, for one write and one flush.
//!
//! It has two halves, which are filled in turn. A filling is a *generation*; the rows of a generation are numbered from 0.
//! A half is filled again only when all records of its rows are in the tables, so the newest two generations have all
//! that the tables lack. Each row begins at a sector of its own, so that a torn write spoils no row before it, and is
//! flushed before the next one is written, so that only the newest row can be torn.
//!
//! The database says which *lineage* of rows belongs to it, a number that is drawn whenever the store is opened, and the
//! first generation of it that is still needed. Rows of others are what was there before.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::codec::{self, Found, Place};
use crate::error::StoreError;

/// The name of the journal beside the store's file.
pub(super) const JOURNAL_NAME: &str = "rookery.journal";
/// Bytes of a half: about three seconds of 20,000 moves a second.
pub(super) const HALF_LEN: u64 = 4 * 1024 * 1024;
/// What a disk writes whole or not at all, bytes.
const SECTOR: u64 = 512;
/// By how much the file grows until it has its full length.
const GROWTH: u64 = 256 * 1024;

/// How the journal is opened, each time.
pub(super) struct Source {
    pub(super) open: OpenJournal,
    /// Bytes of a half.
    pub(super) half_len: u64,
}

pub(super) type OpenJournal = Box<dyn Fn() -> io::Result<Box<dyn StorageBackend>> + Send + Sync>;

/// Opens the journal of a directory, which is created if it is missing.
pub(super) fn open_file(directory: &Path) -> io::Result<Box<dyn StorageBackend>> {
    let path = directory.join(JOURNAL_NAME);
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.mode(0o600).open(&path)?;
    if is_new {
        File::open(directory)?.sync_all()?;
    }
    let storage = FileBackend::new(file).map_err(io::Error::other)?;
    Ok(Box::new(storage))
}

/// Which rows of the journal belong to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needed {
    pub(super) lineage: u64,
    /// The first generation of which the tables may lack something.
    pub(super) from: u32,
}

/// The journal, to be written.
pub(super) struct Journal {
    storage: Box<dyn StorageBackend>,
    half_len: u64,
    /// Of the next row.
    place: Place,
    /// Where the next row goes, within its half.
    at: u64,
}

impl Journal {
    /// Begins a new lineage with an empty row, which shows later that the journal is the one that belongs to the
    /// database. All rows before are given up.
    pub(super) fn begin(storage: Box<dyn StorageBackend>, half_len: u64) -> io::Result<Self> {
        let mut journal = Self {
            storage,
            half_len,
            place: Place {
                // 0 is for none.
                lineage: RandomState::new().build_hasher().finish() | 1,
                generation: 0,
                index: 0,
                before: 0,
            },
            at: 0,
        };
        let mut row = Vec::new();
        codec::begin_row(&mut row);
        journal.write(&mut row)?;
        Ok(journal)
    }

    pub(super) const fn lineage(&self) -> u64 {
        self.place.lineage
    }

    /// Bytes after which a row is written and another one begins.
    pub(super) const fn row_len_max(&self) -> usize {
        self.half_len as usize / 16
    }

    /// Upper bound on the bytes of one entry.
    pub(super) const fn entry_len_max(&self) -> usize {
        self.half_len as usize / 32
    }

    /// The generation of the next row.
    pub(super) const fn generation(&self) -> u32 {
        self.place.generation
    }

    /// How much of the half is filled, in thousandths.
    pub(super) const fn filled_permille(&self) -> u64 {
        self.at * 1_000 / self.half_len
    }

    /// Whether a row of this length, without its checksum, fits into the half.
    pub(super) const fn has_room(&self, row_len: usize) -> bool {
        self.at + row_len as u64 + SECTOR <= self.half_len
    }

    /// Goes on with the other half, of whose rows nothing is needed any more.
    pub(super) const fn turn(&mut self) {
        self.place = Place {
            generation: self.place.generation + 1,
            index: 0,
            before: self.place.index,
            ..self.place
        };
        self.at = 0;
    }

    /// Completes a row, and writes and flushes it.
    pub(super) fn write(&mut self, row: &mut Vec<u8>) -> io::Result<()> {
        codec::finish_row(row, self.place);
        // Whole sectors: the rest is not left as it was, so that the file is the same on every run.
        row.resize(row.len().next_multiple_of(SECTOR as usize), 0);
        let half_at = u64::from(self.place.generation % 2) * self.half_len;
        let offset = half_at + self.at;
        let end = offset + row.len() as u64;
        if self.storage.len()? < end {
            self.storage.set_len(end.next_multiple_of(GROWTH))?;
        }
        self.storage.write(offset, row)?;
        self.storage.sync_data()?;
        self.place.index += 1;
        self.at += row.len() as u64;
        Ok(())
    }
}

/// Why a store cannot be used without its journal.
pub(super) fn no_journal() -> StoreError {
    StoreError::Corrupt(format!(
        "{JOURNAL_NAME} is missing, which has the newest events: put it back beside the store's file, or a copy of both"
    ))
}

/// A row that was read back.
pub(super) struct Row {
    pub(super) generation: u32,
    pub(super) body: Vec<u8>,
}

/// Reads the rows that a database needs, in order.
///
/// # Errors
///
/// [`StoreError::Corrupt`] if one is missing or damaged, but for the newest, which may have been torn before anybody had
/// an answer.
pub(super) fn read_rows(
    storage: &dyn StorageBackend,
    half_len: u64,
    needed: Needed,
) -> Result<Vec<Row>, StoreError> {
    let failed = |error: io::Error| StoreError::Unavailable(format!("{JOURNAL_NAME}: {error}"));
    let len = storage.len().map_err(failed)?.min(2 * half_len);
    if len == 0 {
        return Err(no_journal());
    }
    let mut bytes = vec![0; len as usize];
    storage.read(0, &mut bytes).map_err(failed)?;
    let (mut rows, mut broken) = (BTreeMap::new(), None);
    for half in bytes.chunks(half_len as usize) {
        let mut at = 0;
        while at < half.len() {
            let found = codec::find_row(&half[at..], needed.lineage)
                .map_err(|error| StoreError::Corrupt(format!("{JOURNAL_NAME}: {error}")))?;
            at += match found {
                Found::Row { place, body, len } => {
                    if place.generation >= needed.from {
                        let row = (place.before, body.to_vec());
                        rows.insert((place.generation, place.index), row);
                    }
                    len.next_multiple_of(SECTOR as usize)
                }
                Found::Broken { generation } => {
                    if generation >= needed.from {
                        broken = Some(generation);
                    }
                    SECTOR as usize
                }
                Found::Nothing => SECTOR as usize,
            };
        }
    }
    check_complete(&rows, needed)?;
    if let Some(generation) = broken {
        tracing::warn!(
            generation,
            rows = rows.len(),
            "the newest row of {JOURNAL_NAME} is not whole: a write was cut off before it was answered"
        );
    }
    let rows = rows.into_iter();
    let rows = rows.map(|((generation, _), (_, body))| Row { generation, body });
    Ok(rows.collect())
}

/// Whether rows follow each other without a gap from the first one that is needed.
fn check_complete(
    rows: &BTreeMap<(u32, u32), (u32, Vec<u8>)>,
    needed: Needed,
) -> Result<(), StoreError> {
    let incomplete = |text: String| {
        StoreError::Corrupt(format!(
            "{JOURNAL_NAME}: {text}; put a copy of both files of the store back"
        ))
    };
    if rows.is_empty() {
        return Err(incomplete(
            "it is not the journal that belongs to this store, or is damaged, and the newest events are in none other"
                .to_owned(),
        ));
    }
    let mut next = (needed.from, 0);
    for (&(generation, index), &(before, _)) in rows {
        let turns = (generation, index) == (next.0 + 1, 0) && before == next.1 && before > 0;
        if (generation, index) != next && !turns {
            return Err(incomplete(format!(
                "row {} of generation {} is damaged or missing, and later ones are there",
                next.1, next.0
            )));
        }
        next = (generation, index + 1);
    }
    Ok(())
}
