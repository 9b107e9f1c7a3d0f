//! Who may connect: the accept loop and the life of one connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quinn::{Connection, Endpoint, Incoming, VarInt};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::NetLimits;
use crate::stream::{SeatStream, Streams};
use protocol::CloseCode;

/// Accepts connections until `shutdown`; then waits for those that are open to end, which the caller
/// bounds in time.
pub(crate) async fn accept(endpoint: Endpoint, streams: Streams, shutdown: CancellationToken) {
    let mut door = Door {
        limits: streams.limits.clone(),
        ..Door::default()
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { break };
                if let Some(admitted) = door.admit(incoming) {
                    connections.spawn(serve(admitted, streams.clone()));
                }
            }
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                door.left(ended);
            }
            () = shutdown.cancelled() => break,
        }
    }
    // Who comes now is refused at once, and asks elsewhere.
    endpoint.set_server_config(None);
    while connections.join_next().await.is_some() {}
}

/// Counts who is inside, and decides who may come in.
#[derive(Default)]
struct Door {
    limits: Arc<NetLimits>,
    handshakes: Arc<AtomicUsize>,
    inside: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection attempt that was let in, and its place among the handshakes under way.
struct Admitted {
    incoming: Incoming,
    handshake: Handshake,
}

struct Handshake(Arc<AtomicUsize>);

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Door {
    /// Lets an attempt in, or asks its address to prove itself, or refuses it.
    fn admit(&mut self, incoming: Incoming) -> Option<Admitted> {
        let address = incoming.remote_address().ip();
        let under_way = self.handshakes.load(Ordering::Relaxed);
        let from_address = self.by_address.get(&address).copied().unwrap_or_default();
        if self.inside >= self.limits.connections_max
            || from_address >= self.limits.connections_per_address_max
        {
            tracing::debug!(%address, inside = self.inside, "refused: too many connections");
            incoming.refuse();
            None
        } else if under_way >= self.limits.validate_from && incoming.may_retry() {
            // `may_retry` was just asked, so this cannot fail.
            let _ = incoming.retry();
            None
        } else if under_way >= self.limits.handshakes_max {
            // The client sends its first packet again, and finds room then.
            incoming.ignore();
            None
        } else {
            self.inside += 1;
            *self.by_address.entry(address).or_default() += 1;
            self.handshakes.fetch_add(1, Ordering::Relaxed);
            let handshake = Handshake(Arc::clone(&self.handshakes));
            Some(Admitted {
                incoming,
                handshake,
            })
        }
    }

    fn left(&mut self, ended: Result<IpAddr, tokio::task::JoinError>) {
        self.inside -= 1;
        match ended {
            Ok(address) => {
                if let Some(count) = self.by_address.get_mut(&address) {
                    *count -= 1;
                    if *count == 0 {
                        self.by_address.remove(&address);
                    }
                }
            }
            Err(error) => tracing::error!(%error, "a connection task failed"),
        }
    }
}

/// The life of one connection; returns the address it came from.
async fn serve(admitted: Admitted, streams: Streams) -> IpAddr {
    let Admitted {
        incoming,
        handshake,
    } = admitted;
    let address = incoming.remote_address();
    let connecting = match incoming.accept() {
        Ok(connecting) => connecting,
        Err(error) => {
            tracing::debug!(%address, %error, "no connection");
            return address.ip();
        }
    };
    let connected = timeout(streams.limits.handshake_deadline, connecting).await;
    drop(handshake);
    match connected {
        Ok(Ok(connection)) => serve_streams(connection, &streams).await,
        Ok(Err(error)) => tracing::debug!(%address, %error, "the handshake failed"),
        Err(_) => tracing::debug!(%address, "the handshake took too long"),
    }
    address.ip()
}

async fn serve_streams(connection: Connection, streams: &Streams) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            opened = connection.accept_bi() => match opened {
                Ok((send, recv)) => {
                    open.spawn(SeatStream::new(send, recv, streams.clone()).serve());
                }
                Err(error) => {
                    tracing::debug!(peer = %connection.remote_address(), %error, "closed");
                    break;
                }
            },
            Some(ended) = open.join_next(), if !open.is_empty() => match ended {
                Ok(Ok(())) => {}
                Ok(Err(violation)) => {
                    tracing::debug!(peer = %connection.remote_address(), %violation, "violation");
                    let number = VarInt::from_u32(CloseCode::ProtocolViolation.number());
                    connection.close(number, violation.to_string().as_bytes());
                    break;
                }
                Err(error) => tracing::error!(%error, "a stream task failed"),
            },
        }
    }
    // The streams see the end of the connection and tell the shard.
    while open.join_next().await.is_some() {}
}
