//! Nothing is forgotten: matches that no player comes to end, whoever stops in between.

use std::time::Duration;

use client::Matchmaker;
use game_core::{ClockStart, ColorChoice, Epoch, MatchId, ShardId};
use lab::cluster::{LocalCluster, LocalPlan};
use protocol::http::{NewChallenge, Terms};
use store::{EmbeddedStore, Finding, Registered, Registry, Status, Store, audit};
use supervisor::Signal;
use tests::installation::eventually;
use tests::process::{Server, binary};

/// What each side has; after a load, the clock of an absent player stands for 15 s first.
const TIME_CONTROL: &str = "10+0";
const MATCHES: usize = 9;
const PATIENCE: Duration = Duration::from_secs(20);
/// A shard that is told to end ends within this, with its matches given away.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// Matches that nobody ever joins.
async fn matches_without_players(matchmaker: &str) -> Vec<MatchId> {
    let matchmaker = Matchmaker::new(matchmaker, PATIENCE).unwrap();
    let mut matches = Vec::new();
    for _ in 0..MATCHES {
        let white = matchmaker.new_player(None).await.unwrap().token;
        let black = matchmaker.new_player(None).await.unwrap().token;
        let challenge = NewChallenge {
            terms: Terms {
                clock_start: ClockStart::AtOnce,
                ..Terms::usual(TIME_CONTROL.parse().unwrap())
            },
            color: ColorChoice::White,
            opponent: None,
            opponent_name: None,
            open: false,
            expires_in_s: None,
        };
        let made = matchmaker.create_challenge(&white, &challenge).await;
        let id = made.unwrap().id;
        let accepted = matchmaker.accept_challenge(&black, &id).await.unwrap();
        matches.push(accepted.match_id.unwrap());
    }
    matches
}

async fn cluster() -> LocalCluster {
    let plan = LocalPlan::for_faults(binary("rookery"), 0);
    LocalCluster::start(plan).await.unwrap()
}

async fn all_are_claimed(store: &dyn Store, matches: &[MatchId]) {
    eventually("every match is in some shard's memory", || async {
        for &id in matches {
            let ownership = store.ownership(id).await.ok()??;
            (ownership.epoch > Epoch(0)).then_some(())?;
        }
        Some(())
    })
    .await;
}

async fn all_end(store: &dyn Store, matches: &[MatchId]) {
    eventually("every match ends", || async {
        for &id in matches {
            let ownership = store.ownership(id).await.ok()??;
            (ownership.status == Status::Finished).then_some(())?;
        }
        Some(())
    })
    .await;
}

/// Stops shards by SIGTERM, all at once, and waits until they have ended well.
async fn stop(cluster: &LocalCluster, shards: &[usize]) {
    for &number in shards {
        cluster.shards()[number]
            .place()
            .signal(Signal::TERM)
            .unwrap();
    }
    for &number in shards {
        let status = cluster.shards()[number].place().ended(STOPS_WITHIN).await;
        assert!(status.is_some_and(|status| status.success()), "{status:?}");
    }
}

async fn losses(store: &dyn Store) -> Vec<Finding> {
    let scan = || async { audit(store, None).await.ok() };
    let mut findings = eventually("the store answers", scan).await;
    findings.retain(Finding::is_loss);
    findings
}

/// Once everything has ended, the store holds nothing of shards but one record.
async fn nothing_is_left_over(store: &dyn Store) {
    eventually("nothing is left of the past", || async {
        let findings = audit(store, None).await.ok()?;
        let registry = store.shards().await.ok()?;
        let is_clean = findings.is_empty() && matches!(registry[..], [Registered::Recorded(_)]);
        is_clean.then_some(())
    })
    .await;
}

fn left(registry: &[Registered]) -> Vec<ShardId> {
    let left = registry.iter().filter_map(|seen| match seen {
        Registered::Left(id) => Some(*id),
        _ => None,
    });
    left.collect()
}

