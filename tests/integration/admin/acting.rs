//! What operators change, and what players see of it.

use game_core::{EventKind, Outcome, Seat, Termination};
use protocol::{ClientFrame, CloseCode, Join, ServerBody};
use serde_json::json;
use tests::installation::{Installation, PlayedMatch, eventually};
use tests::process::Server;
use tests::wire::RawClient;

async fn hears_end(client: &mut RawClient) -> (Outcome, Termination) {
    let is_end = |body: &ServerBody| matches!(body, ServerBody::Event(event) if matches!(event.kind, Some(EventKind::Ended { .. })));
    let frame = client.until(is_end).await;
    let ServerBody::Event(event) = frame.body else {
        unreachable!()
    };
    match event.kind {
        Some(EventKind::Ended {
            outcome,
            termination,
        }) => (outcome, termination),
        kind => unreachable!("{kind:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_is_handed_off_and_adjudicated_and_another_aborted() {
    let installation = Installation::start(2).await;
    let admin = &installation.admin;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let path = format!("/v1/matches/{}", game.id);
    game.play(0, "e2e4").await;
    game.play(1, "e7e5").await;
    let before = admin.get(&path).await;

    let (status, answer) = admin.post(&format!("{path}/handoff"), &json!({})).await;
    assert_eq!(status, 202, "{answer}");
    assert_ne!(answer["to"], before["owner"]);
    assert_eq!(game.white.closed().await, Some(CloseCode::ShuttingDown));
    game.sit_again(Seat::White).await;
    game.sit_again(Seat::Black).await;
    game.play(2, "g1f3").await;
    let after = admin.get(&path).await;
    assert_eq!(after["owner"], answer["to"]);
    assert!(after["epoch"].as_u64() > before["epoch"].as_u64());
    assert_eq!(after["ply"], 3, "nothing was lost");

    let (status, answer) = admin
        .post(
            &format!("{path}/adjudicate"),
            &json!({ "outcome": "black_wins" }),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["status"], "finished");
    assert_eq!(answer["result"]["termination"], "adjudicated");
    let told = hears_end(&mut game.white).await;
    assert_eq!(told, (Outcome::BlackWins, Termination::Adjudicated));
    for change in ["abort", "handoff"] {
        let (status, problem) = admin.post(&format!("{path}/{change}"), &json!({})).await;
        assert_eq!(status, 409, "{problem}");
        assert_eq!(problem["code"], "match_over");
    }

    let mut other = PlayedMatch::begin(&installation.matchmaker).await;
    let path = format!("/v1/matches/{}/abort", other.id);
    let (status, answer) = admin.post(&path, &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    let told = hears_end(&mut other.black).await;
    assert_eq!(told, (Outcome::Aborted, Termination::Adjudicated));

    let recent = admin.get("/v1/actions").await;
    let recent = recent["actions"].as_array().unwrap();
    let newest = ["abort", "handoff", "abort", "adjudicate", "handoff"];
    for (action, what) in recent.iter().zip(newest) {
        assert_eq!(
            (&action["action"], &action["who"]),
            (&json!(what), &json!("tester"))
        );
        assert!(action["at"].as_u64() > Some(0), "{action}");
    }
    assert_eq!(recent.len(), newest.len());
    assert_eq!(recent[0]["subject"], json!(other.id));
    assert_eq!(recent[1]["outcome"], "match_over");
    assert_eq!(recent[3]["outcome"], "done");

    let log = installation.log();
    let audit: Vec<&str> = log.lines().filter(|line| line.contains("audit")).collect();
    for what in ["handoff", "adjudicate", "abort"] {
        let noted = |line: &&&str| line.contains(what) && line.contains("who=tester");
        assert!(audit.iter().any(|line| noted(&line)), "{what}: {audit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_is_drained_and_its_matches_go_on() {
    let mut installation = Installation::start(2).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    game.play(0, "e2e4").await;
    let path = format!("/v1/matches/{}", game.id);
    let owner = installation.admin.get(&path).await["owner"].clone();
    let (status, problem) = installation.admin.post("/v1/drain", &json!({})).await;
    assert_eq!(status, 400, "the matchmaker must be told which: {problem}");
    let body = json!({ "shard": owner });
    let (status, answer) = installation.admin.post("/v1/drain", &body).await;
    assert_eq!(status, 202, "{answer}");
    assert!(installation.ends_well(owner.as_str().unwrap()).await);
    game.sit_again(Seat::White).await;
    game.sit_again(Seat::Black).await;
    game.play(1, "e7e5").await;
    let moved = eventually("the other shard answers", || async {
        let details = installation.admin.get(&path).await;
        (details["stale"] == false).then_some(details)
    })
    .await;
    assert_ne!(moved["owner"], owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_players_streams_are_closed() {
    let server = Server::embedded();
    let admin = tests::installation::Endpoint::new(&server.ready.admin, &server.ready.admin_token);
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    let path = format!("/v1/players/{}/revoke", game.white_player);
    let (status, answer) = admin.post(&path, &json!({})).await;
    assert_eq!(
        (status.as_u16(), &answer["closed"]),
        (200, &json!(1)),
        "{answer}"
    );
    assert_eq!(game.white.closed().await, Some(CloseCode::TokenInvalid));
    let (status, problem) = admin
        .post("/v1/drain", &json!({ "shard": server.ready.shards[0].id }))
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("not_possible"))
    );
}

/// The shard that is asked is not the one that has the match: that one learns of it from the store.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_player_is_kept_out_by_every_shard_and_the_matchmaker() {
    let installation = Installation::start(2).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let kept = game.seat(Seat::White).await.unwrap();
    let path = format!("/v1/matches/{}", game.id);
    let owner = installation.admin.get(&path).await["owner"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut others = installation.shards.iter().filter(|shard| shard.id != owner);
    let other = others.next().unwrap();

    let path = format!("/v1/players/{}/revoke", game.white_player);
    let (status, answer) = other.admin.post(&path, &json!({})).await;
    assert_eq!(
        (status.as_u16(), &answer["closed"]),
        (200, &json!(0)),
        "{answer}"
    );
    assert_eq!(game.white.closed().await, Some(CloseCode::TokenInvalid));
    let refused = game.seat(Seat::White).await.unwrap_err().to_string();
    assert!(refused.contains("shut this player out"), "{refused}");

    // The seat token from before is still signed and not expired.
    let mut back = RawClient::connect(&kept.shard).await;
    back.say(&ClientFrame::Join(Join {
        version: protocol::VERSION,
        flags: protocol::JoinFlags::NONE,
        match_id: game.id,
        token: kept.token,
        seen: None,
    }))
    .await;
    assert_eq!(back.closed().await, Some(CloseCode::TokenInvalid));
    // Nobody else is: Black is still seated, and may sit down anew.
    game.sit_again(Seat::Black).await;
}
