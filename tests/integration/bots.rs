//! Engines play each other through the server.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tests::process::{self, Server};

const LIMIT: Duration = Duration::from_secs(180);

fn report(output: &std::process::Output) -> Value {
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    serde_json::from_str(said.lines().next().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {said}\n{complained}"))
}

/// Two processes find each other in the pool and finish a match.
fn two_bots_play(engine: &str) -> (Value, Value) {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let server = Server::embedded();
    let url = &server.ready.matchmaker;
    let args = [
        "bot",
        "--engine",
        engine,
        "--time-control",
        "3s+0",
        "--json",
        "--matchmaker",
        url,
    ];
    let (first, second) = (
        process::spawn("bot-client", &args),
        process::spawn("bot-client", &args),
    );
    let first = report(&process::finish(first, LIMIT));
    let second = report(&process::finish(second, LIMIT));
    (first, second)
}

fn agree(first: &Value, second: &Value) {
    for field in ["match", "outcome", "termination", "plies"] {
        assert!(!first[field].is_null(), "{field} is missing in {first}");
        assert_eq!(first[field], second[field], "{field}");
    }
    assert_ne!(first["seat"], second["seat"]);
}

#[test]
fn a_bot_that_waits_says_for_what() {
    let server = Server::embedded();
    let args = ["bot", "--engine", "random", "--wait", "1", "--matchmaker"];
    let args = [&args[..], &[&server.ready.matchmaker]].concat();
    let output = process::finish(process::spawn("bot-client", &args), LIMIT);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("in the pool 5+3"), "{said}");
    assert!(said.contains("no opponent within 1s"), "{said}");
}

#[test]
fn two_stockfish_processes_finish_a_match() {
    let stockfish = ["/usr/games/stockfish", "/usr/bin/stockfish"];
    let path = stockfish.into_iter().find(|path| Path::new(path).exists());
    let path = path.expect("Stockfish is missing: run tests/run, which installs it");
    let (first, second) = two_bots_play(&format!("uci:{path}"));
    agree(&first, &second);
    assert!(first["plies"].as_u64() > Some(20), "{first}");
}

#[test]
fn two_random_bots_finish_a_match() {
    let (first, second) = two_bots_play("random");
    agree(&first, &second);
}

#[test]
fn a_bot_keeps_its_engine_s_stderr_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stderr").display().to_string();
    let engine = "uci:/bin/sh -c 'echo oops >&2; exit 3'";
    let words = ["bot", "--engine", engine, "--engine-stderr", &file];
    let output = process::run("bot-client", &words, LIMIT);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complained}");
    assert!(complained.contains("it said \"oops\""), "{complained}");
    assert!(!complained.contains("wrote: oops"), "{complained}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "oops\n");
}

/// An engine that dies in every match loses it, and the next one begins: resigned where both had moved.
#[test]
fn a_bot_goes_on_when_its_engine_dies() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let server = Server::embedded();
    let url = &server.ready.matchmaker;
    let script = tests::data_dir().join("engine-that-dies.sh");
    let engine = format!("uci:/bin/bash '{}' an-argument", script.display());
    let args = |engine: &str| {
        let terms = ["--time-control", "30s+0", "--games", "3", "--json"];
        let mut args = vec!["bot".to_owned(), "--engine".into(), engine.to_owned()];
        args.extend(terms.map(str::to_owned));
        args.extend(["--matchmaker".to_owned(), url.clone()]);
        args
    };
    let spawn = |engine: &str| {
        let args = args(engine);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        process::spawn("bot-client", &args)
    };
    let (dying, random) = (spawn(&engine), spawn("random"));
    let dying = process::finish(dying, LIMIT);
    let random = process::finish(random, LIMIT);
    let complained = String::from_utf8_lossy(&dying.stderr);
    assert_eq!(dying.status.code(), Some(1), "{complained}");
    assert!(
        complained.contains("3 of 3 matches were given up"),
        "{complained}"
    );
    assert!(random.status.success());
    let said = String::from_utf8_lossy(&dying.stdout);
    let matches: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(matches.len(), 3, "{said}");
    for played in matches {
        assert_eq!(played["termination"], "resignation", "{played}");
        let winner = if played["seat"] == "white" {
            "black_wins"
        } else {
            "white_wins"
        };
        assert_eq!(played["outcome"], winner, "{played}");
        assert_eq!(played["engine_failure"], "the engine died", "{played}");
    }
}
