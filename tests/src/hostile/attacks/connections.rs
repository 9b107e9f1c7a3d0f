//! TCP connections that are held and never used.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::Field;
use crate::hostile::tally::Tally;

/// Connections begun a second.
const PER_SECOND: u32 = 2_000;
/// A connection that the system does not accept by then is given up.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Between two bytes of a slow sender.
const DRIP_EVERY: Duration = Duration::from_secs(1);
/// Files that this process needs for all else.
const FILES_SPARE: u64 = 600;

const HEAD: &[u8] =
    b"POST /v1/players HTTP/1.1\r\nHost: rookery\r\nContent-Type: application/json\r\n";

/// More slow bodies than the matchmaker serves requests at once.
pub(in crate::hostile) async fn slow_bodies(field: &Field) -> Result<(), String> {
    let said = [HEAD, b"Content-Length: 1000\r\n\r\n{"].concat();
    let slow = Held {
        target: field.matchmaker_socket,
        wanted: 10_200,
        said,
        drip: Some(b' '),
    };
    slow.hold(field).await
}

/// Heads that never end.
pub(in crate::hostile) async fn slow_heads(field: &Field) -> Result<(), String> {
    let slow = Held {
        target: field.matchmaker_socket,
        wanted: 2_000,
        said: [HEAD, b"X-Slow: "].concat(),
        drip: Some(b'x'),
    };
    slow.hold(field).await
}

/// More idle connections than the matchmaker may have files.
pub(in crate::hostile) async fn idle_matchmaker(field: &Field) -> Result<(), String> {
    let idle = Held {
        target: field.matchmaker_socket,
        wanted: 1_500,
        said: Vec::new(),
        drip: None,
    };
    idle.hold(field).await
}

/// More idle connections than the admin endpoint takes.
pub(in crate::hostile) async fn idle_admin(field: &Field) -> Result<(), String> {
    let idle = Held {
        target: field.shard_admin,
        wanted: 200,
        said: Vec::new(),
        drip: None,
    };
    idle.hold(field).await
}

/// More idle connections than a shard's address may have.
pub(in crate::hostile) async fn idle_web_socket(field: &Field) -> Result<(), String> {
    let idle = Held {
        target: field.web_socket()?,
        wanted: 1_500,
        said: Vec::new(),
        drip: None,
    };
    idle.hold(field).await
}

/// Requests for a WebSocket whose heads never end.
pub(in crate::hostile) async fn slow_upgrades(field: &Field) -> Result<(), String> {
    let slow = Held {
        target: field.web_socket()?,
        wanted: 1_500,
        said: b"GET / HTTP/1.1\r\nHost: rookery\r\nUpgrade: websocket\r\nX-Slow: ".to_vec(),
        drip: Some(b'x'),
    };
    slow.hold(field).await
}

/// Connections that are held open, and opened again when they are closed.
struct Held {
    target: SocketAddr,
    /// How many at once.
    wanted: usize,
    /// What is said at the beginning.
    said: Vec<u8>,
    /// What is said every second after it.
    drip: Option<u8>,
}

impl Held {
    async fn hold(self, field: &Field) -> Result<(), String> {
        let (wanted, files) = (self.wanted, self.wanted as u64 + FILES_SPARE);
        if settings::open_files() < files {
            return Err(format!(
                "it needs {files} open files: raise the limit (ulimit -Hn)"
            ));
        }
        let held = Arc::new(self);
        let pace = Arc::new(Pace::new(PER_SECOND, &field.end));
        let mut tasks = JoinSet::new();
        for _ in 0..wanted {
            let (held, pace, tally) = (Arc::clone(&held), Arc::clone(&pace), field.tally.clone());
            tasks.spawn(async move {
                while pace.turn().await {
                    held.once(&tally).await;
                }
            });
        }
        field.end.cancelled().await;
        // All are closed at once.
        tasks.shutdown().await;
        Ok(())
    }

    /// One connection, until the server closes it.
    async fn once(&self, tally: &Tally) {
        let stream = timeout(CONNECT_MAX, connect(self.target)).await;
        let Ok(Ok(mut stream)) = stream else {
            tally.count("connections refused");
            return;
        };
        tally.count("connections opened");
        if stream.write_all(&self.said).await.is_ok() {
            let mut clock = interval(DRIP_EVERY);
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut answer = [0; 512];
            loop {
                tokio::select! {
                    read = stream.read(&mut answer) => match read {
                        Ok(0) | Err(_) => break,
                        Ok(_) => {}
                    },
                    _ = clock.tick(), if self.drip.is_some() => {
                        if stream.write_all(self.drip.as_slice()).await.is_err() {
                            break;
                        }
                    }
                }
            }
        }
        tally.count("connections closed by the server");
    }
}

async fn connect(target: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((attacker(0), 0).into())?;
    socket.connect(target).await
}
