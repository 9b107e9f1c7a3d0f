//! The endpoint answers as `/openapi.json` says, whatever it is asked: Schemathesis asks.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tests::installation::{Endpoint, Installation, PlayedMatch};

/// Examples that are made up for each operation.
const EXAMPLES: &str = "15";
/// The answers must be among those that are described, and of the described form.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,ignored_auth";

/// What the endpoint says of itself, with a live match as the example where one is to be named.
async fn description(endpoint: &Endpoint, live: &str) -> Value {
    let mut described = endpoint.get("/openapi.json").await;
    let paths = described["paths"].as_object_mut().unwrap();
    let operations = paths.values_mut().filter_map(Value::as_object_mut);
    let mut named = 0;
    for operation in operations.flat_map(serde_json::Map::values_mut) {
        let parameters = operation
            .get_mut("parameters")
            .and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            if parameter["name"] == "match" {
                parameter["example"] = json!(live);
                named += 1;
            }
        }
    }
    assert!(named >= 5, "hardly a path names a match");
    described
}

/// Lets Schemathesis ask everything but what `without` (a pattern) names.
fn ask(endpoint: &Endpoint, description: &Path, token: Option<&str>, without: &str) {
    let mut command = Command::new(tests::python());
    command
        .args(["-m", "schemathesis.cli", "run"])
        .arg(description);
    command.args(["--url", &endpoint.url, "--checks", CHECKS]);
    command.args(["--phases", "examples,coverage,fuzzing"]);
    command.args(["--max-examples", EXAMPLES, "--seed", "20251121"]);
    // Streams of events have no end.
    command.args(["--exclude-path-regex", without]);
    command.args(["--continue-on-failure", "--warnings", "off"]);
    command.args(["--suppress-health-check", "all"]);
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    // It writes what it found before into the directory that it runs in.
    let output = command.current_dir(description.parent().unwrap()).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("No issues found"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_one_that_is_described() {
    let _turn = tests::turns::turn().await;
    let installation = Installation::start(2).await;
    let mut games = Vec::new();
    for _ in 0..4 {
        let mut game = PlayedMatch::begin(&installation.matchmaker).await;
        game.play(0, "e2e4").await;
        games.push(game);
    }
    let whole = &installation.admin;
    let owner = whole.get(&format!("/v1/matches/{}", games[0].id)).await["owner"].clone();
    let is_owner = |shard: &&tests::installation::ShardProcess| owner == shard.id.as_str();
    let shard = installation.shards.iter().find(is_owner).unwrap();
    let directory = tempfile::tempdir().unwrap();
    // A shard that drains is not there to be asked more.
    let cases = [
        (whole, games[0].id, "events$"),
        (&shard.admin, games[0].id, "events$|drain$"),
    ];
    for (endpoint, live, without) in cases {
        let described = description(endpoint, &live.to_string()).await;
        let file = directory.path().join("openapi.json");
        std::fs::write(&file, described.to_string()).unwrap();
        for token in [None, Some(endpoint.token.as_str())] {
            ask(endpoint, &file, token, without);
        }
    }
}
