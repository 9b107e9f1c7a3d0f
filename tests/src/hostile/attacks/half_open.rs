//! QUIC handshakes that are begun and never finished.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
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

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::Field;
use crate::hostile::tally::Tally;

/// Handshakes begun a second, over all addresses.
const PER_SECOND: u32 = 240;
/// How long an attempt waits for a Retry.
const KEPT: Duration = Duration::from_secs(2);
/// Longer than any datagram of a handshake.
const DATAGRAM_LEN_MAX: usize = 2_048;
/// What may come back for each byte sent by an address that has not proven itself (RFC 9000 section 8.1).
const AMPLIFICATION_MAX: u64 = 3;

const SENT: &str = "bytes sent";
const RECEIVED: &str = "bytes received";

/// From `addresses` addresses that answer a Retry.
pub(in crate::hostile) async fn proven(field: &Field, addresses: u8) -> Result<(), String> {
    attack(field, addresses, true).await
}

/// From `addresses` addresses that never answer.
pub(in crate::hostile) async fn unproven(field: &Field, addresses: u8) -> Result<(), String> {
    attack(field, addresses, false).await?;
    let (sent, received) = (field.tally.get(SENT), field.tally.get(RECEIVED));
    if received > AMPLIFICATION_MAX * sent {
        field
            .tally
            .breach(format!("{received} bytes came back for {sent}"));
    }
    Ok(())
}

async fn attack(field: &Field, addresses: u8, answers_retry: bool) -> Result<(), String> {
    let pace = Arc::new(Pace::new(PER_SECOND, &field.end));
    let config = client_config()?;
    let mut tasks = JoinSet::new();
    for number in 0..addresses {
        let knocker = Knocker::bind(attacker(number), field, config.clone(), answers_retry).await;
        let knocker = knocker.map_err(|error| error.to_string())?;
        tasks.spawn(knocker.run(Arc::clone(&pace)));
    }
    tasks.join_all().await;
    Ok(())
}

/// A client as it must be for the server to begin the handshake. No certificate is ever looked at.
fn client_config() -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    tls.alpn_protocols = vec![protocol::ALPN.to_vec()];
    let crypto = QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
    Ok(ClientConfig::new(Arc::new(crypto)))
}

/// One address: its half of the protocol, of which only the first flight is ever sent.
struct Knocker {
    socket: UdpSocket,
    endpoint: Endpoint,
    config: ClientConfig,
    target: SocketAddr,
    answers_retry: bool,
    begun: HashMap<ConnectionHandle, (Instant, Connection)>,
    tally: Tally,
}

impl Knocker {
    async fn bind(
        from: Ipv4Addr,
        field: &Field,
        config: ClientConfig,
        answers_retry: bool,
    ) -> io::Result<Self> {
        Ok(Self {
            socket: UdpSocket::bind((from, 0)).await?,
            endpoint: Endpoint::new(Arc::new(EndpointConfig::default()), None, false, None),
            config,
            target: field.shard.address,
            answers_retry,
            begun: HashMap::new(),
            tally: field.tally.clone(),
        })
    }

    async fn run(mut self, pace: Arc<Pace>) {
        let mut datagram = [0; DATAGRAM_LEN_MAX];
        loop {
            tokio::select! {
                goes_on = pace.turn() => {
                    if !goes_on {
                        return;
                    }
                    self.forget_old();
                    self.begin();
                }
                received = self.socket.recv_from(&mut datagram) => {
                    if let Ok((len, from)) = received
                        && from == self.target
                    {
                        self.hear(&datagram[..len]);
                    }
                }
            }
        }
    }

    fn begin(&mut self) {
        let now = Instant::now();
        let begun = self
            .endpoint
            .connect(now, self.config.clone(), self.target, "rookery");
        let Ok((handle, mut connection)) = begun else {
            return;
        };
        self.send(&mut connection, now);
        self.tally.count("handshakes begun");
        self.begun.insert(handle, (now, connection));
    }

    /// Whatever is not a Retry is passed over: the handshake goes no further.
    fn hear(&mut self, datagram: &[u8]) {
        self.tally.add(RECEIVED, datagram.len() as u64);
        if !is_retry(datagram) {
            return;
        }
        self.tally.count("retries received");
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
            self.tally.add(SENT, transmit.size as u64);
            datagram.clear();
        }
    }

    fn forget_old(&mut self) {
        let old =
            |(_, (begun, _)): &(&ConnectionHandle, &(Instant, Connection))| begun.elapsed() > KEPT;
        let old: Vec<_> = self
            .begun
            .iter()
            .filter(old)
            .map(|(&handle, _)| handle)
            .collect();
        for handle in old {
            self.begun.remove(&handle);
            self.endpoint.handle_event(handle, EndpointEvent::drained());
        }
    }
}

/// A long header of type 3 in version 1 (RFC 9000 section 17.2.5).
fn is_retry(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 0, 0, 0, 1, ..] if first & 0xf0 == 0xf0)
}
