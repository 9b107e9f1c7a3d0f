//! The QUIC endpoint that presents a certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    AckFrequencyConfig, Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TransportConfig,
};
use quinn_proto::HashedConnectionIdGenerator;
use ring::hmac;
use socket2::SockRef;
use udp::BatchingRuntime;

use super::identity::{Identity, ShownIdentity, TlsError};
use crate::NetLimits;

/// Requested socket buffers, in bytes, each way: thousands of datagrams, which arrive at once when thousands
/// of players return. Linux grants no more than `net.core.rmem_max` and `wmem_max`.
const SOCKET_BUFFER_LEN: usize = 4 * 1_024 * 1_024;
/// Upper bound on bytes kept of what a client sends before its attempt is accepted: a first flight has two
/// packets.
const INCOMING_BUFFER_LEN: u64 = 8 * 1_024;

/// Streams of one direction that HTTP/3 needs: for settings, and two for headers (RFC 9114 section 6.2). Nothing is read
/// from others.
const WEB_STREAMS: u32 = 3;
/// WebTransport requires datagrams, which are not read: more than one waits for nobody. In bytes.
const DATAGRAM_BUFFER_LEN: usize = 2 * 1_024;

/// Packets that a client may leave without an acknowledgement, beyond which it sends one at once: by default it is one.
/// While a player moves, acknowledgements travel with the moves; what is saved are datagrams that carry nothing else.
const UNACKNOWLEDGED_MAX: u32 = 2;

/// Minimum interval between stateless resets. After a restart thousands are due at once and quinn stamps a
/// whole batch alike, so any non-zero interval leaves most peers to time out. A reset costs one HMAC, and is
/// shorter than the packet that it answers, so that it amplifies nothing and two servers do not answer each
/// other for ever (RFC 9000 section 10.3.3).
const RESET_EVERY_MIN: Duration = Duration::ZERO;

impl Identity {
    /// Binds a QUIC endpoint that presents this certificate.
    ///
    /// # Errors
    ///
    /// [`TlsError::Use`] and [`TlsError::Bind`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn bind(
        self,
        address: SocketAddr,
        secret: Option<&ResetSecret>,
        limits: &NetLimits,
    ) -> Result<Endpoint, TlsError> {
        ShownIdentity::new(self)?.bind(address, secret, limits)
    }
}

impl ShownIdentity {
    /// Binds a QUIC endpoint that presents it.
    ///
    /// # Errors
    ///
    /// [`TlsError::Use`] and [`TlsError::Bind`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn bind(
        &self,
        address: SocketAddr,
        secret: Option<&ResetSecret>,
        limits: &NetLimits,
    ) -> Result<Endpoint, TlsError> {
        let mut tls = self.server_config(protocol::ALPN)?;
        // Pages speak WebTransport, over HTTP/3.
        tls.alpn_protocols
            .push(web_transport_quinn::ALPN.as_bytes().to_vec());
        let crypto = QuicServerConfig::try_from(tls)
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let mut server = ServerConfig::with_crypto(Arc::new(crypto));
        server
            .transport_config(Arc::new(transport(limits)))
            .migration(true)
            .incoming_buffer_size(INCOMING_BUFFER_LEN);
        let bind_error = |why| TlsError::Bind { address, why };
        let socket = std::net::UdpSocket::bind(address).map_err(bind_error)?;
        // All players share this socket. Smaller buffers than requested are no reason not to serve.
        let _ = SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER_LEN);
        let _ = SockRef::from(&socket).set_send_buffer_size(SOCKET_BUFFER_LEN);
        let config = secret.map_or_else(EndpointConfig::default, ResetSecret::endpoint_config);
        Endpoint::new(config, Some(server), socket, Arc::new(BatchingRuntime)).map_err(bind_error)
    }
}

impl ShownIdentity {
    /// TLS 1.3 of a server that presents it and speaks one protocol, named as in ALPN (RFC 7301).
    ///
    /// # Errors
    ///
    /// [`TlsError::Use`].
    pub fn server_config(&self, protocol: &[u8]) -> Result<rustls::ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        tls.alpn_protocols = vec![protocol.to_vec()];
        // No 0-RTT (a replayed first flight must not act), and no tickets, which cost memory.
        tls.max_early_data_size = 0;
        tls.send_tls13_tickets = 0;
        Ok(tls)
    }
}

/// The key with which a restarted shard at the same address resets the connections of its predecessor's peers
/// at once (stateless reset, RFC 9000 section 10.3), so that they do not wait for a timeout.
pub struct ResetSecret(hmac::Key);

impl ResetSecret {
    /// Shorter secrets are refused, in bytes.
    pub const LEN_MIN: usize = 32;

    /// A secret that all processes at the address share; `None` if it is too short.
    #[must_use]
    pub fn from_bytes(secret: &[u8]) -> Option<Self> {
        let long_enough = secret.len() >= Self::LEN_MIN;
        long_enough.then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    fn endpoint_config(&self) -> EndpointConfig {
        let reset_key = self.0.clone();
        let tag = hmac::sign(&reset_key, b"connection ids");
        let cid_key = tag
            .as_ref()
            .first_chunk()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let mut config = EndpointConfig::new(Arc::new(reset_key));
        config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(cid_key)));
        config.min_reset_interval(RESET_EVERY_MIN);
        config
    }
}

/// Transport parameters that measurements favour: few eager slots, small windows, no probing.
#[must_use]
pub fn transport(limits: &NetLimits) -> TransportConfig {
    let mut acknowledgements = AckFrequencyConfig::default();
    acknowledgements.ack_eliciting_threshold(UNACKNOWLEDGED_MAX.into());
    let mut transport = TransportConfig::default();
    transport
        .ack_frequency_config(Some(acknowledgements))
        .max_concurrent_bidi_streams(limits.streams_per_connection.into())
        .max_concurrent_uni_streams(WEB_STREAMS.into())
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER_LEN))
        .mtu_discovery_config(None)
        .crypto_buffer_size(8 * 1024)
        .stream_receive_window((16_u32 * 1024).into())
        .receive_window((64_u32 * 1024).into())
        .send_window(64 * 1024)
        .max_idle_timeout(IdleTimeout::try_from(limits.idle_timeout).ok());
    transport
}
