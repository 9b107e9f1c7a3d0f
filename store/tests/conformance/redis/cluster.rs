//! A real Cluster of three primaries with a replica each: failover, resharding, and what one node says of others.

use game_core::MatchId;
use store::Retention;
use store::testing::{RedisKind, Signal};

use super::*;
use crate::samples::cluster_store;

/// Matches of as many tags, which are spread over all primaries.
fn lines(len: usize) -> Vec<Line> {
    (0..12).map(|n| Line::new(match_id(n), 1, len)).collect()
}

async fn connect(server: &RedisServer) -> RedisStore {
    let config = RedisConfig {
        replicas: 1,
        ..RedisConfig::new(server.url())
    };
    RedisStore::connect(config).await.unwrap()
}

/// Writes every line as fast as it goes, a record at a time, while `fault` runs; then all of them are as they were
/// confirmed.
async fn write_during(store: Arc<RedisStore>, lines: &[Line], fault: impl FnOnce() + Send) {
    for line in lines {
        claimed(&*store, line).await;
    }
    let (progress, mut written) = watch::channel(0);
    let writers = lines.iter().map(|line| {
        let (store, line, progress) = (Arc::clone(&store), line.clone(), progress.clone());
        tokio::spawn(async move {
            for after in 0..line.events.len() {
                let write = line.append(Epoch(1), after, 1);
                let answer = append_until_answered(&*store, &write).await;
                // Never a rollback, never a conflict.
                let is_stored = matches!(answer, Appended::Stored { .. });
                assert!(is_stored, "{}: {after}: {answer:?}", line.id);
                progress.send_modify(|written| *written += 1);
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    written.wait_for(|written| *written >= 50).await.unwrap();
    tokio::task::block_in_place(fault);
    for writer in writers {
        writer.await.unwrap();
    }
    for line in lines {
        let stored = until_answered(|| store.log(line.id)).await;
        assert_eq!(stored, line.events);
    }
}

/// With `--store-replicas 1`, where each primary has one replica: it has what was confirmed.
#[test]
fn what_was_confirmed_survives_the_failover_of_a_primary_in_play() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Cluster, &[]);
        let store = Arc::new(connect(&server).await);
        assert_eq!(store.regressions(), 0, "nothing was lost yet");
        write_during(Arc::clone(&store), &lines(120), || {
            server.redis().failover(true).unwrap();
        })
        .await;
        // So that shards compare what they have in memory, idle matches too.
        assert!(store.regressions() > 0, "another server has the slots");
        // All at once, on the new map.
        let record = shard_record(1, 1);
        until_answered(|| store.heartbeat(&record)).await;
        assert_eq!(until_answered(|| store.shards()).await.len(), 1);
    });
}

#[test]
fn matches_are_written_made_and_read_while_slots_move() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Cluster, &[]);
        let store = Arc::new(connect(&server).await);
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        let background = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for n in 0..40 {
                    let line = Line::new(match_id(100 + n), 1, 0);
                    until_answered(|| store.create(shard_id(2), &line.snapshots[0])).await;
                    let claim = || store.claim(line.id, shard_id(2), Epoch(0));
                    let claim = until_answered(claim).await;
                    // Repeated after an unknown outcome, it is found to be done.
                    let is_ours = match claim {
                        Claim::Claimed(_) => true,
                        Claim::Lost(owner) => owner.owner == shard_id(2),
                        Claim::Missing => false,
                    };
                    assert!(is_ours, "match {n}");
                    let (record, ticket) = (shard_record(1, n.into()), ticket(n, Some("3+2")));
                    until_answered(|| store.heartbeat(&record)).await;
                    until_answered(|| store.put_ticket(&ticket)).await;
                }
            })
        };
        let lines = lines(150);
        write_during(Arc::clone(&store), &lines, || {
            // There and elsewhere, among them the slots of the registry and of the tickets.
            let moved: usize = (0..3).map(|_| server.redis().reshard().unwrap()).sum();
            assert!(moved > 3, "{moved} slots were moved");
        })
        .await;
        background.await.unwrap();
        let owned = until_answered(|| store.owned(shard_id(2))).await;
        assert_eq!(owned.len(), 40);
        assert_eq!(until_answered(|| store.waiting("3+2")).await.len(), 40);
        // Nothing is missing. A scan that the end of a move changes the map under begins anew, and names again what it
        // has named.
        let expected: Vec<MatchId> = (0..12).chain(100..140).map(match_id).collect();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = until_answered(|| store.matches(after, 100)).await;
            found.extend(page.matches.iter().map(|(id, _)| *id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        found.sort_unstable();
        found.dedup();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found, expected);
    });
}

