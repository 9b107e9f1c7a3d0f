//! A batch on Redis: a call for each tag in it, divided where it is long, and matches that stand for themselves.

use std::collections::BTreeMap;

use game_core::MatchId;
use redis::{Value, from_redis_value};
use store::Append;
use store::testing::RedisKind;
use supervisor::RedisNode;

use super::*;
use crate::samples::{Line, cluster_store, sibling_id};

/// Claimed matches of one tag.
async fn siblings(store: &dyn Store, tag: u8, count: u16, len: usize) -> Vec<Line> {
    let ids = (1..=count).map(|n| sibling_id(tag, n));
    let lines: Vec<_> = ids.map(|id| Line::new(id, 1, len)).collect();
    for line in &lines {
        claimed(store, line).await;
    }
    lines
}

/// How often a server has executed a command.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.redis().command(&["INFO", "commandstats"]).unwrap();
    let stats: String = from_redis_value(stats).unwrap();
    let of_command = format!("cmdstat_{command}:calls=");
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(&of_command));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// One write of every kind in a batch of several tags, whose order is not that of the tags.
async fn every_kind(store: &dyn Store) {
    let mut writes: Vec<(Append, &str)> = Vec::new();
    for tag in 0..4 {
        let lines = siblings(store, tag, 7, 6).await;
        let [new, twice, again, other, long, ends, finished] = lines.as_slice() else {
            panic!("there are seven");
        };
        let before = [
            again.append(Epoch(1), 0, 2),
            other.append(Epoch(1), 0, 1),
            ends.append(Epoch(1), 0, 3),
            finished.append(Epoch(1), 0, 3),
            finished.end(Epoch(1), 3),
        ];
        assert_eq!(store.append(&before).await.unwrap(), [STORED; 5]);
        let fork = Line::new(other.id, 2, 6);
        let missing = Line::new(sibling_id(tag, 99), 1, 2);
        writes.extend([
            (ends.end(Epoch(1), 3), "stored"),
            (new.append(Epoch(1), 0, 1), "stored"),
            (twice.append(Epoch(1), 0, 1), "stored"),
            (fork.append(Epoch(1), 0, 1), "conflict"),
            (again.append(Epoch(1), 0, 2), "duplicate"),
            (by(2, new.append(Epoch(1), 1, 1)), "fenced"),
            (twice.append_with_snapshot(Epoch(1), 1, 3), "stored"),
            (new.append(Epoch(1), 3, 1), "rollback"),
            (missing.append(Epoch(1), 0, 1), "missing"),
            (long.append(Epoch(1), 0, 6), "stored"),
            (finished.append(Epoch(1), 4, 1), "conflict"),
            (finished.aftermath(Epoch(1), 3, 0, 1), "stored"),
        ]);
    }
    assert_eq!(store.append(&[]).await.unwrap(), []);
    // One kind of each tag after the other.
    let kinds = writes.len() / 4;
    let order = (0..writes.len()).map(|n| n / 4 + n % 4 * kinds);
    let writes: Vec<_> = order.map(|n| writes[n].clone()).collect();
    let batch: Vec<_> = writes.iter().map(|(append, _)| append.clone()).collect();
    let told = |answers: Vec<Appended>| -> Vec<&str> {
        let told = answers.iter().map(|answer| match answer {
            Appended::Stored { duplicate: false } => "stored",
            Appended::Stored { duplicate: true } => "duplicate",
            Appended::Fenced(_) => "fenced",
            Appended::Conflict { .. } => "conflict",
            Appended::Rollback { .. } => "rollback",
            Appended::Missing => "missing",
            Appended::Unreadable(_) | Appended::Unanswered(_) => "neither",
        });
        told.collect()
    };
    let expected: Vec<_> = writes.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(told(store.append(&batch).await.unwrap()), expected);
    // Retransmitted, what was stored was there already.
    let expected: Vec<_> = expected
        .into_iter()
        .map(|told| if told == "stored" { "duplicate" } else { told })
        .collect();
    assert_eq!(told(store.append(&batch).await.unwrap()), expected);
    for tag in 0..4 {
        let expected = Line::new(sibling_id(tag, 2), 1, 6).events;
        let log = store.log(sibling_id(tag, 2)).await.unwrap();
        assert_eq!(log, expected[..4]);
        let ended = store.ownership(sibling_id(tag, 6)).await.unwrap().unwrap();
        assert_eq!(ended.status, Status::Finished);
        let entries = store
            .outbox_after(match_id(tag).tag(), None, 10)
            .await
            .unwrap();
        assert_eq!(entries.len(), 2, "each that has ended, once");
    }
}

