//! The accept loop, and the life of one connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connecting, Connection, ConnectionError, Endpoint, Incoming, VarInt};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::door::{ConnectionPlace, Door, Proof, Turned};
use crate::stream::{SeatStream, Seats, Served, Streams, Violation};
use protocol::CloseCode;

/// Accepts connections until `shutdown`; then waits for those that are open to end, which the caller
/// bounds in time.
pub(crate) async fn accept(endpoint: Endpoint, streams: Streams, shutdown: CancellationToken) {
    // Abandoned handshakes report it too, late; a slot whose report is lost is freed at its deadline.
    let handshakes_len = 2 * streams.limits.handshakes_max.max(1);
    let (done, mut handshakes) = mpsc::channel(handshakes_len);
    let mut entrance = Entrance::new(streams, done);
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
                entrance.knock(incoming);
            }
            () = sleep_until(next_look.unwrap_or_else(Instant::now)), if next_look.is_some() => {}
        }
        entrance.tidy();
        entrance.let_in();
    }
    // New connections are refused at once, so that their clients try elsewhere.
    endpoint.set_server_config(None);
    entrance.close().await;
}

/// Carries out what the [`Door`] decides.
struct Entrance {
    door: Door<Incoming>,
    streams: Streams,
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
    fn new(streams: Streams, done: mpsc::Sender<ConnectionPlace>) -> Self {
        Self {
            door: Door::new(Arc::clone(&streams.limits)),
            streams,
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

    fn knock(&mut self, incoming: Incoming) {
        let address = incoming.remote_address().ip();
        // An attempt that cannot be answered by a Retry counts as proven.
        let proof = if incoming.may_retry() {
            Proof::Missing
        } else {
            Proof::Given
        };
        let metrics = &self.streams.metrics;
        match self.door.knock(address, proof, incoming, self.now()) {
            Ok(()) => {}
            Err((incoming, Turned::Back)) => {
                metrics.address_retries.inc();
                // `may_retry` was just checked, so this cannot fail.
                let _ = incoming.retry();
            }
            Err((incoming, Turned::Away)) => {
                tracing::debug!(%address, inside = self.door.connections(), "refused: no room");
                metrics.refused.inc();
                incoming.refuse();
            }
        }
    }

    fn let_in(&mut self) {
        let now = self.now();
        while let Some((place, incoming)) = self.door.open(now) {
            let cut = CancellationToken::new();
            let handshake = Handshake {
                place,
                done: self.done.clone(),
                cut: cut.clone(),
            };
            self.cuts.insert(place, cut);
            let serving = serve(incoming, handshake, self.streams.clone());
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
        while let Some(incoming) = self.door.forgotten(now) {
            incoming.ignore();
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
        self.door.close().for_each(Incoming::refuse);
        while self.connections.join_next().await.is_some() {}
    }
}

/// A handshake in progress; it reports its end when it is dropped.
struct Handshake {
    place: ConnectionPlace,
    done: mpsc::Sender<ConnectionPlace>,
    cut: CancellationToken,
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let _ = self.done.try_send(self.place);
    }
}

/// The life of one connection.
async fn serve(incoming: Incoming, handshake: Handshake, streams: Streams) {
    let address = incoming.remote_address();
    let connecting = match incoming.accept() {
        Ok(connecting) => connecting,
        Err(error) => {
            tracing::debug!(%address, %error, "no connection");
            return;
        }
    };
    match shake_hands(connecting, handshake).await {
        Some(Ok(connection)) => {
            streams.metrics.handshakes_done.inc();
            serve_streams(connection, &streams).await;
        }
        Some(Err(error)) => {
            streams.metrics.handshakes_failed.inc();
            tracing::debug!(%address, %error, "the handshake failed");
        }
        None => {
            streams.metrics.handshakes_late.inc();
            tracing::debug!(%address, "the handshake took too long");
        }
    }
}

/// `None` if it took too long.
async fn shake_hands(
    connecting: Connecting,
    handshake: Handshake,
) -> Option<Result<Connection, ConnectionError>> {
    tokio::select! {
        biased;
        connected = connecting => Some(connected),
        () = handshake.cut.cancelled() => None,
    }
}

async fn serve_streams(connection: Connection, streams: &Streams) {
    let mut open = JoinSet::new();
    let seats = Seats::default();
    // Since when it has no seat; `None` once it has been seen to have one.
    let mut idle_since = Some(Instant::now());
    loop {
        let overdue = idle_since.map(|since| since + streams.limits.join_deadline);
        tokio::select! {
            biased;
            Some(ended) = open.join_next(), if !open.is_empty() => match stream_ended(ended) {
                Ok(Served::InSeat) if seats.taken() == 0 => idle_since = Some(Instant::now()),
                Ok(_) => {}
                Err(violation) => {
                    let peer = connection.remote_address();
                    tracing::debug!(%peer, %violation, "violation");
                    close(&connection, CloseCode::ProtocolViolation, &violation.to_string());
                    break;
                }
            },
            () = sleep_until(overdue.unwrap_or_else(Instant::now)), if overdue.is_some() => {
                // A connection without a seat is of no use, and counts against the limits.
                if seats.taken() == 0 {
                    close(&connection, CloseCode::Deadline, "no seat was taken in time");
                    break;
                }
                idle_since = None;
            }
            opened = connection.accept_bi() => match opened {
                Ok((send, recv)) => {
                    let connection = connection.clone();
                    let stream = SeatStream::new(connection, send, recv, streams.clone());
                    open.spawn(stream.serve(seats.clone()));
                }
                Err(error) => {
                    tracing::debug!(peer = %connection.remote_address(), %error, "closed");
                    break;
                }
            },
        }
    }
    // The streams see the end of the connection and tell the shard.
    while open.join_next().await.is_some() {}
}

/// How a stream ended; one whose task failed may have had a seat.
fn stream_ended(ended: Result<Result<Served, Violation>, JoinError>) -> Result<Served, Violation> {
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "a stream task failed");
        Ok(Served::InSeat)
    })
}

fn close(connection: &Connection, code: CloseCode, why: &str) {
    connection.close(VarInt::from_u32(code.number()), why.as_bytes());
}
