//! QUIC connections to shards.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::ALPN;
use protocol::http::ShardAddress;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, TransportConfig, VarInt,
};
use rustls::client::Resumption;
use tokio::time::timeout;
use udp::BatchingRuntime;
#[cfg(feature = "web")]
use url::Url;

pub use crate::close::{close_code, explain};

use crate::certificate::{CertificatePin, InvalidPin, PinnedCertificate};
use crate::sockets;
use crate::start_slots::StartSlots;
#[cfg(feature = "web")]
use crate::stream::{SESSION_STREAMS, WebSocketStream, WebTransportStream};
use crate::stream::{ShardStream, Transport};

/// What TLS calls the server. Nothing is checked against it, as the certificate is pinned.
const SERVER_NAME: &str = "rookery";

/// Client configurations kept for reuse, one for each certificate: more than the shards that a
/// cluster has certificates for at a time. The oldest goes first.
const CONFIGS_MAX: usize = 16;

/// A stream, or the session of a page, is opened within this time, or the connection has failed.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// Times of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionTimes {
    /// A handshake that takes longer has failed.
    pub handshake_max: Duration,
    /// The silence after which a ping is sent: it keeps the connection, and the path of any NAT.
    pub keep_alive: Duration,
    /// The silence after which a connection is lost.
    pub idle_max: Duration,
}

impl Default for ConnectionTimes {
    fn default() -> Self {
        // After the death of a shard the next one waits 15 s for its players: all of them must have
        // noticed by then, those too who have nothing to send.
        Self {
            handshake_max: Duration::from_secs(2),
            keep_alive: Duration::from_secs(4),
            idle_max: Duration::from_secs(12),
        }
    }
}

