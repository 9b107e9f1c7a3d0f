//! A Redis that is nearly full: matches in play go on to their ends, and none are begun.

use std::time::Duration;

use game_core::{CommandKind, EventKind, TimeControl};
use protocol::ServerBody;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use store::testing::RedisServer;
use store::{RedisConfig, RedisStore, Retention};
use tests::installation::{Endpoint, Installation, PlayedMatch, eventually};
use tokio::time::timeout;

const LIMIT_MB: u64 = 40;

/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fills the server with something else up to so many percent of its limit.
async fn fill(server: &RedisServer, percent: u64) {
    let store = RedisStore::connect(RedisConfig::new(server.url()));
    let store = store.await.unwrap();
    let mut fillers = 0;
    while store.room().await.unwrap().used_bytes < (LIMIT_MB << 20) * percent / 100 {
        let name = format!("filler:{fillers}");
        let answer = server.command(&["SETRANGE", &name, "100000", "x"]);
        assert_eq!(answer, ":100001");
        fillers += 1;
    }
}

/// Takes it out again.
fn empty(server: &RedisServer) {
    for n in 0..400 {
        server.command(&["DEL", &format!("filler:{n}")]);
    }
}

async fn metric(admin: &Endpoint, name: &str) -> Option<f64> {
    let (_, text) = admin.text("/metrics").await;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn play_goes_on_in_a_store_that_is_nearly_full_and_nothing_new_is_begun() {
    let limit = format!("{LIMIT_MB}mb");
    let redis = RedisServer::start_with(&["--maxmemory", &limit]);
    let installation = Installation::launch_on(redis, 1, &[]).await;
    installation.wait_for_shards(1).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    game.play(0, "e2e4").await;
    let client = reqwest::Client::new();
    let url = |path: &str| format!("{}{path}", installation.matchmaker);
    let guest = client.post(url("/v1/players")).send().await.unwrap();
    let guest: Value = guest.json().await.unwrap();
    let token = guest["token"].as_str().unwrap();
    let post = async |path: &str, body: Value| {
        let request = client.request(Method::POST, url(path)).json(&body);
        let answer = request.bearer_auth(token).send().await.unwrap();
        let later = answer.headers().get("retry-after").cloned();
        let status = answer.status();
        (status, later, answer.json::<Value>().await.unwrap())
    };
    let blitz: TimeControl = "180+2".parse().unwrap();
    let terms = json!({ "control": blitz });
    let (status, _, open) = post("/v1/challenges", terms.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{open}");

    fill(&installation.redis, 88).await;
    let is_full = async |expected: f64| {
        let full = metric(&installation.admin, "rookery_store_full").await;
        (full == Some(expected)).then_some(())
    };
    eventually("the matchmaker has noticed", || is_full(1.0)).await;
    let limit_bytes = metric(&installation.admin, "rookery_store_limit_bytes").await;
    assert_eq!(limit_bytes, Some((LIMIT_MB << 20) as f64));
    let used = metric(&installation.admin, "rookery_store_used_bytes").await;
    assert!(used > limit_bytes.map(|limit| 0.8 * limit), "{used:?}");
    for path in ["/v1/challenges", "/v1/tickets"] {
        let refused = eventually("it is refused", || async {
            let (status, later, problem) = post(path, terms.clone()).await;
            (status != StatusCode::CREATED).then_some((status, later, problem))
        });
        let (status, later, problem) = refused.await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {problem}");
        assert_eq!(problem["code"], "store_full");
        assert_eq!(later.unwrap(), "30");
    }

    // The match goes on to its end.
    let to_the_end = async {
        game.play(1, "e7e5").await;
        let knights = ["g1f3", "g8f6", "f3g1", "f6g8"];
        for (ply, uci) in (2..12).zip(knights.into_iter().cycle()) {
            game.play(ply, uci).await;
        }
        game.white.command(1_000_000, CommandKind::Resign).await;
        let is_end = |body: &ServerBody| matches!(body, ServerBody::Event(event) if matches!(event.kind, Some(EventKind::Ended { .. })));
        game.black.until(is_end).await;
    };
    timeout(PATIENCE, to_the_end).await.unwrap();

    empty(&installation.redis);
    let made = eventually("there is room again", || async {
        let (status, _, answer) = post("/v1/challenges", terms.clone()).await;
        (status == StatusCode::CREATED).then_some(answer)
    });
    assert_eq!(made.await["status"], "waiting");
    eventually("the metric says so too", || is_full(0.0)).await;
}
