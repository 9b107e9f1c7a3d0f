//! The file closed, copied, torn, full and contended for.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use game_core::{Epoch, UnixMillis};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::{Database, ReadableDatabase, TableDefinition};
use store::testing::ReadLog;
use store::{
    Appended, Claim, Created, Durability, EmbeddedStore, MatchLog, Matches, Registered, Registry,
    Store, StoreError, TICKET_WAITS, Ticket, Tickets,
};

use crate::disk::Disk;
use crate::samples::{Line, match_id, pool, runtime, shard_id, shard_record, ticket, ticket_id};

const STORED: Appended = Appended::Stored { duplicate: false };

/// Creates the match of `line` and has shard 1 claim it, under epoch 1.
async fn claimed(store: &dyn Store, line: &Line) {
    assert_eq!(
        store.create(shard_id(1), &line.snapshots[0]).await.unwrap(),
        Created::New
    );
    let claim = store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
}

#[test]
fn what_was_confirmed_is_there_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/er");
    let line = Line::new(match_id(1), 1, 10);
    runtime().block_on(async {
        let store = EmbeddedStore::open(&path).unwrap();
        assert_eq!(store.durability(), Durability::Always);
        claimed(&store, &line).await;
        store
            .append(&[line.append_with_snapshot(Epoch(1), 0, 4)])
            .await
            .unwrap();
        store.append(&[line.append(Epoch(1), 4, 2)]).await.unwrap();
        store.put_ticket(&ticket(1, Some("3+2"))).await.unwrap();
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        let before = store.load(line.id).await.unwrap();
        drop(store);

        let store = EmbeddedStore::open(&path).unwrap();
        assert_eq!(store.load(line.id).await.unwrap(), before);
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..6]);
        assert_eq!(
            store.waiting(&pool("3+2"), 200).await.unwrap(),
            [ticket(1, Some("3+2"))]
        );
        // The shard before is dead for certain; what it owned is still to be taken over.
        assert_eq!(
            store.shards().await.unwrap(),
            [Registered::Left(shard_id(1))]
        );
        assert_eq!(store.owned(shard_id(1)).await.unwrap(), [line.id]);
    });
}

#[test]
fn what_was_confirmed_is_there_without_a_clean_end() {
    let directory = tempfile::tempdir().unwrap();
    let [open, copied] = ["open", "copied"].map(|name| directory.path().join(name));
    let line = Line::new(match_id(1), 1, 40);
    runtime().block_on(async {
        let store = EmbeddedStore::open(&open).unwrap();
        claimed(&store, &line).await;
        for after in 0..40 {
            store
                .append(&[line.append(Epoch(1), after, 1)])
                .await
                .unwrap();
        }
        fs::create_dir(&copied).unwrap();
        let copy = |name: &str| fs::copy(open.join(name), copied.join(name)).unwrap();
        copy("rookery.redb");
        // The database alone is not taken for the store.
        let refused = EmbeddedStore::open(&copied).unwrap_err();
        assert!(
            matches!(&refused, StoreError::Corrupt(text) if text.contains("rookery.journal")),
            "{refused}"
        );
        copy("rookery.redb");
        copy("rookery.journal");
        let found = EmbeddedStore::open(&copied).unwrap();
        assert_eq!(found.log(line.id).await.unwrap(), line.events);
    });
}

#[test]
fn a_store_is_open_once() {
    let directory = tempfile::tempdir().unwrap();
    let _store = EmbeddedStore::open(directory.path()).unwrap();
    let error = EmbeddedStore::open(directory.path()).unwrap_err();
    assert!(
        matches!(&error, StoreError::Unfit(text) if text.contains("another process")),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rookery.redb");
    fs::write(&file, "a letter to my aunt").unwrap();
    let error = EmbeddedStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    assert_eq!(fs::read(&file).unwrap(), b"a letter to my aunt");
}

#[test]
fn an_empty_file_is_not_taken_for_a_new_store() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rookery.redb");
    fs::write(&file, "").unwrap();
    let error = EmbeddedStore::open(directory.path()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Corrupt(_)), "{text}");
    assert!(
        text.contains("is empty") && text.contains("put a copy"),
        "{text}"
    );
    assert_eq!(fs::metadata(&file).unwrap().len(), 0, "it is left alone");
    // Moved away, a new one may begin; a draft that a crash has left is no obstacle.
    fs::remove_file(&file).unwrap();
    fs::write(directory.path().join("rookery.new"), "half").unwrap();
    EmbeddedStore::open(directory.path()).unwrap();
}

