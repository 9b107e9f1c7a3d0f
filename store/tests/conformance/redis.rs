//! Redis killed, stopped, misconfigured, full, and without its scripts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use game_core::Epoch;
use store::testing::{ReadLog, RedisServer};
use store::{
    Appended, Claim, Durability, MatchLog, Matches, RedisConfig, RedisStore, Registered, Registry,
    Status, Store, StoreError, TICKET_WAITS, Tickets,
};
use tokio::sync::watch;

use crate::samples::{
    Line, by, match_id, redis_store, runtime, shard_id, shard_record, ticket, ticket_id,
};

const STORED: Appended = Appended::Stored { duplicate: false };
const DUPLICATE: Appended = Appended::Stored { duplicate: true };
/// Generous upper bound on the wait for an event that must happen.
const SOON: Duration = Duration::from_secs(20);

/// A store that does not wait long for answers.
async fn impatient(server: &RedisServer) -> RedisStore {
    let response_timeout = Duration::from_millis(200);
    let config = RedisConfig {
        response_timeout,
        ..RedisConfig::new(server.url())
    };
    RedisStore::connect(config).await.unwrap()
}

/// Creates the match of `line` and has shard 1 claim it, under epoch 1.
async fn claimed(store: &dyn Store, line: &Line) {
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    let claim = store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
}

/// Repeats a write until it is answered, as a shard does.
async fn append_until_answered(store: &dyn Store, write: &store::Append) -> Appended {
    let until = Instant::now() + SOON;
    loop {
        match store.append(std::slice::from_ref(write)).await {
            Ok(mut answers) => return answers.remove(0),
            Err(StoreError::Unavailable(_)) if Instant::now() < until => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[track_caller]
fn unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Unavailable(text)) => text,
        other => panic!("Unavailable expected: {other:?}"),
    }
}

#[track_caller]
fn unfit<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Unfit(text)) => text,
        other => panic!("Unfit expected: {other:?}"),
    }
}

#[test]
fn what_was_confirmed_survives_kill_9_at_any_moment() {
    runtime().block_on(async {
        let mut server = RedisServer::start();
        let store = Arc::new(redis_store(&server).await);
        let lines: Vec<Line> = (0..8).map(|n| Line::new(match_id(n), 1, 60)).collect();
        for line in &lines {
            claimed(&*store, line).await;
        }
        let (progress, mut written) = watch::channel(0);
        // Each match is written as fast as it goes, while the server is killed and started again.
        let writers: Vec<_> = lines
            .iter()
            .map(|line| {
                let (store, line) = (Arc::clone(&store), line.clone());
                let progress = progress.clone();
                tokio::spawn(async move {
                    for after in 0..line.events.len() {
                        let write = line.append(Epoch(1), after, 1);
                        let answer = append_until_answered(&*store, &write).await;
                        // Never a rollback, never a conflict.
                        assert!(
                            matches!(answer, Appended::Stored { .. }),
                            "{after}: {answer:?}"
                        );
                        progress.send_modify(|written| *written += 1);
                    }
                })
            })
            .collect();
        drop(progress);
        // Of 480 records.
        for enough in [100, 200, 300] {
            written
                .wait_for(|written| *written >= enough)
                .await
                .unwrap();
            tokio::task::block_in_place(|| {
                server.kill();
                server.restart();
            });
        }
        for writer in writers {
            writer.await.unwrap();
        }
        server.kill();
        server.restart();
        let store = redis_store(&server).await;
        for line in &lines {
            assert_eq!(store.log(line.id).await.unwrap(), line.events);
        }
    });
}

#[test]
fn lost_scripts_are_loaded_again() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let line = Line::new(match_id(1), 1, 4);
        let flush = || assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "+OK");
        flush();
        claimed(&store, &line).await;
        flush();
        let batch = [line.append(Epoch(1), 0, 1), line.append(Epoch(1), 1, 1)];
        assert_eq!(store.append(&batch).await.unwrap(), [STORED, STORED]);
        flush();
        assert_eq!(
            store.load(line.id).await.unwrap().unwrap().tail,
            line.events[..2]
        );
        flush();
        store.put_ticket(&ticket(1, None)).await.unwrap();
        flush();
        assert!(store.cancel_ticket(ticket_id(1)).await.unwrap());
    });
}

