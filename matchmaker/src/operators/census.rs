//! The live matches of the store, and the stored state of those that no shard reports.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use admin::{MatchDetails, MatchSummary, Problem};
use game_core::{MatchId, MatchSetup};
use shard_core::MatchFacts;
use store::{Ownership, SCAN_LIMIT_MAX, ScanCursor, Status, Store, StoreError};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Age up to which a complete scan of the store is reused.
const FRESH: Duration = Duration::from_secs(2);
/// One list scans the store for at most this; the next one continues.
const LOOK_WITHIN: Duration = Duration::from_secs(2);
/// Upper bound on remembered live matches, about 50 bytes each: many more than an installation plays.
const LIVE_MAX: usize = 500_000;
/// Upper bound on matches that one list loads from the store; the next one continues.
const READS_MAX: usize = 500;
/// Upper bound on matches that are loaded concurrently.
const READS_AT_ONCE: usize = 16;
/// Age up to which a loaded match is reused: nobody plays it.
const READ_KEPT: Duration = Duration::from_secs(60);

/// A cache of the store's live matches, as far as lists have needed them.
#[derive(Default)]
pub(super) struct Census {
    looked: Mutex<Looked>,
    read: Mutex<HashMap<MatchId, Arc<Stray>>>,
}

#[derive(Default)]
struct Looked {
    /// Live matches at the last complete scan.
    live: BTreeMap<MatchId, Ownership>,
    /// When that was completed.
    done_at: Option<Instant>,
    /// Live matches that the scan under way has found.
    found: BTreeMap<MatchId, Ownership>,
    /// Where that scan continues.
    at: Option<ScanCursor>,
}

/// The stored state of a live match.
pub(super) struct Stray {
    pub(super) summary: MatchSummary,
    setup: MatchSetup,
    ownership: Ownership,
    read_at: Instant,
}

impl Stray {
    /// What lists filter and sort by.
    pub(super) fn facts(&self) -> MatchFacts<'_> {
        MatchFacts {
            setup: &self.setup,
            is_live: true,
            ply: self.summary.ply,
            spectators: 0,
        }
    }
}

impl Census {
    /// Every live match of the store with its ownership, and whether the list is complete.
    pub(super) async fn live(
        &self,
        store: &dyn Store,
    ) -> Result<(Vec<(MatchId, Ownership)>, bool), StoreError> {
        // One scan at a time; requests that wait here use its result.
        let mut looked = self.looked.lock().await;
        let complete = looked.go_on(store).await?;
        let older = looked.live.iter().filter(|_| !complete);
        let known = older.filter(|(id, _)| !looked.found.contains_key(id));
        let newest = if complete {
            &looked.live
        } else {
            &looked.found
        };
        let live = newest.iter().chain(known);
        Ok((
            live.map(|(id, ownership)| (*id, *ownership)).collect(),
            complete,
        ))
    }

    /// The stored state of these matches, without those that have ended, and whether it is complete.
    pub(super) async fn read(
        &self,
        store: &Arc<dyn Store>,
        wanted: &[(MatchId, Ownership)],
    ) -> Result<(Vec<Arc<Stray>>, bool), Problem> {
        let mut read = self.read.lock().await;
        read.retain(|_, stray| stray.read_at.elapsed() < READ_KEPT);
        let is_known = |(id, ownership): &&(MatchId, Ownership)| {
            read.get(id)
                .is_some_and(|stray| stray.ownership == *ownership)
        };
        let unknown: Vec<_> = wanted
            .iter()
            .filter(|entry| !is_known(entry))
            .copied()
            .collect();
        let mut complete = unknown.len() <= READS_MAX;
        for some in unknown[..unknown.len().min(READS_MAX)].chunks(READS_AT_ONCE) {
            let mut reading = JoinSet::new();
            for &(id, _) in some {
                let store = Arc::clone(store);
                reading.spawn(async move { (id, store.load(id).await) });
            }
            while let Some(answer) = reading.join_next().await {
                let Ok((id, answer)) = answer else { continue };
                match answer {
                    Ok(Some(checkpoint)) => match stray(checkpoint) {
                        Some(stray) => drop(read.insert(id, Arc::new(stray))),
                        None => complete = false,
                    },
                    Ok(None) => {}
                    Err(error @ StoreError::Unavailable(_)) => return Err(error.into()),
                    Err(error) => {
                        tracing::warn!(match_id = %id, %error, "a live match cannot be read");
                        complete = false;
                    }
                }
            }
        }
        let strays = wanted.iter().filter_map(|(id, _)| read.get(id));
        let live = strays.filter(|stray| stray.ownership.status == Status::Live);
        Ok((live.cloned().collect(), complete))
    }
}

impl Looked {
    /// Continues the scan of the store, unless one was completed a moment ago; returns whether it is complete.
    async fn go_on(&mut self, store: &dyn Store) -> Result<bool, StoreError> {
        let is_fresh = |done_at: Instant| done_at.elapsed() < FRESH;
        if self.at.is_none() && self.done_at.is_some_and(is_fresh) {
            return Ok(true);
        }
        let until = Instant::now() + LOOK_WITHIN;
        let mut all_kept = true;
        loop {
            let page = store.matches(self.at, SCAN_LIMIT_MAX);
            let left = until.saturating_duration_since(Instant::now());
            let Ok(page) = timeout(left, page).await else {
                return Ok(false);
            };
            let page = page?;
            for (id, ownership) in page.matches {
                if ownership.status == Status::Finished {
                    self.found.remove(&id);
                } else if self.found.len() < LIVE_MAX {
                    self.found.insert(id, ownership);
                } else {
                    all_kept = false;
                }
            }
            self.at = page.next;
            if self.at.is_none() {
                self.live = std::mem::take(&mut self.found);
                self.done_at = Some(Instant::now());
                return Ok(all_kept);
            }
        }
    }
}

/// A stored match as lists show it; `None`, with an error in the log, if it does not replay.
fn stray(checkpoint: store::Checkpoint) -> Option<Stray> {
    let (ownership, setup) = (checkpoint.ownership, checkpoint.snapshot.setup().clone());
    match MatchDetails::stored(checkpoint) {
        Ok((details, _)) => Some(Stray {
            summary: details.summary,
            setup,
            ownership,
            read_at: Instant::now(),
        }),
        Err(error) => {
            tracing::error!(match_id = %setup.id, %error, "a stored match cannot be restored");
            None
        }
    }
}
