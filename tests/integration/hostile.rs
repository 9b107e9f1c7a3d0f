//! Bad input gets a clear answer and changes nothing.

use std::sync::Arc;
use std::time::Duration;

use game_core::{CommandKind, MatchId, Refusal};
use protocol::{ClientFrame, CloseCode, Join, Role, ServerBody, WireRefusal, codec};
use quinn::crypto::rustls::QuicClientConfig;
use rand::{RngExt, SeedableRng};
use store::testing::ReadLog;
use tests::shard::{LocalShard, claims};
use tests::wire::RawClient;
use tokens::SigningKey;

async fn joined(shard: &LocalShard, id: MatchId, role: Role) -> RawClient {
    RawClient::join(&shard.address, id, shard.token(id, role), None)
        .await
        .0
}

/// What a shard answers to a `Join` with this token.
async fn refused(shard: &LocalShard, match_id: MatchId, token: String) -> Option<CloseCode> {
    let mut client = RawClient::connect(&shard.address).await;
    client
        .say(&ClientFrame::Join(Join {
            version: protocol::VERSION,
            flags: protocol::JoinFlags::NONE,
            match_id,
            token,
            seen: None,
        }))
        .await;
    client.closed().await
}

/// The shard still plays a match after what was done to it.
async fn still_serves(shard: &LocalShard) {
    assert!(shard.is_running());
    let id = shard.create_match().await;
    let mut white = joined(shard, id, Role::White).await;
    white.play(0, "e2e4").await;
    white
        .until(|body| matches!(body, ServerBody::Ack { event: 1, .. }))
        .await;
}

#[tokio::test]
async fn frames_that_are_none_close_the_connection_by_name() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let too_long = u32::try_from(codec::CLIENT_FRAME_LEN_MAX).unwrap() + 1;
    let cases: [&[u8]; 5] = [
        &u32::MAX.to_be_bytes(),
        &too_long.to_be_bytes(),
        // A body of no bytes, and one of an unknown kind.
        &[0, 0, 0, 0],
        &[0, 0, 0, 1, 0xfa],
        // Text of another protocol.
        b"GET / HTTP/1.1\r\n\r\n",
    ];
    for bytes in cases {
        let mut fresh = RawClient::connect(&shard.address).await;
        fresh.bytes(bytes).await;
        assert_eq!(
            fresh.closed().await,
            Some(CloseCode::ProtocolViolation),
            "{bytes:?}"
        );
        let mut seated = joined(&shard, id, Role::White).await;
        seated.bytes(bytes).await;
        assert_eq!(
            seated.closed().await,
            Some(CloseCode::ProtocolViolation),
            "{bytes:?}"
        );
    }
    still_serves(&shard).await;
}

#[tokio::test]
async fn random_bytes_never_harm_the_shard() {
    // Who joins as often as here would be told to wait.
    let shard = LocalShard::with(|config| config.limits.joins_burst = 1_000).await;
    let id = shard.create_match().await;
    let seed: u64 = rand::random();
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    for round in 0..60 {
        let mut client = joined(&shard, id, Role::Black).await;
        // Fewer than the four of a length are no frame: the stream is gone, and the connection may open another.
        let mut bytes = vec![0; rng.random_range(4..2_000)];
        rng.fill(&mut bytes[..]);
        if round % 2 == 0 {
            // A plausible header lets the body reach the decoder.
            let len = u32::try_from(bytes.len().min(codec::CLIENT_FRAME_LEN_MAX)).unwrap();
            bytes.splice(..0, len.to_be_bytes());
        }
        // The server may close while this is still sent.
        let _ = client.send.write_all(&bytes).await;
        let _ = client.send.finish();
        // A body that begins as a goodbye is one, whatever follows.
        assert!(
            matches!(
                client.closed().await,
                Some(CloseCode::ProtocolViolation | CloseCode::Done) | None
            ),
            "seed {seed}"
        );
    }
    assert_eq!(shard.store.log(id).await.unwrap(), [], "seed {seed}");
    still_serves(&shard).await;
}

#[tokio::test]
async fn a_truncated_frame_is_no_command() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let mut white = joined(&shard, id, Role::White).await;
    let kind = CommandKind::plain_move(0, "e2e4".parse().unwrap());
    let frame = codec::encode_client(&ClientFrame::Command {
        id: game_core::CommandId(1),
        kind,
    });
    white.bytes(&frame[..frame.len() - 1]).await;
    white.send.finish().unwrap();
    while white.next().await.is_some() {}
    assert_eq!(shard.store.log(id).await.unwrap(), []);
    still_serves(&shard).await;
}

