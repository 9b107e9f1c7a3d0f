//! Tokens, scopes and limits; and that many bots cost little.

use std::time::Duration;

use client::Matchmaker;
use protocol::http::ApiScope;
use reqwest::StatusCode;

use super::hall::{Bot, Hall, PATIENCE, account};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_allows_what_its_scopes_say() {
    let hall = Hall::open(1, 2, &[]).await;
    let url = &hall.gateway.url;
    let matchmaker = Matchmaker::new(&hall.installation.matchmaker, PATIENCE).unwrap();
    let game = hall.game(&[]).await;
    let refusal = |answer: super::hall::Answer, status: u16| {
        answer.is(StatusCode::from_u16(status).unwrap())["error"].clone()
    };
    let nobody = Bot::new(url, "nobody", "nonsense".to_owned());
    let answer = nobody.get("/api/account").await;
    assert_eq!(refusal(answer, 401), "No such token");
    // Any page may read it, and nobody keeps it.
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = browser.get(format!("{url}/api/account")).send();
    let answer = asked.await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let stream = format!("/api/bot/game/stream/{game}");
    assert_eq!(refusal(nobody.get(&stream).await, 401), "No such token");

    let token = account(&matchmaker, "Reader", true, &[ApiScope::ChallengeRead]).await;
    let reader = Bot::new(url, "Reader", token);
    reader.get("/api/challenge").await.is(StatusCode::OK);
    for path in [
        "/api/challenge/Robot%200",
        &format!("/api/bot/game/{game}/move/e2e4"),
    ] {
        let terms = [("clock.limit", "60"), ("clock.increment", "0")];
        let answer = reader.post_form(path, &terms).await;
        assert_eq!(refusal(answer, 403), "Missing scope", "{path}");
    }

    let token = account(&matchmaker, "Other", true, &[ApiScope::BotPlay]).await;
    let other = Bot::new(url, "Other", token);
    assert_eq!(refusal(other.get(&stream).await, 404), "Not your game");
    let none = "/api/bot/game/stream/000000000000";
    assert_eq!(refusal(other.get(none).await, 404), "No such game");
    assert_eq!(
        refusal(other.get("/api/bot/game/stream/x").await, 404),
        "No such game"
    );
    let board = format!("/api/board/game/stream/{game}");
    assert_eq!(refusal(other.get(&board).await, 403), "Missing scope");

    // People do not play by the requests of bots.
    let scopes = [ApiScope::BotPlay, ApiScope::BoardPlay];
    let person = Bot::new(
        url,
        "Ann",
        account(&matchmaker, "Ann", false, &scopes).await,
    );
    person.get(&stream).await.is(StatusCode::BAD_REQUEST);
    person
        .post("/api/bot/account/upgrade")
        .await
        .is(StatusCode::BAD_REQUEST);
    assert_eq!(refusal(person.get(&board).await, 404), "Not your game");
}

/// A dozen bots hold their event streams at one gateway from one address, which is exempt; another address has its share.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_bots_at_one_address_need_an_exemption() {
    const BOTS: usize = 12;
    let args = ["--connections-per-address-max", "4"];
    let hall = Hall::open(1, BOTS, &args).await;
    let mut refused = 0;
    let mut open = Vec::new();
    for bot in &hall.bots {
        let opened = tokio::time::timeout(PATIENCE, bot.try_events())
            .await
            .unwrap();
        match opened {
            Some(lines) => open.push(lines),
            None => refused += 1,
        }
    }
    assert!(
        open.len() <= 4 && refused >= BOTS - 4,
        "{} are open",
        open.len()
    );
    drop(open);
    let args = [&args[..], &["--limit-exempt", "127.0.0.1"]].concat();
    let gateway = super::hall::Gateway::start(&hall.installation.matchmaker, &args).await;
    let mut open = Vec::new();
    for bot in &hall.bots {
        let bot = Bot::new(&gateway.url, &bot.name, bot.token.clone());
        open.push(bot.events().await);
    }
    // Each is told of its challenge.
    let one = Bot::new(&gateway.url, &hall.bots[0].name, hall.bots[0].token.clone());
    let terms = [("clock.limit", "60"), ("clock.increment", "0")];
    for (bot, events) in hall.bots.iter().zip(&mut open).skip(1) {
        one.challenge(&bot.name, &terms).await;
        let told = tokio::time::timeout(PATIENCE, events.kind("challenge"))
            .await
            .unwrap();
        assert_eq!(told["challenge"]["destUser"]["name"], bot.name);
        assert!(events.silence < Duration::from_secs(9));
    }
}
