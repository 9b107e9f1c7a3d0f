//! Everything that is read, of a shard and of the whole.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::Value;
use tests::installation::{Endpoint, Installation, PlayedMatch, eventually};
use tests::process::Server;

/// What both endpoints say of a match after 1. e4 e5 2. Nf3.
async fn check_match(endpoint: &Endpoint, id: &str, owner: &str) {
    let details = endpoint.get(&format!("/v1/matches/{id}")).await;
    assert_eq!(details["match_id"], id);
    assert_eq!(details["status"], "live");
    assert_eq!(details["stale"], false);
    assert_eq!(details["players"]["white"]["name"], "Ann");
    assert_eq!(details["players"]["black"]["connected"], true);
    assert!(details["players"]["white"]["rtt_ms"].as_f64() > Some(0.0));
    assert!(details["players"]["white"]["silent_ms"].is_u64());
    assert_eq!(details["ply"], 3);
    assert_eq!(details["turn"], "black");
    assert_eq!(details["clocks"]["running"], "black");
    let fen = "rnbqkbnr/pppp1ppp/8/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R b KQkq - 1 2";
    assert_eq!(details["fen"], fen);
    let initial = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
    assert_eq!(details["start_fen"], initial);
    assert_eq!(details["start_fullmove"], 1);
    let moves: Vec<_> = details["moves"].as_array().unwrap().iter().collect();
    assert_eq!(moves[2]["uci"], "g1f3");
    assert_eq!(moves[2]["san"], "Nf3");
    let ownership = &details["ownership"];
    assert_eq!(ownership["owner"], owner);
    assert_eq!(ownership["epoch"], 1);
    assert_eq!(ownership["confirmed_seq"], 3);
    assert_eq!(ownership["unconfirmed_events"], 0);
    assert_eq!(ownership["snapshot_seq"], 0);

    let list = endpoint.get("/v1/matches?status=live&player=ann").await;
    assert_eq!(list["total"], 1);
    assert_eq!(list["matches"][0]["match_id"], id);
    for filter in [
        "status=finished",
        "player=nobody",
        "speed=bullet",
        "variant=from_position",
        "min_age_s=3600",
        "shard=000000000000",
    ] {
        let list = endpoint.get(&format!("/v1/matches?{filter}")).await;
        assert_eq!(list["matches"], Value::Array(Vec::new()), "{filter}");
    }
    for filter in [
        "speed=rapid",
        "variant=standard",
        "max_age_s=3600",
        "sort=-ply",
    ] {
        let list = endpoint.get(&format!("/v1/matches?{filter}")).await;
        assert_eq!(list["matches"][0]["match_id"], id, "{filter}");
    }

    let (kind, pgn) = endpoint.text(&format!("/v1/matches/{id}/pgn")).await;
    assert!(kind.starts_with("application/x-chess-pgn"), "{kind}");
    assert!(
        pgn.contains("[White \"Ann\"]") && pgn.contains("2. Nf3"),
        "{pgn}"
    );
    let (kind, svg) = endpoint.text(&format!("/v1/matches/{id}/board.svg")).await;
    assert_eq!(kind, "image/svg+xml");
    assert_eq!(svg.matches("<use ").count(), 32);
}

