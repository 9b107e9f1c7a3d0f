//! A gate before Redis: it stops a process at one command, before Redis has it or before the process has the answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use redis::Script;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Where a command is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Redis does not get it.
    Request,
    /// Redis has done it, and the process does not know.
    Answer,
}

/// What is held, and how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Everything passes.
    Open,
    /// The command is waited for.
    Armed(Hold),
    /// It was sent to Redis; its answer is waited for.
    Asked,
    /// It is held.
    Held,
}

/// A proxy before a Redis; gone when dropped.
#[derive(Debug)]
pub struct RedisGate {
    address: SocketAddr,
    state: Arc<State>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct State {
    phase: watch::Sender<Phase>,
    /// The digest of the script.
    wanted: Mutex<Vec<u8>>,
}

impl RedisGate {
    /// Starts one before the server at `target`.
    ///
    /// # Panics
    ///
    /// If there is no port.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            phase: watch::Sender::new(Phase::Open),
            wanted: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let (accepting, stopped) = (accept(listener, target, Arc::clone(&state)), stop.clone());
        tokio::spawn(async move { stopped.run_until_cancelled(accepting).await });
        Self {
            address,
            state,
            _stop: stop.drop_guard(),
        }
    }

    /// The URL by which a process goes through it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Holds the next call of a script.
    pub fn arm(&self, script: &str, hold: Hold) {
        let digest = Script::new(script).get_hash().as_bytes().to_vec();
        *self.state.wanted() = digest;
        self.state.phase.send_replace(Phase::Armed(hold));
    }

    /// Returns when it is held.
    pub async fn held(&self) {
        let mut phase = self.state.phase.subscribe();
        let _ = phase.wait_for(|phase| *phase == Phase::Held).await;
    }

    /// Lets it pass, and everything after it.
    pub fn open(&self) {
        self.state.phase.send_replace(Phase::Open);
    }
}

impl State {
    fn wanted(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the next phase, if it is still in `from`.
    fn pass(&self, from: Phase, to: Phase) -> bool {
        self.phase.send_if_modified(|phase| {
            let is_from = *phase == from;
            if is_from {
                *phase = to;
            }
            is_from
        })
    }

    async fn opened(&self) {
        let mut phase = self.phase.subscribe();
        let _ = phase.wait_for(|phase| *phase == Phase::Open).await;
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(carry(client, target, Arc::clone(&state)));
    }
}

async fn carry(client: TcpStream, target: SocketAddr, state: Arc<State>) {
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whether the held command was sent on this connection.
    let is_mine = watch::Sender::new(false);
    tokio::join!(
        requests(from_client, to_server, &state, &is_mine),
        answers(from_server, to_client, &state, &is_mine),
    );
}

async fn requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &State,
    is_mine: &watch::Sender<bool>,
) {
    let (mut buffer, mut seen) = (vec![0; 64 * 1024], Vec::new());
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..read];
        let phase = *state.phase.borrow();
        if let Phase::Armed(hold) = phase {
            // A digest may come in two parts.
            seen.extend_from_slice(bytes);
            let wanted = state.wanted().clone();
            let is_there = seen.windows(wanted.len()).any(|window| window == wanted);
            if is_there && hold == Hold::Answer && state.pass(phase, Phase::Asked) {
                is_mine.send_replace(true);
            }
            if is_there && hold == Hold::Request && state.pass(phase, Phase::Held) {
                state.opened().await;
            }
            let kept = seen.len().saturating_sub(wanted.len());
            seen.drain(..kept);
        }
        if to.write_all(bytes).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

async fn answers(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &State,
    is_mine: &watch::Sender<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if *is_mine.borrow() && state.pass(Phase::Asked, Phase::Held) {
            state.opened().await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
