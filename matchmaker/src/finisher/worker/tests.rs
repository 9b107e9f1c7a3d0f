//! Workers on a store in memory, which end at any step.

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