#[tokio::test]
async fn a_frame_must_be_finished_and_a_join_must_come_in_time() {
    let shard = LocalShard::with(|config| {
        config.net.frame_deadline = Duration::from_millis(200);
        config.net.join_deadline = Duration::from_millis(400);
    })
    .await;
    let id = shard.create_match().await;
    let mut slow = joined(&shard, id, Role::White).await;
    slow.bytes(&[0, 0]).await;
    assert_eq!(slow.closed().await, Some(CloseCode::ProtocolViolation));

    let mut silent = RawClient::connect(&shard.address).await;
    // The stream exists for the server once something came.
    silent.bytes(&[0]).await;
    let code = silent.closed().await;
    assert!(
        matches!(
            code,
            Some(CloseCode::Deadline | CloseCode::ProtocolViolation)
        ),
        "{code:?}"
    );
    still_serves(&shard).await;
}

#[tokio::test]
async fn the_first_frame_is_a_join_and_only_the_first() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let mut early = RawClient::connect(&shard.address).await;
    early.command(1, CommandKind::Resign).await;
    assert_eq!(early.closed().await, Some(CloseCode::ProtocolViolation));

    let mut twice = joined(&shard, id, Role::White).await;
    let token = shard.token(id, Role::Black);
    twice
        .say(&ClientFrame::Join(Join {
            version: protocol::VERSION,
            flags: protocol::JoinFlags::NONE,
            match_id: id,
            token,
            seen: None,
        }))
        .await;
    assert_eq!(twice.closed().await, Some(CloseCode::ProtocolViolation));
}

#[tokio::test]
async fn another_application_protocol_is_refused_in_the_handshake() {
    let shard = LocalShard::start().await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    for alpn in [vec![b"rookery/0".to_vec()], vec![b"h3-29".to_vec()], vec![]] {
        let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            // The server's answer comes before any certificate.
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        tls.alpn_protocols = alpn.clone();
        let crypto = QuicClientConfig::try_from(tls).unwrap();
        let config = quinn::ClientConfig::new(Arc::new(crypto));
        let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let connecting = endpoint
            .connect_with(config, shard.address.address, "rookery")
            .unwrap();
        let error = connecting.await.expect_err("no common protocol");
        // TLS's alert no_application_protocol, 120 (RFC 7301 section 3.2), as QUIC carries it (RFC
        // 9001 section 4.8).
        let quinn::ConnectionError::ConnectionClosed(close) = &error else {
            panic!("{alpn:?}: {error:?}");
        };
        assert_eq!(
            close.error_code,
            quinn::TransportErrorCode::crypto(120),
            "{alpn:?}"
        );
    }
    still_serves(&shard).await;
}

#[tokio::test]
async fn tokens_that_give_no_right_are_refused_by_name() {
    let shard = LocalShard::start().await;
    let (id, other) = (shard.create_match().await, shard.create_match().await);
    let good = shard.token(id, Role::White);
    let (forger, _) = SigningKey::generate().unwrap();
    let mut expired = claims(id, Role::White);
    expired.exp = shard::system_calendar().0 / 1_000 - tokens::LEEWAY_S - 1;
    let mut tampered = good.clone().into_bytes();
    let middle = tampered.len() / 2;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    let player = shard.key.player_token(&tokens::PlayerClaims {
        player: "ann".parse().unwrap(),
        name: "ann".to_owned(),
        bot: false,
        made_at: None,
        exp: claims(id, Role::White).exp,
    });

    let cases = [
        (
            "forged",
            forger.seat_token(&claims(id, Role::White)),
            CloseCode::TokenInvalid,
        ),
        (
            "expired",
            shard.key.seat_token(&expired),
            CloseCode::TokenExpired,
        ),
        (
            "for another match",
            shard.token(other, Role::White),
            CloseCode::TokenWrongMatch,
        ),
        (
            "tampered",
            String::from_utf8(tampered).unwrap(),
            CloseCode::TokenInvalid,
        ),
        ("a player's", player, CloseCode::TokenInvalid),
        ("empty", String::new(), CloseCode::TokenInvalid),
        ("no token", "a.b.c".to_owned(), CloseCode::TokenInvalid),
    ];
    for (name, token, code) in cases {
        assert_eq!(refused(&shard, id, token).await, Some(code), "{name}");
    }
    let nowhere = MatchId::from_random(404);
    let code = refused(&shard, nowhere, shard.token(nowhere, Role::White)).await;
    assert_eq!(code, Some(CloseCode::MatchNotFound));
    still_serves(&shard).await;
}

#[tokio::test]
async fn moves_out_of_turn_illegal_and_stale_change_nothing() {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let mut white = joined(&shard, id, Role::White).await;
    let mut black = joined(&shard, id, Role::Black).await;
    let mut spectator = joined(&shard, id, Role::Spectator).await;

    let mut refusals = Vec::new();
    black.play(0, "e7e5").await;
    refusals.push(refusal(&mut black).await);
    white.play(0, "e2e5").await;
    refusals.push(refusal(&mut white).await);
    white.play(7, "e2e4").await;
    refusals.push(refusal(&mut white).await);
    spectator.play(0, "e2e4").await;
    refusals.push(refusal(&mut spectator).await);
    white.command(1, CommandKind::AcceptDraw).await;
    refusals.push(refusal(&mut white).await);
    let expected = [
        WireRefusal::Match(Refusal::NotYourTurn),
        WireRefusal::Match(Refusal::IllegalMove),
        WireRefusal::Match(Refusal::StalePosition),
        WireRefusal::NotAPlayer,
        WireRefusal::Match(Refusal::NoOffer),
    ];
    assert_eq!(refusals, expected);
    assert_eq!(shard.store.log(id).await.unwrap(), []);

    // Nothing was spoilt: the same seat goes on.
    white
        .command(2, CommandKind::plain_move(0, "e2e4".parse().unwrap()))
        .await;
    white
        .until(|body| matches!(body, ServerBody::Ack { event: 1, .. }))
        .await;
}

