//! What is stored in Redis: foreign data, how long it stays, and how many bytes it takes.

use super::*;
use crate::samples::sibling_id;

#[test]
fn what_is_not_ours_under_our_keys_is_corrupt() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let line = Line::new(match_id(1), 1, 4);
        claimed(&store, &line).await;
        let log = format!("rk:{{{}}}:{}:log", line.id.tag(), line.id);
        server.command(&["RPUSH", &log, "not a record"]);
        let corrupt =
            |error: StoreError| assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
        corrupt(store.log(line.id).await.unwrap_err());
        corrupt(store.load(line.id).await.unwrap_err());
        server.command(&["DEL", &log]);
        // Valid records at wrong positions.
        store.append(&[line.append(Epoch(1), 0, 3)]).await.unwrap();
        server.command(&["RPOPLPUSH", &log, &log]);
        corrupt(store.log(line.id).await.unwrap_err());
        corrupt(store.load(line.id).await.unwrap_err());
        server.command(&["DEL", &log]);

        // A shard that cannot be read must not hide the others.
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        store.heartbeat(&shard_record(2, 1)).await.unwrap();
        server.command(&[
            "HSET",
            &format!("rk:{{shards}}:shard:{}", shard_id(1)),
            "record",
            "?",
        ]);
        let seen = store.shards().await.unwrap();
        let readable: Vec<_> = seen.iter().filter_map(Registered::record).collect();
        assert_eq!((seen.len(), readable), (2, vec![&shard_record(2, 1)]));
        // Nor must a ticket.
        store.put_ticket(&ticket(1, Some("3+2"))).await.unwrap();
        store.put_ticket(&ticket(2, Some("3+2"))).await.unwrap();
        server.command(&[
            "HSET",
            &format!("rk:{{tickets}}:{}", ticket_id(1)),
            "body",
            "?",
        ]);
        assert_eq!(
            store.waiting(&pool("3+2"), 200).await.unwrap(),
            [ticket(2, Some("3+2"))]
        );
    });
}

#[test]
fn a_match_that_cannot_be_read_stops_no_other_of_its_batch() {
    // All in one call.
    let ids = [1, 2, 3].map(|n| sibling_id(1, n));
    let id = ids[1];
    let key = |kind: &str| format!("rk:{{{}}}:{id}:{kind}", id.tag());
    let (head, log) = (key("head"), key("log"));
    let harms: [&[&[&str]]; 4] = [
        &[&["SET", &log, "not a list"]],
        &[&["DEL", &head], &["SET", &head, "not a hash"]],
        &[&["HSET", &head, "epoch", "not a number"]],
        &[&["HSET", &head, "epoch", "2", "owner", "not an id"]],
    ];
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let lines = ids.map(|id| Line::new(id, 1, 9));
        for line in &lines {
            claimed(&store, line).await;
        }
        for (after, harm) in harms.into_iter().enumerate() {
            server.command(&["DEL", &head, &log]);
            claimed(&store, &lines[1]).await;
            for command in harm {
                server.command(command);
            }
            let batch = [
                lines[0].append(Epoch(1), after, 1),
                lines[1].append(Epoch(1), 0, 1),
                lines[2].append(Epoch(1), after, 1),
            ];
            for stored in [STORED, DUPLICATE] {
                let answers = store.append(&batch).await.unwrap();
                assert!(matches!(answers[1], Appended::Unreadable(_)), "{harm:?}");
                assert_eq!([&answers[0], &answers[2]], [&stored, &stored], "{harm:?}");
            }
        }
        // Nothing can be confirmed while the server does not write, whatever the state of one match.
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        unavailable(
            store
                .append(&[
                    lines[1].append(Epoch(1), 0, 1),
                    lines[0].append(Epoch(1), 4, 1),
                ])
                .await,
        );
    });
}

#[test]
fn a_ticket_that_nobody_asks_for_goes_and_a_settled_one_is_kept_for_an_hour() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let key = |n| format!("rk:{{tickets}}:{}", ticket_id(n));
        let is_left = |key: &str, seconds: u64| {
            let left: u64 = server.command(&["TTL", key])[1..].parse().unwrap();
            assert!((seconds - 60..=seconds).contains(&left), "{key}: {left}");
        };
        let waits_s = TICKET_WAITS.as_secs();
        for (n, pool) in [(1, None), (2, Some("3+2"))] {
            store.put_ticket(&ticket(n, pool)).await.unwrap();
            is_left(&key(n), waits_s);
        }
        is_left("rk:{tickets}:in:3+2", waits_s);
        for n in [1, 2] {
            server.command(&["EXPIRE", &key(n), "9"]);
            let now = ticket(n, None).seen_at;
            store.touch_ticket(ticket_id(n), now).await.unwrap();
            is_left(&key(n), waits_s);
        }
        store.cancel_ticket(ticket_id(1)).await.unwrap();
        is_left(&key(1), 3_600);
        // An expired one does not prevent others from being paired.
        server.command(&["DEL", &key(2)]);
        assert_eq!(store.waiting(&pool("3+2"), 200).await.unwrap(), []);
    });
}

/// Plies of a match that is on the long side of ordinary.
const PLIES: usize = 80;

/// Bytes of the append-only file for each ply of a match, one write a ply.
async fn aof_bytes_a_move(snapshot_every: usize, snapshot_at_end: bool) -> u64 {
    let server = RedisServer::start();
    let store = redis_store(&server).await;
    let line = Line::new(match_id(1), 1, PLIES);
    claimed(&store, &line).await;
    let before = server.aof_bytes();
    for after in 0..PLIES {
        let write = if (after + 1) % snapshot_every == 0 {
            line.append_with_snapshot(Epoch(1), after, 1)
        } else {
            line.append(Epoch(1), after, 1)
        };
        assert_eq!(store.append(&[write]).await.unwrap(), [STORED]);
    }
    let mut end = line.end(Epoch(1), PLIES);
    end.snapshot = end.snapshot.filter(|_| snapshot_at_end);
    assert_eq!(store.append(&[end]).await.unwrap(), [STORED]);
    let finished = store.ownership(line.id).await.unwrap().unwrap();
    assert_eq!(finished.status, Status::Finished);
    (server.aof_bytes() - before) / PLIES as u64
}

#[test]
fn a_move_costs_few_bytes_of_the_append_only_file() {
    runtime().block_on(async {
        let bare = aof_bytes_a_move(usize::MAX, false).await;
        assert!(bare <= 94, "{bare} bytes a move without snapshots");
        let with_snapshots = aof_bytes_a_move(32, false).await;
        assert!(
            with_snapshots <= 120,
            "{with_snapshots} bytes a move with snapshots"
        );
    });
}
