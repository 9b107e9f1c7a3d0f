//! A seat stream to a shard, by whichever transport carries it, for those who read and write its bytes themselves.

mod outcome;
#[cfg(feature = "web")]
mod web_socket;
#[cfg(feature = "web")]
mod web_transport;

use std::time::Duration;

use protocol::CloseCode;
use quinn::{Connection, RecvStream, SendStream, VarInt};

use outcome::{READ_LEN_MAX, exchanged, read_broken, write_broken};

pub use outcome::{BrokenBy, Exchanged};
#[cfg(feature = "web")]
pub(crate) use web_socket::WebSocketStream;
#[cfg(feature = "web")]
pub(crate) use web_transport::{SESSION_STREAMS, WebTransportStream};

/// What carries a seat stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Native QUIC, as is best for programs.
    #[default]
    Quic,
    /// WebTransport, as for pages.
    #[cfg(feature = "web")]
    WebTransport,
    /// WebSocket, as for pages where UDP is blocked.
    #[cfg(feature = "web")]
    WebSocket,
}

/// An open seat stream.
pub struct ShardStream(Carrier);

enum Carrier {
    Quic {
        connection: Connection,
        send: SendStream,
        recv: RecvStream,
    },
    #[cfg(feature = "web")]
    WebTransport(Box<WebTransportStream>),
    #[cfg(feature = "web")]
    WebSocket(Box<WebSocketStream>),
}

impl ShardStream {
    pub(crate) const fn quic(connection: Connection, send: SendStream, recv: RecvStream) -> Self {
        Self(Carrier::Quic {
            connection,
            send,
            recv,
        })
    }

    #[cfg(feature = "web")]
    pub(crate) fn web_transport(stream: WebTransportStream) -> Self {
        Self(Carrier::WebTransport(Box::new(stream)))
    }

    #[cfg(feature = "web")]
    pub(crate) fn web_socket(stream: WebSocketStream) -> Self {
        Self(Carrier::WebSocket(Box::new(stream)))
    }

    /// Writes some of `outgoing`, or reads something, whichever is possible first. Nothing is lost if it is dropped
    /// before it returns. Over WebSocket, `outgoing` has to be whole frames.
    ///
    /// # Errors
    ///
    /// How the stream broke.
    pub async fn exchange(&mut self, outgoing: &[u8]) -> Result<Exchanged, BrokenBy> {
        match &mut self.0 {
            Carrier::Quic { send, recv, .. } => tokio::select! {
                biased;
                written = send.write(outgoing), if !outgoing.is_empty() => {
                    written.map(Exchanged::Wrote).map_err(write_broken)
                }
                read = recv.read_chunk(READ_LEN_MAX, true) => {
                    exchanged(read.map_err(read_broken)?.map(|chunk| chunk.bytes))
                }
            },
            #[cfg(feature = "web")]
            Carrier::WebTransport(stream) => stream.exchange(outgoing).await,
            #[cfg(feature = "web")]
            Carrier::WebSocket(stream) => stream.exchange(outgoing).await,
        }
    }

    /// The transport's own estimate of the round trip, if it has one.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        match &self.0 {
            Carrier::Quic { connection, .. } => Some(connection.rtt()),
            #[cfg(feature = "web")]
            Carrier::WebTransport(stream) => Some(stream.connection().rtt()),
            #[cfg(feature = "web")]
            Carrier::WebSocket(_) => None,
        }
    }

    /// A count of what has been received, which shows that the shard is there.
    #[must_use]
    pub fn received(&self) -> u64 {
        match &self.0 {
            Carrier::Quic { connection, .. } => connection.stats().udp_rx.datagrams,
            #[cfg(feature = "web")]
            Carrier::WebTransport(stream) => stream.connection().stats().udp_rx.datagrams,
            #[cfg(feature = "web")]
            Carrier::WebSocket(stream) => stream.received(),
        }
    }

    /// Datagrams that were sent and received, where the transport is QUIC.
    #[must_use]
    pub fn datagrams(&self) -> Option<(u64, u64)> {
        let stats = match &self.0 {
            Carrier::Quic { connection, .. } => connection.stats(),
            #[cfg(feature = "web")]
            Carrier::WebTransport(stream) => stream.connection().stats(),
            #[cfg(feature = "web")]
            Carrier::WebSocket(_) => return None,
        };
        Some((stats.udp_tx.datagrams, stats.udp_rx.datagrams))
    }

    /// Closes the connection.
    pub fn close(&mut self, code: CloseCode) {
        match &mut self.0 {
            Carrier::Quic { connection, .. } => {
                connection.close(VarInt::from_u32(code.number()), b"")
            }
            #[cfg(feature = "web")]
            Carrier::WebTransport(stream) => stream.close(code),
            // Its end is the end of the connection.
            #[cfg(feature = "web")]
            Carrier::WebSocket(_) => {}
        }
    }
}
