//! The one thread that writes: group commit, and recovery from a commit that failed.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageError, WriteTransaction,
};
use tokio::sync::{mpsc, oneshot};

use super::contained::{contained, open_checked};
use crate::codec::DecodeError;
use crate::error::StoreError;

/// Upper bound on requests queued for the thread; when the queue is full, callers wait.
const QUEUE_LEN: usize = 1024;
/// Upper bound on requests in one commit, so that the first does not wait for an endless stream.
const BATCH_LEN: usize = 256;
/// Delay before another attempt to open a file that failed.
const REOPEN_PAUSE: Duration = Duration::from_millis(100);

/// Advice in the error about a damaged file.
pub(super) const WHAT_TO_DO: &str =
    "put a copy of the file back, or move it away to begin with an empty store";

/// Why a request has no result.
pub(super) enum WriteFault {
    /// The storage failed: nothing in this commit happened.
    Storage(redb::Error),
    /// Only this request fails, and it has written nothing.
    Refused(StoreError),
}

/// How the file is opened, each time.
pub(super) type Open = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// The database, and the queue of the thread that writes to it.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// `None` only while this is dropped.
    requests: Option<mpsc::Sender<Box<dyn Request>>>,
    /// `None` only while this is dropped.
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Where the file is, for messages.
    place: String,
    open: Open,
    /// `None` after a failure, until it is open again. Read-locked by all who use it, so that it is closed
    /// only when it is not in use: the file's lock allows one opening at a time.
    database: RwLock<Option<Database>>,
}

