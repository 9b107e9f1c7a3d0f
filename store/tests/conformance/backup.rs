//! The embedded store copied while it is written to, and put back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use game_core::{Epoch, UnixMillis};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::{Database, TableDefinition};
use store::testing::ReadLog;
use store::{
    Appended, Backup, EmbeddedStore, Enclosed, MatchLog, Matches, Registered, Registry, StoreError,
    TicketList, Tickets, check_unused,
};

use crate::samples::{Line, match_id, runtime, shard_id, shard_record, ticket, ticket_id};

const AT: UnixMillis = UnixMillis(1_800_000_000_000);

fn enclosed() -> Vec<Enclosed> {
    vec![Enclosed {
        name: "signing-key.pem".to_owned(),
        content: b"a key".to_vec(),
    }]
}

/// Creates the match of `line` and has shard 1 claim it, under epoch 1.
async fn claimed(store: &EmbeddedStore, line: &Line) {
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
}

async fn appended(store: &EmbeddedStore, line: &Line, after: usize) {
    let stored = store.append(&[line.append(Epoch(1), after, 1)]).await;
    assert_eq!(stored.unwrap(), [Appended::Stored { duplicate: false }]);
}

#[test]
fn a_backup_is_the_store_of_one_moment_although_it_is_written_to() {
    let directory = tempfile::tempdir().unwrap();
    let [open, restored, file] = ["open", "restored", "backup"].map(|n| directory.path().join(n));
    runtime().block_on(async {
        let store = Arc::new(EmbeddedStore::open(&open).unwrap());
        let lines: Vec<Line> = (1..=8)
            .map(|n| Line::new(match_id(n), n.into(), 60))
            .collect();
        for line in &lines {
            claimed(&store, line).await;
        }
        // All matches are one event further after each round, so a mixture of two moments would differ by more.
        let writing = tokio::spawn({
            let (store, lines) = (Arc::clone(&store), lines.clone());
            async move {
                for after in 0..60 {
                    for line in &lines {
                        appended(&store, line, after).await;
                    }
                }
            }
        });
        let mut seen = Vec::new();
        while !writing.is_finished() {
            store.back_up(file.clone(), enclosed(), AT).await.unwrap();
            let _ = fs::remove_dir_all(&restored);
            Backup::open(&file).unwrap().restore(&restored).unwrap();
            let copy = EmbeddedStore::open(&restored).unwrap();
            let mut lens = Vec::new();
            for line in &lines {
                let log = copy.log(line.id).await.unwrap();
                assert_eq!(log, line.events[..log.len()]);
                lens.push(log.len());
            }
            // Written in the order of the lines: nobody is ahead of who stands before.
            assert!(lens.is_sorted_by(|a, b| a >= b), "{lens:?}");
            assert!(lens[0] - lens[7] <= 1, "{lens:?}");
            seen.push(lens);
        }
        writing.await.unwrap();
        assert!(!seen.is_empty());
    });
}

#[test]
fn what_is_restored_is_all_of_it_and_what_was_there_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let [open, other, file] = ["open", "other", "backup"].map(|n| directory.path().join(n));
    let line = Line::new(match_id(1), 1, 10);
    runtime().block_on(async {
        let store = EmbeddedStore::open(&open).unwrap();
        claimed(&store, &line).await;
        for after in 0..10 {
            appended(&store, &line, after).await;
        }
        store.put_ticket(&ticket(1, Some("3+2"))).await.unwrap();
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        store.back_up(file.clone(), enclosed(), AT).await.unwrap();
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let there = EmbeddedStore::open(&other).unwrap();
        there.put_ticket(&ticket(2, Some("5+0"))).await.unwrap();
        drop(there);
        let backup = Backup::open(&file).unwrap();
        assert_eq!((backup.made_at(), backup.matches()), (AT, 1));
        assert_eq!(backup.enclosed(), enclosed());
        backup.restore(&other).unwrap();

        let restored = EmbeddedStore::open(&other).unwrap();
        assert_eq!(restored.log(line.id).await.unwrap(), line.events);
        assert_eq!(
            restored
                .waiting(&TicketList::Pool("3+2".into()), 10)
                .await
                .unwrap(),
            [ticket(1, Some("3+2"))]
        );
        assert!(
            restored
                .waiting(&TicketList::Pool("5+0".into()), 10)
                .await
                .unwrap()
                .is_empty()
        );
        // No shard of the time of the backup lives; what it owned is taken over.
        assert_eq!(
            restored.shards().await.unwrap(),
            [Registered::Left(shard_id(1))]
        );
        // It is a store like any other.
        claimed(&restored, &Line::new(match_id(2), 2, 1)).await;
        drop(restored);
        let store_file = other.join("rookery.redb");
        assert_eq!(
            fs::metadata(&store_file).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let kept = directory.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::rename(
            other.join("rookery.redb.replaced"),
            kept.join("rookery.redb"),
        )
        .unwrap();
        let kept = EmbeddedStore::open(&kept).unwrap();
        let found = kept.ticket(ticket_id(2)).await.unwrap();
        assert!(found.is_some());
    });
}

