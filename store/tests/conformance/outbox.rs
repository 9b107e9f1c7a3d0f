//! What follows from the end of a match is done once at least, by one worker at a time.

use std::time::Duration;

use game_core::{Epoch, MatchId, UnixMillis};
use store::testing::RedisServer;
use store::{
    Appended, Created, EmbeddedStore, Matches, MemoryStore, Outbox, OutboxEntry, OutboxPosition,
    RedisStore, Status, Store, WorkerId,
};

use crate::disk::Disk;
use crate::samples::{Line, all_done, match_id, on_all, redis_store, runtime, shard_id};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const LEASE: Duration = Duration::from_secs(30);
const ANN: WorkerId = WorkerId(u64::MAX);
const BOB: WorkerId = WorkerId(2);

/// Number `n` of the matches of one tag.
fn id(n: u8) -> MatchId {
    MatchId::with_tag(match_id(1).tag(), u128::from(n) << 40)
}

async fn live(store: &dyn Store, id: MatchId) -> Line {
    let line = Line::new(id, 1, 6);
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    store.claim(id, shard_id(1), Epoch(0)).await.unwrap();
    store.append(&[line.append(Epoch(1), 0, 4)]).await.unwrap();
    line
}

async fn end(store: &dyn Store, id: MatchId) {
    let line = live(store, id).await;
    let ended = store.append(&[line.end(Epoch(1), 4)]).await.unwrap();
    assert_eq!(ended, [Appended::Stored { duplicate: false }]);
}

async fn entries(store: &dyn Store, after: Option<OutboxPosition>) -> Vec<OutboxEntry> {
    store.outbox_after(id(1).tag(), after, 100).await.unwrap()
}

async fn ids(store: &dyn Store) -> Vec<MatchId> {
    let entries = entries(store, None).await;
    entries.iter().map(|entry| entry.match_id).collect()
}

#[test]
fn the_write_that_ends_a_match_adds_one_entry() {
    on_all(|store| async move {
        let line = live(&*store, id(1)).await;
        assert_eq!(ids(&*store).await, []);
        let end = line.end(Epoch(1), 4);
        for duplicate in [false, true] {
            let answer = store.append(std::slice::from_ref(&end)).await.unwrap();
            assert_eq!(answer, [Appended::Stored { duplicate }]);
            assert_eq!(ids(&*store).await, [id(1)]);
        }
        // A refused end adds none.
        let other = live(&*store, id(2)).await;
        let fenced = store.append(&[other.end(Epoch(0), 4)]).await.unwrap();
        assert!(matches!(fenced[0], Appended::Fenced(_)), "{fenced:?}");
        store
            .append(&[line.aftermath(Epoch(1), 4, 0, 2)])
            .await
            .unwrap();
        assert_eq!(ids(&*store).await, [id(1)]);
    });
}

#[test]
fn entries_are_read_in_order_and_by_page() {
    on_all(|store| async move {
        for n in 1..=5 {
            end(&*store, id(n)).await;
        }
        let all = entries(&*store, None).await;
        let expected: Vec<_> = (1..=5).map(id).collect();
        assert_eq!(ids(&*store).await, expected);
        assert!(all.is_sorted_by(|one, next| one.position < next.position));
        let rest = entries(&*store, Some(all[1].position)).await;
        assert_eq!(rest, all[2..]);
        assert_eq!(entries(&*store, Some(all[4].position)).await, []);
        let page = store.outbox_after(id(1).tag(), None, 2).await.unwrap();
        assert_eq!(page, all[..2]);
        let tags = store.outbox_tags().await.unwrap();
        let tag = tags.iter().find(|tag| tag.tag == id(1).tag()).unwrap();
        assert_eq!(tag.waiting, 5);
        assert_eq!(tag.oldest_at, all[0].added_at);
    });
}

#[test]
fn one_worker_at_a_time_has_a_lease_under_an_epoch_that_rises() {
    on_all(|store| async move {
        let tag = id(1).tag();
        let take = async |worker, lease, now: u64| {
            let now = UnixMillis(NOW.0 + now);
            store.take_outbox(tag, worker, lease, now).await.unwrap()
        };
        let first = take(ANN, LEASE, 0).await.unwrap();
        assert_eq!(take(BOB, LEASE, 1).await, None);
        assert_eq!(take(ANN, Duration::ZERO, 2).await, Some(first), "renewed");
        // A lease of no time is over at once, on the clock of Redis too.
        let second = loop {
            if let Some(second) = take(BOB, LEASE, 10).await {
                break second;
            }
        };
        assert!(second > first, "{first:?}, {second:?}");
        assert_eq!(take(ANN, LEASE, 11).await, None);
        // Another tag has a lease of its own.
        let other = MatchId::from_random(u128::MAX).tag();
        assert_ne!(other, tag);
        assert!(
            store
                .take_outbox(other, ANN, LEASE, NOW)
                .await
                .unwrap()
                .is_some()
        );

        // Who lost the lease cannot remove an entry.
        end(&*store, id(1)).await;
        let entry = entries(&*store, None).await[0];
        for (worker, epoch) in [(ANN, first), (ANN, second), (BOB, first)] {
            let done = store.outbox_done(worker, epoch, &entry, NOW).await.unwrap();
            assert!(!done, "{worker:?} under {epoch:?}");
        }
        assert_eq!(ids(&*store).await, [id(1)]);
        // A retransmission has the same answer.
        for _ in 0..2 {
            assert!(store.outbox_done(BOB, second, &entry, NOW).await.unwrap());
            assert_eq!(ids(&*store).await, []);
        }
        let waiting = store.outbox_tags().await.unwrap();
        assert!(waiting.iter().all(|tag| tag.waiting == 0), "{waiting:?}");
    });
}