/// A store with played matches, as it is on disk, and these matches.
fn played(directory: &Path) -> (Vec<u8>, Vec<Line>) {
    let lines: Vec<_> = (1..=8)
        .map(|n| Line::new(match_id(n), u64::from(n), 40))
        .collect();
    runtime().block_on(async {
        let store = EmbeddedStore::open(directory).unwrap();
        for line in &lines {
            claimed(&store, line).await;
            let first = line.append_with_snapshot(Epoch(1), 0, 30);
            store.append(&[first]).await.unwrap();
            store
                .append(&[line.append(Epoch(1), 30, 10)])
                .await
                .unwrap();
        }
    });
    (fs::read(directory.join("rookery.redb")).unwrap(), lines)
}

/// What a store with a damaged file does: nothing but refuse, or tell of the matches as they were.
async fn use_damaged(directory: &Path, lines: &[Line]) -> Result<(), StoreError> {
    let store = EmbeddedStore::open(directory)?;
    for line in lines {
        if let Ok(log) = store.log(line.id).await {
            let prefix = line.events.get(..log.len());
            assert_eq!(Some(log.as_slice()), prefix, "another game than was played");
        }
        if let Ok(Some(found)) = store.load(line.id).await {
            let seq = found.snapshot.seq() as usize;
            assert_eq!(
                found.snapshot, line.snapshots[seq],
                "another position than was reached"
            );
            assert_eq!(found.tail, line.events[seq..seq + found.tail.len()]);
        }
        let _ = store.claim(line.id, shard_id(2), Epoch(1)).await;
        let _ = store.create(shard_id(1), &line.snapshots[0]).await;
    }
    let _ = store.matches(None, 100).await;
    let _ = store.heartbeat(&shard_record(2, 1)).await;
    Ok(())
}

#[test]
fn a_damaged_file_is_refused_or_read_up_to_the_damage_and_nothing_panics() {
    const TRIALS: u64 = 200;
    let origin = tempfile::tempdir().unwrap();
    let (whole, lines) = played(origin.path());
    let mut refused = 0;
    for seed in 0..TRIALS {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut bytes = whole.clone();
        if seed % 4 == 0 {
            bytes.truncate(dice.random_range(1..bytes.len()));
        } else {
            for _ in 0..dice.random_range(1..=16) {
                let at = dice.random_range(0..bytes.len());
                bytes[at] ^= 1 << dice.random_range(0..8);
            }
        }
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rookery.redb"), bytes).unwrap();
        eprintln!("seed {seed}");
        refused += u64::from(
            runtime()
                .block_on(use_damaged(directory.path(), &lines))
                .is_err(),
        );
    }
    assert!(refused > TRIALS / 10, "damage is noticed: {refused}");
}

#[test]
fn a_file_that_ends_too_early_is_damaged_and_not_a_store_that_is_away() {
    let origin = tempfile::tempdir().unwrap();
    let (whole, _) = played(origin.path());
    for len in [1, 100, 319, 4_096, whole.len() / 2, whole.len() - 1] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rookery.redb"), &whole[..len]).unwrap();
        let error = EmbeddedStore::open(directory.path()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{len}: {error}");
        assert!(error.to_string().contains("put a copy"), "{len}: {error}");
    }
}

#[test]
fn a_file_that_is_damaged_while_it_is_served_ends_no_process() {
    let origin = tempfile::tempdir().unwrap();
    let (whole, lines) = played(origin.path());
    for seed in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("rookery.redb");
        fs::write(&file, &whole).unwrap();
        runtime().block_on(async {
            let store = EmbeddedStore::open(directory.path()).unwrap();
            let mut dice = StdRng::seed_from_u64(seed);
            let mut bytes = fs::read(&file).unwrap();
            for _ in 0..200 {
                let at = dice.random_range(0..bytes.len());
                bytes[at] ^= 1 << dice.random_range(0..8);
            }
            fs::write(&file, bytes).unwrap();
            for line in &lines {
                if let Ok(log) = store.log(line.id).await {
                    assert_eq!(Some(log.as_slice()), line.events.get(..log.len()));
                }
                let _ = store.claim(line.id, shard_id(2), Epoch(1)).await;
            }
        });
    }
}