/// Reads server-sent events until one of the match has so many moves.
async fn sees_move(endpoint: Endpoint, id: String, plies: usize) -> Value {
    let path = format!("/v1/matches/{id}/events");
    let mut response = endpoint.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            let data: Option<Value> = data.map(|data| serde_json::from_str(data).unwrap());
            text = rest.to_owned();
            if let Some(seen) = data
                && seen["moves"].as_array().unwrap().len() == plies
            {
                return seen;
            }
        }
    }
    panic!("the stream ended before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_match_is_shown_by_its_owner_and_by_the_matchmaker() {
    let installation = Installation::start(2).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let id = game.id.to_string();
    for (ply, uci) in ["e2e4", "e7e5", "g1f3"].into_iter().enumerate() {
        game.play(ply as u16, uci).await;
    }
    let details = installation.admin.get(&format!("/v1/matches/{id}")).await;
    let owner = details["owner"].as_str().unwrap().to_owned();
    check_match(&installation.admin, &id, &owner).await;
    check_match(&installation.shard(&owner).admin, &id, &owner).await;

    let watchers = [&installation.admin, &installation.shard(&owner).admin]
        .map(|endpoint| tokio::spawn(sees_move(endpoint.clone(), id.clone(), 4)));
    game.play(3, "b8c6").await;
    for watcher in watchers {
        let seen = watcher.await.unwrap();
        assert_eq!(seen["moves"][3]["san"], "Nc6");
    }
    let other = installation.shards.iter().find(|shard| shard.id != owner);
    let other = &other.unwrap().admin;
    let response = other.request(Method::GET, &format!("/v1/matches/{id}"));
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), 404, "it is not in that shard's memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_several_shards_are_cut_into_pages_that_miss_nothing() {
    let installation = Installation::start(2).await;
    let mut games = Vec::new();
    for _ in 0..7 {
        games.push(PlayedMatch::begin(&installation.matchmaker).await);
    }
    for sort in ["created", "-created", "ply", "-spectators"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/matches?limit=3&sort={sort}{cursor}");
            let page = installation.admin.get(&path).await;
            assert_eq!(page["total"], 7, "{sort}");
            let matches = page["matches"].as_array().unwrap();
            assert!(matches.len() <= 3);
            seen.extend(
                matches
                    .iter()
                    .map(|m| m["match_id"].as_str().unwrap().to_owned()),
            );
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 7, "{sort}");
    }
    let owners: std::collections::HashSet<String> =
        installation.admin.get("/v1/matches").await["matches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["owner"].as_str().unwrap().to_owned())
            .collect();
    assert_eq!(owners.len(), 2, "both shards have matches");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_answers_for_an_owner_that_is_gone() {
    // No other shard is there yet: an heir would be quicker than the questions below.
    let mut installation = Installation::start(1).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let id = game.id.to_string();
    game.play(0, "e2e4").await;
    let path = format!("/v1/matches/{id}");
    let owner = installation.admin.get(&path).await["owner"].clone();
    let owner = owner.as_str().unwrap().to_owned();
    installation.kill(&owner);
    let details = installation.admin.get(&path).await;
    assert_eq!(details["stale"], true, "{details}");
    assert_eq!(details["ply"], 1);
    assert!(details["ownership"]["unconfirmed_events"].is_null());
    let list = installation.admin.get("/v1/matches").await;
    assert_eq!(list["stale"], true);
    assert_eq!(list["matches"][0]["match_id"], id);
    assert!(
        installation
            .admin
            .text(&format!("{path}/pgn"))
            .await
            .1
            .contains("1. e4")
    );

    let _heir = Installation::launch_beside(&installation, 1, &[]).await;
    let taken = eventually("another shard has taken the match over", || async {
        let details = installation.admin.get(&path).await;
        (details["stale"] == false).then_some(details)
    })
    .await;
    assert_ne!(taken["owner"], owner);
    assert!(taken["epoch"].as_u64() > Some(1));
    // What the state machine counts is read with each heartbeat.
    eventually("the heir has counted the takeover", || async {
        let shards = installation.admin.get("/v1/shards").await;
        let mut shards = shards["shards"].as_array()?.iter();
        let heir = shards.find(|shard| shard["id"] == taken["owner"])?;
        (heir["figures"]["takeovers_total"] == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_version_and_configuration_are_told_without_secrets() {
    let installation = Installation::start(1).await;
    let endpoints = [&installation.admin, &installation.shards[0].admin];
    for (endpoint, part) in endpoints.into_iter().zip(["matchmaker", "shard"]) {
        for probe in ["/livez", "/readyz"] {
            let answer = reqwest::get(format!("{}{probe}", endpoint.url))
                .await
                .unwrap();
            assert_eq!(answer.status(), 200, "{probe}");
        }
        assert_eq!(endpoint.get("/v1/version").await["part"], part);
        let settings = endpoint.get("/v1/config").await;
        let text = settings.to_string();
        assert!(
            text.contains("\"***\"") && !text.contains(&endpoint.token),
            "{text}"
        );
        let document = endpoint.get("/openapi.json").await;
        assert_eq!(document["paths"].as_object().unwrap().len(), 34);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_is_as_prometheus_wants_it() {
    let server = Server::embedded();
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    game.play(0, "e2e4").await;
    game.white.play(5, "e2e4").await;
    let is_refusal =
        |body: &protocol::ServerBody| matches!(body, protocol::ServerBody::Refused { .. });
    game.white.until(is_refusal).await;
    let no_match = format!("{}/v1/matches/AAAAAAAAAAAA", server.ready.matchmaker);
    assert_eq!(reqwest::get(no_match).await.unwrap().status(), 404);
    // What the state machine counts is read with each heartbeat; the shard of the match counts a move then.
    eventually("the move and the refusal are counted", || async {
        for shard in &server.ready.shards {
            let endpoint = Endpoint::new(&shard.admin, &server.ready.admin_token);
            let (_, text) = endpoint.text("/metrics").await;
            if text.contains("rookery_refusals_total{code=\"stale_position\"} 1") {
                return text.contains("rookery_moves_total 1").then_some(());
            }
        }
        None
    })
    .await;
    let mut scrapes = String::new();
    for shard in &server.ready.shards {
        let endpoint = Endpoint::new(&shard.admin, &server.ready.admin_token);
        scrapes.push_str(&checked_scrape(&endpoint).await);
    }
    let whole = Endpoint::new(&server.ready.admin, &server.ready.admin_token);
    scrapes.push_str(&checked_scrape(&whole).await);
    for line in [
        "rookery_moves_total 1",
        "rookery_peers 2",
        "rookery_matches_live 1",
        "rookery_ack_seconds_count 1",
        "rookery_handshakes_total{result=\"done\"} 2",
        "rookery_refusals_total{code=\"stale_position\"} 1",
    ] {
        assert!(
            scrapes.lines().any(|found| found == line),
            "{line} in\n{scrapes}"
        );
    }
    // What tells of admin certificates is there only where there is TLS: see the tests of it.
    let named = named_in_deploy().into_iter();
    for (file, name) in named.filter(|(_, name)| !name.starts_with("rookery_admin_certificate_")) {
        let scraped = scrapes.contains(&format!("# TYPE {name} "));
        assert!(scraped, "{file} names {name}, which nobody counts");
    }
    for private in [game.id.to_string(), game.white_player.clone()] {
        assert!(!scrapes.contains(&private));
    }
}

/// What an endpoint counts, once `promtool` is content with it.
async fn checked_scrape(endpoint: &Endpoint) -> String {
    let (kind, text) = endpoint.text("/metrics").await;
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = promtool.expect("promtool is missing: run tests/run, which installs it");
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    text
}

/// The metrics that the dashboard and the alert rules name, with the file.
fn named_in_deploy() -> Vec<(&'static str, String)> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let mut named = Vec::new();
    for file in ["grafana/rookery.json", "prometheus/alerts.yml"] {
        let text = std::fs::read_to_string(deploy.join(file)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let ours = words.filter(|word| word.starts_with("rookery_"));
        let names = ours.map(|word| word.trim_end_matches("_bucket").to_owned());
        let before = named.len();
        named.extend(names.map(|name| (file, name)));
        assert!(named.len() > before + 8, "{file} names metrics");
    }
    named
}
