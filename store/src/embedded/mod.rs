//! The store in a file of this process, on redb.
//!
//! One thread writes. It takes all requests that wait, makes them durable together, and only then answers, so that a
//! flush serves every caller. Reads see only what is committed.
//!
//! What it writes most, the records and snapshots of matches in play, goes into a [`journal`]: a file beside the
//! database to which a round of appends adds one row. It stays in memory too, as the *tail* of each match ([`tails`]),
//! until the match is brought up: its records go into the tables as a chunk, with the snapshot and the head. That
//! happens step by step before the journal is full, whenever another request concerns the match (a claim, a hand-over,
//! its end), a second later with any other transaction, and when the store is closed. So of all tables only the logs, the
//! snapshots and the seqs of snapshots lag behind; who reads them adds the tail.
//!
//! A commit that fails (a full disk, an I/O error) fails every request in it; the files are then closed and
//! opened again, which restores the last commit and what the journal has. redb's copy-on-write pages and checksums make
//! a torn write harmless: the commit that it belongs to has not happened. So does the checksum of a row. A disk that
//! fails a flush and later pretends to have the data cannot be compensated for.

mod accounts;
mod appends;
mod archive;
mod backup;
mod beats;
mod chat;
mod contained;
mod directory;
mod entries;
mod fault;
mod feed;
mod heads;
mod holdings;
mod idempotency;
mod journal;
mod log;
mod matches;
mod outbox;
mod preparing;
mod presence;
mod ratings;
mod registry;
mod remembered;
mod revocations;
mod round;
mod sweep;
mod tables;
mod tails;
mod tickets;
mod tournaments;
mod transfers;
mod waves;
mod writer;

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redb::{Database, DatabaseError, StorageBackend};

pub use self::backup::{Backup, Enclosed, check_unused, give_to_owner_of};
pub use self::contained::contains_panics;
use self::directory::{FILE_NAME, builder, create_directory, create_file, make_private};
use self::fault::WHAT_TO_DO;
use self::journal::{HALF_LEN, Source, open_file};
use self::writer::Writer;
use crate::beat::Board;
use crate::contract::{FINISHED_KEEP, LIVE_KEEP};
use crate::durability::Durability;
use crate::error::StoreError;
use crate::presence::{HintBoard, OnlineBoard};
use crate::wave::WaveBoard;

/// The store in a directory of this machine, for one process.
pub struct EmbeddedStore {
    writer: Writer,
    /// What the shards of this process tell each other.
    board: Mutex<Board>,
    online: Mutex<OnlineBoard>,
    hints: Mutex<HintBoard>,
    /// Who pairs which pool. Shared with requests in the writer's queue.
    waves: Arc<Mutex<WaveBoard>>,
    /// What its times are counted from.
    began: Instant,
    /// How long the archive keeps a match.
    finished_keep: Duration,
    /// How long a match is kept after its outbox entry is done.
    live_keep: Duration,
}

impl EmbeddedStore {
    /// Opens the store in a directory, which is created if it is missing.
    ///
    /// The lock on the file proves that no process before this one lives: the registry names those of
    /// its shards whose sets of matches are not empty as [`Registered::Left`](crate::Registered::Left), and
    /// no others.
    ///
    /// Blocks while it reads all of the file, and verifies its pages' checksums.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when another process has it open, or a version of Rookery wrote it whose tables are not
    /// read; [`StoreError::Corrupt`] when the
    /// file is not a store, is empty or is damaged; [`StoreError::Unavailable`] when it cannot be read or written.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let directory = directory.as_ref();
        let place = directory.display().to_string();
        create_directory(directory)
            .map_err(|error| StoreError::Unavailable(format!("the store in {place}: {error}")))?;
        let file = directory.join(FILE_NAME);
        match fs::metadata(&file) {
            // A new file has its whole beginning before it has this name.
            Ok(found) if found.len() == 0 => {
                return Err(StoreError::Corrupt(format!(
                    "the store in {place}: {FILE_NAME} is empty, which no store is; {WHAT_TO_DO}"
                )));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_file(directory, &file)?,
            Err(error) => {
                return Err(StoreError::Unavailable(format!(
                    "the store in {place}: {error}"
                )));
            }
        }
        make_private(&file)
            .map_err(|error| StoreError::Unavailable(format!("the store's file: {error}")))?;
        // A file that vanishes is not created again while the store is in use.
        let journal = directory.to_owned();
        Self::start(
            place,
            move || builder().open(&file),
            Source {
                open: Box::new(move || open_file(&journal)),
                half_len: HALF_LEN,
            },
        )
    }

    /// Opens the store on storage of the caller's own, one for the database and one for the journal: how tests put torn
    /// writes and full disks beneath it. Both are called again whenever the store recovers from a failed commit.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn on_storage<B: StorageBackend>(
        storage: impl Fn() -> io::Result<B> + Send + Sync + 'static,
        journal: impl Fn() -> io::Result<B> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let open = move || {
            let backend = storage().map_err(DatabaseError::from)?;
            builder().create_with_backend(backend)
        };
        /// Small, so that few rows fill it.
        const HALF_LEN: u64 = 64 * 1024;
        let journal = move || {
            let storage = journal()?;
            Ok(Box::new(storage) as Box<dyn StorageBackend>)
        };
        let journal = Source {
            open: Box::new(journal),
            half_len: HALF_LEN,
        };
        Self::start("storage of a test".to_owned(), open, journal)
    }

    /// Opens an empty store that lives as long as the process and never waits for a disk.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[cfg(feature = "testing")]
    pub fn in_memory() -> Result<Self, StoreError> {
        let storage = || Ok(redb::backends::InMemoryBackend::new());
        Self::on_storage(storage, storage)
    }

    fn start(
        place: String,
        open: impl Fn() -> Result<Database, DatabaseError> + Send + Sync + 'static,
        journal: Source,
    ) -> Result<Self, StoreError> {
        let writer = Writer::start(place, Box::new(open), journal, |txn| {
            preparing::prepare(txn)?;
            entries::add_missing(txn)
        })?;
        Ok(Self {
            writer,
            board: Mutex::default(),
            online: Mutex::default(),
            hints: Mutex::default(),
            waves: Arc::default(),
            began: Instant::now(),
            finished_keep: FINISHED_KEEP,
            live_keep: LIVE_KEEP,
        })
    }

    /// Keeps matches among the live ones for this long after their outbox entries are done, instead of
    /// [`LIVE_KEEP`].
    #[must_use]
    pub fn keeping_live(self, keep: Duration) -> Self {
        Self {
            live_keep: keep,
            ..self
        }
    }

    /// Keeps matches in the archive for this long, instead of [`FINISHED_KEEP`].
    #[must_use]
    pub fn keeping_finished(self, keep: Duration) -> Self {
        Self {
            finished_keep: keep,
            ..self
        }
    }

    /// What an answer promises: [`Durability::Always`] for a store in a directory.
    #[must_use]
    pub const fn durability(&self) -> Durability {
        Durability::Always
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").finish_non_exhaustive()
    }
}