async fn refusal(client: &mut RawClient) -> WireRefusal {
    let frame = client
        .until(|body| matches!(body, ServerBody::Refused { .. }))
        .await;
    match frame.body {
        ServerBody::Refused { reason, .. } => reason,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn more_connections_than_allowed_are_refused() {
    let shard = LocalShard::with(|config| config.net.connections_per_address_max = 2).await;
    let id = shard.create_match().await;
    let _white = joined(&shard, id, Role::White).await;
    let _black = joined(&shard, id, Role::Black).await;
    let connector =
        client::Connector::bind(1, client::connection::ConnectionTimes::default()).unwrap();
    assert!(connector.connect(&shard.address).await.is_err());
}

#[tokio::test]
async fn addresses_prove_themselves_when_handshakes_pile_up() {
    // From the first handshake on: every client is sent a Retry and comes back with its token.
    let shard = LocalShard::with(|config| config.net.validate_from = 0).await;
    still_serves(&shard).await;
}

#[tokio::test]
async fn a_connection_without_a_seat_does_not_keep_its_place() {
    let shard = LocalShard::with(|config| {
        config.net.connections_max = 1;
        config.net.join_deadline = Duration::from_millis(300);
    })
    .await;
    let idle = RawClient::connect(&shard.address).await;
    let closed = tokio::time::timeout(Duration::from_secs(20), idle.connection.closed());
    let code = client::connection::close_code(&closed.await.unwrap());
    assert_eq!(code, Some(CloseCode::Deadline));
    still_serves(&shard).await;
}

#[tokio::test]
async fn who_begins_handshakes_and_finishes_none_keeps_nobody_out() {
    let shard = LocalShard::with(|config| {
        config.net.handshakes_max = 4;
        config.net.handshakes_per_address_max = 4;
        config.net.handshake_deadline = Duration::from_millis(500);
        config.net.validate_from = usize::MAX;
    })
    .await;
    // Their first packets reach the shard, and its answers reach nobody: the sockets are gone.
    for _ in 0..20 {
        let socket = "127.0.0.1:0".parse().unwrap();
        let endpoint = quinn::Endpoint::client(socket).unwrap();
        let times = client::connection::ConnectionTimes {
            handshake_max: Duration::from_millis(1),
            ..Default::default()
        };
        let connector = client::Connector::with_endpoints(vec![endpoint], None, times);
        let _ = connector.connect(&shard.address).await;
    }
    still_serves(&shard).await;
}

#[tokio::test]
async fn a_peer_that_never_reads_is_given_up_and_harms_nobody() {
    let shard = LocalShard::with(|config| {
        config.net.frames_waiting_max = 4;
        config.net.write_deadline = Duration::from_millis(500);
        config.limits.refusals_burst = 1_000_000;
    })
    .await;
    let id = shard.create_match().await;
    let mut white = joined(&shard, id, Role::White).await;
    let mut deaf = joined(&shard, id, Role::Black).await;
    // It asks, and asks, and does not read one answer: its window fills, then its queue.
    let asking = async {
        for n in 0..50_000 {
            let kind = CommandKind::AcceptDraw;
            let ask = ClientFrame::Command {
                id: game_core::CommandId(n),
                kind,
            };
            if deaf
                .send
                .write_all(&codec::encode_client(&ask))
                .await
                .is_err()
            {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(20), asking).await;
    let gone = |body: &ServerBody| {
        matches!(
            body,
            ServerBody::Presence {
                seat: game_core::Seat::Black,
                connected: false
            }
        )
    };
    white.until(gone).await;
    white.play(0, "e2e4").await;
    white
        .until(|body| matches!(body, ServerBody::Ack { event: 1, .. }))
        .await;
}

#[tokio::test]
async fn a_connection_has_no_more_streams_than_allowed() {
    let shard = LocalShard::with(|config| config.net.streams_per_connection = 2).await;
    let id = shard.create_match().await;
    let white = joined(&shard, id, Role::White).await;
    let _second = white.connection.open_bi().await.unwrap();
    let third = tokio::time::timeout(Duration::from_millis(500), white.connection.open_bi());
    assert!(third.await.is_err(), "a third stream has to wait for ever");
    still_serves(&shard).await;
}
