//! What a former or a later version left behind is refused at the start, by a sentence that says what to do.

use std::path::Path;

use redb::{Database, TableDefinition};
use store::testing::RedisServer;
use store::{EmbeddedStore, Matches, RedisConfig, RedisStore, StoreError};

use crate::samples::{Line, match_id, runtime, shard_id};

const HEADS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("heads");
const LAYOUT: TableDefinition<'_, (), u32> = TableDefinition::new("layout");

#[track_caller]
fn unfit<T>(opened: Result<T, StoreError>, parts: &[&str]) {
    match opened {
        Err(StoreError::Unfit(text)) => {
            for part in parts {
                assert!(text.contains(part), "{text}");
            }
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is taken"),
    }
}

async fn connect(server: &RedisServer, prefix: &str) -> Result<RedisStore, StoreError> {
    let config = RedisConfig {
        prefix: prefix.to_owned(),
        ..RedisConfig::new(server.url())
    };
    RedisStore::connect(config).await
}

#[test]
fn a_prefix_with_matches_of_version_1_is_refused_and_left_alone() {
    runtime().block_on(async {
        let server = RedisServer::start();
        // More keys than one step reads.
        for n in 0..3_000 {
            server.command(&["SET", &format!("other:{n}"), ""]);
        }
        let head = format!("rk:{{{}}}:head", match_id(1));
        server.command(&["HSET", &head, "epoch", "0", "status", "live"]);
        for _ in 0..2 {
            let parts = ["keys rk:*", "version before 2", "--store-prefix"];
            unfit(connect(&server, "rk").await, &parts);
        }
        assert_eq!(server.command(&["EXISTS", "rk:layout"]), ":0");
        assert_eq!(server.command(&["HLEN", &head]), ":2");
        // Another prefix is another installation, also one that a pattern would confuse with it.
        for prefix in ["club", "r?"] {
            connect(&server, prefix).await.unwrap();
        }
        // As the sentence says.
        server.command(&["DEL", &head]);
        let store = connect(&server, "rk").await.unwrap();
        assert_eq!(server.command(&["GET", "rk:layout"]), "");
        let line = Line::new(match_id(1), 1, 0);
        store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        let again = connect(&server, "rk").await.unwrap();
        assert!(again.load(line.id).await.unwrap().is_some());
    });
}

#[test]
fn a_prefix_of_a_later_layout_is_refused() {
    runtime().block_on(async {
        let server = RedisServer::start();
        server.command(&["SET", "rk:layout", "3"]);
        let parts = ["keys rk:*", "version 3", "version 2", "--store-prefix"];
        unfit(connect(&server, "rk").await, &parts);
    });
}

#[test]
fn a_mark_that_was_lost_is_set_again() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = connect(&server, "rk").await.unwrap();
        let line = Line::new(match_id(1), 1, 0);
        store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        server.command(&["DEL", "rk:layout"]);
        let again = connect(&server, "rk").await.unwrap();
        assert!(again.load(line.id).await.unwrap().is_some());
        assert_eq!(server.command(&["EXISTS", "rk:layout"]), ":1");
    });
}

fn change(directory: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::create(directory.join("rookery.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    change(&txn);
    txn.commit().unwrap();
}

#[test]
fn a_directory_of_version_1_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    change(directory.path(), |txn| {
        let mut heads = txn.open_table(HEADS).unwrap();
        heads.insert("0123456789AB", &b"a head"[..]).unwrap();
    });
    for _ in 0..2 {
        let place = directory.path().to_str().unwrap();
        let parts = [place, "version before 2", "move the directory away"];
        unfit(EmbeddedStore::open(directory.path()), &parts);
    }
    change(directory.path(), |txn| {
        let heads = txn.open_table(HEADS).unwrap();
        assert!(
            redb::ReadableTable::get(&heads, "0123456789AB")
                .unwrap()
                .is_some()
        );
        assert_eq!(txn.list_tables().unwrap().count(), 1, "nothing was added");
    });
}

#[test]
fn a_directory_of_a_later_layout_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(directory.path()).unwrap());
    drop(EmbeddedStore::open(directory.path()).unwrap());
    change(directory.path(), |txn| {
        txn.open_table(LAYOUT).unwrap().insert((), 4).unwrap();
    });
    let parts = ["version 4", "version 3", "another directory"];
    unfit(EmbeddedStore::open(directory.path()), &parts);
}
