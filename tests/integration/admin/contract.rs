//! The endpoint answers as `/openapi.json` says, whatever it is asked: Schemathesis asks.

use serde_json::json;
use tests::contract::{Contract, name_examples};
use tests::installation::{Installation, PlayedMatch};

/// Examples that are made up for each operation.
const EXAMPLES: u32 = 15;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_one_that_is_described() {
    let _turn = tests::turns::patient_turn().await;
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
        let mut described = endpoint.get("/openapi.json").await;
        let named = name_examples(&mut described, &[("match", json!(live))].into());
        assert!(named >= 5, "hardly a path names a match");
        let file = directory.path().join("openapi.json");
        std::fs::write(&file, described.to_string()).unwrap();
        for token in [None, Some(endpoint.token.as_str())] {
            let contract = Contract {
                url: &endpoint.url,
                token,
                without,
                examples: EXAMPLES,
            };
            contract.check(&file);
        }
    }
}
