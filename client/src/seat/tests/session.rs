//! A seat over real QUIC, with a shard that says what the test tells it to.

use std::sync::Arc;
use std::time::Duration;

use game_core::CommandKind;
use protocol::http::SeatReply;
use protocol::{CatchUp, ClientFrame, CloseCode, ServerBody};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use tokio::time::timeout;

use crate::Connector;
use crate::connection::{ConnectError, ConnectionTimes};
use crate::seat::{Loss, SeatError, SeatSession, SessionConfig, Update};
use crate::testing::script::{ack, event, frame, joined, match_id, moved, uci, whole};
use crate::testing::shard::{Fixed, ScriptedShard, key};

const SOON: Duration = Duration::from_secs(10);

fn connector() -> Arc<Connector> {
    Arc::new(Connector::bind(1, ConnectionTimes::default()).unwrap())
}

async fn take_seat(reply: SeatReply, config: SessionConfig) -> Result<SeatSession, SeatError> {
    let join = SeatSession::join(connector(), Arc::new(Fixed(reply)), match_id(), config);
    timeout(SOON, join).await.unwrap()
}

async fn next(session: &mut SeatSession) -> Update {
    timeout(SOON, session.next()).await.unwrap().unwrap()
}

fn e4() -> CommandKind {
    CommandKind::plain_move(0, uci("e2e4"))
}

#[tokio::test]
async fn a_pinned_certificate_of_either_kind_is_trusted() {
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519] {
        let shard = ScriptedShard::open(algorithm);
        let connecting = async { connector().connect(&shard.reply().shard).await };
        let accepting = async { shard.endpoint.accept().await.unwrap().await };
        let (connected, accepted) = tokio::join!(connecting, accepting);
        assert!(connected.is_ok() && accepted.is_ok(), "{algorithm:?}");
    }
}

#[tokio::test]
async fn another_certificate_is_not_trusted_nor_is_a_right_one_without_its_key() {
    let other = ScriptedShard::open(&PKCS_ED25519);
    let shard = ScriptedShard::open(&PKCS_ED25519);
    let mut address = shard.reply().shard;
    address.certificate_sha256 = Some(other.pin.to_string());
    let thief = ScriptedShard::open_with(&key(&PKCS_ED25519), &key(&PKCS_ED25519));
    for (shard, address) in [(&shard, address), (&thief, thief.reply().shard)] {
        let connecting = async { connector().connect(&address).await };
        let accepting = async { shard.endpoint.accept().await.unwrap().await };
        let (connected, _) = tokio::join!(connecting, accepting);
        assert!(
            matches!(connected, Err(ConnectError::Lost(_))),
            "{connected:?}"
        );
    }
}

#[tokio::test]
async fn without_a_pin_nothing_is_connected_to() {
    let shard = ScriptedShard::open(&PKCS_ED25519);
    let mut reply = shard.reply();
    reply.shard.certificate_sha256 = None;
    let refused = take_seat(reply, SessionConfig::default()).await;
    assert!(matches!(
        refused,
        Err(SeatError::Connect(ConnectError::NoPin))
    ));
}