#[test]
fn an_append_that_timed_out_is_found_to_be_stored() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = impatient(&server).await;
        let line = Line::new(match_id(1), 1, 4);
        claimed(&store, &line).await;

        server.stop();
        let write = line.append(Epoch(1), 0, 1);
        unavailable(store.append(std::slice::from_ref(&write)).await);
        server.cont();
        // It was on its way, and takes effect without anyone there to hear the answer.
        let log = format!("rk:{{{}}}:{}:log", line.id.tag(), line.id);
        let until = Instant::now() + SOON;
        while server.command(&["LLEN", &log]) != ":1" {
            assert!(Instant::now() < until, "the append is lost");
        }
        assert_eq!(append_until_answered(&store, &write).await, DUPLICATE);
        assert_eq!(
            store.append(&[line.append(Epoch(1), 1, 1)]).await.unwrap(),
            [STORED]
        );
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..2]);
    });
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = impatient(&server).await;
        let (one, other) = (Line::new(match_id(1), 1, 4), Line::new(match_id(2), 1, 4));
        claimed(&store, &one).await;
        for _ in 0..3 {
            server.stop();
            unavailable(store.ownership(one.id).await);
            server.cont();
            // The match that was requested last does not exist.
            let until = Instant::now() + SOON;
            while let Err(error) = store.ownership(other.id).await.map(|o| assert_eq!(o, None)) {
                assert!(Instant::now() < until, "{error}");
            }
        }
    });
}

#[test]
fn what_a_stopped_redis_still_has_to_read_comes_before_a_takeover_or_is_fenced() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let (zombie, successor) = (impatient(&server).await, redis_store(&server).await);
        let line = Line::new(match_id(1), 1, 4);
        claimed(&zombie, &line).await;
        for epoch in 1..=5 {
            let after = successor.log(line.id).await.unwrap().len().min(3);
            let owner = if epoch == 1 { 1 } else { 2 };
            let write = by(owner, line.append(Epoch(epoch), after, 1));
            server.stop();
            unavailable(zombie.append(std::slice::from_ref(&write)).await);
            let takeover = successor.claim(line.id, shard_id(2), Epoch(epoch));
            let cont = async {
                tokio::task::yield_now().await;
                server.cont();
            };
            let (claim, ()) = tokio::join!(takeover, cont);
            let Claim::Claimed(checkpoint) = claim.unwrap() else {
                panic!("nobody else claims");
            };
            // The zombie learns its fate, and what it left behind has been read by then.
            let fate = append_until_answered(&zombie, &write).await;
            assert_eq!(fate, Appended::Fenced(checkpoint.ownership));
            assert_eq!(successor.log(line.id).await.unwrap(), checkpoint.tail);
        }
    });
}

#[test]
fn a_server_that_is_down_is_said_to_be_and_comes_back() {
    runtime().block_on(async {
        let mut server = RedisServer::start();
        let store = redis_store(&server).await;
        let line = Line::new(match_id(1), 1, 4);
        claimed(&store, &line).await;
        server.kill();
        let text = unavailable(RedisStore::connect(RedisConfig::new(server.url())).await);
        assert!(text.contains(&server.address().to_string()), "{text}");
        let write = line.append(Epoch(1), 0, 1);
        // A caller without a pause of its own is slowed down: 20, 40, 80 ms between attempts.
        let began = Instant::now();
        for _ in 0..5 {
            unavailable(store.append(std::slice::from_ref(&write)).await);
        }
        assert!(
            began.elapsed() > Duration::from_millis(140),
            "{:?}",
            began.elapsed()
        );
        server.restart();
        assert_eq!(append_until_answered(&store, &write).await, STORED);
        let found = redis_store(&server).await.log(line.id).await.unwrap();
        assert_eq!(found, line.events[..1]);
    });
}

