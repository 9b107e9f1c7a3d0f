//! The final scan finds forgotten matches and remains, and nothing else.

use game_core::{Epoch, MatchId};
use store::testing::RedisServer;
use store::{ANY_EPOCH, Appended, Claim, Finding, InMemory, RedisStore, Store, audit};

use crate::samples::{Line, by, match_id, on_all, redis_store, runtime, shard_id, shard_record};

/// A live match that shard 1 has claimed.
async fn claimed(store: &dyn Store, n: u8) -> MatchId {
    let line = Line::new(match_id(n), 1, 2);
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    let claim = store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
    line.id
}

async fn registered(store: &dyn Store, shards: &[u8]) {
    for &n in shards {
        store.heartbeat(&shard_record(n, 1)).await.unwrap();
    }
}

/// The shards that live, with what they have in memory.
fn in_memory(shards: &[(u8, &[MatchId])]) -> InMemory {
    let shards = shards.iter();
    shards
        .map(|&(n, matches)| (shard_id(n), matches.iter().copied().collect()))
        .collect()
}

#[test]
fn an_installation_at_rest_has_no_findings() {
    on_all(|store| async move {
        assert_eq!(audit(&*store, None).await.unwrap(), []);
        registered(&*store, &[1, 2]).await;
        let id = claimed(&*store, 1).await;
        let line = Line::new(match_id(2), 1, 2);
        store.create(shard_id(2), &line.snapshots[0]).await.unwrap();
        store.claim(line.id, shard_id(2), Epoch(0)).await.unwrap();
        let appends = [line.append(Epoch(1), 0, 2), line.end(Epoch(1), 2)];
        let answers = store.append(&appends.map(|append| by(2, append))).await;
        let stored = Appended::Stored { duplicate: false };
        assert_eq!(answers.unwrap(), [stored.clone(), stored]);
        store
            .disown(shard_id(2), &[(line.id, ANY_EPOCH)])
            .await
            .unwrap();
        assert_eq!(audit(&*store, None).await.unwrap(), []);
        let memory = in_memory(&[(1, &[id]), (2, &[])]);
        assert_eq!(audit(&*store, Some(&memory)).await.unwrap(), []);
    });
}

/// The tombstone of a graceful stop is no loss: the others find it.
#[test]
fn a_match_of_a_shard_that_has_left_is_to_be_taken_over() {
    on_all(|store| async move {
        registered(&*store, &[1, 2]).await;
        claimed(&*store, 1).await;
        store.leave(shard_id(1)).await.unwrap();
        assert_eq!(audit(&*store, None).await.unwrap(), []);
        let memory = in_memory(&[(2, &[])]);
        let shard = shard_id(1);
        let expected = [Finding::NotLive { shard }];
        assert_eq!(audit(&*store, Some(&memory)).await.unwrap(), expected);
    });
}

#[test]
fn a_match_that_its_live_owner_has_not_loaded_is_found() {
    on_all(|store| async move {
        registered(&*store, &[1]).await;
        let (match_id, owner) = (claimed(&*store, 1).await, shard_id(1));
        let memory = in_memory(&[(1, &[])]);
        let expected = [Finding::NotLoaded { match_id, owner }];
        assert_eq!(audit(&*store, Some(&memory)).await.unwrap(), expected);
        assert!(!expected[0].is_loss());
    });
}

#[test]
fn hints_of_what_is_finished_or_anothers_are_found() {
    on_all(|store| async move {
        registered(&*store, &[1, 2]).await;
        let (given, ended) = (claimed(&*store, 1).await, claimed(&*store, 2).await);
        store.claim(given, shard_id(2), Epoch(1)).await.unwrap();
        let line = Line::new(match_id(2), 1, 2);
        store
            .append(&[line.append(Epoch(1), 0, 2), line.end(Epoch(1), 2)])
            .await
            .unwrap();
        let shard = shard_id(1);
        let mut expected = [given, ended].map(|match_id| Finding::StrayHint { shard, match_id });
        expected.sort();
        assert_eq!(audit(&*store, None).await.unwrap(), expected);
    });
}

/// A store in which shard 1 owns a match, written by hand into a state that older programs left.
fn by_hand(spoil: impl Fn(&RedisServer, MatchId), expected: impl Fn(MatchId) -> Vec<Finding>) {
    let server = RedisServer::start();
    runtime().block_on(async {
        let store: RedisStore = redis_store(&server).await;
        registered(&store, &[1, 2]).await;
        let id = claimed(&store, 1).await;
        assert_eq!(audit(&store, None).await.unwrap(), []);
        spoil(&server, id);
        let found = audit(&store, None).await.unwrap();
        assert_eq!(found, expected(id));
    });
}

/// A graceful stop removed the record and left the set under an id that the registry does not name.
#[test]
fn the_match_of_a_shard_that_has_deregistered_with_its_set_full_is_found() {
    let shard = shard_id(1);
    by_hand(
        |server, _| {
            server.command(&["DEL", &format!("rk:{{shards}}:shard:{shard}")]);
            server.command(&["SREM", "rk:{shards}:all", &shard.to_string()]);
        },
        |match_id| {
            let owner = shard;
            vec![
                Finding::OwnerUnregistered { match_id, owner },
                Finding::Unnamed { shard },
            ]
        },
    );
}

/// A restart cleared the registry: neither records nor sets are named.
#[test]
fn the_match_of_a_process_before_a_registry_was_cleared_is_found() {
    let shard = shard_id(1);
    by_hand(
        |server, _| {
            server.command(&[
                "DEL",
                "rk:{shards}:all",
                &format!("rk:{{shards}}:shard:{shard}"),
            ]);
            server.command(&["DEL", &format!("rk:{{shards}}:owned:{shard}")]);
        },
        |match_id| {
            let (owner, other) = (shard, shard_id(2));
            vec![
                Finding::OwnerUnregistered { match_id, owner },
                Finding::Unnamed { shard: other },
            ]
        },
    );
}

/// The heir's scan removed the hint of a hand-over whose claim landed afterwards.
#[test]
fn the_match_whose_hint_was_lost_is_found() {
    let owner = shard_id(1);
    by_hand(
        |server, id| {
            server.command(&["ZREM", &format!("rk:{{shards}}:owned:{owner}"), id.as_str()]);
        },
        |match_id| vec![Finding::Forgotten { match_id, owner }],
    );
}
