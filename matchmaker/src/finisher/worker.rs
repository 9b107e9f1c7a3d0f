//! The worker of this matchmaker: it performs the steps, tag by tag.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game_core::{BySeat, Epoch, Match, MatchId, Tag};
use lru::LruCache;
use store::{Archive, OutboxEntry, OutboxTag, RatingApplied, Store, StoreError, WorkerId};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::figures::FinisherFigures;
use super::steps::{Finishing, Step};
use crate::finished::feed_entry;
use crate::ratings;
use crate::service::now;

/// Interval between two looks at all outboxes, drawn between half of it and its whole: a player sees the new rating within a
/// second, and each matchmaker costs the store a few reads.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Longest interval after failures, to which it doubles.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(10);

/// How long a worker has a tag without renewing its lease: the time after which another one continues if it dies.
const LEASE: Duration = Duration::from_secs(3);

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
mod tests {
    use std::sync::Arc;

    use game_core::testing::SetupBuilder;
    use game_core::{
        Command, CommandId, CommandKind, MatchTime, ShardId, Snapshot, UnixMillis, WithMove,
    };
    use store::{
        Append, Appended, ArchivedMatch, Claim, Created, Feed, FeedCursor, MatchLog, Matches,
        MemoryStore, Outbox, Ratings,
    };

    use super::*;

    /// A store in which a rated match has ended.
    struct Ended {
        store: Arc<MemoryStore>,
        entry: OutboxEntry,
    }

    fn shard() -> ShardId {
        ShardId::from_random(1)
    }

    async fn end(store: &MemoryStore, id: MatchId) -> OutboxEntry {
        let setup = SetupBuilder::new()
            .id(id)
            .named("ada", "bob")
            .timed("180+2");
        let mut game = Match::new(setup.rated().build());
        let first: Snapshot = game.snapshot();
        let created = store.create(shard(), &first).await.unwrap();
        assert_eq!(created, Created::New);
        let claim = store.claim(id, shard(), Epoch(0)).await.unwrap();
        assert!(matches!(claim, Claim::Claimed(_)));
        let mut events = Vec::new();
        for (number, text) in (1..).zip(["e2e4", "e7e5", "resign"]) {
            let kind = match text.parse() {
                Ok(uci) => CommandKind::Move {
                    position_seq: game.position_seq(),
                    uci,
                    with: WithMove::Nothing,
                },
                Err(_) => CommandKind::Resign,
            };
            let command = Command {
                id: CommandId(number),
                kind,
            };
            let seat = game.turn();
            game.apply(seat, &command, MatchTime::default(), &mut events)
                .unwrap();
        }
        let append = Append::new(id, shard(), Epoch(1), &events, None);
        let stored = store.append(&[append]).await.unwrap();
        assert_eq!(stored, [Appended::Stored { duplicate: false }]);
        let entries = store.outbox_after(id.tag(), None, 100).await.unwrap();
        *entries.iter().find(|entry| entry.match_id == id).unwrap()
    }

    fn id(n: u8) -> MatchId {
        MatchId::with_tag(MatchId::from_random(1).tag(), u128::from(n) << 40)
    }

    impl Ended {
        async fn new() -> Self {
            let store = Arc::new(MemoryStore::new());
            let entry = end(&store, id(1)).await;
            Self { store, entry }
        }

        fn worker(&self) -> Finisher {
            let archive = Arc::clone(&self.store) as Arc<dyn Archive>;
            Finisher::new(self.store.clone(), archive, FinisherFigures::default())
        }

        /// One entry in the archive and in the feed, and one change of each rating.
        async fn check(&self, what: &str) {
            let store = &self.store;
            assert!(store.get(id(1)).await.unwrap().is_some(), "{what}");
            let page = store.feed_after(FeedCursor::START, 10).await.unwrap();
            assert_eq!(page.entries.len(), 1, "{what}");
            for player in ["ada", "bob"] {
                let player = player.parse().unwrap();
                let category = "standard-blitz".parse().unwrap();
                let rating = store.rating(&player, category).await.unwrap();
                assert_eq!(rating.unwrap().games, 1, "{what}");
            }
            let waiting = store.outbox_tags().await.unwrap();
            assert_eq!(waiting, [], "{what}");
        }
    }

    /// The lease of a worker that died is over by then.
    const LATER: UnixMillis = UnixMillis(u64::MAX / 2);

