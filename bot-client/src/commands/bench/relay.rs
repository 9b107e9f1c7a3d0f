//! The floor: a server that passes 24 bytes on and says so, over the same QUIC.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use protocol::http::ShardAddress;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream, ServerConfig, TransportConfig};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::PrivateKeyDer;
use tokio::time::{Instant, timeout};

use super::processes::Process;
use super::report::{Figures, Used};
use super::{BenchError, Pair, SETUP_MAX, play_all};
use crate::Connector;
use crate::connection::ConnectionTimes;

/// Length of a message: about that of a move with its header.
const MESSAGE_LEN: usize = 24;
/// Clients' UDP sockets.
const SOCKETS: usize = 2;

/// The bare relay that `bench` measures as its floor; started by it.
#[derive(Debug, Args)]
pub struct RelayArgs {}

/// Serves the relay on a free port until the process is ended; says where on standard output.
///
/// # Errors
///
/// In words, when it cannot be set up.
#[allow(clippy::print_stdout, reason = "the parent reads where the relay is")]
pub async fn serve() -> Result<(), BenchError> {
    let (endpoint, pin) = endpoint()?;
    println!("{} {pin}", endpoint.local_addr()?);
    let streams: Streams = Arc::default();
    while let Some(incoming) = endpoint.accept().await {
        let streams = Arc::clone(&streams);
        tokio::spawn(async move {
            if let Ok(connection) = incoming.await {
                // A pair that is gone is no error here.
                let _ = relay(connection, streams).await;
            }
        });
    }
    Ok(())
}

type Streams = Arc<Mutex<HashMap<u64, Arc<tokio::sync::Mutex<SendStream>>>>>;

/// One connection: its first message names the seat, the others go to the seat across the board.
async fn relay(connection: Connection, streams: Streams) -> Result<(), BenchError> {
    let (send, mut recv) = connection.accept_bi().await?;
    let own = Arc::new(tokio::sync::Mutex::new(send));
    let mut message = [0; MESSAGE_LEN];
    recv.read_exact(&mut message).await?;
    let seat = message
        .first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    streams
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(seat, Arc::clone(&own));
    own.lock().await.write_all(&message).await?;
    let mut opponent = None;
    loop {
        recv.read_exact(&mut message).await?;
        if opponent.is_none() {
            let streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
            opponent = streams.get(&(seat ^ 1)).cloned();
        }
        own.lock().await.write_all(&message).await?;
        if let Some(opponent) = &opponent {
            opponent.lock().await.write_all(&message).await?;
        }
    }
}

fn endpoint() -> Result<(Endpoint, String), BenchError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    let hash = ring::digest::digest(&ring::digest::SHA256, certificate.der());
    let pin = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )?;
    tls.alpn_protocols = vec![protocol::ALPN.to_vec()];
    tls.send_tls13_tickets = 0;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    // As the server's, so that only what is done with a message differs.
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(8_u32.into())
        .max_concurrent_uni_streams(0_u32.into())
        .datagram_receive_buffer_size(None)
        .mtu_discovery_config(None)
        .crypto_buffer_size(8 * 1_024)
        .stream_receive_window((16_u32 * 1_024).into())
        .receive_window((64_u32 * 1_024).into())
        .send_window(64 * 1_024);
    config.transport_config(Arc::new(transport));
    Ok((
        Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?,
        pin,
    ))
}

/// Measures a relay in a process of its own.
pub(super) async fn measure(pairs: u32, duration: Duration) -> Result<Figures, BenchError> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut process = Process::start(command.arg("bench-relay").stdout(Stdio::piped()))?;
    let stdout = process
        .child()
        .stdout
        .take()
        .ok_or("the relay says nothing")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let (address, pin) = line
        .trim()
        .split_once(' ')
        .ok_or("the relay says nothing")?;
    let shard = ShardAddress {
        id: game_core::ShardId::from_random(0),
        address: address.parse()?,
        certificate_sha256: Some(pin.to_owned()),
    };
    let connector = Connector::bind(SOCKETS, ConnectionTimes::default())?;
    let mut ready = Vec::new();
    for pair in 0..u64::from(pairs) {
        let white = timeout(SETUP_MAX, RelaySeat::take(&connector, &shard, 2 * pair)).await??;
        let black = timeout(SETUP_MAX, RelaySeat::take(&connector, &shard, 2 * pair + 1)).await??;
        ready.push(RelayPair {
            seats: [white, black],
        });
    }
    let mut samples = Vec::new();
    let seen = play_all(ready, duration, || {
        samples.push(process.cpu().as_secs_f64())
    })
    .await?;
    let used = Used {
        server_s: samples[1] - samples[0],
        store_s: None,
        server_rss: process.resident(),
    };
    Ok(Figures::new(&seen, &used))
}

struct RelaySeat {
    send: SendStream,
    recv: RecvStream,
    _connection: Connection,
}

impl RelaySeat {
    async fn take(
        connector: &Connector,
        relay: &ShardAddress,
        seat: u64,
    ) -> Result<Self, BenchError> {
        let connection = connector.connect(relay).await?;
        let (send, recv) = connection.open_bi().await?;
        let mut taken = Self {
            send,
            recv,
            _connection: connection,
        };
        let mut message = [0; MESSAGE_LEN];
        message[..8].copy_from_slice(&seat.to_be_bytes());
        taken.send.write_all(&message).await?;
        taken.recv.read_exact(&mut message).await?;
        Ok(taken)
    }
}

struct RelayPair {
    seats: [RelaySeat; 2],
}

impl Pair for RelayPair {
    async fn play(&mut self, n: usize) -> Result<Option<Duration>, BenchError> {
        let [white, black] = &mut self.seats;
        let (mover, other) = if n.is_multiple_of(2) {
            (white, black)
        } else {
            (black, white)
        };
        let mut message = [n as u8; MESSAGE_LEN];
        let sent = Instant::now();
        mover.send.write_all(&message).await?;
        mover.recv.read_exact(&mut message).await?;
        let took = sent.elapsed();
        other.recv.read_exact(&mut message).await?;
        Ok(Some(took))
    }
}