#[test]
fn every_write_of_a_batch_has_its_answer_in_its_place() {
    runtime().block_on(async {
        let server = RedisServer::start();
        every_kind(&redis_store(&server).await).await;
        every_kind(&cluster_store().await).await;
        let valkey = RedisServer::start_kind(RedisKind::Valkey, &[]);
        every_kind(&redis_store(&valkey).await).await;
    });
}

#[test]
fn a_batch_is_one_call_a_tag_and_the_file_grows_by_one_command_a_match() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let mut lines = siblings(&store, 1, 50, 30).await;
        let batch = |lines: &[Line], after| -> Vec<_> {
            let appends = lines.iter().map(|line| line.append(Epoch(1), after, 1));
            appends.collect()
        };
        let (called, bytes) = (calls(&server, "evalsha"), server.aof_bytes());
        for after in 0..20 {
            let answers = store.append(&batch(&lines, after)).await.unwrap();
            assert_eq!(answers, [STORED; 50]);
        }
        assert_eq!(calls(&server, "evalsha") - called, 20);
        let a_move = (server.aof_bytes() - bytes) / (20 * 50);
        assert!(a_move <= 94, "{a_move} bytes a move");
        lines.extend(siblings(&store, 2, 50, 30).await);
        let called = calls(&server, "evalsha");
        store.append(&batch(&lines[50..], 0)).await.unwrap();
        lines.reverse();
        store.append(&batch(&lines, 1)).await.unwrap();
        assert_eq!(calls(&server, "evalsha") - called, 3);
    });
}

/// The bound on one call is 256 matches. The second call is refused as a user without the right to a key is.
#[test]
fn of_a_batch_beyond_the_bound_a_later_call_may_fail_and_all_is_told_apart_afterwards() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let ids = (0..300_u128).map(|n| {
            let of_call = (n / 256) * 62_u128.pow(4);
            MatchId::with_tag(match_id(1).tag(), of_call + n % 256 * 62_u128.pow(2))
        });
        let lines: Vec<_> = ids.map(|id| Line::new(id, 1, 2)).collect();
        for line in &lines {
            claimed(&store, line).await;
        }
        let appends = lines.iter().map(|line| line.append(Epoch(1), 0, 1));
        let batch: Vec<_> = appends.collect();
        let tag = match_id(1).tag();
        let first_ones = format!("~rk:{{{tag}}}:{tag}??0*");
        let rights = ["ACL", "SETUSER", "default", "resetkeys", &first_ones];
        assert_eq!(server.command(&rights), "+OK");
        let called = calls(&server, "rpush");
        let text = unavailable(store.append(&batch).await);
        assert!(text.contains("NOPERM"), "{text}");
        assert_eq!(calls(&server, "rpush") - called, 256);
        assert_eq!(
            server.command(&["ACL", "SETUSER", "default", "allkeys"]),
            "+OK"
        );
        let answers = store.append(&batch).await.unwrap();
        assert_eq!(answers[..256], [DUPLICATE; 256]);
        assert_eq!(answers[256..], [STORED; 44]);
        assert_eq!(store.append(&batch).await.unwrap(), [DUPLICATE; 300]);
    });
}

#[test]
fn scripts_lost_in_a_run_are_loaded_and_the_batch_is_sent_again() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let mut lines = siblings(&store, 1, 8, 6).await;
        lines.extend(siblings(&store, 2, 8, 6).await);
        for after in 0..6 {
            let appends = lines.iter().map(|line| line.append(Epoch(1), after, 1));
            let batch: Vec<_> = appends.collect();
            // Of a retransmitted batch some were stored.
            let earlier = store.append(&batch[6..10]).await.unwrap();
            assert_eq!(earlier, [STORED; 4]);
            assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "+OK");
            let answers = store.append(&batch).await.unwrap();
            assert_eq!(answers[..6], [STORED; 6]);
            assert_eq!(answers[6..10], [DUPLICATE; 4]);
            assert_eq!(answers[10..], [STORED; 6]);
        }
    });
}

