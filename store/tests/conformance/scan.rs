//! The scan over all matches, on every store.

use std::collections::BTreeMap;
use std::sync::Arc;

use game_core::{Epoch, MatchId};
use store::testing::RedisServer;
use store::{Appended, EmbeddedStore, Matches, Ownership, ScanCursor, Status, Store, StoreError};

use crate::samples::{
    Line, by, cluster_store, match_id, on_all, redis_store, runtime, shard_id, ticket,
};

const STORED: Appended = Appended::Stored { duplicate: false };

/// All that a scan by pages of `limit` names, and how many pages it took.
async fn scan(store: &dyn Store, limit: usize) -> (BTreeMap<MatchId, Ownership>, usize) {
    let (mut found, mut pages) = (BTreeMap::new(), 0);
    let mut after = None;
    loop {
        let page = store.matches(after, limit).await.unwrap();
        found.extend(page.matches);
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (found, pages);
        }
    }
}

#[test]
fn a_scan_names_every_match_with_who_may_write_it() {
    on_all(|store| async move {
        assert_eq!(scan(&*store, 10).await.0, BTreeMap::new());
        // A key that is no match must not be mistaken for one.
        store.put_ticket(&ticket(1, Some("3+2"))).await.unwrap();
        let mut expected = BTreeMap::new();
        for n in 1..=60 {
            let line = Line::new(match_id(n), 1, 4);
            store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
            let mut ownership = Ownership {
                epoch: Epoch(0),
                owner: shard_id(1),
                status: Status::Live,
            };
            if n % 2 == 0 {
                store.claim(line.id, shard_id(2), Epoch(0)).await.unwrap();
                (ownership.epoch, ownership.owner) = (Epoch(1), shard_id(2));
                let moves = by(2, line.append(Epoch(1), 0, 2));
                assert_eq!(store.append(&[moves]).await.unwrap(), [STORED]);
            }
            if n % 4 == 0 {
                let end = by(2, line.end(Epoch(1), 2));
                assert_eq!(store.append(&[end]).await.unwrap(), [STORED]);
                ownership.status = Status::Finished;
            }
            expected.insert(line.id, ownership);
        }
        for limit in [0, 1, 7, 60, usize::MAX] {
            let (found, pages) = scan(&*store, limit).await;
            assert_eq!(found, expected, "by pages of {limit}");
            assert!(limit > 7 || pages > 1, "{pages} pages of {limit}");
        }
    });
}

/// A match that exists during the whole scan is named, whatever is added and removed meanwhile.
#[test]
fn a_scan_misses_no_match_while_others_are_made() {
    on_all(|store| async move {
        let create = async |n| {
            let line = Line::new(match_id(n), 1, 0);
            store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        };
        for n in 1..=40 {
            create(n).await;
        }
        let (mut found, mut after) = (BTreeMap::new(), None);
        let mut others = 100..=u8::MAX;
        // A server that other tests use too has more pages.
        for _ in 0..10_000 {
            let page = store.matches(after, 5).await.unwrap();
            found.extend(page.matches);
            after = page.next;
            if after.is_none() {
                break;
            }
            if let Some(n) = others.next() {
                create(n).await;
            }
        }
        assert_eq!(after, None, "a scan ends");
        for n in 1..=40 {
            assert!(found.contains_key(&match_id(n)), "match {n}");
        }
    });
}

#[test]
fn a_cursor_of_another_store_is_refused() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let (map, node, cursor) = (1, 0, 1);
        let cursors = [
            ScanCursor::After(match_id(1)),
            ScanCursor::Redis(1),
            ScanCursor::Cluster { map, node, cursor },
        ];
        let stores: [Arc<dyn Store>; 3] = [
            Arc::new(EmbeddedStore::in_memory().unwrap()),
            Arc::new(redis_store(&server).await),
            Arc::new(cluster_store().await),
        ];
        for (own, store) in stores.iter().enumerate() {
            for (of, after) in cursors.iter().enumerate() {
                let page = store.matches(Some(*after), 10).await;
                let is_foreign = matches!(page, Err(StoreError::Unfit(_)));
                assert_eq!(is_foreign, own != of, "{after:?}: {page:?}");
            }
        }
    });
}

/// Two installations on one Redis do not see each other's matches, and a key that something else
/// wrote hides none.
#[test]
fn a_scan_on_redis_stays_within_its_prefix_and_passes_over_what_it_cannot_read() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let connect = async |prefix: &str| {
            let config = store::RedisConfig {
                prefix: prefix.to_owned(),
                ..store::RedisConfig::new(server.url())
            };
            store::RedisStore::connect(config).await.unwrap()
        };
        let (odd, even) = (connect("r?").await, connect("rk").await);
        for (store, numbers) in [(&odd, [1, 3]), (&even, [2, 4])] {
            for n in numbers {
                let line = Line::new(match_id(n), 1, 0);
                store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
            }
        }
        let head = |n| {
            let id = match_id(n);
            format!("rk:{{{}}}:{id}:head", id.tag())
        };
        server.command(&["SET", &head(5), "no hash"]);
        server.command(&["HSET", &head(6), "epoch", "many"]);
        server.command(&["SET", "rk:{no}:an id of no kind:head", "no match"]);
        let ids = async |store| scan(store, 100).await.0.into_keys().collect::<Vec<_>>();
        assert_eq!(ids(&odd).await, [match_id(1), match_id(3)]);
        assert_eq!(ids(&even).await, [match_id(2), match_id(4)]);
    });
}
