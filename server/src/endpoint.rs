//! The accept loop, and the life of one connection.

use std::net::IpAddr;

use quinn::{Connection, Endpoint, VarInt};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::door::{Admitted, Door};
use crate::stream::{SeatStream, Streams};
use protocol::CloseCode;

/// Accepts connections until `shutdown`; then waits for those that are open to end, which the caller
/// bounds in time.
pub(crate) async fn accept(endpoint: Endpoint, streams: Streams, shutdown: CancellationToken) {
    let (mut door, mut handshakes) = Door::new(streams.limits.clone(), streams.metrics.clone());
    let mut connections: JoinSet<IpAddr> = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { break };
                door.knock(incoming);
            }
            Some(address) = handshakes.recv() => door.handshake_done(address),
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                left(&mut door, ended);
            }
            () = shutdown.cancelled() => break,
        }
        while let Some(admitted) = door.open() {
            connections.spawn(serve(admitted, streams.clone()));
        }
    }
    // Who comes now is refused at once, and asks elsewhere.
    door.close();
    endpoint.set_server_config(None);
    while connections.join_next().await.is_some() {}
}

fn left(door: &mut Door, ended: Result<IpAddr, tokio::task::JoinError>) {
    match ended {
        Ok(address) => door.left(address),
        Err(error) => tracing::error!(%error, "a connection task failed"),
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
    address.ip()
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
