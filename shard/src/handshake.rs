//! From an attempt to connect to an open connection, by each door.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::{ConnectionError, Incoming};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use web_transport_quinn::Session;

use crate::NetLimits;
use crate::door::{ConnectionPlace, Proof};
use crate::origins::Origins;
use crate::transport::{
    NoSession, Socket, SocketOptions, Transport, Unanswered, abandon, is_http3, open_session,
    upgrade,
};

/// An attempt to connect that has not been accepted.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "few wait at a time, and nearly all are of QUIC"
)]
pub(crate) enum Attempt {
    /// Over UDP: of a native client, or of a page by WebTransport.
    Quic(Incoming),
    /// Over TCP: of a page by WebSocket.
    Web(WebAttempt),
}

/// An attempt over TCP.
#[derive(Debug)]
pub(crate) struct WebAttempt {
    pub(crate) stream: TcpStream,
    pub(crate) from: SocketAddr,
    /// Its place among the sockets that may be open.
    pub(crate) place: OwnedSemaphorePermit,
}

impl Attempt {
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Quic(incoming) => incoming.remote_address(),
            Self::Web(attempt) => attempt.from,
        }
    }

    /// TCP has proven its address by its own handshake, and so has an attempt that cannot be answered by a Retry.
    pub(crate) fn proof(&self) -> Proof {
        match self {
            Self::Quic(incoming) if incoming.may_retry() => Proof::Missing,
            Self::Quic(_) | Self::Web(..) => Proof::Given,
        }
    }

    /// Asks for a proof of the address, which is missing.
    pub(crate) fn retry(self) {
        if let Self::Quic(incoming) = self {
            // It may be asked, so this cannot fail.
            let _ = incoming.retry();
        }
    }

    pub(crate) fn refuse(self) {
        match self {
            Self::Quic(incoming) => incoming.refuse(),
            Self::Web(attempt) => abandon(&attempt.stream),
        }
    }

    /// Drops it without an answer, where that is possible.
    pub(crate) fn ignore(self) {
        match self {
            Self::Quic(incoming) => incoming.ignore(),
            Self::Web(attempt) => abandon(&attempt.stream),
        }
    }
}

/// How pages are let in.
pub(crate) struct WebDoor {
    /// Their origins.
    pub(crate) origins: Origins,
    /// TLS for WebSocket; `None` for plain WebSocket.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// A connection whose handshake is complete.
pub(crate) enum Opened {
    Quic(quinn::Connection),
    WebTransport(Box<Session>),
    WebSocket(Arc<Socket>),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    #[error(transparent)]
    Quic(#[from] ConnectionError),
    #[error("WebTransport: {0}")]
    WebTransport(#[from] NoSession),
    #[error("WebSocket: {0}")]
    WebSocket(#[from] Unanswered),
}

impl NotOpened {
    /// Where the page was of a foreign origin: by which transport it came.
    pub(crate) const fn foreign_origin(&self) -> Option<Transport> {
        match self {
            Self::WebTransport(NoSession::ForeignOrigin) => Some(Transport::WebTransport),
            Self::WebSocket(Unanswered::ForeignOrigin) => Some(Transport::WebSocket),
            _ => None,
        }
    }
}

impl Attempt {
    /// Completes the handshake: that of QUIC or TLS, and that of HTTP where the peer is a page.
    pub(crate) async fn open(self, web: &WebDoor, limits: &NetLimits) -> Result<Opened, NotOpened> {
        match self {
            Self::Quic(incoming) => {
                let connection = incoming.accept()?.await?;
                if !is_http3(&connection) {
                    return Ok(Opened::Quic(connection));
                }
                let streams_max = limits.streams_per_connection;
                let session = open_session(connection, &web.origins, streams_max).await?;
                Ok(Opened::WebTransport(Box::new(session)))
            }
            Self::Web(WebAttempt { stream, place, .. }) => {
                let options = SocketOptions {
                    message_deadline: limits.frame_deadline,
                    linger: limits.linger,
                };
                let tls = web.tls.as_ref();
                let socket = upgrade(stream, place, tls, &web.origins, options).await?;
                Ok(Opened::WebSocket(Arc::new(socket)))
            }
        }
    }
}

/// A handshake in progress; it reports its end when it is dropped.
pub(crate) struct Handshake {
    pub(crate) place: ConnectionPlace,
    pub(crate) done: mpsc::Sender<ConnectionPlace>,
    /// Cancelled when it takes too long.
    pub(crate) cut: CancellationToken,
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let _ = self.done.try_send(self.place);
    }
}
