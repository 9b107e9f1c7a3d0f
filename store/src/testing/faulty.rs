//! A store that fails on demand, and remembers what it confirmed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use game_core::MatchId;
use tokio::sync::watch;

use crate::append::{Append, Appended};
use crate::contract::{MatchLog, Store};
use crate::error::StoreError;
use crate::front::Front;

/// What happens to appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AppendFault {
    /// Nothing: they are done at once.
    #[default]
    None,
    /// They are delayed by this time.
    Delay(Duration),
    /// They wait, undone, until another fault, or none, is set; that then applies to them.
    Hold,
    /// They are done, and their answers wait until another fault, or none, is set.
    HoldAnswers,
    /// They are not done, and answered [`StoreError::Unavailable`].
    Refuse,
    /// They are done, and answered [`StoreError::Unavailable`].
    LoseAnswers,
}

/// Controls how a [`FaultyStore`] fails, and knows what it confirmed. Clones control the same store.
#[derive(Debug, Clone)]
pub struct Faults {
    appends: Arc<watch::Sender<AppendFault>>,
    down: Arc<watch::Sender<bool>>,
    /// Appends that wait because of [`AppendFault::Hold`] or [`AppendFault::HoldAnswers`].
    held: Arc<watch::Sender<usize>>,
    confirmed: Arc<Mutex<Vec<Append>>>,
}

impl Faults {
    /// Sets what happens to appends from now on, held ones included.
    pub fn set_appends(&self, fault: AppendFault) {
        self.appends.send_replace(fault);
    }

    /// Makes every operation answer [`StoreError::Unavailable`] without being done, or ends that.
    /// Appends that have begun are not affected.
    pub fn set_down(&self, down: bool) {
        self.down.send_replace(down);
    }

    /// Waits until some append is being held.
    pub async fn until_held(&self) {
        // The sender is this handle's own: it cannot be gone.
        let _ = self.held.subscribe().wait_for(|held| *held > 0).await;
    }

    /// Every append that was confirmed to its caller as stored, in the order of the answers.
    #[must_use]
    pub fn confirmed(&self) -> Vec<Append> {
        self.confirmations().clone()
    }

    /// For each match the seq up to which records were confirmed to its caller.
    #[must_use]
    pub fn confirmed_seqs(&self) -> HashMap<MatchId, u32> {
        let mut seqs = HashMap::new();
        for append in self.confirmations().iter() {
            let seq = seqs.entry(append.match_id).or_insert(0);
            *seq = append.last_seq().max(*seq);
        }
        seqs
    }

    fn confirmations(&self) -> MutexGuard<'_, Vec<Append>> {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store that forwards everything to another one, except for its configured faults.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Faults,
}

impl FaultyStore {
    /// Wraps a store; it has no faults yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        let faults = Faults {
            appends: Arc::new(watch::Sender::new(AppendFault::None)),
            down: Arc::new(watch::Sender::new(false)),
            held: Arc::new(watch::Sender::new(0)),
            confirmed: Arc::default(),
        };
        Self { inner, faults }
    }

    /// The handle that controls this store.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// Waits until the fault is another one than `hold`, and returns it.
    async fn held_by(&self, hold: AppendFault) -> AppendFault {
        let mut faults = self.faults.appends.subscribe();
        if *faults.borrow() != hold {
            return *faults.borrow();
        }
        let _held = Held::new(&self.faults.held);
        faults
            .wait_for(|fault| *fault != hold)
            .await
            .map_or(hold, |fault| *fault)
    }
}

impl Front<dyn Store> for FaultyStore {
    fn behind(&self) -> Result<&dyn Store, StoreError> {
        if *self.faults.down.borrow() {
            Err(StoreError::Unavailable("down, as told".to_owned()))
        } else {
            Ok(&*self.inner)
        }
    }
}

/// Counts an append as held for as long as it lives, also if its caller gives up.
struct Held<'a>(&'a watch::Sender<usize>);

impl<'a> Held<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|held| *held += 1);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl MatchLog for FaultyStore {
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        match self.held_by(AppendFault::Hold).await {
            AppendFault::Delay(delay) => tokio::time::sleep(delay).await,
            AppendFault::Refuse => {
                return Err(StoreError::Unavailable("refused, as told".to_owned()));
            }
            _ => {}
        }
        let answers = store.append(batch).await?;
        if self.held_by(AppendFault::HoldAnswers).await == AppendFault::LoseAnswers {
            return Err(StoreError::Unavailable(
                "the answer is lost, as told".to_owned(),
            ));
        }
        let stored = batch
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| matches!(answer, Appended::Stored { .. }));
        self.faults
            .confirmations()
            .extend(stored.map(|(append, _)| append.clone()));
        Ok(answers)
    }
}
