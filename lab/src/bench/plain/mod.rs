//! The plain competitor: what a good engineer writes instead of Rookery. WebSocket without TLS, text messages, the rules
//! by shakmaty, one awaited `SET` of the position for each move, one thread. It is resumed after a crash, and it keeps
//! less: there is no encryption, no token, no clock, no fence against a second owner, and no history.
//!
//! A client names its seat first (`join 17 white`) and is answered `joined`; then it sends moves in UCI. Each is answered
//! `ok`, or `refused` with a reason, or `over` if it ended the game, and the opponent has the move as it was sent.
//!
//! `server` is the process; here is how it is started, and its players.

mod server;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{SinkExt, StreamExt};
use game_core::Uci;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::games::Games;
use super::rounds::{Pair, Subject, Took, mover_first};
use super::seating::{Seated, seat_all};
use super::{BenchError, NO_REWRITE};
use crate::cluster::start_redis;
use supervisor::{Place, Redis, START_MAX};

pub use server::{PlainArgs, serve};

/// The defaults allocate and clear 128 KB for each connection; messages have a few bytes.
const READ_BUFFER_LEN: usize = 4 * 1_024;
/// As [`NO_REWRITE`], and a crash loses up to a second.
const EVERYSEC: [&str; 4] = [NO_REWRITE[0], NO_REWRITE[1], "--appendfsync", "everysec"];

const ACK: &str = "ok";
const JOINED: &str = "joined";

fn web_socket_config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(READ_BUFFER_LEN)
}

/// What the server writes into its ready file.
#[derive(Debug, Serialize, Deserialize)]
struct Ready {
    address: SocketAddr,
}

/// A plain server in a process of its own, with its Redis.
pub(super) struct Plain {
    place: Place,
    redis: Arc<Redis>,
    address: SocketAddr,
    games: Games,
    /// Matches so far: each has a key of its own.
    matches: AtomicU64,
    _directory: TempDir,
}

impl Plain {
    /// Starts it on a Redis that flushes each write before it answers (`is_flushed`), or every second.
    pub(super) async fn start(is_flushed: bool, seed: u64) -> Result<Self, BenchError> {
        let directory = tempfile::tempdir()?;
        let settings: &[&str] = if is_flushed { &NO_REWRITE } else { &EVERYSEC };
        let redis = start_redis(directory.path(), settings).await?;
        let ready_file = directory.path().join("ready.json");
        let place = Place::new("plain", directory.path());
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench-plain", "--redis", redis.url()]);
        place.start(command.arg("--ready-file").arg(&ready_file))?;
        let ready: Ready = place.ready(&ready_file, START_MAX).await?;
        Ok(Self {
            place,
            redis,
            address: ready.address,
            games: Games::new(seed),
            matches: 0.into(),
            _directory: directory,
        })
    }
}

impl Subject for Plain {
    type Pair = PlainPair;

    fn server(&self) -> &Place {
        &self.place
    }

    fn redis(&self) -> Option<&Redis> {
        Some(&self.redis)
    }

    async fn seat(&self, matches: u32) -> Result<Seated<PlainPair>, BenchError> {
        let count = u64::from(matches);
        let first = self.matches.fetch_add(count, Ordering::Relaxed);
        let address = self.address;
        seat_all(&self.place, (0..count).collect(), |number| {
            let moves = self.games.of(number as usize);
            async move {
                let id = first + number;
                let white = PlainSeat::take(address, id, "white").await?;
                let black = PlainSeat::take(address, id, "black").await?;
                let seats = [white, black];
                Ok(PlainPair { seats, moves })
            }
        })
        .await
    }
}

struct PlainSeat(WebSocketStream<TcpStream>);

impl PlainSeat {
    async fn take(server: SocketAddr, id: u64, color: &str) -> Result<Self, BenchError> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{server}/");
        let config = Some(web_socket_config());
        let (socket, _) = client_async_with_config(url, stream, config).await?;
        let mut taken = Self(socket);
        taken.send(format!("join {id} {color}")).await?;
        taken.until(JOINED).await?;
        Ok(taken)
    }

    async fn send(&mut self, text: String) -> Result<(), BenchError> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    async fn next(&mut self) -> Result<Message, BenchError> {
        let next = self.0.next().await;
        Ok(next.ok_or("the plain server closed a seat")??)
    }

    /// Reads the next message, which has to be this one.
    async fn until(&mut self, text: &str) -> Result<(), BenchError> {
        match self.next().await? {
            Message::Text(came) if came.as_str() == text => Ok(()),
            other => Err(format!("the plain server said {other:?} instead of {text}").into()),
        }
    }
}