#[test]
fn a_store_that_nobody_has_open_is_backed_up_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let [open, file] = ["open", "backup"].map(|name| directory.path().join(name));
    let refused = EmbeddedStore::back_up_closed(&open, &file, &[], AT);
    assert!(matches!(refused, Err(StoreError::Unfit(_))), "{refused:?}");
    let line = Line::new(match_id(1), 1, 2);
    runtime().block_on(async {
        let store = EmbeddedStore::open(&open).unwrap();
        claimed(&store, &line).await;
        // Who has it open makes the backup.
        let refused = EmbeddedStore::back_up_closed(&open, &file, &[], AT);
        assert!(
            matches!(&refused, Err(StoreError::Unfit(text)) if text.contains("another process")),
            "{refused:?}"
        );
        assert!(matches!(check_unused(&open), Err(StoreError::Unfit(_))));
        drop(store);
        check_unused(&open).unwrap();
        EmbeddedStore::back_up_closed(&open, &file, &enclosed(), AT).unwrap();
        let backup = Backup::open(&file).unwrap();
        assert_eq!((backup.matches(), backup.enclosed()), (1, &enclosed()[..]));
    });
}

/// A backup without some table would be found out at its restore, when it is too late.
#[test]
fn a_table_that_no_backup_would_have_fails_it() {
    const NEW: TableDefinition<&str, u64> = TableDefinition::new("of_a_later_version");
    let directory = tempfile::tempdir().unwrap();
    let [open, file] = ["open", "backup"].map(|name| directory.path().join(name));
    drop(EmbeddedStore::open(&open).unwrap());
    let database = Database::open(open.join("rookery.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(NEW).unwrap().insert("a", 1).unwrap();
    txn.commit().unwrap();
    drop(database);
    let store = EmbeddedStore::open(&open).unwrap();
    let failed = runtime().block_on(store.back_up(file.clone(), Vec::new(), AT));
    assert!(
        matches!(&failed, Err(StoreError::Unfit(text)) if text.contains("of_a_later_version")),
        "{failed:?}"
    );
    assert!(!file.exists(), "half a backup is none");
}

#[test]
fn what_is_no_whole_backup_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let [open, file, bad] = ["open", "backup", "bad"].map(|name| directory.path().join(name));
    let store = EmbeddedStore::open(&open).unwrap();
    let line = Line::new(match_id(1), 1, 40);
    runtime().block_on(async {
        claimed(&store, &line).await;
        for after in 0..40 {
            appended(&store, &line, after).await;
        }
        store.back_up(file.clone(), enclosed(), AT).await.unwrap();
    });
    let bytes = fs::read(&file).unwrap();
    let refuses = |bad: &Path, what: &str| {
        let refused = Backup::open(bad);
        assert!(refused.is_err(), "{what}");
    };
    refuses(&bad, "no file");
    fs::write(&bad, b"").unwrap();
    refuses(&bad, "an empty file");
    fs::write(&bad, b"PK\x03\x04 some other file").unwrap();
    refuses(&bad, "another file");
    fs::write(&bad, &bytes[..bytes.len() / 2]).unwrap();
    refuses(&bad, "half a file");
    drop(store);
    fs::copy(open.join("rookery.redb"), &bad).unwrap();
    let refused = Backup::open(&bad);
    assert!(
        matches!(&refused, Err(StoreError::Unfit(text)) if text.contains("no backup")),
        "{refused:?}"
    );
    Backup::open(&file).unwrap();
}

#[test]
fn a_flipped_bit_of_a_backup_is_refused_or_says_nothing() {
    const FLIPS: u64 = 60;
    let directory = tempfile::tempdir().unwrap();
    let [open, file, bad, into] =
        ["open", "backup", "bad", "into"].map(|n| directory.path().join(n));
    let store = EmbeddedStore::open(&open).unwrap();
    let line = Line::new(match_id(1), 1, 40);
    runtime().block_on(async {
        claimed(&store, &line).await;
        for after in 0..40 {
            appended(&store, &line, after).await;
        }
        store.back_up(file.clone(), enclosed(), AT).await.unwrap();
        let whole = fs::read(&file).unwrap();
        // Most of the file is pages that nothing is kept in.
        let used: Vec<_> = (0..whole.len()).filter(|&at| whole[at] != 0).collect();
        let mut refused = 0;
        for seed in 0..FLIPS {
            let mut dice = StdRng::seed_from_u64(seed);
            let mut bytes = whole.clone();
            let at = used[dice.random_range(0..used.len())];
            bytes[at] ^= 1 << dice.random_range(0..8);
            fs::write(&bad, bytes).unwrap();
            let Ok(backup) = Backup::open(&bad) else {
                refused += 1;
                continue;
            };
            assert_eq!(backup.enclosed(), enclosed(), "seed {seed}");
            let _ = fs::remove_dir_all(&into);
            backup.restore(&into).unwrap();
            let restored = EmbeddedStore::open(&into).unwrap();
            let log = restored.log(line.id).await.unwrap();
            assert_eq!(log, line.events, "seed {seed}");
        }
        eprintln!("{refused} of {FLIPS} refused");
        assert!(refused > FLIPS / 10, "damage is noticed: {refused}");
    });
}
