//! A shard at the other end of a real connection, which says what a test tells it to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use game_core::ShardId;
use protocol::http::{SeatReply, ShardAddress};
use protocol::{ALPN, ClientFrame, Role, ServerFrame, UnixMicros, codec};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream, ServerConfig};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SignatureAlgorithm};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::script::match_id;
use crate::MatchmakerError;
use crate::certificate::CertificatePin;
use crate::seat::{SeatFuture, SeatSource};

/// A shard on real QUIC that says what a test tells it to.
pub struct ScriptedShard {
    pub endpoint: Endpoint,
    pub pin: CertificatePin,
}

/// The shard's end of one seat stream.
pub struct ScriptedStream {
    pub connection: Connection,
    pub send: SendStream,
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

pub fn key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).unwrap()
}

impl Default for ScriptedShard {
    fn default() -> Self {
        Self::open(&PKCS_ED25519)
    }
}

impl ScriptedShard {
    pub fn open(algorithm: &'static SignatureAlgorithm) -> Self {
        let key = key(algorithm);
        Self::open_with(&key, &key)
    }

    /// Shows a certificate for the key `certified`, and signs with `signing`.
    pub fn open_with(certified: &KeyPair, signing: &KeyPair) -> Self {
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

    pub fn reply(&self) -> SeatReply {
        SeatReply {
            match_id: match_id(),
            role: Role::White,
            token: "token".into(),
            expires_at: game_core::UnixMillis(0),
            shard: ShardAddress {
                id: ShardId::from_random(1),
                address: self.address(),
                certificate_sha256: Some(self.pin.to_string()),
                web_transport: None,
                web_socket: None,
            },
        }
    }

    /// Takes the next stream and reads its `Join`.
    pub async fn accept(&self) -> (ScriptedStream, Option<u32>) {
        let incoming = self.endpoint.accept().await.unwrap();
        let connection = incoming.await.unwrap();
        let (send, recv) = connection.accept_bi().await.unwrap();
        let buffer = BytesMut::new();
        let mut stream = ScriptedStream {
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

impl ScriptedStream {
    pub async fn read(&mut self) -> ClientFrame {
        loop {
            if let Some(frame) = codec::decode_client(&mut self.buffer).unwrap() {
                return frame;
            }
            let chunk = self.recv.read_chunk(1_024, true).await.unwrap().unwrap();
            self.buffer.extend_from_slice(&chunk.bytes);
        }
    }

    pub async fn say(&mut self, frame: ServerFrame) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let time = UnixMicros(u64::try_from(since_1970.as_micros()).unwrap());
        let bytes = codec::encode_server(&frame).stamp(time);
        self.send.write_all(&bytes).await.unwrap();
    }
}

/// Gives the same seat to whoever asks.
pub struct Fixed(pub SeatReply);

impl SeatSource for Fixed {
    fn seat(&self, _: game_core::MatchId) -> SeatFuture<'_> {
        Box::pin(async { Ok::<_, MatchmakerError>(self.0.clone()) })
    }
}