pub(super) struct PlainPair {
    seats: [PlainSeat; 2],
    moves: Arc<[Uci]>,
}

impl Pair for PlainPair {
    async fn play(&mut self, n: usize) -> Result<Option<Took>, BenchError> {
        let Some(uci) = self.moves.get(n) else {
            return Ok(None);
        };
        let (mover, other) = mover_first(&mut self.seats, n);
        let text = uci.to_string();
        let sent = Instant::now();
        mover.send(text.clone()).await?;
        let ack = async { mover.until(ACK).await.map(|()| sent.elapsed()) };
        let relay = async { other.until(&text).await.map(|()| sent.elapsed()) };
        let (ack, relay) = tokio::try_join!(ack, relay)?;
        Ok(Some(Took { ack, relay }))
    }

    async fn finish(self) -> Result<(), BenchError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server on this thread, with a Redis of its own.
    async fn served() -> (SocketAddr, Arc<Redis>, TempDir) {
        let directory = tempfile::tempdir().expect("a directory");
        let redis = start_redis(directory.path(), &NO_REWRITE)
            .await
            .expect("Redis");
        let ready_file = directory.path().join("ready.json");
        let address = serve_on(redis.url(), &ready_file).await;
        (address, redis, directory)
    }

    async fn serve_on(redis: &str, ready_file: &std::path::Path) -> SocketAddr {
        let args = PlainArgs::new(redis, ready_file);
        tokio::spawn(async move { serve(&args).await.expect("it serves") });
        loop {
            let text = std::fs::read(ready_file).unwrap_or_default();
            if let Ok(Ready { address }) = serde_json::from_slice(&text) {
                return address;
            }
            tokio::time::sleep(supervisor::POLL_EVERY).await;
        }
    }

    async fn said(seat: &mut PlainSeat, text: &str) -> String {
        seat.send(text.to_owned()).await.expect("it is sent");
        seat.next().await.expect("an answer").to_string()
    }

    #[tokio::test]
    async fn legal_moves_are_stored_acknowledged_and_relayed_and_others_refused() {
        let (address, redis, directory) = served().await;
        let mut white = PlainSeat::take(address, 7, "white").await.expect("a seat");
        let mut black = PlainSeat::take(address, 7, "black").await.expect("a seat");
        assert_eq!(said(&mut white, "e2e5").await, "refused: illegal");
        assert_eq!(said(&mut white, "knight").await, "refused: no move");
        assert_eq!(said(&mut black, "e7e5").await, "refused: not your turn");
        assert_eq!(said(&mut white, "e2e4").await, ACK);
        // What was refused was not relayed.
        black.until("e2e4").await.expect("the move");
        let mut client = redis::Client::open(redis.url())
            .expect("a URL")
            .get_connection()
            .expect("Redis");
        let stored: String = redis::cmd("GET")
            .arg("match:7")
            .query(&mut client)
            .expect("a position");
        assert!(stored.starts_with("rnbqkbnr/pppppppp/8/8/4P3/"), "{stored}");

        // A server that is started again goes on from there.
        let address = serve_on(redis.url(), &directory.path().join("again.json")).await;
        let mut black = PlainSeat::take(address, 7, "black").await.expect("a seat");
        let mut white = PlainSeat::take(address, 7, "white").await.expect("a seat");
        assert_eq!(said(&mut white, "d2d4").await, "refused: not your turn");
        assert_eq!(said(&mut black, "e7e5").await, ACK);
        white.until("e7e5").await.expect("the move");
    }

    #[tokio::test]
    async fn a_mate_ends_the_game() {
        let (address, _redis, _directory) = served().await;
        let mut white = PlainSeat::take(address, 1, "white").await.expect("a seat");
        let mut black = PlainSeat::take(address, 1, "black").await.expect("a seat");
        for (own, reply) in [("f2f3", "e7e5"), ("g2g4", "d8h4")] {
            assert_eq!(said(&mut white, own).await, ACK);
            black.until(own).await.expect("the move");
            let answer = said(&mut black, reply).await;
            assert_eq!(answer, if reply == "d8h4" { "over" } else { ACK });
            white.until(reply).await.expect("the move");
        }
        assert_eq!(said(&mut white, "a2a3").await, "refused: illegal");
    }
}
