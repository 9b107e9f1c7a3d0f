//! Going on as the same player on another device.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use game_core::UnixMillis;
use protocol::http::{ApiTokenReply, PlayerReply, TransferReply};
use reqwest::Method;
use serde_json::json;
use store::{MemoryStore, Transfer};

use super::world::{Answer, Guest, World, new_key, send};
use crate::clock::now;
use crate::config::{Config, Identity};
use crate::identity::{SignUp, digest_of};

const PASSWORD: &str = "correct horse";
const TRANSFERS: &str = "/v1/transfers";

async fn open() -> World {
    let config = Config {
        identity: Identity {
            sign_up: SignUp::Open,
            ..Identity::default()
        },
        ..Config::default()
    };
    World::on(Arc::new(MemoryStore::new()), new_key(), config).await
}

async fn guest(world: &World, body: serde_json::Value) -> PlayerReply {
    let made = send(world.request(Method::POST, "/v1/players").json(&body)).await;
    made.ok(200)
}

async fn account(world: &World) -> PlayerReply {
    let body = json!({"name": "Ann", "password": PASSWORD});
    let made = send(world.request(Method::POST, "/v1/accounts").json(&body)).await;
    made.ok(201)
}

async fn code(world: &World, who: &Guest) -> String {
    let reply = world.post(who, TRANSFERS, json!({})).await;
    reply.ok::<TransferReply>(201).code
}

async fn redeem(world: &World, code: &str) -> Answer {
    let path = format!("{TRANSFERS}/{code}/redeem");
    send(world.request(Method::POST, &path)).await
}

#[tokio::test]
async fn a_guest_goes_on_as_the_same_player_on_another_device_once() {
    let one = open().await;
    let other = one.another().await;
    let made = guest(&one, json!({"name": "Änn", "bot": true})).await;
    let ann = Guest::from(made.clone());
    let reply: TransferReply = one.post(&ann, TRANSFERS, json!({})).await.ok(201);
    assert_eq!(reply.code.len(), 24);
    assert!(reply.code.bytes().all(|c| c.is_ascii_alphanumeric()));
    let life_ms = reply.expires_at.0.saturating_sub(now().0);
    assert!((290_000..=300_000).contains(&life_ms), "{life_ms}");

    let moved: PlayerReply = redeem(&other, &reply.code).await.ok(200);
    assert_eq!((&moved.player, moved.name.as_str()), (&made.player, "Änn"));
    let claims = one
        .service
        .verifying_key
        .player(&moved.token, now())
        .unwrap();
    assert!(claims.bot, "a program stays one");
    // Both devices are the same player in the same match.
    let id = one.make_match(&ann, &one.player("bob")).await;
    one.seat(&Guest::from(moved), id).await;
    for world in [&one, &other] {
        redeem(world, &reply.code)
            .await
            .problem(404, "transfer_not_found");
    }
}

#[tokio::test]
async fn of_many_who_redeem_a_code_at_once_on_two_matchmakers_one_has_it() {
    let one = open().await;
    let other = one.another().await;
    let ann = Guest::from(guest(&one, json!({})).await);
    for _ in 0..5 {
        let code = code(&one, &ann).await;
        let answers = tokio::join!(
            redeem(&one, &code),
            redeem(&other, &code),
            redeem(&one, &code),
            redeem(&other, &code),
        );
        let (a, b, c, d) = answers;
        let mut statuses = [a.status, b.status, c.status, d.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 404, 404, 404]);
    }
}

#[tokio::test]
async fn codes_differ_and_the_next_one_replaces_the_former() {
    let world = open().await;
    let ann = Guest::from(guest(&world, json!({})).await);
    let mut codes = BTreeSet::new();
    for _ in 0..5 {
        codes.insert(code(&world, &ann).await);
    }
    assert_eq!(codes.len(), 5);
    let last = code(&world, &ann).await;
    for former in &codes {
        redeem(&world, former)
            .await
            .problem(404, "transfer_not_found");
    }
    redeem(&world, &last).await.ok::<PlayerReply>(200);
}

