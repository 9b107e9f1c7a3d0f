//! Peers that break the rules at the doors of pages.

use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use game_core::EventKind;
use protocol::codec::{CLIENT_FRAME_LEN_MAX, CLIENT_MESSAGE_LEN_MAX};
use protocol::{ClientFrame, CloseCode, JoinFlags, Role, ServerBody, codec};
use tests::page::{Carrier, Door, Ended, Page};
use tests::shard::LocalShard;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::white_with;

/// Bytes that are no frame of a client, or not at this place.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let too_long = u32::try_from(CLIENT_FRAME_LEN_MAX + 1).unwrap();
    vec![
        (
            "a length that is too large",
            too_long.to_be_bytes().to_vec(),
        ),
        ("the largest length", vec![0xff; 4]),
        ("an unknown kind", vec![0, 0, 0, 1, 0x7f]),
        ("an empty frame", vec![0; 4]),
        (
            "a second join",
            codec::encode_client(&second_join()).to_vec(),
        ),
    ]
}

fn second_join() -> ClientFrame {
    ClientFrame::Join(protocol::Join {
        version: protocol::VERSION,
        flags: JoinFlags::NONE,
        match_id: "0AZaz9876543".parse().unwrap(),
        token: "a.b.c".to_owned(),
        seen: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_violation_closes_the_connection_with_its_code_and_nobody_elses() {
    let shard = LocalShard::start().await;
    for door in Door::ALL {
        let id = shard.create_match().await;
        let mut other = {
            let token = shard.token(id, Role::Black);
            Page::join(door, &shard.address, id, token, None).await.0
        };
        for (what, bytes) in garbage() {
            let mut page = white_with(door, &shard, id, JoinFlags::NONE).await;
            page.bytes(&bytes).await;
            assert_eq!(
                page.ended().await,
                Ended::violation(door),
                "{door:?}: {what}"
            );
        }
        let mut page = white_with(door, &shard, id, JoinFlags::NONE).await;
        page.play(0, "e2e4").await;
        other
            .until(|body| {
                let ServerBody::Event(event) = body else {
                    return false;
                };
                matches!(event.kind, Some(EventKind::Moved { .. }))
            })
            .await;
    }
    assert!(shard.is_running());
}

/// What only a WebSocket can send.
#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_holds_to_binary_messages_of_whole_frames() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let frame = codec::encode_client(&ClientFrame::Leave);
    let long = vec![0; CLIENT_MESSAGE_LEN_MAX + 1];
    let messages = [
        ("text", Message::text("e2e4")),
        ("half a frame", Message::Binary(frame.slice(..3))),
        (
            "a frame and a half",
            Message::Binary(Bytes::from([&frame[..], &frame[..2]].concat())),
        ),
        ("a message that is too long", Message::Binary(long.into())),
    ];
    for (what, message) in messages {
        let mut page = white_with(Door::WebSocket, &shard, id, JoinFlags::NONE).await;
        let Carrier::WebSocket(socket) = &mut page.carrier else {
            unreachable!()
        };
        socket.send(message).await.unwrap();
        let ended = page.ended().await;
        if what == "a frame and a half" {
            // The whole frame is taken first; it says goodbye.
            let expected = Ended {
                frame: Some(CloseCode::Done),
                connection: Some(1_000),
            };
            assert_eq!(ended, expected);
        } else {
            assert_eq!(ended, Ended::violation(Door::WebSocket), "{what}");
        }
    }
}

/// Several frames in one message, pings, and empty messages are in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_may_put_frames_together_and_ping() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let mut page = white_with(Door::WebSocket, &shard, id, JoinFlags::NONE).await;
    let Carrier::WebSocket(socket) = &mut page.carrier else {
        unreachable!()
    };
    socket
        .send(Message::Ping(Bytes::from_static(b"?")))
        .await
        .unwrap();
    socket.send(Message::Binary(Bytes::new())).await.unwrap();
    let pong = loop {
        match futures_util::StreamExt::next(socket)
            .await
            .unwrap()
            .unwrap()
        {
            Message::Pong(bytes) => break bytes,
            _ => continue,
        }
    };
    assert_eq!(pong, "?");
    let say = |id, text: &str| {
        codec::encode_client(&ClientFrame::Say {
            id,
            text: text.to_owned(),
        })
    };
    let both = [&say(1, "hi")[..], &say(2, "")[..]].concat();
    page.bytes(&both).await;
    // The refusal need not wait for the store.
    let (mut said, mut refused) = (false, false);
    while !(said && refused) {
        let frame = page.next().await.unwrap();
        said |= frame.body == ServerBody::Said { id: 1 };
        refused |= matches!(frame.body, ServerBody::NotSaid { id: 2, .. });
    }
}

/// A frame that is begun has a deadline.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_slow_to_finish_a_frame_is_sent_away() {
    let shard = LocalShard::with(|config| {
        config.net.frame_deadline = Duration::from_millis(900);
    })
    .await;
    let id = shard.create_match().await;
    for door in Door::ALL {
        let mut page = white_with(door, &shard, id, JoinFlags::NONE).await;
        let began = Instant::now();
        match &mut page.carrier {
            Carrier::WebSocket(socket) => {
                // The head of a binary message of 100 bytes, masked with zeros.
                let tcp = socket.get_mut();
                tcp.write_all(&[0x82, 0x80 | 100, 0, 0, 0, 0])
                    .await
                    .unwrap();
            }
            Carrier::WebTransport { send, .. } => {
                send.write_all(&[0, 0, 0, 100]).await.unwrap();
            }
        }
        assert_eq!(page.ended().await, Ended::violation(door));
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(900) && took < Duration::from_secs(8),
            "{took:?}"
        );
    }
}
