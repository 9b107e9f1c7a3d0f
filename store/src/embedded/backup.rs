//! A copy of the whole store in one file, made while the store is in use, and the way back.
//!
//! A backup is a database of the same tables, read in one transaction, so it is the store as of one moment. Beside them
//! it encloses the small files that belong to the store's data, such as the key that signs tokens. It is compact, has
//! checksums of its own, and becomes a store again by a copy.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use game_core::UnixMillis;
use redb::{
    Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, TableError, TableHandle, Value, WriteTransaction,
};

use super::EmbeddedStore;
use super::contained::{contained, open_checked};
use super::directory::{FILE_NAME, builder, create_directory};
use super::fault::{WriteFault, cannot_open};
use super::journal::{HALF_LEN, JOURNAL_NAME, Needed, no_journal, open_file, read_rows};
use super::log;
use super::preparing;
use super::tables::{self, FORMER_LOG, HEADS, JOURNAL, LOG, TableVisitor};
use super::tails::Tails;
use super::writer::read_tails;
use crate::error::StoreError;

/// Name of an enclosed file → its content.
const ENCLOSED: TableDefinition<&str, &[u8]> = TableDefinition::new("backup_enclosed");
/// One entry: when the backup was made, in Unix milliseconds. Only a backup has it.
const MADE_AT: TableDefinition<(), u64> = TableDefinition::new("backup_made_at");
/// The name of what a restore replaces, beside the store's file.
const REPLACED: &str = "rookery.redb.replaced";
/// The name of the journal of what a restore replaces.
const REPLACED_JOURNAL: &str = "rookery.journal.replaced";
/// The name of a store that is being restored, until it is complete.
const DRAFT: &str = "rookery.redb.restoring";

/// A small file that a backup holds beside the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosed {
    /// Its name in the directory of the store.
    pub name: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl EmbeddedStore {
    /// Writes a backup of the store as it is now into a new file, which only its owner may read. Play goes on
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the store cannot be read or the file cannot be written, which is then removed;
    /// [`StoreError::Corrupt`] when the store's file is damaged.
    pub async fn back_up(
        &self,
        file: PathBuf,
        enclosed: Vec<Enclosed>,
        made_at: UnixMillis,
    ) -> Result<(), StoreError> {
        let copied = self.writer.read_with(Tails::clone, move |from, tails| {
            copy(from, &tails, &file, &enclosed, made_at)
        });
        copied.await
    }

    /// The same of a store that no process has open. Nothing in it is changed.
    ///
    /// # Errors
    ///
    /// As for [`back_up`](Self::back_up), and [`StoreError::Unfit`] when a process has it open, or it is of a layout
    /// that this program does not read, or there is none.
    pub fn back_up_closed(
        directory: &Path,
        file: &Path,
        enclosed: &[Enclosed],
        made_at: UnixMillis,
    ) -> Result<(), StoreError> {
        let place = directory.display().to_string();
        let path = directory.join(FILE_NAME);
        if !path.exists() {
            let text = format!("there is no store in {place}");
            return Err(StoreError::Unfit(text));
        }
        let database = open(&path, &place)?;
        let copied = database
            .begin_read()
            .map_err(WriteFault::from)
            .and_then(|from| {
                preparing::check_written_layout(&from)?;
                let tails = read_closed(&from, directory)?;
                copy(&from, &tails, file, enclosed, made_at)
            });
        copied.map_err(|fault| fault.into_error(&place))
    }

    /// Whether a directory has a store, open or not.
    #[must_use]
    pub fn is_in(directory: &Path) -> bool {
        directory.join(FILE_NAME).exists()
    }
}

/// A backup that was read in full and is whole.
#[derive(Debug)]
pub struct Backup {
    file: PathBuf,
    made_at: UnixMillis,
    matches: u64,
    enclosed: Vec<Enclosed>,
}

