//! Which shards the registry names, and the contents of their sets, on every store.

use game_core::Epoch;
use store::testing::RedisServer;
use store::{ANY_EPOCH, Claim, EmbeddedStore, Matches, Registered, Registry, Store};

use crate::samples::{Line, match_id, on_all, redis_store, runtime, shard_id, shard_record};

fn recorded(n: u8, heartbeat: u64) -> Registered {
    shard_record(n, heartbeat).into()
}

fn by_id<const N: usize>(mut registry: [Registered; N]) -> [Registered; N] {
    registry.sort_by_key(Registered::id);
    registry
}

fn line(n: u8) -> Line {
    Line::new(match_id(n), 1, 2)
}

/// Creates a match and has shard 1 claim it, under epoch 1.
async fn claimed(store: &dyn Store, line: &Line) {
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    claim(store, line, 1, 0).await;
}

async fn claim(store: &dyn Store, line: &Line, by: u8, expected: u64) {
    let claim = store.claim(line.id, shard_id(by), Epoch(expected)).await;
    assert!(matches!(claim, Ok(Claim::Claimed(_))), "{claim:?}");
}

#[test]
fn the_registry_holds_the_newest_record_of_each_shard() {
    on_all(|store| async move {
        assert_eq!(store.shards().await.unwrap(), []);
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        store.heartbeat(&shard_record(2, 1)).await.unwrap();
        let seen = store.heartbeat(&shard_record(1, 2)).await.unwrap();
        assert_eq!(seen, by_id([recorded(1, 2), recorded(2, 1)]));
        assert_eq!(store.shards().await.unwrap(), seen);
    });
}

#[test]
fn a_shard_with_an_empty_set_leaves_the_registry() {
    on_all(|store| async move {
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        store.heartbeat(&shard_record(2, 1)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(store.leave(shard_id(1)).await.unwrap(), 0);
            assert_eq!(store.shards().await.unwrap(), [recorded(2, 1)]);
        }
    });
}

#[test]
fn a_shard_with_matches_stays_as_one_that_has_left_until_they_are_taken() {
    on_all(|store| async move {
        let line = line(1);
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        claimed(&*store, &line).await;
        let left = [Registered::Left(shard_id(1))];
        for _ in 0..2 {
            assert_eq!(store.leave(shard_id(1)).await.unwrap(), 1);
            assert_eq!(store.shards().await.unwrap(), left);
        }
        assert!(!store.deregister(shard_id(1), None).await.unwrap());
        assert_eq!(store.shards().await.unwrap(), left);

        claim(&*store, &line, 2, 1).await;
        store
            .disown(shard_id(1), &[(line.id, Epoch(2))])
            .await
            .unwrap();
        assert!(store.deregister(shard_id(1), None).await.unwrap());
        assert_eq!(
            store.shards().await.unwrap(),
            [Registered::Absent(shard_id(2))]
        );
    });
}

/// The heartbeat was under way when the shard left.
#[test]
fn a_heartbeat_does_not_bring_a_shard_back_that_has_left() {
    on_all(|store| async move {
        let line = line(1);
        for n in [1, 2] {
            store.heartbeat(&shard_record(n, 1)).await.unwrap();
        }
        claimed(&*store, &line).await;
        assert_eq!(store.leave(shard_id(1)).await.unwrap(), 1);
        assert_eq!(store.leave(shard_id(2)).await.unwrap(), 0);
        let left = [Registered::Left(shard_id(1))];
        for n in [1, 2] {
            assert_eq!(store.heartbeat(&shard_record(n, 2)).await.unwrap(), left);
        }
    });
}

#[test]
fn a_match_that_is_given_to_a_shard_without_a_record_puts_it_into_the_registry() {
    on_all(|store| async move {
        let (one, two) = (line(1), line(2));
        claimed(&*store, &one).await;
        assert_eq!(
            store.shards().await.unwrap(),
            [Registered::Absent(shard_id(1))]
        );
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        assert_eq!(store.shards().await.unwrap(), [recorded(1, 1)]);
        // Another one chose it, not knowing that it was gone.
        store.leave(shard_id(2)).await.unwrap();
        store.create(shard_id(2), &two.snapshots[0]).await.unwrap();
        assert_eq!(
            store.shards().await.unwrap(),
            by_id([recorded(1, 1), Registered::Left(shard_id(2))])
        );
        assert_eq!(store.owned(shard_id(2)).await.unwrap(), [two.id]);
    });
}

