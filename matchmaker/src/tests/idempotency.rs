//! `Idempotency-Key`: requests that are sent again.

use std::collections::HashSet;

use protocol::http::{PlayerReply, TicketReply, TicketStatus};
use reqwest::Method;
use serde_json::{Value, json};
use store::{Holding, TicketList};

use super::world::{Answer, Guest, World, blitz, send};

/// Posts with a key.
async fn post(world: &World, who: Option<&Guest>, path: &str, key: &str, body: Value) -> Answer {
    let mut request = world.request(Method::POST, path).json(&body);
    if let Some(who) = who {
        request = request.bearer_auth(&who.token);
    }
    send(request.header("idempotency-key", key)).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.contains_key("idempotency-replayed")
}

#[tokio::test]
async fn what_is_sent_again_changes_nothing_and_has_the_first_answer_from_every_matchmaker() {
    let one = World::new().await;
    let other = one.another().await;
    let (ann, bob) = (one.player("ann"), one.player("bob"));
    let body = json!({"control": blitz()});
    for (path, status) in [
        ("/v1/challenges", 201),
        ("/v1/tickets", 201),
        ("/v1/players", 200),
    ] {
        let body = if path == "/v1/players" {
            json!({"name": "Ann"})
        } else {
            body.clone()
        };
        let key = path;
        let who = (path != "/v1/players").then_some(&ann);
        let first = post(&one, who, path, key, body.clone()).await;
        assert_eq!(
            (first.status, is_replayed(&first)),
            (status, false),
            "{}",
            first.text
        );
        for world in [&one, &other] {
            let again = post(world, who, path, key, body.clone()).await;
            assert_eq!((again.status, &again.text), (status, &first.text), "{path}");
            assert!(is_replayed(&again));
            assert_eq!(again.headers["content-type"], "application/json");
        }
        let anew = post(&other, who, path, "another key", body.clone()).await;
        assert_ne!(anew.text, first.text);
        // Keys count for each player by themselves.
        if who.is_some() {
            let of_bob = post(&one, Some(&bob), path, key, body.clone()).await;
            assert_ne!(of_bob.text, first.text);
        }
    }
    let made = one
        .store
        .waiting(&TicketList::By(ann.id.clone()), 99)
        .await
        .unwrap();
    let challenges = made.iter().filter(|ticket| ticket.pool.is_none());
    assert_eq!(challenges.count(), 2, "one for each key");
}

#[tokio::test]
async fn a_key_is_of_one_request() {
    let world = World::new().await;
    let ann = world.player("ann");
    let body = json!({"control": blitz()});
    let first = post(&world, Some(&ann), "/v1/challenges", "k", body.clone()).await;
    let _: TicketReply = first.ok(201);
    let other = json!({"control": blitz(), "chat": false});
    for (path, body) in [("/v1/challenges", other), ("/v1/tickets", body)] {
        let answer = post(&world, Some(&ann), path, "k", body).await;
        answer.problem(422, "idempotency_key_reused");
    }
    for odd in ["", &"x".repeat(256)] {
        let answer = post(&world, Some(&ann), "/v1/challenges", odd, json!({})).await;
        answer.problem(400, "invalid_request");
    }
    // A GET takes no notice of one.
    let get = world
        .request(Method::GET, "/v1/challenges")
        .bearer_auth(&ann.token);
    assert_eq!(send(get.header("idempotency-key", "k")).await.status, 200);
}

#[tokio::test]
async fn what_was_refused_may_be_asked_again() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}/accept");
    let own = post(&world, Some(&ann), &path, "k", json!({})).await;
    own.problem(403, "own_challenge");
    world.see(&[]);
    let without = post(&world, Some(&bob), &path, "k", json!({})).await;
    without.problem(503, "no_shard");
    world.see(&[super::world::shard(1)]);
    let accepted = post(&world, Some(&bob), &path, "k", json!({})).await;
    let accepted: TicketReply = accepted.ok(200);
    assert_eq!(accepted.status, TicketStatus::Matched);
    let again = post(&world, Some(&bob), &path, "k", json!({})).await;
    assert!(is_replayed(&again));
    // Without a token there is no player, and the answer is as without a key.
    let nobody = post(&world, None, "/v1/tickets", "k", json!({})).await;
    nobody.problem(401, "token_missing");
}

/// Its client gave up and repeats it, while the first is on its way or its matchmaker died halfway.
#[tokio::test]
async fn a_request_that_is_sent_many_times_at_once_creates_one_thing() {
    let one = World::new().await;
    let other = one.another().await;
    let ann = one.player("ann");
    let body = json!({"control": blitz()});
    let all = (0..8).map(|n| {
        let world = if n % 2 == 0 { &one } else { &other };
        post(world, Some(&ann), "/v1/challenges", "k", body.clone())
    });
    let mut ids = HashSet::new();
    for answer in futures_util::future::join_all(all).await {
        if answer.status == 409 {
            answer.problem(409, "request_in_progress");
            assert_eq!(answer.headers["retry-after"], "1");
        } else {
            ids.insert(answer.ok::<TicketReply>(201).id);
        }
    }
    assert_eq!(ids.len(), 1);
    let held = one.store.held(&ann.id, Holding::Challenge).await.unwrap();
    assert_eq!(held.len(), 1);
}

#[tokio::test]
async fn a_guest_is_made_once() {
    let world = World::new().await;
    let first = post(&world, None, "/v1/players", "k", json!({})).await;
    let again = post(&world, None, "/v1/players", "k", json!({})).await;
    assert_eq!(again.text, first.text);
    let guest: PlayerReply = again.ok(200);
    assert_eq!(guest.player.as_str().len(), 12);
}
