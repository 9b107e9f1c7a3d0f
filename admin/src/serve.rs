//! The listener and its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::{Access, CertificateHolder};
use crate::certificate::holder;
use crate::router::router;
use crate::source::Source;
use crate::tls::Tls;

/// Connections open at once; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 128;
/// The longest head of a request, in bytes; a longer one is answered with 431.
const HEAD_LEN_MAX: usize = 16 * 1_024;
/// TLS must be agreed on within this after the connection.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// A head must be complete within this after the connection or the last answer.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// A peer must go on reading what it is sent within this, or it is cut off.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// What waits in the system for a slow reader, in bytes: beyond it, the reader is waited for.
const SEND_BUFFER_LEN: usize = 64 * 1_024;
/// Requests under way at a shutdown have so long to end.
const GRACE: Duration = Duration::from_secs(2);
/// When the system has no more sockets to give, accepting pauses for this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Binds the listener of an endpoint.
///
/// # Errors
///
/// What the system says, with the address.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let text = format!("the admin endpoint cannot listen on {address} (TCP): {error}");
        io::Error::new(error.kind(), text)
    })
}

/// Serves an admin endpoint until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    access: Access,
    source: Arc<dyn Source>,
    shutdown: CancellationToken,
) {
    let tls = access.tls().cloned();
    let router = router(source, access);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let tasks = TaskTracker::new();
    if let Some(tls) = &tls {
        tasks.spawn(tls.clone().keep(shutdown.clone()));
    }
    loop {
        let (stream, peer, place) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let router = router.clone().layer(Extension(ConnectInfo(peer)));
        let connection = Connection {
            acceptor: tls.as_ref().map(Tls::acceptor),
            router,
            shutdown: shutdown.clone(),
            _place: place,
        };
        tasks.spawn(connection.run(stream));
    }
    tasks.close();
    let _ = timeout(GRACE, tasks.wait()).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed; if it were, the connection would count for nothing.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                tracing::warn!(%error, "an admin connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection that was accepted.
struct Connection {
    /// For the handshake; `None` for plain HTTP.
    acceptor: Option<TlsAcceptor>,
    router: Router,
    shutdown: CancellationToken,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    async fn run(mut self, stream: TcpStream) {
        // Without these it works as well, a little later or with a little more memory.
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_LEN);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_WITHIN));
        let stream = Box::pin(stream);
        let Some(acceptor) = self.acceptor.take() else {
            return self.speak(stream).await;
        };
        let stream = tokio::select! {
            agreed = timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)) => match agreed {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "TLS was not agreed on with an admin connection");
                    return;
                }
                Err(_) => {
                    tracing::debug!("an admin connection did not agree on TLS in time");
                    return;
                }
            },
            () = self.shutdown.cancelled() => return,
        };
        let (_, session) = stream.get_ref();
        // It was checked in the handshake.
        if let Some([certificate, ..]) = session.peer_certificates() {
            let named = CertificateHolder(holder(certificate));
            self.router = self.router.layer(Extension(named));
        }
        self.speak(stream).await;
    }

    /// Speaks HTTP until either side ends it.
    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_LEN_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.router));
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                match timeout(GRACE, connection).await {
                    Ok(ended) => ended,
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "an admin connection ended early");
        }
    }
}
