//! The one thread that writes: group commit, and recovery from a commit that failed.
//!
//! Appends go into the [`journal`](super::journal), everything else into the database: see [`round`](super::round).

use std::collections::{HashMap, hash_map};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use game_core::MatchId;
use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend,
    WriteTransaction,
};
use tokio::sync::{mpsc, oneshot};

use super::contained::{contained, open_checked};
use super::fault::{WriteFault, cannot_open, damaged};
use super::journal::{Journal, Needed, Row, Source, read_rows};
use super::log;
use super::round::{Round, State};
use super::tables::{HEADS, JOURNAL, LOG};
use super::tails::{Gap, Tails};
use crate::codec::Entries;
use crate::error::StoreError;

/// Upper bound on requests queued for the thread; when the queue is full, callers wait.
const QUEUE_LEN: usize = 1024;
/// Upper bound on requests in one commit, so that the first does not wait for an endless stream.
const BATCH_LEN: usize = 256;
/// Delay before another attempt to open a file that failed.
const REOPEN_PAUSE: Duration = Duration::from_millis(100);

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
    journal: Source,
    /// What the journal has and the database lacks. Locked for moments, and never across a flush.
    tails: RwLock<Tails>,
    /// `None` after a failure, until it is open again. Read-locked by all who use it, so that it is closed
    /// only when it is not in use: the file's lock allows one opening at a time.
    database: RwLock<Option<Database>>,
}