#[test]
fn a_match_that_cannot_be_read_stops_no_other_of_its_batch() {
    let directory = tempfile::tempdir().unwrap();
    let lines = [1, 2, 3].map(|n| Line::new(match_id(n), 1, 4));
    runtime().block_on(async {
        let store = EmbeddedStore::open(directory.path()).unwrap();
        for line in &lines {
            claimed(&store, line).await;
        }
        drop(store);
        spoil_head(&directory.path().join("rookery.redb"), lines[1].id.as_str());

        let store = EmbeddedStore::open(directory.path()).unwrap();
        let batch = lines.each_ref().map(|line| line.append(Epoch(1), 0, 1));
        for duplicate in [false, true] {
            let stored = Appended::Stored { duplicate };
            let answers = store.append(&batch).await.unwrap();
            assert!(matches!(answers[1], Appended::Unreadable(_)), "{answers:?}");
            assert_eq!([&answers[0], &answers[2]], [&stored, &stored]);
        }
        for line in [&lines[0], &lines[2]] {
            assert_eq!(store.log(line.id).await.unwrap(), line.events[..1]);
        }
        drop(store);
        let file = directory.path().join("rookery.redb");
        for (line, len) in lines.iter().zip([1, 0, 1]) {
            assert_eq!(chunks(&file, line.id.as_str()), len);
        }
    });
}

/// How many chunks of records stand in the file, whether or not the match can be read.
fn chunks(file: &Path, id: &str) -> usize {
    let log: TableDefinition<'_, (&str, u32), &[u8]> = TableDefinition::new("chunks");
    let database = Database::open(file).unwrap();
    let log = database.begin_read().unwrap().open_table(log).unwrap();
    log.range((id, 0)..=(id, u32::MAX)).unwrap().count()
}

/// Overwrites a head with bytes that are no head.
fn spoil_head(file: &Path, id: &str) {
    let heads: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("heads");
    let database = Database::open(file).unwrap();
    let txn = database.begin_write().unwrap();
    let spoilt = txn
        .open_table(heads)
        .unwrap()
        .insert(id, b"not a head".as_slice())
        .unwrap()
        .is_some();
    assert!(spoilt, "there was no head");
    txn.commit().unwrap();
}

#[test]
fn requests_that_wait_share_a_commit() {
    let disk = Disk::default();
    disk.set_sync_time(Duration::from_millis(5));
    let store = Arc::new(disk.open().unwrap());
    runtime().block_on(async {
        let lines: Vec<Line> = (0..100).map(|n| Line::new(match_id(n), 1, 1)).collect();
        let before = disk.syncs();
        let callers: Vec<_> = lines
            .iter()
            .map(|line| {
                let (store, line) = (Arc::clone(&store), line.clone());
                tokio::spawn(async move {
                    claimed(&*store, &line).await;
                    store.append(&[line.append(Epoch(1), 0, 1)]).await.unwrap()
                })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), [STORED]);
        }
        let syncs = disk.syncs() - before;
        assert!(syncs < 60, "{syncs} flushes for 300 requests");
    });
}

#[test]
fn nothing_is_answered_before_it_is_flushed() {
    let disk = Disk::default();
    let store = Arc::new(disk.open().unwrap());
    let line = Line::new(match_id(1), 1, 4);
    runtime().block_on(async {
        claimed(&*store, &line).await;
        disk.set_sync_held(true);
        let write = [line.append(Epoch(1), 0, 1)];
        let append = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.append(&write).await }
        });
        disk.until_syncing().await;
        // Neither answered nor to be read.
        assert_eq!(store.log(line.id).await.unwrap(), []);
        assert!(!append.is_finished());
        disk.set_sync_held(false);
        assert_eq!(append.await.unwrap().unwrap(), [STORED]);
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..1]);
    });
}