#[test]
fn callers_that_wait_for_one_connection_share_one_attempt() {
    runtime().block_on(async {
        let mut server = RedisServer::start();
        let store = Arc::new(redis_store(&server).await);
        server.kill();
        let began = Instant::now();
        let callers: Vec<_> = (0..200)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.ownership(match_id(1)).await })
            })
            .collect();
        for caller in callers {
            unavailable(caller.await.unwrap());
        }
        // One after the other they would have waited half a second each.
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
    });
}

#[test]
fn a_server_that_cannot_write_now_is_unavailable_until_it_can() {
    // How it is brought about, what it answers, and how it is ended.
    let troubles: [(&[&str], &str, &[&str]); 4] = [
        (
            &["CONFIG", "SET", "maxmemory", "1"],
            "OOM",
            &["CONFIG", "SET", "maxmemory", "0"],
        ),
        (
            &["CONFIG", "SET", "min-replicas-to-write", "1"],
            "NOREPLICAS",
            &["CONFIG", "SET", "min-replicas-to-write", "0"],
        ),
        (
            &["REPLICAOF", "127.0.0.1", "1"],
            "READONLY",
            &["REPLICAOF", "NO", "ONE"],
        ),
        (
            &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
            "",
            &["CONFIG", "SET", "maxmemory-policy", "noeviction"],
        ),
    ];
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let line = Line::new(match_id(1), 1, 10);
        claimed(&store, &line).await;
        for (after, (cause, answer, cure)) in troubles.into_iter().enumerate() {
            let write = line.append(Epoch(1), after, 1);
            assert_eq!(server.command(cause), "+OK");
            if answer.is_empty() {
                // Found out at the next connection only.
                server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
                unavailable(store.append(std::slice::from_ref(&write)).await);
            }
            let text = unavailable(store.append(std::slice::from_ref(&write)).await);
            assert!(text.contains(answer), "{text}");
            assert_eq!(server.command(cure), "+OK");
            assert_eq!(append_until_answered(&store, &write).await, STORED);
        }
    });
}

#[test]
fn a_server_with_other_settings_is_accepted_for_what_it_is() {
    let durable_as = |arguments: &[&str]| {
        let server = RedisServer::start_with(arguments);
        runtime().block_on(async { redis_store(&server).await.durability() })
    };
    assert_eq!(durable_as(&[]), Durability::Always);
    assert_eq!(
        durable_as(&["--appendfsync", "everysec"]),
        Durability::Relaxed
    );
    assert_eq!(durable_as(&["--appendfsync", "no"]), Durability::Relaxed);
    assert_eq!(
        durable_as(&["--no-appendfsync-on-rewrite", "yes"]),
        Durability::Relaxed
    );
    assert_eq!(durable_as(&["--appendonly", "no"]), Durability::Unlogged);
}

#[test]
fn a_server_whose_settings_change_is_judged_again_when_it_is_reached_again() {
    runtime().block_on(async {
        let mut server = RedisServer::start_with(&["--appendfsync", "everysec"]);
        let store = redis_store(&server).await;
        assert_eq!(store.durability(), Durability::Relaxed);
        server.kill();
        server.restart();
        assert_eq!(
            server.command(&["CONFIG", "SET", "appendfsync", "always"]),
            "+OK"
        );
        let until = Instant::now() + SOON;
        while store.shards().await.is_err() {
            assert!(Instant::now() < until, "not reached again");
        }
        assert_eq!(store.durability(), Durability::Always);
    });
}

