//! The listener, and who may have a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use program::Reload;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use web::{Admission, ConnectionLimits, HttpServer};

use crate::access::Access;
use crate::places::{PlaceLimits, Places};
use crate::router::router;
use crate::source::Source;
use crate::tls::Tls;
use crate::visitor::Visitor;

/// Upper bounds on open connections. Strangers are few in good times: probes, and peers that have sent no request yet.
const CONNECTIONS_MAX: PlaceLimits = PlaceLimits {
    operators_max: 128,
    strangers_max: 128,
    strangers_per_address_max: 32,
};
/// The TLS handshake and the first head must be complete within this after the connection.
const FIRST_HEAD_WITHIN: Duration = Duration::from_secs(5);
/// A later head must be complete within this after the last answer.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// Time that requests under way have to end in after a shutdown.
const GRACE: Duration = Duration::from_secs(2);

/// Binds the listener of an admin endpoint.
///
/// # Errors
///
/// The system's error, with the address.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let text = format!("the admin endpoint cannot listen on {address} (TCP): {error}");
        io::Error::new(error.kind(), text)
    })
}

/// Serves an admin endpoint until `shutdown`. Its certificate is read again on `reload`.
pub async fn serve(
    listener: TcpListener,
    access: Access,
    source: Arc<dyn Source>,
    reload: Reload,
    shutdown: CancellationToken,
) {
    let tasks = TaskTracker::new();
    match access.tls() {
        Some(tls) => drop(tasks.spawn(tls.clone().keep(reload, shutdown.clone()))),
        // Nothing to reload: the log may say that SIGHUP is ignored.
        None => drop(reload),
    }
    let door = Door {
        places: Arc::new(Mutex::new(Places::new(CONNECTIONS_MAX))),
        tls: access.tls().cloned(),
    };
    let server = HttpServer {
        router: router(source, access),
        admission: Arc::new(door),
        grace: GRACE,
    };
    web::serve(listener, server, &tasks, &shutdown).await;
    tasks.close();
    let _ = timeout(GRACE, tasks.wait()).await;
}

/// Admits every connection; where there is no room, the oldest stranger is closed instead.
struct Door {
    places: Arc<Mutex<Places<CancellationToken>>>,
    tls: Option<Tls>,
}

impl Admission for Door {
    type ConnectionPlace = Visitor;

    fn admit(&self, peer: SocketAddr, close: &CancellationToken) -> Option<Visitor> {
        Some(Visitor::enter(&self.places, peer, close.clone()))
    }

    fn limits(&self, _place: &Visitor) -> ConnectionLimits {
        ConnectionLimits {
            first_head_within: FIRST_HEAD_WITHIN,
            head_within: HEAD_WITHIN,
            age_max: None,
            last_answer_within: GRACE,
            keep_alive: true,
        }
    }

    fn tls(&self) -> Option<TlsAcceptor> {
        self.tls.as_ref().map(Tls::acceptor)
    }
}