impl ConnectionTimes {
    /// For people, who are to know within two seconds that their shard is gone
    /// ([`SeatTimes::interactive`](crate::seat::SeatTimes::interactive)), and to be back soon. Bots
    /// ping more seldom, as thousands of them share a machine.
    #[must_use]
    pub fn interactive() -> Self {
        Self {
            keep_alive: Duration::from_millis(750),
            idle_max: Duration::from_secs(5),
            ..Self::default()
        }
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The matchmaker named no certificate, and public authorities are not supported yet.
    #[error("the shard's certificate is not pinned, and only pinned certificates are trusted")]
    NoPin,
    /// The matchmaker named a certificate by something that is no SHA-256.
    #[error(transparent)]
    InvalidPin(#[from] InvalidPin),
    /// No socket here reaches the address.
    #[error("no local socket reaches {0}")]
    NoSocket(SocketAddr),
    /// Nothing answered in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection could not be begun.
    #[error(transparent)]
    Connect(#[from] quinn::ConnectError),
    /// The handshake failed, or the connection was lost.
    #[error("{}", explain(.0))]
    Lost(#[from] ConnectionError),
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// The shard has no such door for pages.
    #[cfg(feature = "web")]
    #[error("the matchmaker names no address for this transport")]
    NoWebAddress,
    /// The session of WebTransport, or the WebSocket, was not opened.
    #[cfg(feature = "web")]
    #[error("{0}")]
    Web(String),
}

impl ConnectError {
    /// Whether another attempt, at an address requested again, can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Lost(_) => true,
            #[cfg(feature = "web")]
            Self::Web(_) => true,
            _ => false,
        }
    }
}

/// What a connection is configured with, by the certificate and the application protocol.
type KnownConfig = ((CertificatePin, &'static [u8]), ClientConfig);

/// Makes connections: a few UDP sockets that all connections of a process share.
#[derive(Debug)]
pub struct Connector {
    v4: Vec<Endpoint>,
    /// Absent where the machine has no IPv6.
    v6: Option<Endpoint>,
    /// Which socket of `v4` the next connection takes.
    turn: AtomicUsize,
    times: ConnectionTimes,
    /// By which shards are reached, in turns; at least one.
    transports: &'static [Transport],
    /// Which of them the next stream takes.
    transport_turn: AtomicUsize,
    /// Where TCP connections come from, if not from an address of the system's choice.
    #[cfg_attr(not(feature = "web"), expect(dead_code, reason = "there is no TCP"))]
    local: Option<Ipv4Addr>,
    /// To begin a handshake.
    start_slots: StartSlots,
    /// Guards only a lookup: TLS work is done outside.
    configs: Mutex<Vec<KnownConfig>>,
}

impl Connector {
    /// Opens `sockets` (at least one) UDP sockets on ports of the system's choice. Wants to be
    /// called on a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the system has no socket to give.
    pub fn bind(sockets: usize, times: ConnectionTimes) -> io::Result<Self> {
        let v4 = endpoints(Ipv4Addr::UNSPECIFIED, sockets)?;
        let v6 = Endpoint::client((Ipv6Addr::UNSPECIFIED, 0).into()).ok();
        Ok(Self::with_endpoints(v4, v6, times))
    }

    /// The same with all sockets at `local`, an address of this machine; they reach only IPv4.
    ///
    /// # Errors
    ///
    /// When the system has no socket to give there.
    pub fn bind_to(local: Ipv4Addr, sockets: usize, times: ConnectionTimes) -> io::Result<Self> {
        let endpoints = endpoints(local, sockets)?;
        Ok(Self {
            local: Some(local),
            ..Self::with_endpoints(endpoints, None, times)
        })
    }

    /// Reaches shards by other transports than QUIC: each stream by the next of them. Without any, by QUIC.
    #[must_use]
    pub const fn by(mut self, transports: &'static [Transport]) -> Self {
        self.transports = transports;
        self
    }

    /// Uses endpoints made elsewhere: at least one for IPv4 if any IPv4 address is to be reached.
    #[must_use]
    pub const fn with_endpoints(
        v4: Vec<Endpoint>,
        v6: Option<Endpoint>,
        times: ConnectionTimes,
    ) -> Self {
        Self {
            v4,
            v6,
            turn: AtomicUsize::new(0),
            times,
            transports: &[Transport::Quic],
            transport_turn: AtomicUsize::new(0),
            local: None,
            start_slots: StartSlots::new(),
            configs: Mutex::new(Vec::new()),
        }
    }

    /// Connects to a shard and checks that it is the one meant.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn connect(&self, shard: &ShardAddress) -> Result<Connection, ConnectError> {
        let certificate = shard.certificate_sha256.as_deref();
        let certificate = certificate.ok_or(ConnectError::NoPin)?;
        self.connect_to(shard.address, certificate, ALPN).await
    }

    /// Connects to a shard by the next transport, and opens a stream.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn open(&self, shard: &ShardAddress) -> Result<ShardStream, ConnectError> {
        let turn = self.transport_turn.fetch_add(1, Ordering::Relaxed);
        let turn = turn.checked_rem(self.transports.len());
        let transport = turn.and_then(|turn| self.transports.get(turn));
        match transport.copied().unwrap_or_default() {
            Transport::Quic => {
                let connection = self.connect(shard).await?;
                let opening = timeout(OPEN_MAX, connection.open_bi()).await;
                let (send, recv) = opening.map_err(|_| ConnectError::Timeout(OPEN_MAX))??;
                Ok(ShardStream::quic(connection, send, recv))
            }
            #[cfg(feature = "web")]
            Transport::WebTransport => self.open_web_transport(shard).await,
            #[cfg(feature = "web")]
            Transport::WebSocket => self.open_web_socket(shard).await,
        }
    }

    #[cfg(feature = "web")]
    async fn open_web_transport(&self, shard: &ShardAddress) -> Result<ShardStream, ConnectError> {
        let door = shard.web_transport.as_ref();
        let door = door.ok_or(ConnectError::NoWebAddress)?;
        let url: Url = parse_web(&door.url)?;
        let addresses = url.socket_addrs(|| None).ok();
        let address = addresses.and_then(|found| found.first().copied());
        let address = address.ok_or(ConnectError::NoWebAddress)?;
        // The one that is shown is the first.
        let certificate = door.certificate_hashes.first().ok_or(ConnectError::NoPin)?;
        let alpn = web_transport_quinn::ALPN.as_bytes();
        let connection = self.connect_to(address, certificate, alpn).await?;
        let opening = timeout(OPEN_MAX, WebTransportStream::open(connection, url)).await;
        let stream = opening.map_err(|_| ConnectError::Timeout(OPEN_MAX))?;
        let stream = stream.map_err(ConnectError::Web)?;
        Ok(ShardStream::web_transport(stream))
    }

    #[cfg(feature = "web")]
    async fn open_web_socket(&self, shard: &ShardAddress) -> Result<ShardStream, ConnectError> {
        let url = shard.web_socket.as_deref();
        let url = parse_web(url.ok_or(ConnectError::NoWebAddress)?)?;
        let local = self.local.map(|ip| SocketAddr::new(ip.into(), 0));
        let opening = self.in_start_slot(timeout(OPEN_MAX, WebSocketStream::open(&url, local)));
        let stream = opening.await.map_err(|_| ConnectError::Timeout(OPEN_MAX))?;
        let stream = stream.map_err(ConnectError::Web)?;
        Ok(ShardStream::web_socket(stream))
    }

    async fn connect_to(
        &self,
        address: SocketAddr,
        certificate: &str,
        alpn: &'static [u8],
    ) -> Result<Connection, ConnectError> {
        let config = self.config(certificate.parse()?, alpn)?;
        let endpoint = self
            .endpoint(address)
            .ok_or(ConnectError::NoSocket(address))?;
        let connecting = async {
            let connecting = endpoint.connect_with(config, address, SERVER_NAME)?;
            Ok::<_, ConnectError>(timeout(self.times.handshake_max, connecting).await)
        };
        match self.in_start_slot(connecting).await? {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(ConnectError::Timeout(self.times.handshake_max)),
        }
    }

    /// Runs `work` that a return to a match needs, such as a request for its shard, when a slot among the
    /// handshakes of this connector is free.
    pub async fn in_start_slot<T>(&self, work: impl Future<Output = T>) -> T {
        self.start_slots.run(work).await
    }

    /// Waits, for at most `max`, until every closed connection has notified its peer.
    pub async fn wait_idle(&self, max: Duration) {
        let all = async {
            for endpoint in self.v4.iter().chain(&self.v6) {
                endpoint.wait_idle().await;
            }
        };
        // Past it the peers find out by their own timeouts.
        let _ = timeout(max, all).await;
    }

    fn endpoint(&self, address: SocketAddr) -> Option<&Endpoint> {
        if address.is_ipv6() {
            return self.v6.as_ref();
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.v4.get(turn.checked_rem(self.v4.len())?)
    }

    fn config(
        &self,
        pin: CertificatePin,
        alpn: &'static [u8],
    ) -> Result<ClientConfig, ConnectError> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (pin, alpn);
        if let Some((_, config)) = configs.iter().find(|(known, _)| *known == key) {
            return Ok(config.clone());
        }
        let config = client_config(pin, alpn, self.times)?;
        if configs.len() == CONFIGS_MAX {
            configs.remove(0);
        }
        configs.push((key, config.clone()));
        Ok(config)
    }
}

#[cfg(feature = "web")]
fn parse_web(url: &str) -> Result<Url, ConnectError> {
    Url::parse(url).map_err(|error| ConnectError::Web(format!("{url}: {error}")))
}

/// `sockets` endpoints, at least one.
fn endpoints(local: Ipv4Addr, sockets: usize) -> io::Result<Vec<Endpoint>> {
    let endpoint = |_| {
        Endpoint::new(
            EndpointConfig::default(),
            None,
            sockets::shared(local)?,
            Arc::new(BatchingRuntime),
        )
    };
    (0..sockets.max(1)).map(endpoint).collect()
}

fn client_config(
    pin: CertificatePin,
    alpn: &[u8],
    times: ConnectionTimes,
) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = PinnedCertificate::new(pin, Arc::clone(&provider));
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| ConnectError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    tls.resumption = Resumption::disabled();
    let crypto = QuicClientConfig::try_from(tls)
        .map_err(|_| ConnectError::Tls("no cipher suite for QUIC".into()))?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    #[cfg_attr(
        not(feature = "web"),
        expect(unused_mut, reason = "QUIC is all there is")
    )]
    let mut transport = transport(times);
    #[cfg(feature = "web")]
    if alpn != ALPN {
        transport
            .max_concurrent_uni_streams(SESSION_STREAMS.into())
            .datagram_receive_buffer_size(Some(2 * 1_024));
    }
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// One small stream, opened from here, is all that a connection carries: every buffer is made for
/// that, as memory and CPU time are spent a connection.
fn transport(times: ConnectionTimes) -> TransportConfig {
    const KB: u32 = 1_024;
    let idle_ms = u32::try_from(times.idle_max.as_millis()).unwrap_or(u32::MAX);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .mtu_discovery_config(None)
        .datagram_receive_buffer_size(None)
        .crypto_buffer_size(8 * KB as usize)
        .stream_receive_window(VarInt::from_u32(16 * KB))
        .receive_window(VarInt::from_u32(64 * KB))
        .send_window(u64::from(64 * KB))
        .keep_alive_interval(Some(times.keep_alive))
        .max_idle_timeout(Some(VarInt::from_u32(idle_ms).into()));
    transport
}
