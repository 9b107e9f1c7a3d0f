//! The worker of this matchmaker: it performs the steps, tag by tag.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game_core::{BySeat, Epoch, Match, MatchId, Tag};
use lru::LruCache;
use store::{Archive, Hint, OutboxEntry, OutboxTag, RatingApplied, Store, StoreError, WorkerId};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::figures::FinisherFigures;
use super::steps::{Finishing, Step};
use crate::clock::now;
use crate::finished::feed_entry;
use crate::ratings;
use crate::tournaments::result_of;

/// Interval between two looks at all outboxes, drawn between half of it and its whole: a player sees the new rating within a
/// second, and each matchmaker costs the store a few reads.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Longest interval after failures, to which it doubles.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(10);

/// How long a worker has a tag without renewing its lease: the time after which another one continues if it dies.
const LEASE: Duration = Duration::from_secs(3);

/// A hint to the players is given up after this.
const HINT_WITHIN: Duration = Duration::from_millis(250);

/// Age at which a lease is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(1);

/// Entries that are read at once.
const PAGE_LEN: usize = 64;

/// Upper bound on tags that one worker has at once, each with one step in flight.
const TAGS_MAX: usize = 16;

/// An entry that cannot be processed is tried again after this: an operator may have mended it.
const STUCK_RETRY: Duration = Duration::from_secs(60);

/// Upper bound on remembered entries of that kind; one that is forgotten is tried again earlier.
const STUCK_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// Does what follows from the end of matches.
pub(crate) struct Finisher {
    store: Arc<dyn Store>,
    archive: Arc<dyn Archive>,
    worker: WorkerId,
    figures: FinisherFigures,
    /// Entries that could not be processed, and when they are tried again.
    stuck: Mutex<LruCache<MatchId, Instant>>,
}

/// A step that failed.
#[derive(Debug)]
struct Failed {
    step: &'static str,
    error: StoreError,
}

/// Works until `stop`.
pub(crate) async fn finish_matches(finisher: Finisher, stop: CancellationToken) {
    let finisher = Arc::new(finisher);
    tokio::select! {
        biased;
        // The tasks end with it, wherever they are: others begin the entry anew.
        () = stop.cancelled() => {}
        () = finisher.work() => {}
    }
}

