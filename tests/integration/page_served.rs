//! The browser page as a real process serves it, the pools of its lobby, and going on at another device.

use std::time::Duration;

use client::Matchmaker;
use game_core::{CommandKind, Seat};
use protocol::http::{NewTicket, PlayerReply, PoolsReply, Terms, TransferReply};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, IF_NONE_MATCH};
use reqwest::{Client, Response, StatusCode};
use serde_json::json;
use store::testing::RedisServer;
use tests::installation::{Installation, PlayedMatch, eventually};
use tests::process::Server;
use tests::wire::RawClient;

const PATIENCE: Duration = Duration::from_secs(60);

fn http() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

async fn get(url: &str) -> Response {
    http().get(url).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_has_its_headers_and_its_assets_are_kept() {
    let server = tokio::task::block_in_place(Server::embedded);
    let url = &server.ready.matchmaker;
    let page = get(&format!("{url}/match/0123456789ab")).await;
    assert_eq!(page.status(), StatusCode::OK);
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("cache-control"), "no-cache");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin");
    assert!(header("permissions-policy").contains("camera=()"));
    let by_http = !page.headers().contains_key("strict-transport-security");
    assert!(by_http, "it would shut out browsers where there is no TLS");
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        // Of the shards of this server.
        "connect-src 'self' https://127.0.0.1:* ws://127.0.0.1:*",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");

    let text = page.text().await.unwrap();
    let asset = text.split(['"', '\'']).find(|part| {
        part.starts_with("/assets/")
            && std::path::Path::new(part)
                .extension()
                .is_some_and(|kind| kind == "js")
    });
    let asset = format!("{url}{}", asset.expect("the page has a script"));
    let ask = http().get(&asset).header(ACCEPT_ENCODING, "gzip");
    let answer = ask.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
    let kept = "public, max-age=31536000, immutable";
    assert_eq!(answer.headers()["cache-control"], kept);
    let tag = answer.headers()[ETAG].clone();
    let again = http().get(&asset).header(ACCEPT_ENCODING, "gzip");
    let again = again.header(IF_NONE_MATCH, tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(again.bytes().await.unwrap().is_empty());

    for nothing in ["/nothing", "/assets/nothing.js", "/demo"] {
        let answer = get(&format!("{url}{nothing}")).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{nothing}");
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert_eq!(kind, "application/problem+json");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{nothing}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_the_page_has_none() {
    let server = tokio::task::block_in_place(|| Server::start(&["--page", "false"]));
    let answer = get(&server.ready.matchmaker).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

async fn pools(url: &str) -> PoolsReply {
    let answer = get(&format!("{url}/v1/pools")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

/// The numbers are those of all shards and of all matchmakers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lobby_counts_who_waits_and_who_plays_in_the_whole_installation() {
    let environment = [
        ("ROOKERY_POOLS", "3+2, 10+5, 3+2 horde rated"),
        ("ROOKERY_LIMIT_EXEMPT", "127.0.0.0/8"),
    ];
    let one = Installation::start_with(2, &environment).await;
    let other = Installation::launch_beside(&one, 0, &environment).await;
    let usual = Terms::usual("600+5".parse().unwrap());
    let mut games = Vec::new();
    for _ in 0..4 {
        games.push(PlayedMatch::begin_on(&one.matchmaker, usual.clone()).await);
    }
    // Of other terms, and not in the lobby.
    let another = Terms::usual("60+0".parse().unwrap());
    games.push(PlayedMatch::begin_on(&one.matchmaker, another).await);
    let matchmaker = Matchmaker::new(&one.matchmaker, PATIENCE).unwrap();
    let ann = matchmaker.new_player(None).await.unwrap();
    let ticket = NewTicket::new(Terms::usual("180+2".parse().unwrap()));
    let waiting = matchmaker.create_ticket(&ann.token, &ticket).await.unwrap();
    for installation in [&one, &other] {
        let ids = ["3+2", "10+5", "3+2 horde rated"];
        eventually("all are counted", || async {
            // Who waits has to ask.
            let asked = matchmaker.ticket(&ann.token, &waiting.id, Duration::ZERO);
            asked.await.unwrap();
            let pools = pools(&installation.matchmaker).await.pools;
            let seen: Vec<_> = pools.iter().map(|pool| pool.id.as_str()).collect();
            assert_eq!(seen, ids);
            let numbers = pools.iter().map(|pool| (pool.waiting, pool.playing));
            let expected = [(1, Some(0)), (0, Some(4)), (0, Some(0))];
            numbers.eq(expected).then_some(())
        })
        .await;
    }
    games[0].white.command(9, CommandKind::Abort).await;
    eventually("a match that is over is not counted", || async {
        let pools = pools(&other.matchmaker).await.pools;
        (pools[1].playing == Some(3)).then_some(())
    })
    .await;
    // Whoever is paired tells how long it took.
    let bob = matchmaker.new_player(None).await.unwrap();
    matchmaker.create_ticket(&bob.token, &ticket).await.unwrap();
    eventually("a wait is known", || async {
        let asked = matchmaker.ticket(&ann.token, &waiting.id, Duration::ZERO);
        asked.await.unwrap();
        pools(&other.matchmaker).await.pools[0].wait_ms
    })
    .await;
}

async fn post(url: &str, path: &str, token: Option<&str>) -> Response {
    let mut request = http().post(format!("{url}{path}")).json(&json!({}));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

/// The player goes on at another device in the same match, though the server dies between code and use.
async fn moves_to_another_device(mut server: Server) {
    let url = server.ready.matchmaker.clone();
    let mut game = PlayedMatch::begin(&url).await;
    game.play(0, "e2e4").await;
    let made = post(&url, "/v1/transfers", Some(game.token(Seat::Black))).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: TransferReply = made.json().await.unwrap();
    server.kill();
    tokio::task::block_in_place(|| server.restart());

    let path = format!("/v1/transfers/{}/redeem", made.code);
    let redeemed = post(&url, &path, None).await;
    assert_eq!(redeemed.status(), StatusCode::OK);
    let redeemed: PlayerReply = redeemed.json().await.unwrap();
    // Once, also after another death.
    for _ in 0..2 {
        let again = post(&url, &path, None).await;
        assert_eq!(again.status(), StatusCode::NOT_FOUND);
        let problem: serde_json::Value = again.json().await.unwrap();
        assert_eq!(problem["code"], "transfer_not_found");
        server.kill();
        tokio::task::block_in_place(|| server.restart());
    }
    let matchmaker = Matchmaker::new(&url, PATIENCE).unwrap();
    // At first the seat may still name the shard that died, at an address that others have now.
    let seat = eventually(
        "the new device has a seat at a shard that lives",
        || async {
            let seat = matchmaker.seat(&redeemed.token, game.id).await.ok()?;
            let from = seat.shard.address.ip();
            RawClient::connect_from(from, &seat.shard).await.ok()?;
            Some(seat)
        },
    )
    .await;
    let (mut black, _) = RawClient::join(&seat.shard, game.id, seat.token, None).await;
    black.play(1, "e7e5").await;
    eventually("the move is stored", || async {
        let stored = matchmaker.match_reply(game.id).await.ok()?;
        (stored.moves.len() == 2).then_some(())
    })
    .await;
    // What is kept of a code is not the code.
    let kept = std::fs::read_dir(server.data_dir()).unwrap();
    for file in kept.filter_map(|entry| std::fs::read(entry.unwrap().path()).ok()) {
        let code = made.code.as_bytes();
        assert!(!file.windows(code.len()).any(|part| part == code));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_outlives_the_server_on_the_embedded_store() {
    let server = tokio::task::block_in_place(Server::embedded);
    moves_to_another_device(server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_outlives_the_server_on_redis() {
    let redis = tokio::task::block_in_place(RedisServer::start);
    let server = tokio::task::block_in_place(|| Server::on_redis(&redis.url()));
    moves_to_another_device(server).await;
    let used = redis.command(&["EXISTS", "rk:layout"]);
    assert_eq!(used, ":1", "it was on this Redis");
}