/// Changes by hand which shards the registry names.
async fn registry(cluster: &LocalCluster, command: &str, shards: &[ShardId]) {
    let mut words = vec![command.to_owned(), "rk:{shards}:all".to_owned()];
    words.extend(shards.iter().map(ShardId::to_string));
    let changed = cluster.with_redis(move |redis| redis.command(&words));
    changed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_of_shards_that_are_stopped_together_end_under_the_next() {
    let _turn = tests::turns::patient_turn().await;
    let cluster = cluster().await;
    let matches = matches_without_players(cluster.matchmaker_url()).await;
    all_are_claimed(cluster.store(), &matches).await;
    stop(&cluster, &[0, 1, 2]).await;
    assert_eq!(losses(cluster.store()).await, []);
    cluster.start_shard(0).await.unwrap();
    all_end(cluster.store(), &matches).await;
    nothing_is_left_over(cluster.store()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_of_the_last_shard_end_under_the_next_and_the_scan_would_miss_none() {
    let _turn = tests::turns::patient_turn().await;
    let cluster = cluster().await;
    let matches = matches_without_players(cluster.matchmaker_url()).await;
    all_are_claimed(cluster.store(), &matches).await;
    // What these had is given to the last one, and leaves their sets.
    stop(&cluster, &[1]).await;
    stop(&cluster, &[2]).await;
    nothing_is_left_over(cluster.store()).await;

    stop(&cluster, &[0]).await;
    assert_eq!(losses(cluster.store()).await, []);
    // It may have given some to one that had left a moment before.
    let left = left(&cluster.store().shards().await.unwrap());
    assert!(!left.is_empty(), "there is nobody to give them to");

    // As shards left that forgot their matches: nobody would read their sets.
    registry(&cluster, "SREM", &left).await;
    let found = losses(cluster.store()).await;
    let is_unregistered = |finding: &Finding| matches!(finding, Finding::OwnerUnregistered { .. });
    assert!(found.iter().all(is_unregistered), "{found:?}");
    assert_eq!(found.len(), matches.len(), "{found:?}");
    registry(&cluster, "SADD", &left).await;

    cluster.start_shard(1).await.unwrap();
    all_end(cluster.store(), &matches).await;
    nothing_is_left_over(cluster.store()).await;
}

/// A Redis Cluster keeps sets and matches on different primaries, so that a failover may lose an addition to a set and
/// keep the claim that it was made for.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_failover_took_out_of_a_set_is_there_again_before_its_shard_dies() {
    let _turn = tests::turns::patient_turn().await;
    let cluster = cluster().await;
    let matches = matches_without_players(cluster.matchmaker_url()).await;
    all_are_claimed(cluster.store(), &matches).await;
    for shard in cluster.shards() {
        let set = format!("rk:{{shards}}:owned:{}", shard.id().unwrap());
        let removed = cluster.with_redis(move |redis| redis.command(&["DEL", &set]));
        removed.await.unwrap();
    }
    let lost = losses(cluster.store()).await;
    assert_eq!(lost.len(), matches.len(), "{lost:?}");

    cluster.restart_redis().await.unwrap();
    eventually("every match is in its owner's set", || async {
        let findings = audit(cluster.store(), None).await.ok()?;
        (!findings.iter().any(Finding::is_loss)).then_some(())
    })
    .await;
    for shard in cluster.shards() {
        shard.place().kill();
    }
    cluster.start_shard(0).await.unwrap();
    all_end(cluster.store(), &matches).await;
    nothing_is_left_over(cluster.store()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_embedded_server_loads_every_match_that_nobody_asks_for() {
    let _turn = tests::turns::patient_turn().await;
    let mut server = Server::embedded();
    let matches = matches_without_players(&server.ready.matchmaker).await;
    server.signal(Signal::TERM);
    assert!(server.wait(STOPS_WITHIN));
    server.restart();
    server.kill();
    server.restart();
    let matchmaker = Matchmaker::new(&server.ready.matchmaker, PATIENCE).unwrap();
    eventually("every match ends", || async {
        for &id in &matches {
            matchmaker.match_reply(id).await.ok()?.outcome?;
        }
        Some(())
    })
    .await;
    server.signal(Signal::TERM);
    assert!(server.wait(STOPS_WITHIN));
    let store = EmbeddedStore::open(server.data_dir()).unwrap();
    assert_eq!(losses(&store).await, []);
}
