//! QUIC endpoints on the simulated network, with all that quinn lets a seed decide decided by it.
//!
//! What TLS draws at random (keys, nonces) changes the bytes of packets, but neither their number, nor
//! their sizes, nor their times: certificates are of Ed25519, whose signatures all have one length.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, ServerConfig, TokioRuntime,
};
use rcgen::{CertificateParams, KeyPair};
use ring::digest::{SHA256, digest};
use ring::hmac;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use shard::NetLimits;
use shard::tls::transport;

use super::dice::Dice;
use super::network::Network;

/// An Ed25519 key for tests, as PKCS#8: the header of RFC 8410, and 32 bytes that anyone may know.
const KEY: [u8; 48] = {
    let mut key = [7; 48];
    let header = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let mut i = 0;
    while i < header.len() {
        key[i] = header[i];
        i += 1;
    }
    key
};

static CERTIFICATE: LazyLock<CertificateDer<'static>> = LazyLock::new(|| {
    let key = KeyPair::try_from(&KEY[..]).expect("a key");
    let params = CertificateParams::new(vec!["shard".to_owned()]).expect("a name");
    params
        .self_signed(&key)
        .expect("a certificate")
        .der()
        .clone()
});

/// The SHA-256 of the certificate of every simulated shard.
pub(crate) fn pin() -> [u8; 32] {
    let digest = digest(&SHA256, &CERTIFICATE);
    digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

/// A shard's endpoint. Its transport is that of [`shard::tls::Identity::bind`], which binds a socket
/// of the system and so cannot serve here.
pub(crate) fn of_shard(network: &Network, address: SocketAddr, dice: Dice) -> Endpoint {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY.to_vec()));
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![CERTIFICATE.clone()], key)
        .expect("a certificate and its key");
    tls.alpn_protocols = vec![protocol::ALPN.to_vec()];
    tls.send_tls13_tickets = 0;
    let crypto = QuicServerConfig::try_from(tls).expect("a cipher suite for QUIC");
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport(&NetLimits::default())))
        .migration(true);
    endpoint(network, address, dice, Some(config))
}

/// A player's endpoint.
pub(crate) fn of_player(network: &Network, address: SocketAddr, dice: Dice) -> Endpoint {
    endpoint(network, address, dice, None)
}

fn endpoint(
    network: &Network,
    address: SocketAddr,
    dice: Dice,
    server: Option<ServerConfig>,
) -> Endpoint {
    // One secret for an address, as `rookery shard` derives it: a successor can disown connections.
    let secret = hmac::Key::new(hmac::HMAC_SHA256, address.to_string().as_bytes());
    let mut config = EndpointConfig::new(Arc::new(secret));
    let mut seed = [0; 32];
    for (n, part) in seed.chunks_exact_mut(8).enumerate() {
        part.copy_from_slice(&dice.of("quinn").roll(n as u64).to_le_bytes());
    }
    config.rng_seed(Some(seed));
    config.cid_generator(move || {
        Box::new(SeededIds {
            dice: dice.of("ids"),
            made: 0,
        })
    });
    let socket = network.socket(address);
    Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioRuntime))
        .expect("an endpoint")
}

struct SeededIds {
    dice: Dice,
    made: u64,
}

impl ConnectionIdGenerator for SeededIds {
    fn generate_cid(&mut self) -> ConnectionId {
        self.made += 1;
        ConnectionId::new(&self.dice.roll(self.made).to_le_bytes())
    }

    fn cid_len(&self) -> usize {
        8
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