#[test]
fn a_dead_shard_is_removed_only_without_matches_and_if_it_was_not_heard_of_since() {
    on_all(|store| async move {
        let line = line(1);
        store.heartbeat(&shard_record(1, 7)).await.unwrap();
        claimed(&*store, &line).await;
        assert!(!store.deregister(shard_id(1), Some(7)).await.unwrap());
        claim(&*store, &line, 2, 1).await;
        let settled = [(line.id, Epoch(2))];
        store.disown(shard_id(1), &settled).await.unwrap();
        for wrong in [None, Some(6), Some(8)] {
            assert!(!store.deregister(shard_id(1), wrong).await.unwrap());
        }
        let absent = Registered::Absent(shard_id(2));
        assert_eq!(
            store.shards().await.unwrap(),
            by_id([recorded(1, 7), absent.clone()])
        );
        assert!(store.deregister(shard_id(1), Some(7)).await.unwrap());
        assert_eq!(store.shards().await.unwrap(), std::slice::from_ref(&absent));
        // It was not dead after all.
        let seen = store.heartbeat(&shard_record(1, 8)).await.unwrap();
        assert_eq!(seen, by_id([recorded(1, 8), absent]));
    });
}

#[test]
fn what_a_dead_shard_owned_is_known_until_it_is_disowned() {
    on_all(|store| async move {
        let (one, two) = (line(1), line(2));
        claimed(&*store, &one).await;
        claimed(&*store, &two).await;
        let mut both = vec![one.id, two.id];
        both.sort();
        assert_eq!(store.owned(shard_id(1)).await.unwrap(), both);
        claim(&*store, &one, 2, 1).await;
        for _ in 0..2 {
            let settled = [(one.id, Epoch(2))];
            store.disown(shard_id(1), &settled).await.unwrap();
            assert_eq!(store.owned(shard_id(1)).await.unwrap(), [two.id]);
        }
        store.disown(shard_id(1), &[]).await.unwrap();
        assert_eq!(store.owned(shard_id(2)).await.unwrap(), [one.id]);
    });
}

/// Shard 1 has read that shard 2 owns the match under epoch 2, and removes it late: by then shard 1 owns it
/// again.
#[test]
fn what_a_shard_owns_can_be_added_to_its_set_again() {
    on_all(|store| async move {
        let line = line(1);
        claimed(&*store, &line).await;
        let owner = shard_id(1);
        let of_claim = [(line.id, Epoch(1))];
        store.own(owner, &[]).await.unwrap();
        store.own(owner, &of_claim).await.unwrap();
        assert_eq!(store.owned(owner).await.unwrap(), [line.id]);
        // As its claim added it: only who has read a later owner takes it out.
        store.disown(owner, &[(line.id, Epoch(0))]).await.unwrap();
        assert_eq!(store.owned(owner).await.unwrap(), [line.id]);
        claim(&*store, &line, 2, 1).await;
        store.own(owner, &of_claim).await.unwrap();
        assert_eq!(
            store.owned(owner).await.unwrap(),
            [line.id],
            "a hint too many"
        );
        store.disown(owner, &of_claim).await.unwrap();
        assert_eq!(store.owned(owner).await.unwrap(), []);
        assert_eq!(store.owned(shard_id(2)).await.unwrap(), [line.id]);
    });
}

