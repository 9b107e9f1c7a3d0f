//! An arbiter's orders, and what players see of them, also after their shard was killed.

use game_core::{CommandKind, EventKind, Refusal, Seat};
use protocol::{ServerBody, WireRefusal};
use serde_json::{Value, json};
use tests::installation::{Endpoint, Installation, PlayedMatch, eventually};
use tests::wire::RawClient;

async fn hears(client: &mut RawClient, wanted: EventKind) -> protocol::ClockView {
    let is_it =
        |body: &ServerBody| matches!(body, ServerBody::Event(event) if event.kind == Some(wanted));
    let ServerBody::Event(event) = client.until(is_it).await.body else {
        unreachable!()
    };
    assert_eq!(event.seat, None);
    event.clock
}

async fn give(admin: &Endpoint, game: &PlayedMatch, order: Value) -> (u16, Value) {
    let path = format!("/v1/matches/{}/order", game.id);
    let (status, answer) = admin.post(&path, &order).await;
    (status.as_u16(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_an_arbiter_outlive_the_shard() {
    let mut installation = Installation::start(2).await;
    let admin = installation.admin.clone();
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let path = format!("/v1/matches/{}", game.id);
    for (ply, uci) in (0..).zip(["e2e4", "e7e5", "g1f3"]) {
        game.play(ply, uci).await;
    }

    let (status, answer) = give(&admin, &game, json!({ "order": "stop", "expected_seq": 3 })).await;
    assert_eq!((status, &answer["seq"]), (200, &json!(4)), "{answer}");
    let clock = hears(&mut game.white, EventKind::Stopped).await;
    assert_eq!(clock.running, None);
    hears(&mut game.black, EventKind::Stopped).await;
    // Sent again, as after an answer that was lost, it is not carried out twice.
    let again =
        json!({ "order": "add_time", "seat": "black", "add_ms": 60_000, "expected_seq": 3 });
    let (status, answer) = give(&admin, &game, again).await;
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("not_possible")),
        "{answer}"
    );

    let owner = admin.get(&path).await["owner"].as_str().unwrap().to_owned();
    installation.kill(&owner);
    eventually("another shard has the match", || async {
        let (_, details) = admin.try_get(&path).await?;
        (details["owner"].as_str()? != owner).then_some(())
    })
    .await;
    game.sit_again(Seat::White).await;
    game.sit_again(Seat::Black).await;
    // Play is still stopped.
    let knight = CommandKind::plain_move(3, "b8c6".parse().unwrap());
    game.black.command(7, knight).await;
    let is_refused = |body: &ServerBody| matches!(body, ServerBody::Refused { .. });
    let refused = game.black.until(is_refused).await.body;
    let reason = WireRefusal::Match(Refusal::NotStarted);
    assert!(
        matches!(refused, ServerBody::Refused { reason: given, .. } if given == reason),
        "{refused:?}"
    );

    let set = json!({ "order": "set_clock", "seat": "black", "remaining_ms": 60_000 });
    let (status, answer) = give(&admin, &game, set).await;
    assert_eq!(status, 200, "{answer}");
    let seat = Seat::Black;
    let clock = hears(&mut game.white, EventKind::ClockSet { seat }).await;
    assert_eq!((clock.black_ms, clock.running), (60_000, None));
    let (status, answer) = give(&admin, &game, json!({ "order": "undo", "plies": 2 })).await;
    assert_eq!((status, &answer["ply"]), (200, &json!(1)), "{answer}");
    hears(&mut game.black, EventKind::TakenBack { plies: 2 }).await;
    let (status, answer) = give(&admin, &game, json!({ "order": "resume" })).await;
    assert_eq!((status, &answer["seq"]), (200, &json!(7)), "{answer}");
    let clock = hears(&mut game.black, EventKind::Resumed).await;
    assert_eq!(clock.running, Some(Seat::Black));
    let reply = CommandKind::plain_move(6, "c7c5".parse().unwrap());
    game.black.command(8, reply).await;
    let is_ack = |body: &ServerBody| matches!(body, ServerBody::Ack { .. });
    game.black.until(is_ack).await;
    let after = admin.get(&path).await;
    assert_eq!(
        (&after["ply"], &after["seq"]),
        (&json!(2), &json!(8)),
        "{after}"
    );

    for wrong in [
        json!({ "order": "undo", "plies": 3 }),
        json!({ "order": "set_clock", "seat": "white", "remaining_ms": 0 }),
    ] {
        let (status, answer) = give(&admin, &game, wrong).await;
        assert_eq!(
            (status, &answer["code"]),
            (409, &json!("not_possible")),
            "{answer}"
        );
    }
    let (status, answer) = give(&admin, &game, json!({ "order": "applaud" })).await;
    assert_eq!(status, 400, "{answer}");
    let actions = admin.get("/v1/actions").await;
    assert_eq!(actions["actions"][0]["action"], "order", "{actions}");
}