#[test]
fn a_primary_that_does_not_answer_silences_its_own_matches_only() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Cluster, &[]);
        let store = impatient(&server).await;
        let lines = lines(2);
        for line in &lines {
            claimed(&store, line).await;
        }
        let batch = |after| -> Vec<_> {
            let appends = lines.iter().map(|line| line.append(Epoch(1), after, 1));
            appends.collect()
        };
        assert_eq!(store.append(&batch(0)).await.unwrap(), [STORED; 12]);
        let suspended = server.redis().place();
        suspended.signal(Signal::STOP).unwrap();
        let answers = store.append(&batch(1)).await.unwrap();
        let silent = |answer: &Appended| matches!(answer, Appended::Unanswered(_));
        let unanswered = answers.iter().filter(|answer| silent(answer)).count();
        let stored = answers.iter().filter(|answer| **answer == STORED).count();
        assert!(unanswered > 0 && stored > 0, "{answers:?}");
        assert_eq!(unanswered + stored, 12, "{answers:?}");
        // Its replica takes over, and what was on its way to it is found or written anew.
        let until = Instant::now() + SOON;
        let mut late = batch(1);
        while !late.is_empty() {
            assert!(Instant::now() < until, "it is not replaced");
            match store.append(&late).await {
                Ok(answers) => {
                    let mut answers = answers.iter();
                    late.retain(|_| answers.next().is_some_and(silent));
                }
                Err(error) => _ = unavailable::<()>(Err(error)),
            }
        }
        suspended.signal(Signal::CONT).unwrap();
        for line in &lines {
            let stored = until_answered(|| store.log(line.id)).await;
            assert_eq!(stored, line.events);
        }
    });
}

#[test]
fn lost_scripts_are_loaded_again_on_every_node() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Cluster, &[]);
        let store = connect(&server).await;
        let lines = lines(2);
        for line in &lines {
            claimed(&store, line).await;
        }
        let words = ["SCRIPT", "FLUSH"];
        server.redis().command_everywhere(&words).unwrap();
        let batch: Vec<_> = lines
            .iter()
            .map(|line| line.append(Epoch(1), 0, 1))
            .collect();
        assert_eq!(store.append(&batch).await.unwrap(), [STORED; 12]);
        // The fullest primary is the first to refuse writes.
        assert_eq!(store.room().await.unwrap().limit_bytes, None);
        let limit = ["CONFIG", "SET", "maxmemory", "123456789"];
        server.redis().primaries()[1].command(&limit).unwrap();
        let room = store.room().await.unwrap();
        assert_eq!(room.limit_bytes, Some(123_456_789));
    });
}

#[test]
fn any_node_names_the_others_and_what_is_no_cluster_is_refused() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Cluster, &[]);
        let nodes = server.redis().nodes();
        let replica = nodes.iter().find(|node| !node.is_primary()).unwrap();
        // A seed that is gone, and one that is a replica.
        let seeds = format!("redis+cluster://127.0.0.1:1,{}", replica.address());
        let store = RedisStore::connect(RedisConfig::new(seeds)).await.unwrap();
        let line = Line::new(match_id(1), 1, 1);
        claimed(&store, &line).await;
        assert_eq!(store.durability(), Durability::Always);

        let node = format!("redis://{}", nodes[0].address());
        let text = unfit(RedisStore::connect(RedisConfig::new(node)).await);
        assert!(text.contains("redis+cluster://"), "{text}");
        let single = RedisServer::start();
        let url = format!("redis+cluster://{}", single.address());
        let text = unfit(RedisStore::connect(RedisConfig::new(url)).await);
        assert!(text.contains("no Cluster"), "{text}");
        // A primary that may forget is what the whole is worth.
        let relaxed = ["CONFIG", "SET", "appendfsync", "everysec"];
        server.redis().primaries()[2].command(&relaxed).unwrap();
        let weaker = connect(&server).await;
        assert_eq!(weaker.durability(), Durability::Relaxed);
    });
}

#[test]
fn two_prefixes_in_one_cluster_are_two_stores() {
    runtime().block_on(async {
        let (one, other) = (cluster_store().await, cluster_store().await);
        let line = Line::new(match_id(1), 1, 0);
        one.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        assert!(other.load(line.id).await.unwrap().is_none());
        assert_eq!(other.shards().await.unwrap(), []);
        assert_eq!(other.shard_traces().await.unwrap(), []);
    });
}
