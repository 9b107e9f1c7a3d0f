//! The matchmaker answers players as its `/openapi.json` says, whatever it is asked: Schemathesis asks.

use std::time::Duration;

use client::Matchmaker;
use game_core::{ColorChoice, CommandKind};
use protocol::http::{NewChallenge, Terms};
use serde_json::{Value, json};
use tests::contract::{Contract, name_examples};
use tests::installation::{Installation, PlayedMatch, eventually};

/// Examples that are made up for each operation.
const EXAMPLES: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn the_matchmaker_answers_as_it_describes() {
    let _turn = tests::turns::patient_turn().await;
    let environment = [
        ("ROOKERY_LIMIT_EXEMPT", "127.0.0.0/8"),
        // So few that no request waits for an opponent.
        ("ROOKERY_REQUESTS_MAX", "2"),
    ];
    let installation = Installation::start_with(1, &environment).await;
    let url = &installation.matchmaker;
    finish_a_match(url).await;
    let mut game = PlayedMatch::begin(url).await;
    game.play(0, "e2e4").await;
    let matchmaker = Matchmaker::new(url, Duration::from_secs(30)).unwrap();
    let ann = matchmaker.new_player(Some("Ann")).await.unwrap();
    let challenge = NewChallenge {
        terms: Terms::usual("600+5".parse().unwrap()),
        color: ColorChoice::White,
        opponent: None,
        opponent_name: None,
        open: false,
        expires_in_s: None,
    };
    let made = matchmaker.create_challenge(&ann.token, &challenge).await;

    let described = reqwest::get(format!("{url}/openapi.json")).await.unwrap();
    let mut described: Value = described.json().await.unwrap();
    let examples = [
        ("match", json!(game.id)),
        ("ticket", json!(made.unwrap().id)),
    ];
    let named = name_examples(&mut described, &examples.into());
    assert!(named >= 10, "hardly a path names a match or a ticket");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("openapi.json");
    std::fs::write(&file, described.to_string()).unwrap();
    let contract = Contract {
        url,
        // What asks for a token is asked without one too.
        token: Some(&ann.token),
        // Streams of events have no end.
        without: "events$",
        examples: EXAMPLES,
    };
    contract.check(&file);
}

/// The feed has an entry then, and nobody who reads it from its beginning waits for one.
async fn finish_a_match(url: &str) {
    let mut game = PlayedMatch::begin(url).await;
    game.play(0, "e2e4").await;
    game.white.command(9, CommandKind::Resign).await;
    eventually("the match is in the feed", || async {
        let feed = reqwest::get(format!("{url}/v1/feed")).await.ok()?;
        let feed = feed.text().await.ok()?;
        (!feed.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_has_the_path_of_every_request() {
    let installation = Installation::start(1).await;
    let url = format!("{}/openapi.json", installation.matchmaker);
    let described: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(
        described["openapi"].as_str().map(|version| &version[..2]),
        Some("3.")
    );
    // The table of requests in the documentation is the source.
    let page = include_str!("../../docs/protocol.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut found = 0;
    for row in rows {
        let request = row.split('`').next().unwrap();
        let Some((method, path)) = request.split_once(' ') else {
            continue;
        };
        let path = path.split('?').next().unwrap();
        let is_same = |known: &str| {
            let (mut ours, mut theirs) = (path.split('/'), known.split('/'));
            let same = ours.by_ref().zip(theirs.by_ref()).all(|(ours, theirs)| {
                ours == theirs || (ours.starts_with('{') && theirs.starts_with('{'))
            });
            same && path.split('/').count() == known.split('/').count()
        };
        let paths = described["paths"].as_object().unwrap();
        let operations = paths.iter().find(|(known, _)| is_same(known));
        let (_, operations) = operations.unwrap_or_else(|| panic!("{request} is not described"));
        assert!(operations[method.to_lowercase()].is_object(), "{request}");
        found += 1;
    }
    assert!(found >= 14, "hardly a row was read: {found}");
}