#[test]
fn a_removal_does_not_undo_a_later_addition() {
    on_all(|store| async move {
        let line = line(1);
        claimed(&*store, &line).await;
        claim(&*store, &line, 2, 1).await;
        claim(&*store, &line, 1, 2).await;
        for up_to in [0, 1, 2] {
            let late = [(line.id, Epoch(up_to))];
            store.disown(shard_id(1), &late).await.unwrap();
            assert_eq!(store.owned(shard_id(1)).await.unwrap(), [line.id]);
        }
        store
            .disown(shard_id(1), &[(line.id, ANY_EPOCH)])
            .await
            .unwrap();
        assert_eq!(store.owned(shard_id(1)).await.unwrap(), []);
    });
}

/// On Redis the addition and its claim are two steps: between them, the next owner reads the match.
#[test]
fn a_removal_between_an_addition_and_its_claim_leaves_the_addition_on_redis() {
    let server = RedisServer::start();
    runtime().block_on(async {
        let store = redis_store(&server).await;
        let line = line(1);
        claimed(&store, &line).await;
        let (set, heir) = (
            format!("rk:{{shards}}:owned:{}", shard_id(2)),
            shard_id(2).to_string(),
        );
        server.command(&["SADD", "rk:{shards}:all", &heir]);
        server.command(&["ZADD", &set, "2", line.id.as_str()]);
        let seen = store.ownership(line.id).await.unwrap().unwrap();
        assert_eq!((seen.owner, seen.epoch), (shard_id(1), Epoch(1)));
        store
            .disown(shard_id(2), &[(line.id, seen.epoch)])
            .await
            .unwrap();
        claim(&store, &line, 2, 1).await;
        assert_eq!(store.owned(shard_id(2)).await.unwrap(), [line.id]);
    });
}

#[test]
fn a_record_that_cannot_be_read_shows_whether_its_shard_lives_on_redis() {
    let server = RedisServer::start();
    runtime().block_on(async {
        let store = redis_store(&server).await;
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        store.heartbeat(&shard_record(2, 1)).await.unwrap();
        let key = format!("rk:{{shards}}:shard:{}", shard_id(1));
        let mut signs = Vec::new();
        for (heartbeat, record) in [("1", "?"), ("2", "?"), ("2", "!"), ("2", "!")] {
            let fields = ["HSET", &key, "heartbeat", heartbeat, "record", record];
            server.command(&fields);
            let seen = store.shards().await.unwrap();
            assert!(
                seen.len() == 2 && seen.contains(&recorded(2, 1)),
                "{seen:?}"
            );
            signs.extend(seen.iter().filter_map(|seen| match seen {
                Registered::Unreadable { id, sign } if *id == shard_id(1) => Some(*sign),
                _ => None,
            }));
        }
        assert_eq!(signs.len(), 4);
        assert_ne!(signs[0], signs[1]);
        assert_ne!(signs[1], signs[2]);
        assert_eq!(signs[2], signs[3]);
        // Whatever is stored there proves no death, and hides no other shard.
        server.command(&["DEL", &key]);
        server.command(&["SET", &key, "?"]);
        let seen = store.shards().await.unwrap();
        let unreadable = |seen: &&Registered| matches!(seen, Registered::Unreadable { .. });
        assert_eq!((seen.len(), seen.iter().filter(unreadable).count()), (2, 1));
    });
}

#[test]
fn a_restart_finds_the_sets_of_every_process_before() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (line(1), line(2));
    runtime().block_on(async {
        let store = EmbeddedStore::open(&directory).unwrap();
        for n in [1, 2, 3] {
            store.heartbeat(&shard_record(n, 1)).await.unwrap();
        }
        claimed(&store, &one).await;
        store.create(shard_id(2), &two.snapshots[0]).await.unwrap();
        store.leave(shard_id(2)).await.unwrap();
        let left = by_id([1, 2].map(|n| Registered::Left(shard_id(n))));
        // However often no shard comes to take them over.
        drop(store);
        for _ in 0..2 {
            let store = EmbeddedStore::open(&directory).unwrap();
            assert_eq!(store.shards().await.unwrap(), left);
            assert_eq!(store.owned(shard_id(1)).await.unwrap(), [one.id]);
            assert_eq!(store.owned(shard_id(2)).await.unwrap(), [two.id]);
        }
    });
}
