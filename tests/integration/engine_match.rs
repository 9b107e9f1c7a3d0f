//! `bot-client match`: runs that survive their own death and the server's, and engines that fail.

use std::path::Path;
use std::time::Duration;

use tests::engine_match::{Campaign, longest_notes, stockfish, wait};
use tests::process::{self, Server};

const LIMIT: Duration = Duration::from_secs(180);

/// The long form, with 200 games, is the binary `engine_match`.
#[test]
fn a_run_goes_on_in_the_middle_of_its_games_after_runner_and_server_were_killed() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let campaign = Campaign {
        pairs: 6,
        kills: 4,
        nodes: 900,
    };
    let outcome = campaign.run();
    outcome.check(&campaign);
    assert!(outcome.pgn.contains("{+") && outcome.pgn.contains("[Termination \"adjudication\"]"));
}

fn run(server: &Server, pgn: &Path, words: &str) -> (Option<i32>, String, String) {
    let line = format!(
        "--matchmaker {} match {words} -pgnout {}",
        server.ready.matchmaker,
        pgn.display()
    );
    let words = shlex::split(&line).unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = process::finish(process::spawn("bot-client", &words), LIMIT);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said, complained)
}

#[test]
fn an_engine_that_fails_loses_its_game_and_ends_the_run_unless_it_recovers() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let server = Server::embedded();
    let folder = tempfile::tempdir().unwrap();
    let script = tests::data_dir().join("engine-that-dies.sh");
    let words = format!(
        "-engine cmd=/bin/bash arg='{}' arg=x name=dying -engine cmd=random -each tc=20+0 -games 2 -repeat",
        script.display()
    );
    let stopped = folder.path().join("stopped.pgn");
    let (code, said, complained) = run(&server, &stopped, &format!("{words} -rounds 5"));
    assert_eq!(code, Some(1), "{said}\n{complained}");
    assert!(
        complained.contains("dying failed in game 1"),
        "{complained}"
    );
    assert!(complained.contains("-recover"), "{complained}");
    assert_eq!(said.matches("Finished game").count(), 1, "{said}");
    let whole = folder.path().join("whole.pgn");
    let (code, said, complained) = run(&server, &whole, &format!("{words} -rounds 2 -recover"));
    assert_eq!(code, Some(0), "{said}\n{complained}");
    assert!(
        said.contains("Score of dying vs random: 0 - 4 - 0"),
        "{said}"
    );
    let pgn = std::fs::read_to_string(&whole).unwrap();
    assert_eq!(
        pgn.matches("[Termination \"abandoned\"]").count(),
        4,
        "{pgn}"
    );
}

#[test]
fn a_run_is_continued_by_its_own_command_line_alone() {
    let server = Server::embedded();
    let folder = tempfile::tempdir().unwrap();
    let pgn = folder.path().join("games.pgn");
    let words = "-engine cmd=random name=a -engine cmd=random name=b -each tc=30+0 -maxmoves 5";
    let (code, said, complained) = run(&server, &pgn, &format!("{words} -rounds 2"));
    assert_eq!(code, Some(0), "{said}\n{complained}");
    let written = std::fs::read_to_string(&pgn).unwrap();
    assert_eq!(written.matches("1/2-1/2\n\n").count(), 2, "{written}");
    let (code, _, complained) = run(&server, &pgn, &format!("{words} -rounds 2 -noswap"));
    assert_eq!(code, Some(2));
    assert!(complained.contains("the same command line"), "{complained}");
    // What was half written is written again, with the same match.
    std::fs::write(&pgn, &written[..written.len() - 10]).unwrap();
    let (code, said, complained) = run(&server, &pgn, &format!("{words} -rounds 2"));
    assert_eq!(code, Some(0), "{said}\n{complained}");
    assert!(complained.contains("1 of 2 games are over"), "{complained}");
    assert_eq!(said.matches("Finished game").count(), 1, "{said}");
    let ids = |pgn: &str| -> Vec<String> {
        let lines = pgn.lines().filter(|line| line.starts_with("[GameId"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(ids(&std::fs::read_to_string(&pgn).unwrap()), ids(&written));
    let (code, said, complained) = run(&server, &pgn, &format!("{words} -rounds 3"));
    assert_eq!(code, Some(0), "more rounds are added: {said}\n{complained}");
    assert_eq!(said.matches("Finished game").count(), 1, "{said}");
}

#[test]
fn what_cannot_be_played_is_said_before_a_game_begins() {
    let server = Server::embedded();
    let folder = tempfile::tempdir().unwrap();
    let pgn = folder.path().join("games.pgn");
    let path = stockfish();
    for (words, why) in [
        ("-engine cmd=random -each tc=1+1", "two -engine"),
        (
            "-engine cmd=/no/such/engine name=a -engine cmd=random -each tc=1+1",
            "cannot start",
        ),
        (
            &format!("-engine cmd={path} -engine cmd=random -each tc=1+1 -variant atomic"),
            "does not play atomic",
        ),
        (
            "-engine cmd=random name=a -engine cmd=random -each tc=1+1 -openings file=/no.epd",
            "/no.epd",
        ),
    ] {
        let (code, said, complained) = run(&server, &pgn, words);
        assert_eq!(code, Some(2), "{words}: {said}\n{complained}");
        assert!(complained.contains(why), "{words}: {complained}");
        assert!(!said.contains("Finished"), "{said}");
    }
}

/// An account's API token that may play and nothing else.
async fn bot_account(url: &str, name: &str) -> String {
    let http = reqwest::Client::new();
    let post = async |path: &str, token: &str, body: serde_json::Value| -> serde_json::Value {
        let mut request = http.post(format!("{url}{path}"));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    };
    let account = serde_json::json!({ "name": name, "password": "a long password" });
    let account = post("/v1/accounts", "", account).await;
    let wanted = serde_json::json!({ "label": "engine", "scopes": ["play"] });
    let token = post(
        "/v1/account/tokens",
        account["token"].as_str().unwrap(),
        wanted,
    )
    .await;
    token["token"].as_str().unwrap().to_owned()
}

/// The other machine is another process, which is killed in the middle of a game.
#[test]
fn an_engine_on_another_machine_plays_as_its_account_and_comes_back() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let server = Server::embedded();
    let url = server.ready.matchmaker.clone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (far, near) = runtime.block_on(async {
        (
            bot_account(&url, "far").await,
            bot_account(&url, "near").await,
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let pgn = folder.path().join("games.pgn");
    let rules = "-resign movecount=3 score=500 -maxmoves 30";
    let each = format!("cmd={} nodes=300 option.Hash=1", stockfish());
    let there =
        format!("--matchmaker {url} match -connect -engine name=far token={far} {each} {rules}");
    let here = format!(
        "--matchmaker {url} match -engine name=far token={far} -engine name=near token={near} {each} -each tc=60+1 \
         -rounds 1 -games 2 -repeat {rules} -pgnout {}",
        pgn.display()
    );
    let spawn = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        process::spawn("bot-client", &words)
    };
    let (mut other, mut runner) = (spawn(&there), spawn(&here));
    wait(&mut runner, || longest_notes(&pgn) >= 4);
    other.kill().unwrap();
    other.wait().unwrap();
    let mut other = spawn(&there);
    let output = process::finish(runner, LIMIT);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("All 2 games are over."), "{said}");
    let pgn = std::fs::read_to_string(&pgn).unwrap();
    assert_eq!(pgn.matches("[GameNumber ").count(), 2);
    assert!(
        !pgn.contains("time forfeit") && !pgn.contains("abandoned"),
        "{pgn}"
    );
}
