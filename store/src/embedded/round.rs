//! One round of the writer: all requests that waited, in at most one transaction and one row of the journal.
//!
//! The transaction is committed first. A row never has what only an uncommitted transaction allows, and a transaction has
//! all that it needs of a row before: of a match that it changes, the tail is brought up in it.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use game_core::MatchId;
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::fault::WriteFault;
use super::journal::Journal;
use super::log;
use super::log::{Appending, write_append};
use super::remembered::Remembered;
use super::tables::JOURNAL;
use super::tails::Tails;
use crate::codec::{self, Entries, Entry};

/// Tails that are older than this go into the tables with any transaction.
const TAIL_AGE: Duration = Duration::from_secs(1);
/// How much of a half is filled, in thousandths, when all of the other one is in the tables: it is done in steps before.
const BROUGHT_UP_BY: u64 = 750;
/// After how much of a half, in thousandths, the next step is due.
const STEP: u64 = 30;

/// What the writer has from one round to the next.
pub(super) struct State {
    pub(super) journal: Journal,
    remembered: Remembered,
    /// The first generation of the journal that is needed, as the database says.
    needed_from: u32,
    /// How much of the half is filled, in thousandths, at the next step.
    next_step: u64,
    /// The row under way.
    row: Vec<u8>,
    /// The matches in it.
    staged: Vec<MatchId>,
}

impl State {
    pub(super) fn new(journal: Journal) -> Self {
        let mut row = Vec::new();
        codec::begin_row(&mut row);
        Self {
            journal,
            remembered: Remembered::default(),
            needed_from: 0,
            next_step: STEP,
            row,
            staged: Vec::new(),
        }
    }
}

/// A round under way.
pub(super) struct Round<'a> {
    database: &'a Database,
    state: &'a mut State,
    tails: &'a RwLock<Tails>,
    txn: Option<WriteTransaction>,
    /// Matches whose tails are in the transaction.
    brought_up: HashSet<MatchId>,
    now: Instant,
}

impl<'a> Round<'a> {
    pub(super) fn begin(
        database: &'a Database,
        state: &'a mut State,
        tails: &'a RwLock<Tails>,
    ) -> Self {
        Self {
            database,
            state,
            tails,
            txn: None,
            brought_up: HashSet::new(),
            now: Instant::now(),
        }
    }

    /// The transaction of this round.
    pub(super) fn txn(&mut self) -> Result<&WriteTransaction, WriteFault> {
        let txn = match self.txn.take() {
            Some(txn) => txn,
            None => self.database.begin_write()?,
        };
        Ok(self.txn.insert(txn))
    }

