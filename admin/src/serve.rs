//! The listener and its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::{Access, CertificateHolder};
use crate::certificate::holder;
use crate::places::{Limits, Place, Places};
use crate::router::router;
use crate::source::Source;
use crate::tls::Tls;

/// Connections open at once. Strangers are few in good times: probes, and who has not asked yet.
const CONNECTIONS_MAX: Limits = Limits {
    operators_max: 128,
    strangers_max: 128,
    strangers_per_address_max: 32,
};
/// The longest head of a request, in bytes; a longer one is answered with 431.
const HEAD_LEN_MAX: usize = 16 * 1_024;
/// The first head must be complete within this after the connection, and TLS be agreed on.
const FIRST_HEAD_WITHIN: Duration = Duration::from_secs(5);
/// A later head must be complete within this after the last answer.
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
    let acceptor = access.tls().map(Tls::acceptor);
    let router = router(source, access);
    let places = Arc::new(Mutex::new(Places::new(CONNECTIONS_MAX)));
    let tasks = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        let close = CancellationToken::new();
        let guest = Guest::enter(&places, peer, close.clone());
        let router = router.clone().layer(Extension(ConnectInfo(peer)));
        let connection = Connection {
            acceptor: acceptor.clone(),
            router: router.layer(Extension(guest.clone())),
            shutdown: shutdown.clone(),
            first_head_by: Instant::now() + FIRST_HEAD_WITHIN,
            guest,
        };
        tasks.spawn(async move {
            tokio::select! {
                () = connection.run(stream) => {}
                () = close.cancelled() => {
                    tracing::debug!(%peer, "an admin connection that asked nothing gave way");
                }
            }
        });
        // Who has asked already is heard before the next one takes a place.
        yield_now().await;
    }
    tasks.close();
    let _ = timeout(GRACE, tasks.wait()).await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "an admin connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Who is at the other end of a connection, as far as the places go; the place is given back with the
/// last of the clones.
#[derive(Clone)]
pub(crate) struct Guest(Arc<Seat>);

struct Seat {
    places: Arc<Mutex<Places<CancellationToken>>>,
    place: Place,
    has_asked: AtomicBool,
    is_operator: AtomicBool,
}

impl Guest {
    fn enter(
        places: &Arc<Mutex<Places<CancellationToken>>>,
        from: SocketAddr,
        close: CancellationToken,
    ) -> Self {
        let places = Arc::clone(places);
        let (place, evicted) = lock(&places).enter(from.ip(), close);
        if let Some(evicted) = evicted {
            evicted.cancel();
        }
        Self(Arc::new(Seat {
            places,
            place,
            has_asked: AtomicBool::new(false),
            is_operator: AtomicBool::new(false),
        }))
    }

    /// A whole head has come.
    fn asks(&self) {
        self.0.has_asked.store(true, Ordering::Relaxed);
    }

    fn has_asked(&self) -> bool {
        self.0.has_asked.load(Ordering::Relaxed)
    }

    /// It has shown that it is an operator; `false` if there is no room for one more.
    pub(crate) fn is_operator(&self) -> bool {
        let Seat {
            places,
            place,
            is_operator,
            ..
        } = &*self.0;
        // The requests of a connection come one after the other.
        if !is_operator.load(Ordering::Relaxed) {
            let becomes = lock(places).become_operator(*place);
            is_operator.store(becomes, Ordering::Relaxed);
        }
        is_operator.load(Ordering::Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut places = lock(&self.places);
        if *self.is_operator.get_mut() {
            places.operator_left();
        } else {
            places.stranger_left(self.place);
        }
    }
}

/// Nothing panics while it is held.
fn lock<T>(places: &Mutex<Places<T>>) -> MutexGuard<'_, Places<T>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that was accepted.
struct Connection {
    /// For the handshake; `None` for plain HTTP.
    acceptor: Option<TlsAcceptor>,
    router: Router,
    shutdown: CancellationToken,
    first_head_by: Instant,
    guest: Guest,
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
            agreed = timeout_at(self.first_head_by, acceptor.accept(stream)) => match agreed {
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
        let guest = self.guest;
        let router = TowerToHyperService::new(self.router);
        let asked = guest.clone();
        let service = service_fn(move |request| {
            asked.asks();
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_LEN_MAX)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let first_head = async {
            sleep_until(self.first_head_by).await;
            if guest.has_asked() {
                std::future::pending::<()>().await;
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = first_head => {
                tracing::debug!("an admin connection asked nothing in time");
                return;
            }
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
