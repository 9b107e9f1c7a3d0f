//! A listener and its connections: HTTP/1.1, with or without TLS, each part of it within a limit.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Extensions;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::CertificateDer;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest head of a request, in bytes: the longest token, with room for what proxies add. A longer one is answered
/// with 431.
const HEAD_LEN_MAX: usize = 16 * 1_024;
/// A peer must go on reading what it is sent within this, or it is cut off.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Upper bound on what waits in the system for a slow reader, in bytes; beyond it, the reader is waited for.
const SEND_BUFFER_LEN: usize = 64 * 1_024;
/// Pause in accepting when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The limits of one connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// The first head must be complete within this after the connection, its TLS handshake included.
    pub first_head_within: Duration,
    /// A later head must be complete within this after the last answer.
    pub head_within: Duration,
    /// A connection of this age is closed after the answer under way, which has `last_answer_within`; `None` for
    /// any age. So clients spread over servers that were added.
    pub age_max: Option<Duration>,
    /// An old connection that has not ended within this after `age_max` is cut off.
    pub last_answer_within: Duration,
    /// Whether more than one request is answered.
    pub keep_alive: bool,
}

/// Who may have a connection, and within which limits.
pub trait Admission: Send + Sync + 'static {
    /// The place of one connection, which is given back when this is dropped. It is an extension of each request.
    type ConnectionPlace: Clone + Send + Sync + 'static;

    /// A place for a connection from `peer`, or `None` if it is to be closed at once. Cancelling `close` closes the
    /// connection later.
    fn admit(&self, peer: SocketAddr, close: &CancellationToken) -> Option<Self::ConnectionPlace>;

    /// The limits of an admitted connection.
    fn limits(&self, place: &Self::ConnectionPlace) -> ConnectionLimits;

    /// The TLS to agree on with a new connection; `None` for plain HTTP.
    fn tls(&self) -> Option<TlsAcceptor> {
        None
    }
}

/// An extension of each request on a connection whose peer has shown a certificate: that certificate, which was
/// verified in the handshake.
#[derive(Debug, Clone)]
pub struct PeerCertificate(pub CertificateDer<'static>);

/// What a listener is served with.
pub struct HttpServer<A> {
    /// Answers the requests. Each has the address of its peer as [`ConnectInfo`].
    pub router: Router,
    /// Decides about connections.
    pub admission: Arc<A>,
    /// What requests under way have to end in after a shutdown.
    pub grace: Duration,
}

/// Serves what connects until `shutdown`, each connection as one of `tasks`. From then on connections are refused,
/// and those that are open end within [`HttpServer::grace`].
pub async fn serve<A: Admission>(
    listener: TcpListener,
    server: HttpServer<A>,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) {
    loop {
        let (stream, peer) = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = accept(&listener) => accepted,
        };
        let close = CancellationToken::new();
        // Who finds no place is sent away at once: probes would wait behind whoever waited for one.
        let Some(place) = server.admission.admit(peer, &close) else {
            tracing::debug!(%peer, "a connection beyond the limit is closed");
            continue;
        };
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(peer));
        extensions.insert(place.clone());
        let connection = Connection {
            limits: server.admission.limits(&place),
            router: server.router.clone(),
            extensions,
            admission: Arc::clone(&server.admission),
            grace: server.grace,
            shutdown: shutdown.clone(),
            began: Instant::now(),
        };
        tasks.spawn(async move {
            tokio::select! {
                () = connection.run(stream) => {}
                () = close.cancelled() => {
                    tracing::debug!(%peer, "a connection gave way to another one");
                }
            }
        });
        // A request that has arrived already is read before the next connection takes a place.
        yield_now().await;
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection whose peer must read in time.
type Stream = Pin<Box<TimeoutStream<TcpStream>>>;

/// A connection that was admitted.
struct Connection<A: Admission> {
    limits: ConnectionLimits,
    router: Router,
    /// Of each request. A layer of the router would copy all routes for each connection.
    extensions: Extensions,
    admission: Arc<A>,
    grace: Duration,
    shutdown: CancellationToken,
    began: Instant,
}

impl<A: Admission> Connection<A> {
    async fn run(self, stream: TcpStream) {
        // A system that refuses these costs a little time or memory, nothing else.
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_LEN);
        if !self.is_used(&stream).await {
            return;
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_WITHIN));
        let stream = Box::pin(stream);
        match self.admission.tls() {
            // Boxed, so that connections without TLS have no room for its state.
            Some(acceptor) => Box::pin(self.speak_tls(acceptor, stream)).await,
            None => self.speak(stream).await,
        }
    }

    /// Waits for the first byte, so that idle connections have no buffers; `false` if the peer sends none in time, or
    /// closes the connection.
    async fn is_used(&self, stream: &TcpStream) -> bool {
        let mut first = [0];
        tokio::select! {
            peeked = timeout_at(self.first_head_by(), stream.peek(&mut first)) => match peeked {
                Ok(peeked) => peeked.is_ok_and(|len| len > 0),
                Err(_) => {
                    tracing::debug!("a connection sent nothing in time");
                    false
                }
            },
            () = self.too_old() => false,
            () = self.shutdown.cancelled() => false,
        }
    }

    /// Agrees on TLS, and speaks HTTP over it.
    async fn speak_tls(mut self, acceptor: TlsAcceptor, stream: Stream) {
        let handshake = timeout_at(self.first_head_by(), acceptor.accept(stream));
        let stream = tokio::select! {
            agreed = handshake => match agreed {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a TLS handshake failed");
                    return;
                }
                Err(_) => {
                    tracing::debug!("a TLS handshake took too long");
                    return;
                }
            },
            () = self.shutdown.cancelled() => return,
        };
        let (_, session) = stream.get_ref();
        if let Some([certificate, ..]) = session.peer_certificates() {
            let shown = PeerCertificate(certificate.clone().into_owned());
            self.extensions.insert(shown);
        }
        self.speak(stream).await;
    }

    fn first_head_by(&self) -> Instant {
        self.began + self.limits.first_head_within
    }

    /// Speaks HTTP until either side ends it.
    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let has_asked = AtomicBool::new(false);
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(|mut request: Request<Incoming>| {
            has_asked.store(true, Ordering::Relaxed);
            request.extensions_mut().extend(self.extensions.clone());
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_within)
            .keep_alive(self.limits.keep_alive)
            .max_buf_size(HEAD_LEN_MAX)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = self.without_first_head(&has_asked) => {
                tracing::debug!("a connection sent no request in time");
                return;
            }
            () = self.too_old() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = timeout(self.limits.last_answer_within, connection.as_mut()) => match ended {
                        Ok(ended) => Some(ended),
                        Err(_) => return tracing::debug!("an old connection did not end"),
                    },
                    () = self.shutdown.cancelled() => None,
                }
            }
            () = self.shutdown.cancelled() => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                match timeout(self.grace, connection).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        return tracing::debug!("a connection did not end within its grace time");
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// Returns if the first head has not come in time.
    async fn without_first_head(&self, has_asked: &AtomicBool) {
        sleep_until(self.first_head_by()).await;
        if has_asked.load(Ordering::Relaxed) {
            std::future::pending().await
        }
    }

    async fn too_old(&self) {
        match self.limits.age_max {
            Some(age_max) => sleep_until(self.began + age_max).await,
            None => std::future::pending().await,
        }
    }
}
