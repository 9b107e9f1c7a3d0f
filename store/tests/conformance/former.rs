//! A file of the former layout is migrated when it is opened, in one transaction.

use std::fs;
use std::path::Path;

use game_core::{Epoch, UnixMillis};
use redb::{Database, ReadableDatabase, TableDefinition, TableHandle};
use store::testing::ReadLog;
use store::{
    Appended, Backup, Claim, EmbeddedStore, MatchLog, Matches, Outbox, Status, StoreError, Tickets,
};

use crate::samples::{Line, by, match_id, runtime, shard_id, ticket, ticket_id};

const FORMER_LOG: TableDefinition<'_, (&str, u32), &[u8]> = TableDefinition::new("log");
const LAYOUT: TableDefinition<'_, (), u32> = TableDefinition::new("layout");

/// The file, see `tests/data/README.md`, in a directory of its own.
fn former() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/layout-2/rookery.redb");
    fs::copy(data, directory.path().join("rookery.redb")).unwrap();
    directory
}

fn lines() -> Vec<Line> {
    (1..=5)
        .map(|n| Line::new(match_id(n), n.into(), 150))
        .collect()
}

async fn has_all(store: &EmbeddedStore) {
    for (line, len) in lines().iter().zip([0, 1, 144, 144, 144]) {
        let (after, _) = if len == 144 {
            line.ended(144)
        } else {
            (Vec::new(), Vec::new())
        };
        let more = match line.id {
            id if id == match_id(4) => 1,
            id if id == match_id(5) => 3,
            _ => 0,
        };
        let log = store.log(line.id).await.unwrap();
        assert_eq!(log, [&line.events[..len], &after[..more]].concat());
        let found = store.load(line.id).await.unwrap().unwrap();
        let status = [Status::Live, Status::Finished][usize::from(more > 0)];
        assert_eq!(found.ownership.status, status);
    }
    let found = store.load(match_id(3)).await.unwrap().unwrap();
    assert_eq!(found.snapshot, lines()[2].snapshots[64]);
    let [heads] = &store.heads(&[match_id(3)]).await[..] else {
        panic!("one head");
    };
    assert_eq!(heads.as_ref().unwrap().as_ref().unwrap().seq, 144);
    let tags = store.outbox_tags().await.unwrap();
    assert_eq!(tags.iter().map(|tag| tag.waiting).sum::<u64>(), 2);
    let kept = store.ticket(ticket_id(1)).await.unwrap();
    assert_eq!(kept, Some(ticket(1, Some("3+2"))));
}

#[test]
fn a_file_of_the_former_layout_has_all_that_it_had_and_goes_on() {
    let directory = former();
    runtime().block_on(async {
        for _ in 0..2 {
            let store = EmbeddedStore::open(directory.path()).unwrap();
            has_all(&store).await;
        }
        let store = EmbeddedStore::open(directory.path()).unwrap();
        let line = &lines()[2];
        let claim = store.claim(line.id, shard_id(2), Epoch(1)).await.unwrap();
        assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
        let more = by(2, line.append(Epoch(2), 144, 6));
        assert_eq!(
            store.append(&[more]).await.unwrap(),
            [Appended::Stored { duplicate: false }]
        );
        drop(store);
        let store = EmbeddedStore::open(directory.path()).unwrap();
        assert_eq!(store.log(line.id).await.unwrap(), line.events);
    });
    // No row is left where an earlier program would look for it.
    let database = Database::open(directory.path().join("rookery.redb")).unwrap();
    let txn = database.begin_read().unwrap();
    let mut tables = txn.list_tables().unwrap();
    assert!(tables.all(|table| table.name() != "log"));
    let layout = txn.open_table(LAYOUT).unwrap();
    assert_eq!(layout.get(()).unwrap().unwrap().value(), 3);
}

#[test]
fn a_migration_that_fails_leaves_the_file_to_the_former_version() {
    let directory = former();
    let file = directory.path().join("rookery.redb");
    let database = Database::open(&file).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(FORMER_LOG)
        .unwrap()
        .insert(("no id", 1), &[][..])
        .unwrap();
    txn.commit().unwrap();
    drop(database);
    let refused = EmbeddedStore::open(directory.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt(_)), "{refused}");
    let database = Database::open(&file).unwrap();
    let txn = database.begin_write().unwrap();
    let layout = txn.open_table(LAYOUT).unwrap();
    assert_eq!(
        redb::ReadableTable::get(&layout, ())
            .unwrap()
            .unwrap()
            .value(),
        2
    );
    let mut log = txn.open_table(FORMER_LOG).unwrap();
    log.remove(("no id", 1)).unwrap();
    drop((layout, log));
    txn.commit().unwrap();
    drop(database);
    runtime().block_on(async {
        has_all(&EmbeddedStore::open(directory.path()).unwrap()).await;
    });
}

#[test]
fn a_backup_of_the_former_layout_becomes_a_store_of_this_one() {
    let directory = former();
    let [file, restored] = ["backup", "restored"].map(|name| directory.path().join(name));
    EmbeddedStore::back_up_closed(directory.path(), &file, &[], UnixMillis(1)).unwrap();
    let backup = Backup::open(&file).unwrap();
    assert_eq!(backup.matches(), 5);
    backup.restore(&restored).unwrap();
    runtime().block_on(async {
        has_all(&EmbeddedStore::open(&restored).unwrap()).await;
    });
}