#[tokio::test]
async fn a_lost_connection_is_made_anew_and_the_move_repeated() {
    let shard = ScriptedShard::open(&PKCS_ECDSA_P256_SHA256);
    let serving = async {
        let (mut stream, seen) = shard.accept().await;
        assert_eq!(seen, None);
        stream.say(whole(1, "")).await;
        let first = stream.read().await;
        let number = CloseCode::Internal.number();
        stream.connection.close(number.into(), b"");
        let (mut stream, seen) = shard.accept().await;
        assert_eq!(seen, Some(0));
        stream.say(joined(2, 0, CatchUp::Events(Vec::new()))).await;
        let again = stream.read().await;
        assert_eq!(again, first);
        let ClientFrame::Command { id, .. } = again else {
            panic!("{again:?}");
        };
        stream.say(event(2, moved(1, "e2e4"))).await;
        stream.say(ack(2, 1, id, 1)).await;
        assert_eq!(stream.read().await, ClientFrame::Leave);
        stream
            .say(frame(2, 1, ServerBody::Closed(CloseCode::Done)))
            .await;
        stream.send.finish().unwrap();
        stream.connection.closed().await;
    };
    let playing = async {
        let mut seat = take_seat(shard.reply(), SessionConfig::default())
            .await
            .unwrap();
        let id = seat.command(e4()).unwrap();
        // Whoever waits may look elsewhere in between without setting the session back.
        let mut seen = Vec::new();
        while seat.machine().acked().is_empty() {
            if let Ok(update) = timeout(Duration::from_millis(3), seat.next()).await {
                seen.push(update.unwrap());
            }
        }
        assert_eq!(
            seen[0],
            Update::Reconnecting(Loss::Closed(CloseCode::Internal))
        );
        assert_eq!(seen[1], Update::Joined { again: true });
        assert_eq!(seat.machine().acked()[0].id, id);
        assert_eq!((seat.resumed(), seat.view().seq()), (1, 1));
        seat.leave().await.unwrap();
    };
    timeout(SOON, async { tokio::join!(serving, playing) })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_final_close_is_told_and_a_breach_ends_the_session() {
    let shard = ScriptedShard::open(&PKCS_ED25519);
    let serving = async {
        let (mut stream, _) = shard.accept().await;
        stream.say(whole(1, "")).await;
        stream.say(event(1, moved(2, "e7e5"))).await;
        stream.connection.closed().await;
        let (mut stream, _) = shard.accept().await;
        stream.say(whole(1, "")).await;
        let number = CloseCode::Superseded.number();
        stream.send.reset(number.into()).unwrap();
        stream.connection.closed().await;
    };
    let playing = async {
        let mut seat = take_seat(shard.reply(), SessionConfig::default())
            .await
            .unwrap();
        let broken = timeout(SOON, seat.next()).await.unwrap();
        assert!(matches!(broken, Err(SeatError::Violation(_))), "{broken:?}");
        drop(seat);
        let seat = take_seat(shard.reply(), SessionConfig::default()).await;
        // The reset may overtake what was said before it.
        match seat {
            Ok(mut seat) => {
                let closed = Update::Closed(CloseCode::Superseded);
                assert_eq!(next(&mut seat).await, closed);
                assert_eq!(next(&mut seat).await, closed);
            }
            Err(error) => assert!(matches!(error, SeatError::Closed(CloseCode::Superseded))),
        }
    };
    timeout(SOON, async { tokio::join!(serving, playing) })
        .await
        .unwrap();
}

#[tokio::test]
async fn patience_ends() {
    let shard = ScriptedShard::open(&PKCS_ED25519);
    let reply = shard.reply();
    drop(shard);
    let config = SessionConfig {
        patience: Duration::from_millis(300),
        ..SessionConfig::default()
    };
    let gave_up = take_seat(reply, config).await;
    assert!(matches!(gave_up, Err(SeatError::GaveUp { .. })));
}

/// Both versions are named to whoever runs the older program.
#[tokio::test]
async fn a_shard_of_another_version_is_named_with_ours() {
    let shard = ScriptedShard::open(&PKCS_ED25519);
    let serving = async {
        let (mut stream, _) = shard.accept().await;
        let (min, max) = (3, 4);
        stream
            .say(frame(0, 0, ServerBody::Unsupported { min, max }))
            .await;
        stream
            .say(frame(0, 0, ServerBody::Closed(CloseCode::Unsupported)))
            .await;
        stream.connection.closed().await;
    };
    let joining = async {
        let refused = take_seat(shard.reply(), SessionConfig::default()).await;
        let said = refused.err().unwrap().to_string();
        assert!(
            said.contains("versions 3 to 4") && said.contains("version 2"),
            "{said}"
        );
    };
    timeout(SOON, async { tokio::join!(serving, joining) })
        .await
        .unwrap();
}
