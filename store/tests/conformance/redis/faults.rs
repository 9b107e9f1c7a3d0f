//! Redis killed, stopped, full, and without its scripts.

use super::*;

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

/// A restarted server may have less than it confirmed; a broken connection to one that runs on means nothing.
#[test]
fn a_restart_counts_as_a_regression_and_a_broken_connection_does_not() {
    runtime().block_on(async {
        let mut server = RedisServer::start();
        let store = redis_store(&server).await;
        let line = Line::new(match_id(1), 1, 4);
        claimed(&store, &line).await;
        assert_eq!(store.regressions(), 0);
        server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        append_until_answered(&store, &line.append(Epoch(1), 0, 1)).await;
        while store.load(line.id).await.is_err() {}
        assert_eq!(
            store.regressions(),
            0,
            "the same server has all that it had"
        );
        tokio::task::block_in_place(|| {
            server.kill();
            server.restart();
        });
        append_until_answered(&store, &line.append(Epoch(1), 1, 1)).await;
        assert!(store.regressions() > 0);
    });
}
