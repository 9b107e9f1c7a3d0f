//! Attackers who begin QUIC handshakes, prove their addresses where they are asked to, and finish none.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use quinn_proto::crypto::rustls::QuicClientConfig;
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig,
    EndpointEvent,
};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How long an attempt waits for a Retry.
const KEPT: Duration = Duration::from_secs(2);
/// Longer than any datagram of a handshake.
const DATAGRAM_LEN_MAX: usize = 2_048;

/// What an attacker at work has done or seen, and how much of it.
pub type Note = Arc<dyn Fn(Knock, u64) + Send + Sync>;

/// Something that an attacker does or sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knock {
    /// Handshakes begun.
    Begun,
    /// Proofs of the address that were asked for.
    Retries,
    /// Bytes sent.
    Sent,
    /// Bytes received.
    Received,
}

/// One attacker at an address of its own; it stops when this is dropped.
pub struct HalfOpen {
    _task: JoinSet<()>,
}

impl HalfOpen {
    /// Begins handshakes from `address` with a shard, one each `every`.
    ///
    /// # Panics
    ///
    /// If the loopback has no sockets to give.
    pub async fn start(address: IpAddr, shard: SocketAddr, every: Duration) -> Self {
        let knocker = Knocker::bind(address, shard, true, Arc::new(|_, _| {})).await;
        let knocker = knocker.expect("a socket");
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut knocker = knocker;
            loop {
                tokio::select! {
                    _ = ticks.tick() => knocker.begin(),
                    () = knocker.listen() => {}
                }
            }
        });
        Self { _task: task }
    }
}

/// One address: its half of the protocol, of which only the first flight is ever sent.
pub struct Knocker {
    socket: UdpSocket,
    endpoint: Endpoint,
    config: ClientConfig,
    target: SocketAddr,
    answers_retry: bool,
    begun: HashMap<ConnectionHandle, (Instant, Connection)>,
    note: Note,
}

impl Knocker {
    /// An attacker of `target` that answers a Retry, or none.
    ///
    /// # Errors
    ///
    /// When there is no socket, or TLS has no such client.
    pub async fn bind(
        from: IpAddr,
        target: SocketAddr,
        answers_retry: bool,
        note: Note,
    ) -> io::Result<Self> {
        Ok(Self {
            socket: UdpSocket::bind((from, 0)).await?,
            endpoint: Endpoint::new(Arc::new(EndpointConfig::default()), None, false, None),
            config: client_config()?,
            target,
            answers_retry,
            begun: HashMap::new(),
            note,
        })
    }

    /// Begins one more handshake.
    pub fn begin(&mut self) {
        self.forget_old();
        let now = Instant::now();
        let begun = self
            .endpoint
            .connect(now, self.config.clone(), self.target, "rookery");
        let Ok((handle, mut connection)) = begun else {
            return;
        };
        self.send(&mut connection, now);
        (self.note)(Knock::Begun, 1);
        self.begun.insert(handle, (now, connection));
    }

    /// Waits for one datagram. Whatever is not a Retry is passed over: the handshake goes no further.
    pub async fn listen(&mut self) {
        let mut datagram = [0; DATAGRAM_LEN_MAX];
        if let Ok((len, from)) = self.socket.recv_from(&mut datagram).await
            && from == self.target
        {
            self.hear(&datagram[..len]);
        }
    }

    fn hear(&mut self, datagram: &[u8]) {
        (self.note)(Knock::Received, datagram.len() as u64);
        if !is_retry(datagram) {
            return;
        }
        (self.note)(Knock::Retries, 1);
        if !self.answers_retry {
            return;
        }
        let (now, mut response) = (Instant::now(), Vec::new());
        let bytes = BytesMut::from(datagram);
        let heard = self
            .endpoint
            .handle(now, self.target, None, None, bytes, &mut response);
        let Some(DatagramEvent::ConnectionEvent(handle, event)) = heard else {
            return;
        };
        if let Some((_, mut connection)) = self.begun.remove(&handle) {
            connection.handle_event(event);
            self.send(&mut connection, now);
            self.endpoint.handle_event(handle, EndpointEvent::drained());
        }
    }

    fn send(&mut self, connection: &mut Connection, now: Instant) {
        let mut datagram = Vec::new();
        while let Some(transmit) = connection.poll_transmit(now, 1, &mut datagram) {
            // What the system has no room for is lost, as anywhere.
            let _ = self
                .socket
                .try_send_to(&datagram[..transmit.size], self.target);
            (self.note)(Knock::Sent, transmit.size as u64);
            datagram.clear();
        }
    }

    fn forget_old(&mut self) {
        let endpoint = &mut self.endpoint;
        self.begun.retain(|&handle, (begun, _)| {
            let is_young = begun.elapsed() <= KEPT;
            if !is_young {
                endpoint.handle_event(handle, EndpointEvent::drained());
            }
            is_young
        });
    }
}

/// A client as it must be for the server to begin the handshake. No certificate is ever looked at.
fn client_config() -> io::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    tls.alpn_protocols = vec![protocol::ALPN.to_vec()];
    let crypto = QuicClientConfig::try_from(tls).map_err(io::Error::other)?;
    Ok(ClientConfig::new(Arc::new(crypto)))
}

/// A long header of type 3 in version 1 (RFC 9000 section 17.2.5).
fn is_retry(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 0, 0, 0, 1, ..] if first & 0xf0 == 0xf0)
}
