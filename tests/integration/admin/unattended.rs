//! Live matches that no shard attends: operators see each of them, and can end it.

use std::collections::BTreeSet;
use std::sync::Arc;

use game_core::testing::SetupBuilder;
use game_core::{Epoch, Match, MatchId, Outcome, ShardId, Termination};
use serde_json::{Value, json};
use store::testing::ReadLog;
use store::{ANY_EPOCH, Matches, RedisConfig, RedisStore, Registry, Status};
use tests::installation::{Endpoint, Installation, PlayedMatch, eventually};

async fn store_of(installation: &Installation) -> Arc<RedisStore> {
    let config = RedisConfig::new(installation.redis.url());
    Arc::new(RedisStore::connect(config).await.unwrap())
}

/// A match that a shard owned which has left the registry and forgotten it: it is in no set.
async fn forgotten(store: &RedisStore, number: u128) -> MatchId {
    let gone = ShardId::from_random(77);
    forgotten_by(store, gone, number).await
}

async fn forgotten_by(store: &RedisStore, owner: ShardId, number: u128) -> MatchId {
    let setup = SetupBuilder::new()
        .id(MatchId::from_random(number << 64))
        .named("lost-white", "lost-black")
        .timed("600+5")
        .created_at(1_700_000_000_000 + number as u64)
        .build();
    let id = setup.id;
    store
        .create(owner, &Match::new(setup).snapshot())
        .await
        .unwrap();
    store.claim(id, owner, Epoch(0)).await.unwrap();
    store.disown(owner, &[(id, ANY_EPOCH)]).await.unwrap();
    id
}

/// All matches of a list, page by page, and what the last page says of the whole.
async fn listed(admin: &Endpoint, filter: &str) -> (Vec<Value>, u64) {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin
            .get(&format!("/v1/matches?limit=4{filter}{cursor}"))
            .await;
        all.extend(page["matches"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, page["total"].as_u64().unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_every_live_match_of_the_store_page_by_page() {
    let installation = Installation::start(1).await;
    let store = store_of(&installation).await;
    let mut attended = Vec::new();
    for _ in 0..3 {
        attended.push(PlayedMatch::begin(&installation.matchmaker).await);
    }
    let mut lost = BTreeSet::new();
    for number in 1..=9 {
        lost.insert(forgotten(&store, number).await.to_string());
    }
    let admin = &installation.admin;
    eventually("all are listed", || async {
        (listed(admin, "").await.1 == 12).then_some(())
    })
    .await;
    for sort in ["created", "-created", "ply"] {
        let (matches, total) = listed(admin, &format!("&sort={sort}")).await;
        assert_eq!(total, 12, "{sort}");
        let ids: BTreeSet<_> = matches
            .iter()
            .map(|one| one["match_id"].to_string())
            .collect();
        assert_eq!(ids.len(), 12, "{sort}: each once");
        for one in &matches {
            let is_lost = lost.contains(one["match_id"].as_str().unwrap());
            assert_eq!(one["stale"], is_lost, "{one}");
            assert_eq!(one["status"], "live");
        }
    }
    let gone = ShardId::from_random(77);
    for (filter, expected) in [
        (format!("&shard={gone}"), 9),
        ("&player=lost-white&status=live".to_owned(), 9),
        ("&status=finished".to_owned(), 0),
    ] {
        assert_eq!(listed(admin, &filter).await.1, expected, "{filter}");
    }
    let one = lost.first().unwrap();
    let details = admin.get(&format!("/v1/matches/{one}")).await;
    assert_eq!(
        (&details["stale"], &details["owner"]),
        (&json!(true), &json!(gone))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_whose_owner_is_gone_is_taken_over_to_be_ended() {
    let installation = Installation::start(2).await;
    let store = store_of(&installation).await;
    for (number, what, body, outcome) in [
        (1, "abort", json!({}), Outcome::Aborted),
        (2, "adjudicate", json!({ "outcome": "draw" }), Outcome::Draw),
    ] {
        let id = forgotten(&store, number).await;
        let path = format!("/v1/matches/{id}/{what}");
        // On a busy machine the takeover may last longer than a request: then it is made again, as the answer says.
        let asked = eventually("the takeover has been in time", || async {
            let asked = installation.admin.post(&path, &body).await;
            (asked.1["code"] != "unconfirmed").then_some(asked)
        });
        let (status, answer) = asked.await;
        assert!(
            status == 200 && answer["status"] == "finished" || answer["code"] == "match_over",
            "{status}: {answer}"
        );
        let ownership = store.ownership(id).await.unwrap().unwrap();
        assert_eq!(ownership.status, Status::Finished);
        let ended = store.log(id).await.unwrap().pop().unwrap();
        let adjudicated = game_core::EventKind::Ended {
            outcome,
            termination: Termination::Adjudicated,
        };
        assert_eq!(ended.kind, adjudicated);
        let (status, problem) = installation.admin.post(&path, &body).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (409, &json!("match_over"))
        );
    }
    assert_eq!(listed(&installation.admin, "&status=live").await.1, 0);
}

/// The hint is lost: its owner lives and knows nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_match_that_its_live_owner_has_forgotten_is_shown_and_ended() {
    let installation = Installation::start(1).await;
    let store = store_of(&installation).await;
    let attended = PlayedMatch::begin(&installation.matchmaker).await;
    let owner = installation.shards[0].id.parse().unwrap();
    let id = forgotten_by(&store, owner, 5).await;
    let shown = eventually("it is listed", || async {
        let (matches, _) = listed(&installation.admin, "").await;
        matches.into_iter().find(|one| one["match_id"] == json!(id))
    })
    .await;
    let was_loaded_meanwhile = shown["stale"] == false;
    assert!(!was_loaded_meanwhile, "the test did not forget it: {shown}");
    let held = installation.shards[0].admin.get("/v1/held").await;
    assert_eq!(held["matches"], json!([attended.id]));
    let path = format!("/v1/matches/{id}/abort");
    let (status, answer) = installation.admin.post(&path, &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    let ownership = store.ownership(id).await.unwrap().unwrap();
    assert_eq!(
        (ownership.status, ownership.owner),
        (Status::Finished, owner)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_no_shard_at_all_a_match_is_shown_and_ending_it_is_refused_in_words() {
    let mut installation = Installation::start(1).await;
    let store = store_of(&installation).await;
    let game = PlayedMatch::begin(&installation.matchmaker).await;
    let lost = forgotten(&store, 1).await;
    let shard = installation.shards[0].id.clone();
    installation.kill(&shard);
    for id in [lost, game.id] {
        let path = format!("/v1/matches/{id}/abort");
        let refused = eventually("it is known that no shard lives", || async {
            let (status, problem) = installation.admin.post(&path, &json!({})).await;
            (status != 503).then_some((status, problem))
        });
        let (status, problem) = refused.await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (409, &json!("no_heir")),
            "{problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("Start one"), "{detail}");
        let ownership = store.ownership(id).await.unwrap().unwrap();
        assert_eq!(ownership.status, Status::Live, "nothing was changed");
    }
    let (matches, total) = listed(&installation.admin, "&status=live").await;
    assert_eq!(total, 2);
    assert!(
        matches.iter().all(|one| one["stale"] == true),
        "{matches:?}"
    );
}