    /// The same if there is one.
    pub(super) const fn open_txn(&self) -> Option<&WriteTransaction> {
        self.txn.as_ref()
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction, WriteFault> {
        Ok(self.database.begin_read()?)
    }

    pub(super) const fn remembered(&mut self) -> &mut Remembered {
        &mut self.state.remembered
    }

    /// Only the writer changes them, so that it may read them without thinking of others.
    pub(super) fn tails(&self) -> RwLockReadGuard<'a, Tails> {
        self.tails.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tails_mut(&self) -> RwLockWriteGuard<'a, Tails> {
        self.tails.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings matches up, for a request that reads or changes them in the transaction. What is remembered of them is
    /// forgotten.
    pub(super) fn bring_up(&mut self, ids: &[MatchId]) -> Result<(), WriteFault> {
        if ids.iter().any(|id| self.state.staged.contains(id)) {
            self.settle()?;
        }
        for id in ids {
            self.state.remembered.forget(*id);
        }
        self.move_tails(ids)
    }

    fn move_tails(&mut self, ids: &[MatchId]) -> Result<(), WriteFault> {
        let tails = self.tails();
        for &id in ids {
            let Some(tail) = tails.get(id) else {
                continue;
            };
            if self.brought_up.insert(id) {
                log::bring_up(self.txn()?, id, tail)?;
            }
        }
        Ok(())
    }

    /// Whether an entry of this length goes into the journal: longer ones go into the tables at once.
    pub(super) const fn is_journaled(&self, len: usize) -> bool {
        len <= self.state.journal.entry_len_max()
    }

    /// Adds an entry to the row.
    pub(super) fn stage(&mut self, entry: &Entry<'_>) -> Result<(), WriteFault> {
        if self.state.row.len() > self.state.journal.row_len_max() {
            self.settle()?;
        }
        entry.push(&mut self.state.row);
        self.state.staged.push(entry.id);
        Ok(())
    }

    /// Flushes what is staged if it concerns a match.
    pub(super) fn settle_staged(&mut self, id: MatchId) -> Result<(), WriteFault> {
        if self.state.staged.contains(&id) {
            self.settle()?;
        }
        Ok(())
    }

    /// Writes an append into the tables, behind all that is in the journal of its match.
    pub(super) fn write_directly(&mut self, append: &Appending<'_>) -> Result<(), WriteFault> {
        let id = append.entry.id;
        self.settle_staged(id)?;
        self.move_tails(&[id])?;
        write_append(self.txn()?, append)
    }

    /// Makes everything so far durable.
    pub(super) fn settle(&mut self) -> Result<(), WriteFault> {
        if self.txn.is_some() {
            let aged = self.tails().aged(self.now, TAIL_AGE);
            self.move_tails(&aged)?;
            self.commit()?;
        }
        if codec::is_empty_row(&self.state.row) {
            return Ok(());
        }
        if !self.state.journal.has_room(self.state.row.len()) {
            self.turn()?;
        }
        // The row is completed in its place, and its body is read again.
        let generation = self.state.journal.generation();
        self.state
            .journal
            .write(&mut self.state.row)
            .map_err(failed)?;
        let mut tails = self.tails_mut();
        for entry in Entries(codec::body_of_row(&self.state.row)) {
            // Checked when it was staged.
            let entry = entry?;
            let _ = tails.push(&entry, generation, self.now, entry.after);
        }
        drop(tails);
        self.state.staged.clear();
        codec::begin_row(&mut self.state.row);
        Ok(())
    }

    /// Commits the transaction. The tails in it are forgotten.
    fn commit(&mut self) -> Result<(), WriteFault> {
        let Some(txn) = self.txn.take() else {
            return Ok(());
        };
        txn.commit()?;
        self.tails_mut().remove(&self.brought_up);
        self.brought_up.clear();
        Ok(())
    }

    /// Goes on with the other half of the journal, as soon as all of it is in the tables.
    fn turn(&mut self) -> Result<(), WriteFault> {
        let generation = self.state.journal.generation();
        if self.state.needed_from != generation {
            let old = self.tails().oldest(generation, usize::MAX);
            self.move_tails(&old)?;
            self.need_from(generation)?;
            self.commit()?;
        }
        self.state.journal.turn();
        self.state.next_step = STEP;
        Ok(())
    }

    /// Brings some of the matches up whose records are in the other half of the journal: all of them, step by step, before
    /// this half is full, so that no caller waits for all.
    pub(super) fn step(&mut self) -> Result<(), WriteFault> {
        let filled = self.state.journal.filled_permille();
        let generation = self.state.journal.generation();
        if filled < self.state.next_step || self.state.needed_from == generation {
            return Ok(());
        }
        self.state.next_step = filled + STEP;
        let steps = BROUGHT_UP_BY.saturating_sub(filled) / STEP + 1;
        let tails = self.tails();
        let count = tails.before(generation).div_ceil(steps as usize);
        let old = tails.oldest(generation, count);
        drop(tails);
        self.move_tails(&old)?;
        if old.is_empty() {
            self.need_from(generation)?;
        }
        self.commit()
    }

    /// Has the database say that it needs no row of an earlier generation.
    fn need_from(&mut self, generation: u32) -> Result<(), WriteFault> {
        let needed = (self.state.journal.lineage(), generation);
        self.txn()?.open_table(JOURNAL)?.insert((), needed)?;
        self.state.needed_from = generation;
        Ok(())
    }

    /// Brings everything up, and has the database say that it needs no journal.
    pub(super) fn finish(&mut self) -> Result<(), WriteFault> {
        let all: Vec<MatchId> = self.tails().iter().map(|(id, _)| id).collect();
        self.move_tails(&all)?;
        self.txn()?.open_table(JOURNAL)?.remove(())?;
        self.commit()
    }
}

fn failed(error: std::io::Error) -> WriteFault {
    WriteFault::Storage(redb::Error::Io(error))
}
