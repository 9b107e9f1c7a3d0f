//! QUIC connections to shards.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::http::ShardAddress;
use protocol::{ALPN, CloseCode};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use rustls::client::Resumption;
use tokio::time::timeout;

use crate::certificate::{CertificatePin, InvalidPin, PinnedCertificate};
use crate::sockets;
use crate::start_slots::StartSlots;

/// What TLS calls the server. Nothing is checked against it, as the certificate is pinned.
const SERVER_NAME: &str = "rookery";

/// Client configurations kept for reuse, one for each certificate: more than the shards that a
/// cluster has certificates for at a time. The oldest goes first.
const CONFIGS_MAX: usize = 16;

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
}

impl ConnectError {
    /// Whether another attempt, at an address requested again, can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Lost(_))
    }
}

/// The code that a shard gave when it closed the connection; `None` if it was lost otherwise.
#[must_use]
pub fn close_code(error: &ConnectionError) -> Option<CloseCode> {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            CloseCode::from_number(close.error_code.into_inner())
        }
        _ => None,
    }
}

/// The error in words.
pub fn explain(error: &ConnectionError) -> String {
    if let Some(code) = close_code(error) {
        return format!("the shard closed the connection: {code}");
    }
    match error {
        ConnectionError::TransportError(transport) => {
            format!("the connection failed: {transport}")
        }
        ConnectionError::TimedOut => "the shard went silent".into(),
        ConnectionError::Reset => "the shard was restarted and knows no such connection".into(),
        other => other.to_string(),
    }
}

/// Makes connections: a few UDP sockets that all connections of a process share.
#[derive(Debug)]
pub struct Connector {
    v4: Vec<Endpoint>,
    /// Absent where the machine has no IPv6.
    v6: Option<Endpoint>,
    /// Which socket of `v4` the next connection takes.
    turn: AtomicUsize,
    times: ConnectionTimes,
    /// To begin a handshake.
    start_slots: StartSlots,
    /// Guards only a lookup: TLS work is done outside.
    configs: Mutex<Vec<(CertificatePin, ClientConfig)>>,
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
        Ok(Self::with_endpoints(
            endpoints(local, sockets)?,
            None,
            times,
        ))
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
        let certificate: CertificatePin = shard
            .certificate_sha256
            .as_deref()
            .ok_or(ConnectError::NoPin)?
            .parse()?;
        let config = self.config(certificate)?;
        let endpoint = self
            .endpoint(shard.address)
            .ok_or(ConnectError::NoSocket(shard.address))?;
        let connecting = async {
            let connecting = endpoint.connect_with(config, shard.address, SERVER_NAME)?;
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

    fn config(&self, pin: CertificatePin) -> Result<ClientConfig, ConnectError> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = configs.iter().find(|(known, _)| *known == pin) {
            return Ok(config.clone());
        }
        let config = client_config(pin, self.times)?;
        if configs.len() == CONFIGS_MAX {
            configs.remove(0);
        }
        configs.push((pin, config.clone()));
        Ok(config)
    }
}

/// `sockets` endpoints, at least one.
fn endpoints(local: Ipv4Addr, sockets: usize) -> io::Result<Vec<Endpoint>> {
    let endpoint = |_| {
        Endpoint::new(
            EndpointConfig::default(),
            None,
            sockets::shared(local)?,
            Arc::new(TokioRuntime),
        )
    };
    (0..sockets.max(1)).map(endpoint).collect()
}

fn client_config(
    pin: CertificatePin,
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
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.resumption = Resumption::disabled();
    let crypto = QuicClientConfig::try_from(tls)
        .map_err(|_| ConnectError::Tls("no cipher suite for QUIC".into()))?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport(times)));
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
