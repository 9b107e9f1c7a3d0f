//! The accept loop: attempts over UDP and TCP, by the same limits.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::Endpoint;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::connection::serve;
use crate::door::{ConnectionPlace, Door, Turned};
use crate::handshake::{Attempt, Handshake, WebAttempt, WebDoor};
use crate::origins::Origins;
use crate::stream::Streams;
use crate::transport::{WebListener, abandon};

/// After a failure to accept over TCP, for example for want of open files.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);

/// Where a shard is reached.
pub(crate) struct Doors {
    /// For native clients, and for pages by WebTransport.
    pub(crate) endpoint: Endpoint,
    /// For pages by WebSocket, if they are served.
    pub(crate) web: Option<WebListener>,
    /// The pages that may connect.
    pub(crate) origins: Origins,
}

/// Accepts connections until `shutdown`; then waits for those that are open to end, which the caller
/// bounds in time.
pub(crate) async fn accept(doors: Doors, streams: Streams, shutdown: CancellationToken) {
    let Doors {
        endpoint,
        web,
        origins,
    } = doors;
    let (listener, tls) = web.map_or((None, None), |web| (Some(web.listener), web.tls));
    let web = Arc::new(WebDoor { origins, tls });
    // Abandoned handshakes report it too, late; a slot whose report is lost is freed at its deadline.
    let handshakes_len = 2 * streams.limits.handshakes_max.max(1);
    let (done, mut handshakes) = mpsc::channel(handshakes_len);
    let mut entrance = Entrance::new(streams, web, done);
    loop {
        let next_look = entrance.next_look();
        // Slots are freed before new ones are requested.
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = entrance.connections.join_next_with_id(),
                if !entrance.connections.is_empty() => entrance.left(ended),
            Some(place) = handshakes.recv() => entrance.handshake_done(place),
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { break };
                entrance.knock(Attempt::Quic(incoming));
            }
            (stream, from) = accept_tcp(listener.as_ref()) => {
                entrance.knock_by_tcp(stream, from);
            }
            () = sleep_until(next_look.unwrap_or_else(Instant::now)), if next_look.is_some() => {}
        }
        entrance.tidy();
        entrance.let_in();
    }
    // New connections are refused at once, so that their clients try elsewhere.
    endpoint.set_server_config(None);
    drop(listener);
    entrance.close().await;
}

/// The next connection of a browser; never returns without a listener.
async fn accept_tcp(listener: Option<&TcpListener>) -> (TcpStream, SocketAddr) {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::debug!(%error, "no connection is accepted over TCP");
                sleep(FAILURE_PAUSE).await;
            }
        }
    }
}

/// Carries out what the [`Door`] decides.
struct Entrance {
    door: Door<Attempt>,
    streams: Streams,
    web: Arc<WebDoor>,
    /// Places for TCP sockets.
    sockets: Arc<Semaphore>,
    began_at: Instant,
    connections: JoinSet<()>,
    /// The admission that each connection's task holds.
    places: HashMap<Id, ConnectionPlace>,
    /// Ends a handshake that takes too long.
    cuts: HashMap<ConnectionPlace, CancellationToken>,
    /// Where handshakes report their end.
    done: mpsc::Sender<ConnectionPlace>,
}

impl Entrance {
    fn new(streams: Streams, web: Arc<WebDoor>, done: mpsc::Sender<ConnectionPlace>) -> Self {
        Self {
            door: Door::new(Arc::clone(&streams.limits)),
            sockets: Arc::new(Semaphore::new(streams.limits.web_sockets_max)),
            streams,
            web,
            began_at: Instant::now(),
            connections: JoinSet::new(),
            places: HashMap::new(),
            cuts: HashMap::new(),
            done,
        }
    }

    fn now(&self) -> Duration {
        self.began_at.elapsed()
    }

    fn next_look(&self) -> Option<Instant> {
        self.door.next_look().map(|at| self.began_at + at)
    }

    fn knock(&mut self, attempt: Attempt) {
        let address = attempt.address().ip();
        let proof = attempt.proof();
        let metrics = &self.streams.metrics;
        match self.door.knock(address, proof, attempt, self.now()) {
            Ok(()) => {}
            Err((attempt, Turned::Back)) => {
                metrics.address_retries.inc();
                attempt.retry();
            }
            Err((attempt, Turned::Away)) => {
                tracing::debug!(%address, inside = self.door.connections(), "refused: no room");
                metrics.refused.inc();
                attempt.refuse();
            }
        }
    }

    fn knock_by_tcp(&mut self, stream: TcpStream, from: SocketAddr) {
        match Arc::clone(&self.sockets).try_acquire_owned() {
            Ok(place) => self.knock(Attempt::Web(WebAttempt {
                stream,
                from,
                place,
            })),
            Err(_) => {
                tracing::debug!(address = %from.ip(), "refused: too many TCP sockets");
                self.streams.metrics.refused.inc();
                abandon(&stream);
            }
        }
    }

    fn let_in(&mut self) {
        let now = self.now();
        while let Some((place, attempt)) = self.door.open(now) {
            let cut = CancellationToken::new();
            let handshake = Handshake {
                place,
                done: self.done.clone(),
                cut: cut.clone(),
            };
            self.cuts.insert(place, cut);
            let web = Arc::clone(&self.web);
            let serving = serve(attempt, web, handshake, self.streams.clone());
            let task = self.connections.spawn(serving);
            self.places.insert(task.id(), place);
        }
        self.count();
    }

    /// Abandons handshakes and attempts that take too long.
    fn tidy(&mut self) {
        let now = self.now();
        for place in self.door.overdue(now) {
            if let Some(cut) = self.cuts.remove(&place) {
                cut.cancel();
            }
        }
        while let Some(attempt) = self.door.forgotten(now) {
            attempt.ignore();
        }
    }

    fn handshake_done(&mut self, place: ConnectionPlace) {
        self.cuts.remove(&place);
        self.door.handshake_done(place);
    }

    /// A connection's task has ended, by itself or by a panic.
    fn left(&mut self, ended: Result<(Id, ()), JoinError>) {
        let task = match ended {
            Ok((task, ())) => task,
            Err(error) => {
                tracing::error!(%error, "a connection task failed");
                error.id()
            }
        };
        if let Some(place) = self.places.remove(&task) {
            self.cuts.remove(&place);
            self.door.left(place);
        }
    }

    fn count(&self) {
        let connections = i64::try_from(self.door.connections()).unwrap_or(i64::MAX);
        self.streams.metrics.connections.set(connections);
    }

    /// Refuses waiting attempts, and waits for the connections to end.
    async fn close(mut self) {
        self.door.close().for_each(Attempt::refuse);
        while self.connections.join_next().await.is_some() {}
    }
}