#[test]
fn settings_that_are_changed_while_the_server_runs_are_noticed() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let config = |durable_only| RedisConfig {
            durable_only,
            survey_every: Duration::from_millis(50),
            ..RedisConfig::new(server.url())
        };
        let strict = RedisStore::connect(config(true)).await.unwrap();
        let lenient = RedisStore::connect(config(false)).await.unwrap();
        let line = Line::new(match_id(1), 1, 3);
        claimed(&strict, &line).await;
        let evicting = ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"];
        let faults = [
            (
                ["CONFIG", "SET", "appendfsync", "everysec"],
                ["CONFIG", "SET", "appendfsync", "always"],
                "appendfsync",
                Some(Durability::Relaxed),
            ),
            (
                ["CONFIG", "SET", "appendonly", "no"],
                ["CONFIG", "SET", "appendonly", "yes"],
                "appendonly",
                Some(Durability::Unlogged),
            ),
            (
                evicting,
                ["CONFIG", "SET", "maxmemory-policy", "noeviction"],
                "noeviction",
                None,
            ),
        ];
        for (after, (fault, cure, named, mode)) in faults.into_iter().enumerate() {
            let write = line.append(Epoch(1), after, 1);
            assert_eq!(server.command(&fault), "+OK");
            let until = Instant::now() + SOON;
            let refused = loop {
                match strict.shards().await {
                    Err(error) => break error.to_string(),
                    Ok(_) => assert!(Instant::now() < until, "{fault:?} is not noticed"),
                }
            };
            assert!(refused.contains(named), "{refused}");
            // Nothing is confirmed until it is put right.
            let text = unavailable(strict.append(std::slice::from_ref(&write)).await);
            assert!(text.contains(named), "{text}");
            let until = Instant::now() + SOON;
            match mode {
                Some(mode) => {
                    while lenient.durability() != mode {
                        lenient.shards().await.unwrap();
                        assert!(Instant::now() < until, "{fault:?} is not noticed");
                    }
                }
                // No mode allows for that.
                None => {
                    while lenient.shards().await.is_ok() {
                        assert!(Instant::now() < until, "{fault:?} is not noticed");
                    }
                }
            }
            assert_eq!(server.command(&cure), "+OK");
            assert_eq!(append_until_answered(&strict, &write).await, STORED);
            let until = Instant::now() + SOON;
            while lenient.shards().await.is_err() || lenient.durability() != Durability::Always {
                assert!(Instant::now() < until, "{cure:?} is not noticed");
            }
        }
    });
}

#[test]
fn a_server_that_cannot_keep_the_contract_is_refused() {
    runtime().block_on(async {
        let server = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]);
        let text = unfit(RedisStore::connect(RedisConfig::new(server.url())).await);
        assert!(text.contains("noeviction"), "{text}");

        let server = RedisServer::start_with(&["--requirepass", "secret"]);
        let text = unfit(RedisStore::connect(RedisConfig::new(server.url())).await);
        assert!(
            text.contains("NOAUTH") || text.contains("uthentication"),
            "{text}"
        );
        let wrong = format!("redis://:wrong@{}", server.address());
        let text = unfit(RedisStore::connect(RedisConfig::new(wrong)).await);
        assert!(!text.contains("wrong@"), "{text}");

        unfit(RedisStore::connect(RedisConfig::new("http://127.0.0.1")).await);
        let braces = RedisConfig {
            prefix: "a{b}".to_owned(),
            ..RedisConfig::new(server.url())
        };
        unfit(RedisStore::connect(braces).await);
    });
}

#[test]
fn a_user_who_may_not_ask_for_the_settings_is_told_that_they_are_unknown() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let user = [
            "ACL", "SETUSER", "app", "on", ">pw", "~rk:*", "+@all", "-config",
        ];
        assert_eq!(server.command(&user), "+OK");
        let url = format!("redis://app:pw@{}", server.address());
        let store = RedisStore::connect(RedisConfig::new(url)).await.unwrap();
        assert_eq!(store.durability(), Durability::Unknown);
        claimed(&store, &Line::new(match_id(1), 1, 1)).await;
    });
}

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
        server.command(&["HSET", &format!("rk:shard:{}", shard_id(1)), "record", "?"]);
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
            store.waiting("3+2").await.unwrap(),
            [ticket(2, Some("3+2"))]
        );
    });
}

#[test]
fn a_match_that_cannot_be_read_stops_no_other_of_its_batch() {
    let id = match_id(2);
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
        let lines = [1, 2, 3].map(|n| Line::new(match_id(n), 1, 9));
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
        assert_eq!(store.waiting("3+2").await.unwrap(), []);
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
        assert!(bare <= 90, "{bare} bytes a move without snapshots");
        let with_snapshots = aof_bytes_a_move(32, false).await;
        assert!(
            with_snapshots <= 120,
            "{with_snapshots} bytes a move with snapshots"
        );
    });
}
