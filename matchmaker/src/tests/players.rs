//! Guests, and what becomes of requests with the tokens of others.

use protocol::http::{MatchReply, PlayerReply};
use reqwest::Method;
use serde_json::json;
use tokens::{PlayerClaims, SeatClaims};

use super::world::{Guest, World, new_key, send};
use crate::clock::now;

async fn new_player(world: &World, body: &str) -> super::world::Answer {
    let request = world
        .request(Method::POST, "/v1/players")
        .header("content-type", "application/json")
        .body(body.to_owned());
    send(request).await
}

#[tokio::test]
async fn a_guest_gets_an_id_a_name_and_a_token_that_says_both() {
    let world = World::new().await;
    let reply: PlayerReply = new_player(&world, r#"{"name": " Ann Ä. "}"#).await.ok(200);
    assert_eq!(reply.name, "Ann Ä.");
    assert_eq!(reply.player.as_str().len(), 12);
    let days_30 = 30 * 24 * 60 * 60 * 1_000;
    let left = reply.expires_at.0 - now().0;
    assert!((days_30 - 10_000..=days_30).contains(&left), "{left} ms");
    let claims = world
        .key
        .verifying_key()
        .player(&reply.token, now())
        .unwrap();
    let made_at = claims.made_at.unwrap();
    assert_eq!(made_at.0 / 1_000 + days_30 / 1_000, claims.exp);
    let expected = PlayerClaims {
        player: reply.player,
        name: reply.name,
        bot: false,
        made_at: Some(made_at),
        exp: reply.expires_at.0 / 1_000,
    };
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn a_guest_that_says_it_is_a_program_is_shown_as_one() {
    let world = World::new().await;
    let bot: PlayerReply = new_player(&world, r#"{"bot": true}"#).await.ok(200);
    let id = world.make_match(&bot.into(), &world.player("bob")).await;
    let path = format!("/v1/matches/{id}");
    let shown: MatchReply = world.get(&world.player("bob"), &path).await.ok(200);
    let players = &shown.players;
    assert_eq!((players.white.is_bot, players.black.is_bot), (true, false));
    assert_eq!((players.white.rating, players.black.rating), (None, None));
}

#[tokio::test]
async fn a_guest_without_a_name_is_given_one() {
    let world = World::new().await;
    for body in ["", "{}", r#"{"name": null}"#] {
        let reply: PlayerReply = new_player(&world, body).await.ok(200);
        let suffix = &reply.player.as_str()[..4];
        assert_eq!(reply.name, format!("Guest-{suffix}"), "{body}");
    }
}

#[tokio::test]
async fn no_two_guests_are_the_same_player() {
    let world = World::new().await;
    let one: PlayerReply = new_player(&world, "{}").await.ok(200);
    let other: PlayerReply = new_player(&world, "{}").await.ok(200);
    assert_ne!(one.player, other.player);
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    let world = World::new().await;
    let too_long = "n".repeat(33);
    // The last ones are names of nothing: Hangul fillers, the empty Braille pattern, a mark alone.
    for name in [
        "",
        "  ",
        "a\nb",
        "a\u{202e}b",
        &too_long,
        "\u{3164}",
        "\u{115f}",
        "\u{2800}",
        "\u{301}",
    ] {
        let body = json!({ "name": name }).to_string();
        let detail = new_player(&world, &body).await.problem(400, "invalid_name");
        assert!(detail.starts_with("a name has "), "{detail}");
    }
}

#[tokio::test]
async fn persian_names_and_joined_emoji_are_taken() {
    let world = World::new().await;
    for name in ["علی\u{200c}رضا", "👩🏽\u{200d}💻"] {
        let body = json!({ "name": name }).to_string();
        let reply: PlayerReply = new_player(&world, &body).await.ok(200);
        assert_eq!(reply.name, name);
    }
}

#[tokio::test]
async fn a_request_without_a_token_is_told_where_to_get_one() {
    let world = World::new().await;
    let answer = send(world.request(Method::POST, "/v1/tickets")).await;
    let detail = answer.problem(401, "token_missing");
    assert!(detail.contains("POST /v1/players"), "{detail}");
    assert_eq!(
        answer.headers["www-authenticate"],
        r#"Bearer realm="rookery""#
    );
}

#[tokio::test]
async fn tokens_that_give_no_right_are_refused() {
    let world = World::new().await;
    let claims = |exp| PlayerClaims {
        player: "ann".parse().unwrap(),
        name: "Ann".into(),
        bot: false,
        made_at: None,
        exp,
    };
    let later = now().0 / 1_000 + 60;
    let good = world.key.player_token(&claims(later));
    let expired = world
        .key
        .player_token(&claims(now().0 / 1_000 - tokens::LEEWAY_S));
    let forged = new_key().player_token(&claims(later));
    let seat = world.key.seat_token(&SeatClaims {
        match_id: "000000000000".parse().unwrap(),
        role: protocol::Role::White,
        player: "ann".parse().unwrap(),
        exp: later,
    });
    let cases = [
        (format!("Bearer {expired}"), "token_expired"),
        (format!("Bearer {forged}"), "token_invalid"),
        (format!("Bearer {seat}"), "token_invalid"),
        (format!("Bearer {}", "x".repeat(5_000)), "token_invalid"),
        (format!("Basic {good}"), "token_invalid"),
        ("Bearer".to_owned(), "token_invalid"),
        ("Bearer ".to_owned(), "token_invalid"),
        (good.clone(), "token_invalid"),
    ];
    for (header, code) in cases {
        let request = world
            .request(Method::GET, "/v1/tickets/000000000000")
            .header("authorization", &header);
        let answer = send(request).await;
        answer.problem(401, code);
        let challenge = r#"Bearer realm="rookery", error="invalid_token""#;
        assert_eq!(answer.headers["www-authenticate"], challenge, "{header}");
    }
    let request = world
        .request(Method::GET, "/v1/tickets/000000000000")
        .header("authorization", format!("bearer  {good}"));
    send(request).await.problem(404, "ticket_not_found");
}

#[tokio::test]
async fn a_foreign_issuers_name_is_made_fit_for_the_records() {
    let world = World::new().await;
    let token = world.key.player_token(&PlayerClaims {
        player: "ann".parse().unwrap(),
        name: format!("Ann\n{}", "x".repeat(99)),
        bot: false,
        made_at: None,
        exp: now().0 / 1_000 + 60,
    });
    let ann = Guest {
        id: "ann".parse().unwrap(),
        token,
    };
    let id = world.make_match(&ann, &world.player("bob")).await;
    let checkpoint = world.store.load(id).await.unwrap().unwrap();
    let name = &checkpoint.snapshot.setup().players.white.name;
    assert_eq!(**name, format!("Ann{}", "x".repeat(29)));
}

#[tokio::test]
async fn a_player_who_was_revoked_is_refused() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let path = "/v1/tickets/000000000000";
    world.store.revoke(&ann.id, now()).await.unwrap();
    world.get(&ann, path).await.problem(401, "token_revoked");
    world.get(&bob, path).await.problem(404, "ticket_not_found");
}