impl Finisher {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        archive: Arc<dyn Archive>,
        figures: FinisherFigures,
    ) -> Self {
        Self {
            store,
            archive,
            worker: WorkerId(rand::random()),
            figures,
            stuck: Mutex::new(LruCache::new(STUCK_MAX)),
        }
    }

    async fn work(self: Arc<Self>) {
        let (mut tasks, mut busy) = (JoinSet::new(), HashSet::new());
        let mut retries: HashMap<Tag, Backoff> = HashMap::new();
        let mut look = Backoff::default();
        loop {
            match self.store.outbox_tags().await {
                Ok(tags) => {
                    look = Backoff::default();
                    self.figures.see(&tags, now());
                    retries.retain(|tag, _| tags.iter().any(|named| named.tag == *tag));
                    for tag in due(&tags, &busy, &retries) {
                        busy.insert(tag);
                        let finisher = Arc::clone(&self);
                        tasks.spawn(async move { (tag, finisher.empty(tag).await) });
                    }
                }
                Err(error) => {
                    debug!(%error, "the outboxes cannot be read");
                    look.fail();
                }
            }
            let pause = look.pause().mul_f64(rand::random_range(0.5..=1.0));
            let pause = sleep(pause);
            tokio::pin!(pause);
            loop {
                let ended = tokio::select! {
                    () = &mut pause => break,
                    Some(ended) = tasks.join_next(), if !tasks.is_empty() => ended,
                };
                match ended {
                    Ok((tag, outcome)) => {
                        busy.remove(&tag);
                        note(&mut retries, tag, outcome);
                    }
                    // It cannot be known whose task that was: all others end soon.
                    Err(failure) => {
                        error!(%failure, "a worker has failed");
                        tasks.abort_all();
                        while tasks.join_next().await.is_some() {}
                        busy.clear();
                    }
                }
            }
        }
    }

    /// Processes all entries of a tag, if no other worker has it.
    async fn empty(&self, tag: Tag) -> Result<(), Failed> {
        let failed = |error| self.failed("lease", error);
        // Before the request, so that it is never renewed too late.
        let mut taken = Instant::now();
        let take = || self.store.take_outbox(tag, self.worker, LEASE, now());
        let Some(epoch) = take().await.map_err(failed)? else {
            return Ok(());
        };
        let mut after = None;
        loop {
            let page = self.store.outbox_after(tag, after, PAGE_LEN).await;
            let page = page.map_err(|error| self.failed("outbox", error))?;
            for entry in &page {
                after = Some(entry.position);
                if self.is_stuck(entry.match_id) {
                    continue;
                }
                if taken.elapsed() >= RENEW_AFTER {
                    taken = Instant::now();
                    if take().await.map_err(failed)? != Some(epoch) {
                        return Ok(());
                    }
                }
                if !self.process(entry, epoch).await? {
                    return Ok(());
                }
            }
            if page.len() < PAGE_LEN {
                return Ok(());
            }
        }
    }

    /// Processes one entry, and remembers one that cannot be processed. False if another worker has the tag now.
    async fn process(&self, entry: &OutboxEntry, epoch: Epoch) -> Result<bool, Failed> {
        let id = entry.match_id;
        match self.finish(entry, epoch).await {
            Ok(has_lease) => {
                if has_lease {
                    self.figures.count_finished();
                }
                self.set_stuck(id, false);
                Ok(has_lease)
            }
            Err(
                failed @ Failed {
                    error: StoreError::Unavailable(_),
                    ..
                },
            ) => Err(failed),
            Err(Failed { step, error }) => {
                error!(match_id = %id, step, %error, "what follows from the end of a match cannot be done");
                self.set_stuck(id, true);
                Ok(true)
            }
        }
    }

    /// Performs the steps of one entry. False if another worker has the tag now.
    async fn finish(&self, entry: &OutboxEntry, epoch: Epoch) -> Result<bool, Failed> {
        let mut finishing = Finishing::new(*entry, now());
        loop {
            if let Some(has_lease) = self.perform(&mut finishing, entry, epoch).await? {
                return Ok(has_lease);
            }
        }
    }

    /// Performs the next step. After the last one, whether this worker has had the tag until then.
    async fn perform(
        &self,
        finishing: &mut Finishing,
        entry: &OutboxEntry,
        epoch: Epoch,
    ) -> Result<Option<bool>, Failed> {
        let id = entry.match_id;
        match finishing.step() {
            Step::Load => {
                let game = self.load(id).await;
                let game = game.map_err(|error| self.failed("load", error))?;
                finishing.loaded(game.as_ref());
                if let Some(game) = &game {
                    self.hint_at(game).await;
                }
                if let Some(why) = finishing.unrated() {
                    info!(match_id = %id, ?why, "a rated match is not rated");
                }
                if finishing.step() == Step::Done {
                    warn!(match_id = %id, "a match with an outbox entry is missing, or goes on");
                }
            }
            Step::Archive(archived) => {
                let kept = self.archive.put(&archived).await;
                kept.map_err(|error| self.failed("archive", error))?;
                finishing.archived();
            }
            Step::Record(archived) => {
                let failed = |error| self.failed("tournament", error);
                if let Some(of) = self.store.tournament_of(id).await.map_err(failed)? {
                    let result = result_of(&archived);
                    let put = self.store.put_result(&of, id, &result).await;
                    put.map_err(failed)?;
                }
                finishing.recorded();
            }
            Step::ReadRatings(players, category) => {
                let white = self.store.rating(&players.white, category).await;
                let black = self.store.rating(&players.black, category).await;
                let failed = |error| self.failed("ratings", error);
                finishing.ratings(&BySeat {
                    white: white.map_err(failed)?,
                    black: black.map_err(failed)?,
                });
            }
            Step::Rate(rated) => {
                let answer = self.store.apply_rating(&rated).await;
                let answer = answer.map_err(|error| self.failed("rating", error))?;
                if answer == RatingApplied::Applied {
                    self.figures.count_rated();
                }
                finishing.applied(answer);
            }
            Step::Publish(archived, rated) => {
                let entry = feed_entry(&archived, ratings::differences(rated.as_deref()));
                let entry = entry.map_err(|error| self.failed("feed", error))?;
                let published = self.store.publish_match(&entry).await;
                published.map_err(|error| self.failed("feed", error))?;
                finishing.published();
            }
            Step::Done => {
                let done = self.store.outbox_done(self.worker, epoch, entry, now());
                let done = done.await.map_err(|error| self.failed("done", error));
                return done.map(Some);
            }
        }
        Ok(None)
    }

    /// Lets the players' streams of events look at the match. They would look by themselves some seconds later.
    async fn hint_at(&self, game: &Match) {
        let setup = game.setup();
        let BySeat { white, black } = &setup.players;
        let hint = Hint {
            about: setup.id,
            players: vec![white.id.clone(), black.id.clone()],
        };
        if !matches!(
            timeout(HINT_WITHIN, self.store.hint(&hint)).await,
            Ok(Ok(()))
        ) {
            debug!(match_id = %setup.id, "nobody is told that a match has ended");
        }
    }

    async fn load(&self, id: MatchId) -> Result<Option<Match>, StoreError> {
        let Some(checkpoint) = self.store.load(id).await? else {
            return Ok(None);
        };
        let game = Match::restore(checkpoint.snapshot, &checkpoint.tail);
        let game = game
            .map_err(|error| StoreError::Corrupt(format!("match {id} does not replay: {error}")))?;
        Ok(Some(game))
    }

    fn failed(&self, step: &'static str, error: StoreError) -> Failed {
        self.figures.count_failure();
        Failed { step, error }
    }

    fn is_stuck(&self, id: MatchId) -> bool {
        let retry_at = self.stuck().peek(&id).copied();
        retry_at.is_some_and(|retry_at| Instant::now() < retry_at)
    }

    fn set_stuck(&self, id: MatchId, is_stuck: bool) {
        let mut stuck = self.stuck();
        if is_stuck {
            stuck.put(id, Instant::now() + STUCK_RETRY);
        } else {
            stuck.pop(&id);
        }
        self.figures.set_stuck(stuck.len());
    }

    /// Locked for one operation, and never across a wait.
    fn stuck(&self) -> MutexGuard<'_, LruCache<MatchId, Instant>> {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tags to take now, those with the oldest entries first.
