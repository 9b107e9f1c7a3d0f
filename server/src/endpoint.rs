//! The accept loop, and the life of one connection.

use std::collections::HashMap;

use quinn::{Connection, Endpoint, VarInt};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::door::{Admitted, Door};
use crate::stream::{SeatStream, Streams};
use protocol::CloseCode;

/// Accepts connections until `shutdown`; then waits for those that are open to end, which the caller
/// bounds in time.
pub(crate) async fn accept(endpoint: Endpoint, streams: Streams, shutdown: CancellationToken) {
    let (mut door, mut handshakes) = Door::new(streams.limits.clone(), streams.metrics.clone());
    let mut connections = JoinSet::new();
    let mut addresses = HashMap::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { break };
                door.knock(incoming);
            }
            Some(address) = handshakes.recv() => door.handshake_done(address),
            Some(ended) = connections.join_next_with_id(), if !connections.is_empty() => {
                if let Some(address) = addresses.remove(&ended_task(ended)) {
                    door.left(address);
                }
            }
            () = shutdown.cancelled() => break,
        }
        while let Some(admitted) = door.open() {
            let address = admitted.incoming.remote_address().ip();
            let task = connections.spawn(serve(admitted, streams.clone()));
            addresses.insert(task.id(), address);
        }
    }
    // Who comes now is refused at once, and asks elsewhere.
    door.close();
    endpoint.set_server_config(None);
    while connections.join_next().await.is_some() {}
}

/// Which connection's task has ended, well or not.
fn ended_task(ended: Result<(Id, ()), JoinError>) -> Id {
    match ended {
        Ok((id, ())) => id,
        Err(error) => {
            tracing::error!(%error, "a connection task failed");
            error.id()
        }
    }
}

/// The life of one connection.
async fn serve(admitted: Admitted, streams: Streams) {
    let Admitted {
        incoming,
        handshake,
    } = admitted;
    let address = incoming.remote_address();
    let connecting = match incoming.accept() {
        Ok(connecting) => connecting,
        Err(error) => {
            tracing::debug!(%address, %error, "no connection");
            return;
        }
    };
    let connected = timeout(streams.limits.handshake_deadline, connecting).await;
    drop(handshake);
    match connected {
        Ok(Ok(connection)) => {
            streams.metrics.handshakes_done.inc();
            serve_streams(connection, &streams).await;
        }
        Ok(Err(error)) => {
            streams.metrics.handshakes_failed.inc();
            tracing::debug!(%address, %error, "the handshake failed");
        }
        Err(_) => {
            streams.metrics.handshakes_late.inc();
            tracing::debug!(%address, "the handshake took too long");
        }
    }
}

async fn serve_streams(connection: Connection, streams: &Streams) {
    let mut open = JoinSet::new();
    let mut empty_since = Instant::now();
    loop {
        let overdue = empty_since + streams.limits.join_deadline;
        tokio::select! {
            opened = connection.accept_bi() => match opened {
                Ok((send, recv)) => {
                    let connection = connection.clone();
                    let stream = SeatStream::new(connection, send, recv, streams.clone());
                    open.spawn(stream.serve());
                }
                Err(error) => {
                    tracing::debug!(peer = %connection.remote_address(), %error, "closed");
                    break;
                }
            },
            Some(ended) = open.join_next(), if !open.is_empty() => {
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(violation)) => {
                        let peer = connection.remote_address();
                        tracing::debug!(%peer, %violation, "violation");
                        close(&connection, CloseCode::ProtocolViolation, &violation.to_string());
                        break;
                    }
                    Err(error) => tracing::error!(%error, "a stream task failed"),
                }
                empty_since = Instant::now();
            }
            // A connection without a seat is of no use, and takes a place.
            () = sleep_until(overdue), if open.is_empty() => {
                close(&connection, CloseCode::Deadline, "no seat was taken in time");
                break;
            }
        }
    }
    // The streams see the end of the connection and tell the shard.
    while open.join_next().await.is_some() {}
}

fn close(connection: &Connection, code: CloseCode, why: &str) {
    connection.close(VarInt::from_u32(code.number()), why.as_bytes());
}