/// A request in the queue: it is applied, and once the commit has succeeded or failed, answered.
trait Request: Send {
    fn apply(&mut self, round: &mut Round<'_>) -> Result<(), redb::Error>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Pending<F, T> {
    operation: Option<F>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Request for Pending<F, T>
where
    F: FnOnce(&mut Round<'_>) -> Result<T, WriteFault> + Send,
    T: Send,
{
    fn apply(&mut self, round: &mut Round<'_>) -> Result<(), redb::Error> {
        let Some(operation) = self.operation.take() else {
            return Ok(());
        };
        self.result = Some(match operation(round) {
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
    /// Opens database and journal, applies `prepare` to the database together with what the journal has, and starts the
    /// thread.
    pub(super) fn start(
        place: String,
        open: Open,
        journal: Source,
        prepare: impl FnOnce(&WriteTransaction) -> Result<(), WriteFault>,
    ) -> Result<Self, StoreError> {
        let database = open_checked(&open, &place).map_err(|error| cannot_open(&place, error))?;
        let begun = contained(|| begin(&database, &journal, prepare));
        let state = begun
            .unwrap_or_else(|text| Err(damaged(text)))
            .map_err(|fault| fault.into_error(&place))?;
        let shared = Arc::new(Shared {
            place,
            open,
            journal,
            tails: RwLock::default(),
            database: RwLock::new(Some(database)),
        });
        let (requests, queue) = mpsc::channel(QUEUE_LEN);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || shared.serve(queue, state)
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
        self.round(move |round| operation(round.txn()?)).await
    }

    /// The same for what appends, or reads or changes the log or the owner of a match: it may use the whole round, and
    /// has it bring up the matches that it concerns.
    pub(super) async fn round<F, T>(&self, operation: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Round<'_>) -> Result<T, WriteFault> + Send + 'static,
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
        tokio::task::spawn_blocking(move || shared.read(|_| (), |txn, ()| operation(txn)))
            .await
            .map_err(|error| StoreError::Unavailable(format!("a read ended early: {error}")))?
    }

    /// The same with what `pick` takes from the tails of matches at the same moment.
    pub(super) async fn read_with<P, F, T, U>(&self, pick: P, operation: F) -> Result<T, StoreError>
    where
        P: FnOnce(&Tails) -> U + Send + 'static,
        F: FnOnce(&ReadTransaction, U) -> Result<T, WriteFault> + Send + 'static,
        T: Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.read(pick, operation))
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

/// Completes the database by what the journal has, in one transaction with `prepare`, and begins a new journal. A crash
/// in between leaves a database that needs the journal as it is, or none.
fn begin(
    database: &Database,
    source: &Source,
    prepare: impl FnOnce(&WriteTransaction) -> Result<(), WriteFault>,
) -> Result<State, WriteFault> {
    let failed = |error| WriteFault::Storage(redb::Error::Io(error));
    let txn = database.begin_write()?;
    prepare(&txn)?;
    let storage = (source.open)().map_err(failed)?;
    replay(&txn, &*storage, source.half_len)?;
    txn.commit()?;
    let journal = Journal::begin(storage, source.half_len).map_err(failed)?;
    let txn = database.begin_write()?;
    txn.open_table(JOURNAL)?
        .insert((), (journal.lineage(), journal.generation()))?;
    txn.commit()?;
    Ok(State::new(journal))
}

/// Puts into the tables what the journal has and they lack, after which they need none.
fn replay(
    txn: &WriteTransaction,
    storage: &dyn StorageBackend,
    half_len: u64,
) -> Result<(), WriteFault> {
    let tails = {
        let mut needed = txn.open_table(JOURNAL)?;
        let Some((lineage, from)) = needed.remove(())?.map(|found| found.value()) else {
            return Ok(());
        };
        let (heads, log) = (txn.open_table(HEADS)?, txn.open_table(LOG)?);
        let rows = read_rows(storage, half_len, Needed { lineage, from })?;
        read_tails(&heads, &log, rows)?
    };
    for (id, tail) in tails.iter() {
        log::bring_up(txn, id, tail)?;
    }
    if tails.iter().next().is_some() {
        let matches = tails.iter().count();
        tracing::info!(matches, "the newest events were read from the journal");
    }
    Ok(())
}

/// What the journal has and the logs lack.
pub(super) fn read_tails(
    heads: &impl ReadableTable<&'static str, &'static [u8]>,
    log: &impl log::Log,
    rows: Vec<Row>,
) -> Result<Tails, WriteFault> {
    let (mut tails, now) = (Tails::default(), Instant::now());
    // Length of the log in the tables; nothing for a match that was removed since.
    let mut lens: HashMap<MatchId, Option<u32>> = HashMap::new();
    for row in rows {
        for entry in Entries(&row.body) {
            let entry = entry?;
            let id = entry.id;
            let len = match lens.entry(id) {
                hash_map::Entry::Occupied(known) => *known.get(),
                hash_map::Entry::Vacant(place) => {
                    let is_there = heads.get(id.as_str())?.is_some();
                    let len = is_there.then(|| log::len(log, id)).transpose()?;
                    *place.insert(len)
                }
            };
            let Some(len) = len else {
                continue;
            };
            if let Err(Gap { len }) = tails.push(&entry, row.generation, now, len) {
                let text = format!(
                    "the journal goes on with match {id} after event {}, and {len} are there",
                    entry.after
                );
                return Err(StoreError::Corrupt(text).into());
            }
        }
    }
    Ok(tails)
}

impl Shared {
    fn serve(&self, mut queue: mpsc::Receiver<Box<dyn Request>>, state: State) {
        let mut batch = Vec::with_capacity(BATCH_LEN);
        let mut state = Some(state);
        while queue.blocking_recv_many(&mut batch, BATCH_LEN) > 0 {
            let committed = self.commit(&mut batch, &mut state);
            if let Err(error) = &committed {
                tracing::error!(%error, requests = batch.len(), "a commit failed");
            }
            for request in batch.drain(..) {
                request.answer(committed.clone());
            }
            // Nobody waits for this.
            if committed.is_ok()
                && let Err(error) = self.round(&mut state, |round| round.step())
            {
                tracing::error!(%error, "the journal is not brought up");
            }
        }
        if state.is_some()
            && let Err(error) = self.round(&mut state, |round| round.finish())
        {
            tracing::error!(%error, "the journal is brought up when the store is opened again");
        }
    }

    /// One durable commit for the whole batch.
    fn commit(
        &self,
        batch: &mut [Box<dyn Request>],
        state: &mut Option<State>,
    ) -> Result<(), StoreError> {
        self.ensure_open(state)?;
        self.round(state, |round| {
            for request in batch {
                request.apply(round).map_err(WriteFault::Storage)?;
            }
            round.settle()
        })
    }

    /// Does something in a round. After a failure the database is closed, as redb does not continue with a file after an
    /// error, and what the journal has is read again: it may have more than was answered.
    fn round(
        &self,
        state: &mut Option<State>,
        work: impl FnOnce(&mut Round<'_>) -> Result<(), WriteFault>,
    ) -> Result<(), StoreError> {
        let done = self.with_database(|database| {
            let state = state.as_mut().ok_or_else(|| self.closed())?;
            work(&mut Round::begin(database, state, &self.tails))
        });
        if done.is_err() {
            *state = None;
            let mut database = self
                .database
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *database = None;
            *self.tails.write().unwrap_or_else(PoisonError::into_inner) = Tails::default();
        }
        done
    }

    fn read<T, U>(
        &self,
        pick: impl FnOnce(&Tails) -> U,
        operation: impl FnOnce(&ReadTransaction, U) -> Result<T, WriteFault>,
    ) -> Result<T, StoreError> {
        self.with_database(|database| {
            let (txn, picked) = {
                let tails = self.tails.read().unwrap_or_else(PoisonError::into_inner);
                (database.begin_read()?, pick(&tails))
            };
            operation(&txn, picked)
        })
    }

    fn closed(&self) -> StoreError {
        StoreError::Unavailable(format!(
            "the store in {} failed and is not open again yet",
            self.place
        ))
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
            None => Err(self.closed()),
        }
    }

    fn ensure_open(&self, state: &mut Option<State>) -> Result<(), StoreError> {
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
            let opened = opened?;
            // Under the lock of the database, so that nobody reads before it is complete.
            let begun = contained(|| begin(&opened, &self.journal, |_| Ok(())));
            *state = Some(
                begun
                    .unwrap_or_else(|text| Err(damaged(text)))
                    .map_err(|fault| fault.into_error(&self.place))?,
            );
            *database = Some(opened);
            tracing::info!(place = self.place, "the store is open again");
        }
        Ok(())
    }
}
