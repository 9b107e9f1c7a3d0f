//! Named players of a club, from the command line: they sign up, log in, play rated, and find their ratings and games.

use std::time::Duration;

use serde_json::Value;
use store::testing::PostgresServer;
use tests::club::Club;
use tests::installation::eventually;
use tests::process::{self, binary};

const SHORT: Duration = Duration::from_secs(60);
/// For a match between two bots.
const MATCH_WITHIN: Duration = Duration::from_secs(180);

/// Runs `bot-client` against the club to its end: whether it ended well, what it printed, and what it said.
fn client(club: &Club, words: &[&str]) -> (bool, String, String) {
    let server = ["--matchmaker", &club.ready.matchmaker];
    let output = process::run("bot-client", &[words, &server].concat(), SHORT);
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    (output.status.success(), stdout.trim().to_owned(), stderr)
}

#[test]
fn a_club_that_is_not_there_or_takes_no_accounts_says_so() {
    let club = Club::start(tempfile::tempdir().unwrap(), &[]);
    let password = club.path("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    let sign_up = ["sign-up", "ada", "--password-file", &password];
    let (ended_well, printed, said) = client(&club, &sign_up);
    assert!(!ended_well && printed.is_empty(), "{printed}");
    assert!(said.contains("operator"), "{said}");
    let (ended_well, _, said) = client(&club, &["sign-up", "ada", "--password-file", "/nowhere"]);
    assert!(!ended_well && said.contains("/nowhere"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn named_players_of_a_club_with_an_archive_in_postgresql_play_rated() {
    let _turn = tests::turns::turn().await;
    let directory = tempfile::tempdir().unwrap();
    let postgres = tokio::task::block_in_place(PostgresServer::start);
    let args = ["--sign-up", "open", "--archive", &postgres.url()];
    let club = tokio::task::block_in_place(|| Club::start(directory, &args));
    let password = club.path("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    let named = |command: &str, name: &str, file: &str| {
        tokio::task::block_in_place(|| client(&club, &[command, name, "--password-file", file]))
    };
    for name in ["Ada", "Bob"] {
        let (ended_well, token, said) = named("sign-up", name, &password);
        assert!(ended_well && !token.is_empty(), "{said}");
    }
    // One that looks alike is taken.
    let (ended_well, _, said) = named("sign-up", "ada", &password);
    assert!(!ended_well && said.contains("name"), "{said}");
    let wrong = club.path("wrong");
    std::fs::write(&wrong, "another horse\n").unwrap();
    let (ended_well, printed, _) = named("log-in", "Ada", &wrong);
    assert!(!ended_well && printed.is_empty(), "{printed}");

    let bots = ["Ada", "Bob"].map(|name| {
        let (ended_well, token, said) = named("log-in", name, &password);
        assert!(ended_well, "{said}");
        std::process::Command::new(binary("bot-client"))
            .args(["bot", "--rated", "--time", "3s+0", "--json"])
            .args(["--matchmaker", &club.ready.matchmaker])
            .env("ROOKERY_PLAYER_TOKEN", token)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    });
    for bot in bots {
        let output = tokio::task::block_in_place(|| process::finish(bot, MATCH_WITHIN));
        assert!(output.status.success(), "{output:?}");
        let played: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut names = [&played["white"], &played["black"]].map(|name| name.as_str().unwrap());
        names.sort_unstable();
        assert_eq!(names, ["Ada", "Bob"]);
    }
    let url = &club.ready.matchmaker;
    let get = async |path: &str| -> Value {
        let reply = reqwest::get(format!("{url}{path}")).await.unwrap();
        reply.json().await.unwrap()
    };
    let ada = get("/v1/players?name=ADA").await;
    assert_eq!(ada["name"], "Ada", "{ada}");
    let path = format!("/v1/players/{}/ratings", ada["player"].as_str().unwrap());
    eventually("Ada has a rating", || async {
        let ratings = get(&path).await;
        let ratings = ratings["ratings"].as_array()?;
        (ratings.first()?["games"] == 1).then_some(())
    })
    .await;
    let path = format!("/v1/players/{}/games", ada["player"].as_str().unwrap());
    let games = get(&path).await;
    assert_eq!(games["games"].as_array().unwrap().len(), 1, "{games}");
}