impl Backup {
    /// Reads a backup, and verifies the checksum of every page.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when it is no backup, or one of a layout that this program does not read;
    /// [`StoreError::Corrupt`] when it is damaged; [`StoreError::Unavailable`] when it cannot be read.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let place = file.display().to_string();
        let len = fs::metadata(file)
            .map_err(|error| unavailable(file, &error))?
            .len();
        if len == 0 {
            return Err(StoreError::Corrupt(format!("{place} is empty")));
        }
        let database = open(file, &place)?;
        let read = || -> Result<Self, WriteFault> {
            let txn = database.begin_read()?;
            preparing::check_written_layout(&txn)?;
            let made_at = match txn.open_table(MADE_AT) {
                Ok(made) => made.get(())?.map(|at| at.value()),
                Err(TableError::TableDoesNotExist(_)) => None,
                Err(error) => return Err(error.into()),
            };
            let Some(made_at) = made_at else {
                let text = "it is a store and no backup; `rookery backup` makes one".to_owned();
                return Err(StoreError::Unfit(text).into());
            };
            let mut enclosed = Vec::new();
            for entry in txn.open_table(ENCLOSED)?.iter()? {
                let (name, content) = entry?;
                enclosed.push(Enclosed {
                    name: name.value().to_owned(),
                    content: content.value().to_owned(),
                });
            }
            Ok(Self {
                file: file.to_owned(),
                made_at: UnixMillis(made_at),
                matches: txn.open_table(tables::HEADS)?.len()?,
                enclosed,
            })
        };
        contained(read)
            .unwrap_or_else(|text| Err(StoreError::Corrupt(text).into()))
            .map_err(|fault| fault.into_error(&place))
    }

    /// When it was made.
    #[must_use]
    pub const fn made_at(&self) -> UnixMillis {
        self.made_at
    }

    /// How many matches it has that are not archived yet, live ones and finished ones.
    #[must_use]
    pub const fn matches(&self) -> u64 {
        self.matches
    }

    /// The files that it encloses, by name.
    #[must_use]
    pub fn enclosed(&self) -> &[Enclosed] {
        &self.enclosed
    }

    /// Makes this backup the store of a directory, which is created if it is missing. A store that is there already is
    /// kept beside it as `rookery.redb.replaced`, its journal as `rookery.journal.replaced`. At every moment the directory has the old store or the new one.
    ///
    /// The file gets the owner of the directory, so that root may restore what another user serves. The enclosed files
    /// are the caller's to write.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when something cannot be written; the store is then unchanged.
    pub fn restore(&self, directory: &Path) -> Result<(), StoreError> {
        create_directory(directory).map_err(|error| unavailable(directory, &error))?;
        let draft = directory.join(DRAFT);
        let written = self.write_draft(&draft).and_then(|()| {
            exchange(directory, &draft).map_err(|error| unavailable(directory, &error))
        });
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// Writes the store into a file of its own: this backup without what only a backup has.
    fn write_draft(&self, draft: &Path) -> Result<(), StoreError> {
        let written = create_private(draft).and_then(|mut to| {
            io::copy(&mut File::open(&self.file)?, &mut to)?;
            to.sync_all()
        });
        written.map_err(|error| unavailable(draft, &error))?;
        let place = draft.display().to_string();
        let database = open(draft, &place)?;
        let remove = || -> Result<(), WriteFault> {
            let txn = database.begin_write()?;
            txn.delete_table(ENCLOSED)?;
            txn.delete_table(MADE_AT)?;
            Ok(txn.commit()?)
        };
        remove().map_err(|fault| fault.into_error(&place))
    }
}

/// Fails if a process has the store of a directory open. A directory without a store is fine.
///
/// # Errors
///
/// [`StoreError::Unfit`] then.
pub fn check_unused(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(FILE_NAME);
    match builder().open(&path) {
        Err(redb::DatabaseError::DatabaseAlreadyOpen) => {
            let place = directory.display().to_string();
            Err(cannot_open(
                &place,
                redb::DatabaseError::DatabaseAlreadyOpen,
            ))
        }
        // A damaged store is a reason to restore one.
        _ => Ok(()),
    }
}

/// Puts `draft` in the place of the store, which stays under another name.
fn exchange(directory: &Path, draft: &Path) -> io::Result<()> {
    let file = directory.join(FILE_NAME);
    let replaced = directory.join(REPLACED);
    if file.exists() {
        match fs::remove_file(&replaced) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Some file systems have no links; a copy takes longer.
        fs::hard_link(&file, &replaced).or_else(|_| fs::copy(&file, &replaced).map(drop))?;
        // The new store writes into the journal: a link would change with it.
        let journal = directory.join(JOURNAL_NAME);
        if journal.exists() {
            let replaced = directory.join(REPLACED_JOURNAL);
            fs::copy(&journal, &replaced)?;
            give_to_owner_of(directory, &replaced)?;
            File::open(&replaced)?.sync_all()?;
        }
    }
    give_to_owner_of(directory, draft)?;
    fs::rename(draft, &file)?;
    File::open(directory)?.sync_all()
}