#[test]
fn an_outbox_that_is_none_stops_no_match_but_the_one_that_ends() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let lines = siblings(&store, 1, 3, 6).await;
        let appends = lines.iter().map(|line| line.append(Epoch(1), 0, 3));
        store.append(&appends.collect::<Vec<_>>()).await.unwrap();
        let outbox = format!("rk:{{{}}}:outbox", match_id(1).tag());
        server.command(&["SET", &outbox, "not a stream"]);
        let batch = [
            lines[0].append(Epoch(1), 3, 1),
            lines[1].end(Epoch(1), 3),
            lines[2].append(Epoch(1), 3, 1),
        ];
        let answers = store.append(&batch).await.unwrap();
        assert!(
            matches!(&answers[1], Appended::Unreadable(why) if why.contains("WRONGTYPE")),
            "{answers:?}"
        );
        assert_eq!([&answers[0], &answers[2]], [&STORED; 2]);
    });
}

/// A slot in the middle of its move, with some matches here, some there, and one at both.
#[test]
fn a_slot_on_the_move_holds_up_only_the_matches_that_are_at_two_nodes() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Cluster, &[]);
        let store = RedisStore::connect(server.config()).await.unwrap();
        let lines = siblings(&store, 1, 9, 3).await;
        let batch = |after| -> Vec<_> {
            let appends = lines.iter().map(|line| line.append(Epoch(1), after, 1));
            appends.collect()
        };
        // So that each match has both keys.
        assert_eq!(store.append(&batch(0)).await.unwrap(), [STORED; 9]);
        let key = |n: usize, kind: &str| {
            let id = lines[n].id;
            format!("rk:{{{}}}:{id}:{kind}", id.tag())
        };
        let primaries = server.redis().primaries();
        let ask = |node: &RedisNode, words: &[&str]| node.command(words).unwrap();
        let text = |value| -> String { from_redis_value(value).unwrap() };
        let slot = ask(primaries[0], &["CLUSTER", "KEYSLOT", &key(0, "head")]);
        let slot: u16 = from_redis_value(slot).unwrap();
        let slot = slot.to_string();
        let count = |node: &RedisNode| ask(node, &["CLUSTER", "COUNTKEYSINSLOT", &slot]);
        let (from, to): (Vec<&RedisNode>, Vec<&RedisNode>) = primaries
            .iter()
            .partition(|node| count(node) != Value::Int(0));
        let ids: BTreeMap<_, _> = [from[0], to[0]]
            .into_iter()
            .map(|node: &RedisNode| (node.address().port(), text(ask(node, &["CLUSTER", "MYID"]))))
            .collect();
        let set = |node: &RedisNode, state: &str, other: &RedisNode| {
            ask(
                node,
                &[
                    "CLUSTER",
                    "SETSLOT",
                    &slot,
                    state,
                    &ids[&other.address().port()],
                ],
            );
        };
        let port = to[0].address().port().to_string();
        let migrate = |key: &str| ask(from[0], &["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        set(to[0], "IMPORTING", from[0]);
        set(from[0], "MIGRATING", to[0]);
        for n in 0..4 {
            migrate(&key(n, "head"));
            migrate(&key(n, "log"));
        }
        migrate(&key(4, "head"));
        let answers = store.append(&batch(1)).await.unwrap();
        assert_eq!(answers[..4], [STORED; 4]);
        assert!(
            matches!(&answers[4], Appended::Unanswered(why) if why.contains("TRYAGAIN")),
            "{answers:?}"
        );
        assert_eq!(answers[5..], [STORED; 4]);
        migrate(&key(4, "log"));
        let late = lines[4].append(Epoch(1), 1, 1);
        assert_eq!(append_until_answered(&store, &late).await, STORED);
        for n in 5..9 {
            migrate(&key(n, "head"));
            migrate(&key(n, "log"));
        }
        set(to[0], "NODE", to[0]);
        set(from[0], "NODE", to[0]);
        assert_eq!(store.append(&batch(2)).await.unwrap(), [STORED; 9]);
        for line in &lines {
            assert_eq!(store.log(line.id).await.unwrap(), line.events);
        }
    });
}
