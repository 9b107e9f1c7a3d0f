//! What protocol 2 adds, over real QUIC: versions, signs of life, chat, a rematch.

use std::time::Duration;

use game_core::{CommandKind, EventKind, MatchId};
use protocol::{
    ChatRefusal, ClientFrame, CloseCode, HEARTBEAT_EVERY, Join, JoinFlags, Role, ServerBody,
};
use tests::shard::LocalShard;
use tests::wire::RawClient;

fn join(shard: &LocalShard, id: MatchId, version: u16, flags: JoinFlags) -> ClientFrame {
    ClientFrame::Join(Join {
        version,
        flags,
        match_id: id,
        token: shard.token(id, Role::White),
        seen: None,
    })
}

#[tokio::test]
async fn a_version_that_is_not_known_is_answered_by_those_that_are() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    for version in [0, 1, 3, u16::MAX] {
        let mut client = RawClient::connect(&shard.address).await;
        client
            .say(&join(&shard, id, version, JoinFlags::NONE))
            .await;
        let answer = client.next().await.unwrap().body;
        assert_eq!(answer, ServerBody::Unsupported { min: 2, max: 2 });
        assert_eq!(client.closed().await, Some(CloseCode::Unsupported));
    }
    let mut client = RawClient::connect(&shard.address).await;
    client.say(&join(&shard, id, 2, JoinFlags(u32::MAX))).await;
    let answer = client.next().await.unwrap().body;
    assert!(matches!(answer, ServerBody::Joined(_)), "{answer:?}");
}

#[tokio::test]
async fn signs_of_life_come_to_who_asks_for_them_and_only_when_nothing_else_does() {
    let shard = LocalShard::start().await;
    let mut answers = Vec::new();
    for flags in [JoinFlags::HEARTBEATS, JoinFlags::NONE] {
        let id = shard
            .create_match_with("600+0", game_core::ClockStart::AfterFirstMoves)
            .await;
        let mut client = RawClient::connect(&shard.address).await;
        client.say(&join(&shard, id, 2, flags)).await;
        client
            .until(|body| matches!(body, ServerBody::Joined(_)))
            .await;
        answers.push(tokio::spawn(async move {
            let mut heartbeats = 0;
            // The reminder to the side to move comes before, and then at growing intervals.
            while let Some(frame) = client.next_within(3 * HEARTBEAT_EVERY).await {
                heartbeats += u32::from(frame.body == ServerBody::Heartbeat);
                if heartbeats > 0 || matches!(frame.body, ServerBody::Event(_)) {
                    break;
                }
            }
            heartbeats
        }));
    }
    let [asked, silent] = answers.try_into().unwrap();
    assert_eq!(asked.await.unwrap(), 1);
    assert_eq!(silent.await.unwrap(), 0);
}

#[tokio::test]
async fn chat_reaches_the_other_seat_and_who_joins_later() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let seat = async |role| {
        RawClient::join(&shard.address, id, shard.token(id, role), None)
            .await
            .0
    };
    let (mut white, mut black) = (seat(Role::White).await, seat(Role::Black).await);
    let say = |id, text: &str| ClientFrame::Say {
        id,
        text: text.to_owned(),
    };
    white.say(&say(7, "good luck")).await;
    white
        .until(|body| *body == ServerBody::Said { id: 7 })
        .await;
    let heard = |body: &ServerBody| match body {
        ServerBody::Chat(lines) => lines.iter().any(|line| line.text == "good luck"),
        _ => false,
    };
    black.until(heard).await;
    white.say(&say(8, "and have fun")).await;
    let reason = ChatRefusal::RateLimited;
    white
        .until(|body| *body == ServerBody::NotSaid { id: 8, reason })
        .await;
    let mut again = seat(Role::Black).await;
    again.until(heard).await;
}

#[tokio::test]
async fn a_rematch_is_played_on_the_same_shard_by_the_same_players() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let seat = async |id, role| {
        RawClient::join(&shard.address, id, shard.token(id, role), None)
            .await
            .0
    };
    let (mut white, mut black) = (seat(id, Role::White).await, seat(id, Role::Black).await);
    white.command(1, CommandKind::Resign).await;
    let ended = |body: &ServerBody| {
        matches!(body, ServerBody::Event(event)
        if matches!(event.kind, Some(EventKind::Ended { .. })))
    };
    black.until(ended).await;
    black.command(1, CommandKind::OfferRematch).await;
    let offered = |body: &ServerBody| {
        matches!(body, ServerBody::Event(event)
        if event.kind == Some(EventKind::RematchOffered))
    };
    white.until(offered).await;
    white.command(2, CommandKind::AcceptRematch).await;
    let agreed = black
        .until(|body| {
            matches!(body, ServerBody::Event(event)
            if matches!(event.kind, Some(EventKind::RematchAgreed { .. })))
        })
        .await;
    let ServerBody::Event(event) = agreed.body else {
        unreachable!()
    };
    let Some(EventKind::RematchAgreed { match_id }) = event.kind else {
        unreachable!()
    };
    let made = tests::installation::eventually("the rematch is in the store", || async {
        shard.store.load(match_id).await.unwrap()
    })
    .await;
    let players = &made.snapshot.setup.players;
    assert_eq!(players.white.name.as_ref(), "bob");
    let mut first = seat(match_id, Role::White).await;
    first.play(0, "e2e4").await;
    let ack = |body: &ServerBody| matches!(body, ServerBody::Ack { event: 1, .. });
    let answered = tokio::time::timeout(Duration::from_secs(30), first.until(ack)).await;
    assert!(answered.is_ok());
}