#[test]
fn a_disk_that_is_full_or_fails_is_unavailable_until_it_is_not() {
    let disk = Disk::default();
    let store = disk.open().unwrap();
    let line = Line::new(match_id(1), 1, 20);
    runtime().block_on(async {
        claimed(&store, &line).await;
        for after in 0..6 {
            let fail = if after % 2 == 0 {
                Disk::set_full
            } else {
                Disk::set_failing
            };
            let write = [line.append(Epoch(1), after, 1)];
            fail(&disk, true);
            for _ in 0..2 {
                let answer = store.append(&write).await;
                assert!(
                    matches!(answer, Err(StoreError::Unavailable(_))),
                    "{answer:?}"
                );
            }
            fail(&disk, false);
            assert!(matches!(
                store.append(&write).await.unwrap()[..],
                [Appended::Stored { .. }]
            ));
            assert_eq!(store.log(line.id).await.unwrap(), line.events[..=after]);
        }
    });
}

#[test]
fn what_was_confirmed_is_there_after_torn_writes() {
    let runtime = runtime();
    for seed in 0..60 {
        let disk = Disk::default();
        let store = disk.open().unwrap();
        let line = Line::new(match_id(1), 1, 30);
        let confirmed = runtime.block_on(async {
            claimed(&store, &line).await;
            // The power goes off in the middle of some commit.
            disk.cut_power_after_writes(seed / 2);
            for after in 0..30 {
                if store
                    .append(&[line.append(Epoch(1), after, 1)])
                    .await
                    .is_err()
                {
                    return after;
                }
            }
            30
        });
        assert!(confirmed < 30, "seed {seed}: the power never went off");
        drop(store);

        let found = disk.after_power_cut(seed);
        let store = found.open().unwrap();
        runtime.block_on(async {
            let log = store.log(line.id).await.unwrap();
            // The one in flight may have happened or not.
            let lens = confirmed..=confirmed + 1;
            assert!(
                lens.contains(&log.len()),
                "seed {seed}: {} of {confirmed}",
                log.len()
            );
            assert_eq!(log, line.events[..log.len()], "seed {seed}");
            let write = [line.append(Epoch(1), confirmed, 1)];
            let answer = store.append(&write).await.unwrap();
            assert!(
                matches!(answer[..], [Appended::Stored { .. }]),
                "seed {seed}: {answer:?}"
            );
        });
    }
}

#[test]
fn tickets_that_nobody_asks_for_are_removed_and_settled_ones_an_hour_later() {
    let store = EmbeddedStore::in_memory().unwrap();
    let waits_ms = TICKET_WAITS.as_millis() as u64;
    runtime().block_on(async {
        let put = async |n, pool, ms| {
            let made = UnixMillis(ticket(n, pool).created_at.0 + ms);
            let ticket = Ticket {
                created_at: made,
                seen_at: made,
                ..ticket(n, pool)
            };
            store.put_ticket(&ticket).await.unwrap();
        };
        let is_there = async |n| store.ticket(ticket_id(n)).await.unwrap().is_some();
        put(1, None, 0).await;
        put(2, None, 0).await;
        put(3, Some("3+2"), 0).await;
        store.cancel_ticket(ticket_id(1)).await.unwrap();
        put(4, None, 0).await;
        let asked_at = UnixMillis(ticket(4, None).seen_at.0 + 5);
        store.touch_ticket(ticket_id(4), asked_at).await.unwrap();
        put(5, None, waits_ms).await;
        assert!(is_there(1).await && is_there(2).await && is_there(3).await);
        put(6, None, waits_ms + 1).await;
        assert!(is_there(1).await && !is_there(2).await && !is_there(3).await);
        assert!(is_there(4).await, "it was asked for later");
        assert_eq!(store.waiting(&pool("3+2"), 200).await.unwrap(), []);
        put(7, None, waits_ms + 6).await;
        assert!(!is_there(4).await);
        put(8, None, waits_ms + 60 * 60 * 1000 + 1).await;
        assert!(!is_there(1).await);
    });
}
