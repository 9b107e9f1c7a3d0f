//! All 200 games of the data set, played as matches by two clients each.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use store::testing::RedisServer;
use tests::process::{self, Server};

const LIMIT: Duration = Duration::from_secs(240);

/// The replay ended well: every game, no mismatch, no error.
pub(crate) fn check(output: &Output) -> Value {
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let report: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}\n{complained}"));
    assert_eq!(report["games"], 200, "{said}\n{complained}");
    assert_eq!(report["mismatches"], 0, "{said}\n{complained}");
    assert_eq!(report["errors"], 0, "{said}\n{complained}");
    assert!(output.status.success(), "{said}\n{complained}");
    report
}

fn replay_twice(server: &Server) {
    let games = tests::games_file();
    let games = games.to_str().unwrap();
    let url = &server.ready.matchmaker;
    for _ in 0..2 {
        let args = ["replay", "--matchmaker", url, "--pgn", games, "--json"];
        let report = check(&process::run("bot-client", &args, LIMIT));
        assert!(report["plies"].as_u64() > Some(10_000), "{report}");
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn two_hundred_games_twice_on_the_embedded_store() {
    let _turn = tests::turns::blocking_turn();
    replay_twice(&Server::embedded());
}

#[test]
fn two_hundred_games_twice_on_redis() {
    let _turn = tests::turns::blocking_turn();
    let redis = RedisServer::start();
    replay_twice(&Server::on_redis(&redis.url()));
}