    #[tokio::test]
    async fn a_worker_that_ends_after_any_step_is_replaced_and_nothing_is_done_twice() {
        const STEPS: usize = 6;
        for performed in 0..=STEPS {
            let ended = Ended::new().await;
            let tag = ended.entry.match_id.tag();
            let first = ended.worker();
            let taken = ended
                .store
                .take_outbox(tag, first.worker, LEASE, UnixMillis(0));
            let epoch = taken.await.unwrap().unwrap();
            let mut finishing = Finishing::new(ended.entry, now());
            let mut last = None;
            for _ in 0..performed {
                last = first
                    .perform(&mut finishing, &ended.entry, epoch)
                    .await
                    .unwrap();
            }
            assert_eq!(last.is_some(), performed == STEPS, "{finishing:?}");
            let second = ended.worker();
            let taken = ended.store.take_outbox(tag, second.worker, LEASE, LATER);
            let later = taken.await.unwrap().unwrap();
            if performed < STEPS {
                let done = second.finish(&ended.entry, later).await.unwrap();
                assert!(done);
            }
            ended.check(&format!("after {performed} steps")).await;
            // The first one goes on, as after a pause, and is fenced at the end.
            while last.is_none() {
                last = first
                    .perform(&mut finishing, &ended.entry, epoch)
                    .await
                    .unwrap();
                ended
                    .check(&format!("it goes on after {performed} steps"))
                    .await;
            }
        }
    }

    #[tokio::test]
    async fn an_entry_that_cannot_be_processed_stays_and_does_not_stop_the_others() {
        let ended = Ended::new().await;
        let store = &ended.store;
        // Another match is in the archive under this id.
        let setup = SetupBuilder::new()
            .id(id(2))
            .named("eve", "bob")
            .timed("60+0");
        let mut other = Match::new(setup.build());
        let command = Command {
            id: CommandId(1),
            kind: CommandKind::Abort,
        };
        let seat = other.turn();
        other
            .apply(seat, &command, MatchTime::default(), &mut Vec::new())
            .unwrap();
        let other = ArchivedMatch::of(&other, UnixMillis(1)).unwrap();
        store.put(&other).await.unwrap();
        let bad = end(store, id(2)).await;
        let good = end(store, id(3)).await;
        assert!(ended.entry.position < bad.position && bad.position < good.position);
        let worker = ended.worker();
        worker.empty(id(1).tag()).await.unwrap();
        let rest = store.outbox_after(id(1).tag(), None, 10).await.unwrap();
        assert_eq!(rest, [bad]);
        assert!(store.get(id(3)).await.unwrap().is_some());
        assert_eq!((worker.figures.finished(), worker.figures.stuck()), (2, 1));
        assert!(worker.is_stuck(id(2)), "it is tried again later");
        assert!(store.ownership(id(2)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_tag_that_another_worker_has_is_left_alone() {
        let ended = Ended::new().await;
        let tag = ended.entry.match_id.tag();
        let other = WorkerId(1);
        let taken = ended.store.take_outbox(tag, other, LEASE, LATER).await;
        assert!(taken.unwrap().is_some());
        let worker = ended.worker();
        worker.empty(tag).await.unwrap();
        assert_eq!(worker.figures.finished(), 0);
        assert_eq!(
            ended.store.outbox_after(tag, None, 10).await.unwrap().len(),
            1
        );
    }

    #[tokio::test]
    async fn tags_are_taken_oldest_first_and_not_while_they_are_busy_or_rest() {
        let tag = |text: &str, waiting, oldest| OutboxTag {
            tag: text.parse().unwrap(),
            waiting,
            oldest_at: Some(UnixMillis(oldest)),
        };
        let tags = [
            tag("aa", 1, 9),
            tag("bb", 2, 3),
            tag("cc", 0, 1),
            tag("dd", 1, 5),
        ];
        let (busy, mut retries) = (HashSet::from([tags[3].tag]), HashMap::new());
        assert_eq!(due(&tags, &busy, &retries), [tags[1].tag, tags[0].tag]);
        let error = StoreError::Unavailable("down".to_owned());
        note(
            &mut retries,
            tags[1].tag,
            Err(Failed {
                step: "archive",
                error,
            }),
        );
        assert_eq!(due(&tags, &busy, &retries), [tags[0].tag]);
        note(&mut retries, tags[1].tag, Ok(()));
        assert_eq!(due(&tags, &busy, &retries).len(), 2);
    }

    #[test]
    fn pauses_double_up_to_ten_seconds() {
        let mut backoff = Backoff::default();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            backoff.fail();
            pauses.push(backoff.pause().as_millis());
        }
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
    }
}