#[test]
fn an_entry_in_the_middle_can_be_done_and_others_stay() {
    on_all(|store| async move {
        for n in 1..=3 {
            end(&*store, id(n)).await;
        }
        let all = entries(&*store, None).await;
        let epoch = store
            .take_outbox(id(1).tag(), ANN, LEASE, NOW)
            .await
            .unwrap();
        let done = store.outbox_done(ANN, epoch.unwrap(), &all[1], NOW).await;
        assert!(done.unwrap());
        assert_eq!(ids(&*store).await, [id(1), id(3)]);
    });
}

#[test]
fn a_match_is_there_after_its_entry_is_done_and_its_id_is_not_used_again() {
    on_all(|store| async move {
        end(&*store, id(1)).await;
        all_done(&*store, NOW).await;
        let found = store.load(id(1)).await.unwrap().unwrap();
        assert_eq!(found.ownership.status, Status::Finished);
        let first = Line::new(id(1), 1, 1).snapshots[0].clone();
        assert_eq!(
            store.create(shard_id(2), &first).await.unwrap(),
            Created::Exists(found.ownership)
        );
    });
}

/// What the keys say who have seen the match go.
#[test]
fn a_match_that_has_gone_says_who_owned_it() {
    let keep = Duration::from_secs(60);
    let check = async |store: &dyn Store| {
        end(store, id(1)).await;
        let owned = store.ownership(id(1)).await.unwrap().unwrap();
        all_done(store, NOW).await;
        let later = UnixMillis(NOW.0 + 60_000);
        assert_eq!(store.sweep(later).await.unwrap().matches, 1);
        assert_eq!(store.ownership(id(1)).await.unwrap(), None);
        let first = Line::new(id(1), 1, 1).snapshots[0].clone();
        let created = store.create(shard_id(2), &first).await.unwrap();
        assert_eq!(created, Created::Exists(owned));
        // For as long as a ticket may ask for it, and not for ever.
        let later = UnixMillis(NOW.0 + store::ENDED_IDS_KEEP.as_millis() as u64 + 1);
        while store.sweep(later).await.unwrap().more {}
        let created = store.create(shard_id(2), &first).await.unwrap();
        assert_eq!(created, Created::New);
    };
    runtime().block_on(async {
        check(&MemoryStore::new().keeping_live(keep)).await;
        check(&EmbeddedStore::in_memory().unwrap().keeping_live(keep)).await;
    });
}

#[test]
fn on_redis_an_epoch_rises_although_its_key_has_gone() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store: RedisStore = redis_store(&server).await;
        let tag = id(1).tag();
        let first = store.take_outbox(tag, ANN, LEASE, NOW).await.unwrap();
        server.command(&["DEL", &format!("rk:{{{tag}}}:lease")]);
        let second = store.take_outbox(tag, ANN, LEASE, NOW).await.unwrap();
        assert!(second > first, "{first:?}, {second:?}");
    });
}

#[test]
fn on_redis_an_entry_that_is_none_hides_no_other() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let outbox = format!("rk:{{{}}}:outbox", id(1).tag());
        server.command(&["XADD", &outbox, "1-1", "else", "x"]);
        server.command(&["XADD", &outbox, "1-2", "match", "no id"]);
        end(&store, id(1)).await;
        assert_eq!(ids(&store).await, [id(1)]);
    });
}

/// In a file, entries outlive the process, and a file of a former version gets those that are missing.
#[test]
fn in_a_file_entries_and_marks_are_there_after_a_restart() {
    let disk = Disk::default();
    runtime().block_on(async {
        {
            let store = disk.open().unwrap();
            end(&store, id(1)).await;
            all_done(&store, NOW).await;
            end(&store, id(2)).await;
        }
        let store = disk.open().unwrap();
        assert_eq!(ids(&store).await, [id(2)]);
        let first = Line::new(id(1), 1, 1).snapshots[0].clone();
        let created = store.create(shard_id(2), &first).await.unwrap();
        assert!(matches!(created, Created::Exists(_)), "{created:?}");
        // No lease outlives its process either.
        let lease = store.take_outbox(id(1).tag(), BOB, LEASE, NOW).await;
        assert!(lease.unwrap().is_some());
    });
}