/// A request in the queue: it is applied, and once the commit has succeeded or failed, answered.
trait Request: Send {
    fn apply(&mut self, txn: &WriteTransaction) -> Result<(), redb::Error>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Pending<F, T> {
    operation: Option<F>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Request for Pending<F, T>
where
    F: FnOnce(&WriteTransaction) -> Result<T, WriteFault> + Send,
    T: Send,
{
    fn apply(&mut self, txn: &WriteTransaction) -> Result<(), redb::Error> {
        let Some(operation) = self.operation.take() else {
            return Ok(());
        };
        self.result = Some(match operation(txn) {
            Ok(result) => Ok(result),
            Err(WriteFault::Refused(error)) => Err(error),
            Err(WriteFault::Storage(error)) => return Err(error),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let unapplied = || Err(StoreError::Unavailable("not reached".to_owned()));
        let Self { result, caller, .. } = *self;
        // A caller that has gone away needs no answer.
        let _ = caller.send(committed.and_then(|()| result.unwrap_or_else(unapplied)));
    }
}

impl Writer {
    /// Opens the database, applies `prepare` to it in a separate commit, and starts the thread.
    pub(super) fn start(
        place: String,
        open: Open,
        prepare: impl FnOnce(&WriteTransaction) -> Result<(), WriteFault>,
    ) -> Result<Self, StoreError> {
        let database = open_checked(&open, &place).map_err(|error| cannot_open(&place, error))?;
        let prepared = contained(|| {
            let txn = database.begin_write()?;
            prepare(&txn)?;
            Ok(txn.commit()?)
        });
        prepared
            .unwrap_or_else(|text| Err(damaged(text)))
            .map_err(|fault: WriteFault| fault.into_error(&place))?;
        let shared = Arc::new(Shared {
            place,
            open,
            database: RwLock::new(Some(database)),
        });
        let (requests, queue) = mpsc::channel(QUEUE_LEN);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || shared.serve(queue)
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread to write: {error}")))?;
        Ok(Self {
            shared,
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    /// Has the thread apply `operation`, and returns once the commit that holds it is durable.
    ///
    /// `operation` is all or none: it checks every reason to refuse before it writes.
    pub(super) async fn write<F, T>(&self, operation: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTransaction) -> Result<T, WriteFault> + Send + 'static,
        T: Send + 'static,
    {
        let stopped = || StoreError::Unavailable("the store's writer has stopped".to_owned());
        let (caller, answer) = oneshot::channel();
        let request = Pending {
            operation: Some(operation),
            result: None,
            caller,
        };
        let requests = self.requests.as_ref().ok_or_else(stopped)?;
        requests
            .send(Box::new(request))
            .await
            .map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Runs `operation` on what is committed, away from the threads that serve async tasks.
    pub(super) async fn read<F, T>(&self, operation: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTransaction) -> Result<T, WriteFault> + Send + 'static,
        T: Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.read(operation))
            .await
            .map_err(|error| StoreError::Unavailable(format!("a read ended early: {error}")))?
    }
}

/// Answers what is queued, then ends the thread and closes the file.
impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer had panicked");
        }
    }
}

impl Shared {
    fn serve(&self, mut queue: mpsc::Receiver<Box<dyn Request>>) {
        let mut batch = Vec::with_capacity(BATCH_LEN);
        while queue.blocking_recv_many(&mut batch, BATCH_LEN) > 0 {
            let committed = self.commit(&mut batch);
            if let Err(error) = &committed {
                tracing::error!(%error, requests = batch.len(), "a commit failed");
            }
            for request in batch.drain(..) {
                request.answer(committed.clone());
            }
        }
    }

    /// One durable commit for the whole batch. After a failure the database is closed: redb does not continue
    /// with a file after an error.
    fn commit(&self, batch: &mut [Box<dyn Request>]) -> Result<(), StoreError> {
        self.ensure_open()?;
        let committed = self.with_database(|database| {
            let txn = database.begin_write()?;
            for request in batch {
                request.apply(&txn).map_err(WriteFault::Storage)?;
            }
            Ok(txn.commit()?)
        });
        if committed.is_err() {
            *self
                .database
                .write()
                .unwrap_or_else(PoisonError::into_inner) = None;
        }
        committed
    }

    fn read<T>(
        &self,
        operation: impl FnOnce(&ReadTransaction) -> Result<T, WriteFault>,
    ) -> Result<T, StoreError> {
        self.with_database(|database| operation(&database.begin_read()?))
    }

    fn with_database<T>(
        &self,
        operation: impl FnOnce(&Database) -> Result<T, WriteFault>,
    ) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match &*database {
            Some(database) => contained(|| operation(database))
                .unwrap_or_else(|text| Err(damaged(text)))
                .map_err(|fault| fault.into_error(&self.place)),
            None => Err(StoreError::Unavailable(format!(
                "the store in {} failed and is not open again yet",
                self.place
            ))),
        }
    }

    fn ensure_open(&self) -> Result<(), StoreError> {
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            thread::sleep(REOPEN_PAUSE);
            let opened = open_checked(&self.open, &self.place).map_err(|error| {
                match cannot_open(&self.place, error) {
                    // It was usable before.
                    StoreError::Unfit(text) => StoreError::Unavailable(text),
                    error => error,
                }
            });
            *database = Some(opened?);
            tracing::info!(place = self.place, "the store is open again");
        }
        Ok(())
    }
}

impl WriteFault {
    pub(super) fn into_error(self, place: &str) -> StoreError {
        match self {
            Self::Refused(StoreError::Unfit(text)) => {
                StoreError::Unfit(format!("the store in {place}: {text}"))
            }
            Self::Refused(error) => error,
            Self::Storage(redb::Error::Corrupted(text)) => {
                StoreError::Corrupt(format!("the store in {place}: {text}"))
            }
            Self::Storage(error) => {
                StoreError::Unavailable(format!("the store in {place}: {error}"))
            }
        }
    }
}

/// The file is not what was written to it.
fn damaged(text: String) -> WriteFault {
    WriteFault::Storage(redb::Error::Corrupted(format!(
        "its file is damaged: {text}"
    )))
}

pub(super) fn cannot_open(place: &str, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Unfit(format!(
            "another process has the store in {place} open; stop it, or use another directory"
        )),
        DatabaseError::UpgradeRequired(version) => StoreError::Unfit(format!(
            "the store in {place} is of an older format ({version}) than this program reads"
        )),
        DatabaseError::Storage(StorageError::Corrupted(text)) => {
            StoreError::Corrupt(format!("the store in {place}: {text}; {WHAT_TO_DO}"))
        }
        // How redb reports that a file is not its own, or ends too early.
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            StoreError::Corrupt(format!("the store in {place}: {error}; {WHAT_TO_DO}"))
        }
        error => StoreError::Unavailable(format!("the store in {place}: {error}")),
    }
}

impl From<StoreError> for WriteFault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<DecodeError> for WriteFault {
    fn from(error: DecodeError) -> Self {
        Self::Refused(StoreError::Corrupt(error.to_string()))
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for WriteFault {
            fn from(error: redb::$error) -> Self {
                Self::Storage(error.into())
            }
        })*
    };
}

from_redb!(CommitError, StorageError, TableError, TransactionError);
