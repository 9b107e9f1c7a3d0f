//! The floor: a server that passes 24 bytes on and acknowledges them, over the same QUIC endpoint and on one thread, as
//! a shard. With a Redis, it is the stored relay: it stores each message before it does so (`stored`).

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use clap::Args;
use protocol::http::ShardAddress;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use serde::{Deserialize, Serialize};
use shard::NetLimits;
use shard::tls::Identity;
use tempfile::TempDir;
use tokio::time::Instant;

use super::rounds::{Datagrams, Pair, Subject, Took, mover_first};
use super::seating::{Seated, seat_all};
use super::stored::{Entry, Queue, Writer};
use super::{BenchError, NO_REWRITE, SOCKETS, TIMES, why_lost};
use crate::cluster::start_redis;
use client::Connector;
use supervisor::{Place, Redis, START_MAX};

/// Length of a message: about that of a move with its header.
pub(super) const MESSAGE_LEN: usize = 24;
pub(super) type Message = [u8; MESSAGE_LEN];

/// The bare relay that `bench` measures as its floor; started by it.
#[derive(Debug, Args)]
pub struct RelayArgs {
    /// Where to say how it is reached.
    #[arg(long, value_name = "FILE")]
    ready_file: PathBuf,
    /// The Redis in which messages are stored before they are passed on; by default they are not stored.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
}

/// What the relay writes into its ready file.
#[derive(Debug, Serialize, Deserialize)]
struct Ready {
    address: SocketAddr,
    certificate_sha256: String,
}

/// Serves the relay on a free port until the process is ended. Its runtime should have one thread, as a shard's.
///
/// # Errors
///
/// In words, when it cannot be set up, or Redis fails.
pub async fn serve(args: &RelayArgs) -> Result<(), BenchError> {
    let (endpoint, certificate_sha256) = endpoint()?;
    let writer = match &args.redis {
        Some(url) => Some(Writer::connect(url).await?),
        None => None,
    };
    let ready = Ready {
        address: endpoint.local_addr()?,
        certificate_sha256,
    };
    std::fs::write(&args.ready_file, serde_json::to_vec(&ready)?)?;
    let streams: Streams = Arc::default();
    let accept = async {
        while let Some(incoming) = endpoint.accept().await {
            let (streams, queue) = (Arc::clone(&streams), writer.as_ref().map(Writer::queue));
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    // A pair that is gone is no error here.
                    let _ = relay(connection, streams, queue).await;
                }
            });
        }
        Ok(())
    };
    match &writer {
        Some(writer) => tokio::select! {
            ended = accept => ended,
            failed = writer.run() => failed,
        },
        None => accept.await,
    }
}

/// Where the answers to a seat go.
pub(super) type Outlet = Arc<tokio::sync::Mutex<SendStream>>;
type Streams = Arc<Mutex<HashMap<u64, Outlet>>>;

/// One connection: its first message names the seat, the others go to the seat across the board.
async fn relay(
    connection: Connection,
    streams: Streams,
    queue: Option<Queue>,
) -> Result<(), BenchError> {
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
        let entry = Entry {
            pair: seat / 2,
            message,
            outlets: [Some(Arc::clone(&own)), opponent.clone()],
        };
        match &queue {
            Some(queue) => queue.push(entry),
            None => entry.pass_on().await?,
        }
    }
}

/// The endpoint of a shard, so that only what is done with a message differs.
fn endpoint() -> Result<(Endpoint, String), BenchError> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let identity = Identity::self_signed(now.as_secs() as i64)?;
    let pin = identity.pin();
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let endpoint = identity.bind(free, None, &NetLimits::default())?;
    Ok((endpoint, protocol::http::hex(&pin)))
}

/// A relay in a process of its own.
pub(super) struct Relay {
    place: Place,
    redis: Option<Arc<Redis>>,
    address: Arc<ShardAddress>,
    connector: Arc<Connector>,
    _directory: TempDir,
}

impl Relay {
    /// Starts it; with a Redis of its own, it stores what it passes on.
    pub(super) async fn start(is_stored: bool) -> Result<Self, BenchError> {
        let directory = tempfile::tempdir()?;
        let redis = match is_stored {
            true => Some(start_redis(directory.path(), &NO_REWRITE).await?),
            false => None,
        };
        let ready_file = directory.path().join("ready.json");
        let place = Place::new("relay", directory.path());
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bench-relay").arg("--ready-file");
        command.arg(&ready_file);
        if let Some(redis) = &redis {
            command.args(["--redis", redis.url()]);
        }
        place.start(&mut command)?;
        let ready: Ready = place.ready(&ready_file, START_MAX).await?;
        let address = ShardAddress {
            id: game_core::ShardId::from_random(0),
            address: ready.address,
            certificate_sha256: Some(ready.certificate_sha256),
            web_transport: None,
            web_socket: None,
        };
        Ok(Self {
            place,
            redis,
            address: Arc::new(address),
            connector: Arc::new(Connector::bind(SOCKETS, TIMES)?),
            _directory: directory,
        })
    }
}

impl Subject for Relay {
    type Pair = RelayPair;

    fn server(&self) -> &Place {
        &self.place
    }

    fn redis(&self) -> Option<&Redis> {
        self.redis.as_deref()
    }

    async fn seat(&self, matches: u32) -> Result<Seated<RelayPair>, BenchError> {
        let pairs = (0..u64::from(matches)).collect();
        seat_all(&self.place, pairs, |pair| {
            let (connector, address) = (Arc::clone(&self.connector), Arc::clone(&self.address));
            async move {
                let white = RelaySeat::take(&connector, &address, 2 * pair).await?;
                let black = RelaySeat::take(&connector, &address, 2 * pair + 1).await?;
                Ok(RelayPair {
                    seats: [white, black],
                })
            }
        })
        .await
    }
}

struct RelaySeat {
    send: SendStream,
    recv: RecvStream,
    connection: Connection,
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
            connection,
        };
        let mut message = [0; MESSAGE_LEN];
        message[..8].copy_from_slice(&seat.to_be_bytes());
        taken.send(&message).await?;
        taken.message().await?;
        Ok(taken)
    }

    async fn message(&mut self) -> Result<(), BenchError> {
        let mut message = [0; MESSAGE_LEN];
        let read = self.recv.read_exact(&mut message).await;
        read.map_err(|error| why_lost(&self.connection, error))
    }

    async fn send(&mut self, message: &[u8; MESSAGE_LEN]) -> Result<(), BenchError> {
        let written = self.send.write_all(message).await;
        written.map_err(|error| why_lost(&self.connection, error))
    }
}

pub(super) struct RelayPair {
    seats: [RelaySeat; 2],
}

impl Pair for RelayPair {
    async fn play(&mut self, n: usize) -> Result<Option<Took>, BenchError> {
        let (mover, other) = mover_first(&mut self.seats, n);
        let sent = Instant::now();
        mover.send(&[n as u8; MESSAGE_LEN]).await?;
        let ack = async { mover.message().await.map(|()| sent.elapsed()) };
        let relay = async { other.message().await.map(|()| sent.elapsed()) };
        let (ack, relay) = tokio::try_join!(ack, relay)?;
        Ok(Some(Took { ack, relay }))
    }

    fn datagrams(&self) -> Option<Datagrams> {
        let seats = self.seats.iter();
        Some(
            seats
                .map(|seat| Datagrams::of(&seat.connection.stats()))
                .sum(),
        )
    }

    async fn finish(self) -> Result<(), BenchError> {
        Ok(())
    }
}
