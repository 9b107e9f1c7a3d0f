//! A seat over real QUIC, with a shard that says what the test tells it to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use game_core::{CommandKind, ShardId};
use protocol::http::{SeatReply, ShardAddress};
use protocol::{
    ALPN, CatchUp, ClientFrame, CloseCode, Role, ServerBody, ServerFrame, UnixMicros, codec,
};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream, ServerConfig};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SignatureAlgorithm};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::timeout;

use crate::certificate::CertificatePin;
use crate::connection::{ConnectError, ConnectionTimes};
use crate::seat::{Loss, SeatError, SeatFuture, SeatSession, SeatSource, SessionConfig, Update};
use crate::testing::script::{ack, event, frame, joined, match_id, moved, uci, whole};
use crate::{Connector, MatchmakerError};

const SOON: Duration = Duration::from_secs(10);

struct Shard {
    endpoint: Endpoint,
    pin: CertificatePin,
}

/// The shard's end of one seat stream.
struct Stream {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    buffer: BytesMut,
}

/// Shows one certificate with one key, whether they belong together or not.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).unwrap()
}

impl Shard {
    fn open(algorithm: &'static SignatureAlgorithm) -> Self {
        let key = key(algorithm);
        Self::open_with(&key, &key)
    }

    /// Shows a certificate for the key `certified`, and signs with `signing`.
    fn open_with(certified: &KeyPair, signing: &KeyPair) -> Self {
        let params = CertificateParams::new(vec!["shard".into()]).unwrap();
        let certificate: CertificateDer<'static> =
            params.self_signed(certified).unwrap().der().clone();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let signing = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing.serialize_der()));
        let signing = provider.key_provider.load_private_key(signing).unwrap();
        let pin = CertificatePin::of(&certificate);
        let shown = CertifiedKey::new(vec![certificate], signing);
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Shows(Arc::new(shown))));
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let crypto = QuicServerConfig::try_from(tls).unwrap();
        let config = ServerConfig::with_crypto(Arc::new(crypto));
        let endpoint = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self { endpoint, pin }
    }

    fn address(&self) -> SocketAddr {
        self.endpoint.local_addr().unwrap()
    }

    fn reply(&self) -> SeatReply {
        SeatReply {
            match_id: match_id(),
            role: Role::White,
            token: "token".into(),
            expires_at: game_core::UnixMillis(0),
            shard: ShardAddress {
                id: ShardId::from_random(1),
                address: self.address(),
                certificate_sha256: Some(self.pin.to_string()),
            },
        }
    }

    /// Takes the next stream and reads its `Join`.
    async fn accept(&self) -> (Stream, Option<u32>) {
        let incoming = self.endpoint.accept().await.unwrap();
        let connection = incoming.await.unwrap();
        let (send, recv) = connection.accept_bi().await.unwrap();
        let buffer = BytesMut::new();
        let mut stream = Stream {
            connection,
            send,
            recv,
            buffer,
        };
        match stream.read().await {
            ClientFrame::Join(join) => (stream, join.seen),
            other => panic!("not a Join: {other:?}"),
        }
    }
}

impl Stream {
    async fn read(&mut self) -> ClientFrame {
        loop {
            if let Some(frame) = codec::decode_client(&mut self.buffer).unwrap() {
                return frame;
            }
            let chunk = self.recv.read_chunk(1_024, true).await.unwrap().unwrap();
            self.buffer.extend_from_slice(&chunk.bytes);
        }
    }

    async fn say(&mut self, frame: ServerFrame) {
        self.send
            .write_all(&codec::encode_server(&frame).stamp(UnixMicros(1)))
            .await
            .unwrap();
    }
}

/// Gives the same seat to whoever asks.
struct Fixed(SeatReply);

impl SeatSource for Fixed {
    fn seat(&self, _: game_core::MatchId) -> SeatFuture<'_> {
        Box::pin(async { Ok::<_, MatchmakerError>(self.0.clone()) })
    }
}

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
        let shard = Shard::open(algorithm);
        let connecting = async { connector().connect(&shard.reply().shard).await };
        let accepting = async { shard.endpoint.accept().await.unwrap().await };
        let (connected, accepted) = tokio::join!(connecting, accepting);
        assert!(connected.is_ok() && accepted.is_ok(), "{algorithm:?}");
    }
}

#[tokio::test]
async fn another_certificate_is_not_trusted_nor_is_a_right_one_without_its_key() {
    let other = Shard::open(&PKCS_ED25519);
    let shard = Shard::open(&PKCS_ED25519);
    let mut address = shard.reply().shard;
    address.certificate_sha256 = Some(other.pin.to_string());
    let thief = Shard::open_with(&key(&PKCS_ED25519), &key(&PKCS_ED25519));
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
    let shard = Shard::open(&PKCS_ED25519);
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
    let shard = Shard::open(&PKCS_ECDSA_P256_SHA256);
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
    let shard = Shard::open(&PKCS_ED25519);
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
    let shard = Shard::open(&PKCS_ED25519);
    let reply = shard.reply();
    drop(shard);
    let config = SessionConfig {
        patience: Duration::from_millis(300),
        ..SessionConfig::default()
    };
    let gave_up = take_seat(reply, config).await;
    assert!(matches!(gave_up, Err(SeatError::GaveUp { .. })));
}