#[tokio::test]
async fn what_is_no_code_or_is_late_is_not_found() {
    let world = open().await;
    let late = "0123456789abcdefghijklmn";
    let expired = Transfer {
        digest: digest_of(late),
        player: "ann".parse().unwrap(),
        name: "Ann".to_owned(),
        is_bot: false,
        made_at: UnixMillis(now().0 - 300_000),
        expires_at: now(),
        used_by: None,
    };
    world.store.put_transfer(&expired).await.unwrap();
    for unknown in [late, "0123456789abcdefghijklmN"] {
        redeem(&world, unknown)
            .await
            .problem(404, "transfer_not_found");
    }
    for odd in ["0123456789abcdefghijklm", "0123456789abcdefghijklm-", "x"] {
        redeem(&world, odd).await.problem(400, "invalid_id");
    }
}

#[tokio::test]
async fn a_code_ends_with_the_sessions_of_its_account_and_so_does_what_came_of_it() {
    let world = open().await;
    let made = account(&world).await;
    let ann = Guest::from(made.clone());
    let former = code(&world, &ann).await;
    let moved: PlayerReply = redeem(&world, &former).await.ok(200);
    let moved = Guest::from(moved);
    world
        .get(&moved, "/v1/account")
        .await
        .ok::<serde_json::Value>(200);
    let unused = code(&world, &moved).await;
    // Whoever logs out everywhere, on whichever device, ends all of them.
    let out = world.post(&moved, "/v1/account/logout", json!({})).await;
    assert_eq!(out.status, 204, "{}", out.text);
    for who in [&ann, &moved] {
        world
            .get(who, "/v1/account")
            .await
            .problem(401, "token_revoked");
    }
    redeem(&world, &unused)
        .await
        .problem(404, "transfer_not_found");
    let log_in = json!({"name": "Ann", "password": PASSWORD});
    let back = send(world.request(Method::POST, "/v1/login").json(&log_in)).await;
    let back = Guest::from(back.ok::<PlayerReply>(200));
    let again = code(&world, &back).await;
    redeem(&world, &again).await.ok::<PlayerReply>(200);

    let last = code(&world, &back).await;
    world.store.revoke(&back.id, now()).await.unwrap();
    redeem(&world, &last).await.problem(401, "token_revoked");
}

#[tokio::test]
async fn only_a_players_own_token_makes_a_code() {
    let world = open().await;
    let made = Guest::from(account(&world).await);
    let body = json!({"label": "bot", "scopes": ["read", "play", "account"]});
    let api: ApiTokenReply = world.post(&made, "/v1/account/tokens", body).await.ok(201);
    let program = Guest {
        id: made.id.clone(),
        token: api.token,
    };
    world
        .post(&program, TRANSFERS, json!({}))
        .await
        .problem(403, "not_transferable");
    send(world.request(Method::POST, TRANSFERS))
        .await
        .problem(401, "token_missing");
    world
        .post(&made, TRANSFERS, json!({"for": "bob"}))
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn codes_are_made_and_tried_at_a_limited_rate() {
    let world = open().await;
    let ann = Guest::from(guest(&world, json!({})).await);
    for _ in 0..30 {
        code(&world, &ann).await;
    }
    let refused = world.post(&ann, TRANSFERS, json!({})).await;
    refused.problem(429, "rate_limited");
    let bob = Guest::from(guest(&world, json!({})).await);
    let good = code(&world, &bob).await;
    for n in 0..300 {
        let guess = format!("{n:024}");
        redeem(&world, &guess)
            .await
            .problem(404, "transfer_not_found");
    }
    // Not even the right one, until the address may try again.
    let refused = redeem(&world, &good).await;
    refused.problem(429, "rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
}

/// What is kept of an answer is no way around being used once.
#[tokio::test]
async fn a_repetition_with_its_idempotency_key_has_the_same_answer() {
    let world = open().await;
    let ann = Guest::from(guest(&world, json!({})).await);
    let code = code(&world, &ann).await;
    let path = format!("{TRANSFERS}/{code}/redeem");
    let repeat = |key: &'static str| {
        let request = world.request(Method::POST, &path);
        send(request.header("idempotency-key", key))
    };
    let first: PlayerReply = repeat("one").await.ok(200);
    tokio::time::sleep(Duration::from_millis(2)).await;
    let again: PlayerReply = repeat("one").await.ok(200);
    assert_eq!(again, first);
    repeat("two").await.problem(404, "transfer_not_found");
}
