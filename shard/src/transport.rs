//! The seam between seat streams and what carries them: native QUIC, WebTransport and WebSocket. What is above it
//! sees a link with a round-trip time, and two halves of a stream of frames.

mod tcp;
mod web_socket;
mod web_transport;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use protocol::CloseCode;
use protocol::codec::CLIENT_FRAME_LEN_MAX;
use quinn::VarInt;
use tokio::time::timeout;

pub(crate) use tcp::abandon;
pub use tcp::{WebListener, bind_web};
pub(crate) use web_socket::{Socket, SocketError, SocketOptions, Unanswered, upgrade};
pub(crate) use web_transport::{NoSession, is_http3, open_session};

/// What carries the streams of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the name of the protocol")]
pub(crate) enum Transport {
    Quic,
    WebTransport,
    WebSocket,
}

impl Transport {
    /// Its label in metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::WebTransport => "webtransport",
            Self::WebSocket => "websocket",
        }
    }
}

/// The connection of a peer, as far as the driver needs it.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    /// Native or WebTransport.
    Quic(quinn::Connection),
    WebSocket(Arc<Socket>),
}

impl Link {
    /// The transport's own estimate of the round trip; zero where it has none.
    pub(crate) fn rtt(&self) -> Duration {
        match self {
            Self::Quic(connection) => connection.rtt(),
            Self::WebSocket(socket) => socket.rtt().unwrap_or_default(),
        }
    }

    /// A number that no other open connection of this process has: of either kind, the address of what it shares.
    pub(crate) fn stable_id(&self) -> usize {
        match self {
            Self::Quic(connection) => connection.stable_id(),
            Self::WebSocket(socket) => Arc::as_ptr(socket) as usize,
        }
    }
}

/// The half of a stream that frames leave by.
#[derive(Debug)]
pub(crate) enum SendHalf {
    Quic(quinn::SendStream),
    WebTransport(web_transport_quinn::SendStream),
    WebSocket(Arc<Socket>),
}

/// The stream or its connection is gone.
#[derive(Debug)]
pub(crate) struct Gone;

impl SendHalf {
    /// Writes as much as the stream accepts at once; returns how many of the frames that was, and leaves the rest of the
    /// one after them in its place. The reader reports a stream that is gone.
    ///
    /// A WebSocket accepts nothing: each write is a system call there, so the stream's own task makes them.
    pub(crate) fn write_now(&mut self, frames: &mut [Bytes]) -> usize {
        // This waker wakes nothing: if the stream is blocked, its task polls it again.
        let mut context = Context::from_waker(Waker::noop());
        let mut done = 0;
        while let Some(rest) = frames.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let written = match self {
                Self::Quic(send) => pin!(send.write_chunks(rest))
                    .poll(&mut context)
                    .map(|written| written.map(|written| written.chunks).ok()),
                Self::WebTransport(send) => pin!(send.write_chunks(rest))
                    .poll(&mut context)
                    .map(|written| written.map(|written| written.chunks).ok()),
                Self::WebSocket(_) => return done,
            };
            match written {
                Poll::Ready(Some(chunks)) => done += chunks,
                Poll::Ready(None) => return frames.len(),
                Poll::Pending => return done,
            }
        }
        done
    }

    /// Writes whole frames.
    pub(crate) async fn write_all(&mut self, frames: &mut [Bytes]) -> Result<(), Gone> {
        match self {
            Self::Quic(send) => send.write_all_chunks(frames).await.map_err(|_| Gone),
            Self::WebTransport(send) => send.write_all_chunks(frames).await.map_err(|_| Gone),
            // In a box, so that the streams of others have no room for it.
            Self::WebSocket(socket) => Box::pin(socket.send(frames)).await.map_err(|_| Gone),
        }
    }

    /// Drops what is not sent yet.
    pub(crate) fn reset(&mut self, code: CloseCode) {
        match self {
            Self::Quic(send) => _ = send.reset(VarInt::from_u32(code.number())),
            Self::WebTransport(send) => _ = send.reset(code.number()),
            Self::WebSocket(socket) => socket.cut(),
        }
    }

    /// Ends the stream, and waits for at most `limit` until the peer has all of it. A WebSocket is closed by the
    /// task of its connection.
    pub(crate) async fn finish(&mut self, limit: Duration) {
        match self {
            Self::Quic(send) => {
                let _ = send.finish();
                let _ = timeout(limit, send.stopped()).await;
            }
            Self::WebTransport(send) => {
                let _ = send.finish();
                let _ = timeout(limit, send.stopped()).await;
            }
            Self::WebSocket(_) => {}
        }
    }
}

/// The half of a stream that a peer's bytes come by.
#[derive(Debug)]
pub(crate) enum RecvHalf {
    Quic(quinn::RecvStream),
    WebTransport(web_transport_quinn::RecvStream),
    WebSocket(Arc<Socket>),
}

impl RecvHalf {
    /// The next bytes, in order; `None` at the end of the stream, or when it is gone.
    ///
    /// # Errors
    ///
    /// What a peer of a WebSocket must not send.
    pub(crate) async fn read(&mut self) -> Result<Option<Bytes>, SocketError> {
        let chunk = match self {
            Self::Quic(recv) => recv.read_chunk(CLIENT_FRAME_LEN_MAX, true).await.ok(),
            Self::WebTransport(recv) => recv.read_chunk(CLIENT_FRAME_LEN_MAX, true).await.ok(),
            Self::WebSocket(socket) => return Box::pin(socket.receive()).await,
        };
        Ok(chunk.flatten().map(|chunk| chunk.bytes))
    }

    /// Whether bytes come in messages of whole frames.
    pub(crate) const fn has_messages(&self) -> bool {
        matches!(self, Self::WebSocket(_))
    }
}