fn due(tags: &[OutboxTag], busy: &HashSet<Tag>, retries: &HashMap<Tag, Backoff>) -> Vec<Tag> {
    let is_due = |tag: &&OutboxTag| {
        let rests = |backoff: &Backoff| Instant::now() < backoff.until;
        tag.waiting > 0 && !busy.contains(&tag.tag) && !retries.get(&tag.tag).is_some_and(rests)
    };
    let mut due: Vec<_> = tags.iter().filter(is_due).collect();
    due.sort_by_key(|tag| tag.oldest_at);
    let room = TAGS_MAX.saturating_sub(busy.len());
    due.into_iter().take(room).map(|tag| tag.tag).collect()
}

/// Records how a tag went.
fn note(retries: &mut HashMap<Tag, Backoff>, tag: Tag, outcome: Result<(), Failed>) {
    match outcome {
        Ok(()) => {
            retries.remove(&tag);
        }
        Err(Failed { step, error }) => {
            let backoff = retries.entry(tag).or_default();
            backoff.fail();
            let retry_ms = backoff.pause().as_millis() as u64;
            warn!(%tag, step, %error, retry_ms, "what follows from the end of matches is delayed");
        }
    }
}

/// When to try again.
#[derive(Debug, Clone, Copy)]
struct Backoff {
    failures: u32,
    until: Instant,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            failures: 0,
            until: Instant::now(),
        }
    }
}

impl Backoff {
    fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.until = Instant::now() + self.pause();
    }

    fn pause(&self) -> Duration {
        let doubled = LOOK_EVERY.saturating_mul(1 << self.failures.min(8));
        doubled.min(LOOK_EVERY_MAX)
    }
}

#[cfg(test)]
mod tests;