/// Gives a file the owner of its directory, if that is somebody else.
///
/// # Errors
///
/// The system's error; only root may give files away.
pub fn give_to_owner_of(directory: &Path, file: &Path) -> io::Result<()> {
    let (wanted, found) = (fs::metadata(directory)?, fs::metadata(file)?);
    if (wanted.uid(), wanted.gid()) == (found.uid(), found.gid()) {
        return Ok(());
    }
    chown(file, Some(wanted.uid()), Some(wanted.gid()))
}

/// Creates a file for its owner alone; one that an interrupted attempt has left is removed.
fn create_private(file: &Path) -> io::Result<File> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let created = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    created.set_permissions(Permissions::from_mode(0o600))?;
    Ok(created)
}

fn open(file: &Path, place: &str) -> Result<Database, StoreError> {
    open_checked(&|| builder().open(file), place).map_err(|error| cannot_open(place, error))
}

fn unavailable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

/// What the journal has and the tables of a store lack that nobody has open.
fn read_closed(from: &ReadTransaction, directory: &Path) -> Result<Tails, WriteFault> {
    let needed = match from.open_table(JOURNAL) {
        Ok(needed) => needed.get(())?.map(|needed| needed.value()),
        // The former layout.
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let Some((lineage, from_generation)) = needed else {
        return Ok(Tails::default());
    };
    let path = directory.join(JOURNAL_NAME);
    if !path.exists() {
        return Err(no_journal().into());
    }
    let storage = open_file(directory).map_err(|error| unavailable(&path, &error))?;
    let needed = Needed {
        lineage,
        from: from_generation,
    };
    let (heads, log) = (from.open_table(HEADS)?, from.open_table(LOG)?);
    read_tails(&heads, &log, read_rows(&*storage, HALF_LEN, needed)?)
}

/// Writes everything that `from` sees into a new database, complete without a journal.
fn copy(
    from: &ReadTransaction,
    tails: &Tails,
    file: &Path,
    enclosed: &[Enclosed],
    made_at: UnixMillis,
) -> Result<(), WriteFault> {
    create_private(file).map_err(|error| unavailable(file, &error))?;
    let written = write_copy(from, tails, file, enclosed, made_at);
    if written.is_err() {
        let _ = fs::remove_file(file);
    }
    // What is wrong with the copy is not wrong with the store.
    written.map_err(|fault| match fault {
        WriteFault::Storage(error) if !matches!(error, redb::Error::Corrupted(_)) => {
            StoreError::Unavailable(format!("{}: {error}", file.display())).into()
        }
        fault => fault,
    })
}

fn write_copy(
    from: &ReadTransaction,
    tails: &Tails,
    file: &Path,
    enclosed: &[Enclosed],
    made_at: UnixMillis,
) -> Result<(), WriteFault> {
    let place = file.display().to_string();
    // An empty file becomes a database.
    let database = builder()
        .create(file)
        .map_err(|error| cannot_open(&place, error))?;
    let txn = database.begin_write()?;
    let mut copied = Copy {
        from,
        to: &txn,
        names: BTreeSet::new(),
    };
    tables::visit(&mut copied)?;
    copied.table(FORMER_LOG)?;
    let names = copied.names;
    for table in from.list_tables()? {
        if !names.contains(table.name()) {
            let text = format!("a backup would lack the table {}", table.name());
            return Err(StoreError::Unfit(text).into());
        }
    }
    for (id, tail) in tails.iter() {
        // The copy has the same heads and logs, and may have some of these records.
        let tail_len = tail.last_seq();
        let len = log::len(&txn.open_table(LOG)?, id)?;
        if len == tail.after {
            log::bring_up(&txn, id, tail)?;
        } else if len < tail_len {
            let text = format!("match {id} has {len} events and some of {tail_len}");
            return Err(StoreError::Corrupt(text).into());
        }
    }
    txn.open_table(JOURNAL)?.remove(())?;
    txn.open_table(MADE_AT)?.insert((), made_at.0)?;
    {
        let mut table = txn.open_table(ENCLOSED)?;
        for Enclosed { name, content } in enclosed {
            table.insert(name.as_str(), content.as_slice())?;
        }
    }
    Ok(txn.commit()?)
}

/// Copies tables between databases.
struct Copy<'a> {
    from: &'a ReadTransaction,
    to: &'a WriteTransaction,
    /// Those that were visited.
    names: BTreeSet<String>,
}

impl TableVisitor for Copy<'_> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<(), WriteFault> {
        self.names.insert(table.name().to_owned());
        let from = match self.from.open_table(table) {
            Ok(from) => from,
            // A version before did not have it.
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut to = self.to.open_table(table)?;
        for entry in from.iter()? {
            let (key, value) = entry?;
            to.insert(key.value(), value.value())?;
        }
        Ok(())
    }
}
