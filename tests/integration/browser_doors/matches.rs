//! Matches are played and watched by every door, and by several at once.

use std::time::Duration;

use game_core::{EventKind, Seat};
use protocol::{CatchUp, ClientFrame, CloseCode, JoinFlags, Role, ServerBody, WireEvent};
use tests::page::{Door, Ended, Page};
use tests::shard::LocalShard;
use tokio::time::Instant;

use super::{Seated, white_with};

const MATE: [&str; 7] = ["e2e4", "e7e5", "d1h5", "b8c6", "f1c4", "g8f6", "h5f7"];

fn is_end(body: &ServerBody) -> bool {
    let ServerBody::Event(event) = body else {
        return false;
    };
    matches!(event.kind, Some(EventKind::Ended { .. }))
}

/// White and Black by these doors, and a spectator by each, who all see the mate.
async fn play(white: Option<Door>, black: Option<Door>) {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let mut seats = [
        Seated::sit(&shard, id, Seat::White, white).await,
        Seated::sit(&shard, id, Seat::Black, black).await,
    ];
    let mut spectators = Vec::new();
    for door in Door::ALL {
        let token = shard.token(id, Role::Spectator);
        let (page, joined) = Page::join(door, &shard.address, id, token, None).await;
        assert_eq!(joined.role, Role::Spectator);
        spectators.push(page);
    }
    for (ply, uci) in (0..).zip(MATE) {
        let mover = &mut seats[usize::from(ply % 2)];
        mover.play(ply, uci).await;
        let is_ack = |body: &ServerBody| matches!(body, ServerBody::Ack { .. });
        mover.until(is_ack).await;
    }
    // The last event came to the mover before its acknowledgement.
    let [_, black] = &mut seats;
    black.until(is_end).await;
    for spectator in &mut spectators {
        spectator.until(is_end).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_is_played_by_each_pair_of_doors() {
    let doors = [None, Some(Door::WebSocket), Some(Door::WebTransport)];
    for white in doors {
        for black in doors {
            play(white, black).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_back_by_the_other_door_and_is_sent_what_it_missed() {
    let shard = LocalShard::start().await;
    for (first, second) in [
        (Door::WebTransport, Door::WebSocket),
        (Door::WebSocket, Door::WebTransport),
    ] {
        let id = shard.create_match().await;
        let token = || shard.token(id, Role::White);
        let (mut page, _) = Page::join(first, &shard.address, id, token(), None).await;
        let mut black = Seated::sit(&shard, id, Seat::Black, None).await;
        page.play(0, "e2e4").await;
        let ack = page
            .until(|body| matches!(body, ServerBody::Ack { .. }))
            .await;
        drop(page);
        black.play(1, "e7e5").await;
        black
            .until(|body| matches!(body, ServerBody::Ack { .. }))
            .await;
        let (_page, joined) = Page::join(second, &shard.address, id, token(), Some(ack.seq)).await;
        let CatchUp::Events(events) = joined.catch_up else {
            panic!("the whole state: {joined:?}");
        };
        let is_move =
            |(_, event): &(u32, WireEvent)| matches!(event.kind, Some(EventKind::Moved { .. }));
        assert_eq!(events.iter().filter(|event| is_move(event)).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_told_goodbye_by_frame_and_by_the_connection() {
    let shard = LocalShard::start().await;
    for door in Door::ALL {
        let id = shard.create_match().await;
        let (mut page, _) =
            Page::join(door, &shard.address, id, shard.token(id, Role::White), None).await;
        page.say(&ClientFrame::Leave).await;
        if door == Door::WebSocket {
            let expected = Ended {
                frame: Some(CloseCode::Done),
                connection: Some(1_000),
            };
            assert_eq!(page.ended().await, expected);
        } else {
            let last = page
                .until(|body| matches!(body, ServerBody::Closed(_)))
                .await;
            assert_eq!(last.body, ServerBody::Closed(CloseCode::Done));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_page_supersedes_the_first_whatever_the_doors() {
    let shard = LocalShard::start().await;
    for (first, second) in [
        (Door::WebTransport, Door::WebSocket),
        (Door::WebSocket, Door::WebTransport),
    ] {
        let id = shard.create_match().await;
        let token = || shard.token(id, Role::White);
        let (mut old, _) = Page::join(first, &shard.address, id, token(), None).await;
        let (_new, _) = Page::join(second, &shard.address, id, token(), None).await;
        let last = old
            .until(|body| matches!(body, ServerBody::Closed(_)))
            .await;
        assert_eq!(last.body, ServerBody::Closed(CloseCode::Superseded));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_stops_tells_its_pages() {
    for door in Door::ALL {
        let shard = LocalShard::start().await;
        let id = shard.create_match().await;
        let mut page = white_with(door, &shard, id, JoinFlags::NONE).await;
        let stopping = tokio::spawn(shard.stop());
        let last = page
            .until(|body| matches!(body, ServerBody::Closed(_)))
            .await;
        assert_eq!(last.body, ServerBody::Closed(CloseCode::ShuttingDown));
        drop(page);
        stopping.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_hears_a_fast_heartbeat_each_second_and_the_usual_one_less_often() {
    let shard = LocalShard::start().await;
    for door in Door::ALL {
        let id = shard.create_match().await;
        let flags = JoinFlags::FAST_HEARTBEATS;
        let mut page = white_with(door, &shard, id, flags).await;
        for _ in 0..3 {
            let began = Instant::now();
            page.until(|body| *body == ServerBody::Heartbeat).await;
            assert!(began.elapsed() < Duration::from_millis(2_500));
        }
        let id = shard.create_match().await;
        let mut page = white_with(door, &shard, id, JoinFlags::HEARTBEATS).await;
        let began = Instant::now();
        page.until(|body| *body == ServerBody::Heartbeat).await;
        assert!(began.elapsed() > Duration::from_secs(4));
    }
}
