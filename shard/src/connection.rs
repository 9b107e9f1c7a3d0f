//! The life of one connection.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use prometheus::IntGauge;
use protocol::CloseCode;
use quinn::VarInt;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use web_transport_quinn::Session;

use crate::handshake::{Attempt, Handshake, Opened, WebDoor};
use crate::stream::{SeatStream, Seats, Served, Streams, Violation};
use crate::transport::{Link, RecvHalf, SendHalf, Socket, Transport};

/// Serves a connection from the begin of its handshake to its end.
pub(crate) async fn serve(
    attempt: Attempt,
    web: Arc<WebDoor>,
    handshake: Handshake,
    streams: Streams,
) {
    let address = attempt.address();
    // In a box, whose memory is given back: a handshake needs more than what follows it.
    let opening = Box::pin(attempt.open(&web, &streams.limits));
    let opened = tokio::select! {
        biased;
        opened = opening => Some(opened),
        () = handshake.cut.cancelled() => None,
    };
    drop(handshake);
    let metrics = &streams.metrics;
    match opened {
        Some(Ok(opened)) => {
            metrics.handshakes_done.inc();
            serve_opened(opened, address, &streams).await;
        }
        Some(Err(error)) => {
            metrics.handshakes_failed.inc();
            if let Some(transport) = error.foreign_origin() {
                metrics.origins_refused(transport).inc();
            }
            tracing::debug!(%address, %error, "the handshake failed");
        }
        None => {
            metrics.handshakes_late.inc();
            tracing::debug!(%address, "the handshake took too long");
        }
    }
}

async fn serve_opened(opened: Opened, address: SocketAddr, streams: &Streams) {
    let count = |transport| Counted::new(streams.metrics.transport(transport));
    match opened {
        Opened::Quic(connection) => {
            let _counted = count(Transport::Quic);
            serve_streams(Multiplexed::Quic(connection), address, streams).await;
        }
        Opened::WebTransport(session) => {
            let _counted = count(Transport::WebTransport);
            serve_streams(Multiplexed::WebTransport(session), address, streams).await;
        }
        Opened::WebSocket(socket) => {
            let _counted = count(Transport::WebSocket);
            // In a box, so that other connections have no room for it.
            Box::pin(serve_socket(socket, address, streams)).await;
        }
    }
}

/// A connection in a gauge, until it is dropped.
struct Counted(IntGauge);

impl Counted {
    fn new(gauge: IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A connection that carries several streams.
enum Multiplexed {
    Quic(quinn::Connection),
    WebTransport(Box<Session>),
}

impl Multiplexed {
    /// The next stream that the peer opens.
    async fn accept(&self) -> Result<(SendHalf, RecvHalf), Box<dyn fmt::Display + Send>> {
        match self {
            Self::Quic(connection) => match connection.accept_bi().await {
                Ok((send, recv)) => Ok((SendHalf::Quic(send), RecvHalf::Quic(recv))),
                Err(error) => Err(Box::new(error)),
            },
            Self::WebTransport(session) => match session.accept_bi().await {
                Ok((send, recv)) => {
                    Ok((SendHalf::WebTransport(send), RecvHalf::WebTransport(recv)))
                }
                Err(error) => Err(Box::new(error)),
            },
        }
    }

    fn link(&self) -> Link {
        Link::Quic(match self {
            Self::Quic(connection) => connection.clone(),
            Self::WebTransport(session) => (***session).clone(),
        })
    }

    fn close(&self, code: CloseCode, why: &str) {
        match self {
            Self::Quic(connection) => {
                connection.close(VarInt::from_u32(code.number()), why.as_bytes());
            }
            Self::WebTransport(session) => session.close(code.number(), why.as_bytes()),
        }
    }
}

async fn serve_streams(connection: Multiplexed, peer: SocketAddr, streams: &Streams) {
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
                    tracing::debug!(%peer, %violation, "violation");
                    connection.close(CloseCode::ProtocolViolation, &violation.to_string());
                    break;
                }
            },
            () = sleep_until(overdue.unwrap_or_else(Instant::now)), if overdue.is_some() => {
                // A connection without a seat is of no use, and counts against the limits.
                if seats.taken() == 0 {
                    connection.close(CloseCode::Deadline, "no seat was taken in time");
                    break;
                }
                idle_since = None;
            }
            opened = connection.accept() => match opened {
                Ok((send, recv)) => {
                    let stream = SeatStream::new(connection.link(), send, recv, streams.clone());
                    open.spawn(stream.serve(seats.clone()));
                }
                Err(error) => {
                    tracing::debug!(%peer, %error, "closed");
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

/// A WebSocket is one seat stream, and ends with it.
async fn serve_socket(socket: Arc<Socket>, peer: SocketAddr, streams: &Streams) {
    let send = SendHalf::WebSocket(Arc::clone(&socket));
    let recv = RecvHalf::WebSocket(Arc::clone(&socket));
    let link = Link::WebSocket(Arc::clone(&socket));
    let stream = SeatStream::new(link, send, recv, streams.clone());
    match stream.serve(Seats::default()).await {
        Ok(_) => socket.close(None, "").await,
        Err(violation) => {
            tracing::debug!(%peer, %violation, "violation");
            let code = CloseCode::ProtocolViolation;
            socket.close(Some(code), &violation.to_string()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function of two arguments returns.
    const fn of_two<A, B, F>(_: fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    const fn of_four<A, B, C, D, F>(_: fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    /// A task lives as long as its connection or stream, with room for the largest state that it ever has.
    #[test]
    fn the_tasks_of_a_connection_are_small() {
        let (connection, stream) = (of_four(serve), of_two(SeatStream::serve));
        assert!(connection <= 2_048, "{connection} bytes");
        let inbound = size_of::<crate::driver::Inbound>();
        assert!(inbound <= 64, "{inbound} bytes");
        assert!(stream <= 3_072, "{stream} bytes");
    }
}
