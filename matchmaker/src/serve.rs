//! The process: the observer of the registry, and the connections.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use settings::AddressGroup;
use store::Store;
use tokens::SigningKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::address::is_in;
use crate::bounds::{Peer, is_exempt};
use crate::config::Config;
use crate::limits::{
    ANSWER_WITHIN, CONNECTION_AGE_MAX, HEAD_LEN_MAX, HEAD_WITHIN, PROBE_WITHIN, ProbesOnly,
    connections_that_fit,
};
use crate::places::{self, Place, Places};
use crate::registry::{Answers, View, watch_registry};
use crate::request_metrics::RequestMetrics;
use crate::router::router;
use crate::service::Service;

/// Serving begins once the registry was read, or after this: a store that is slow to come up is
/// answered for with problems, not with silence.
const FIRST_VIEW_WITHIN: Duration = Duration::from_secs(1);

/// When the system has no more sockets to give, accepting pauses for this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Runs a matchmaker on `listener` until `shutdown`; then answers what is under way, for at most
/// [`Config::grace`], and returns. All its tasks have ended when it does.
///
/// `metrics` counts the requests; [`operate`](crate::operate) shows them.
///
/// The store need not answer when this begins, nor all the time: requests that need it are refused
/// meanwhile, with a problem that says so.
///
/// # Errors
///
/// Only the listener's own address failing to be read; nothing that a peer or the store does ends a
/// matchmaker.
pub async fn run(
    mut config: Config,
    listener: TcpListener,
    store: Arc<dyn Store>,
    key: SigningKey,
    metrics: RequestMetrics,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let open_files = settings::open_files();
    let connections_max = connections_that_fit(config.connections_max, open_files);
    if connections_max < config.connections_max {
        warn!(
            wanted = config.connections_max,
            connections_max,
            open_files,
            "fewer connections are served than --connections-max says: raise the limit of open files \
             (ulimit -n, LimitNOFILE=)"
        );
        config.connections_max = connections_max;
    }
    let tasks = TaskTracker::new();
    let (sender, mut views) = watch::channel(Arc::new(View::default()));
    let answers = Some(Answers::default());
    let watching = watch_registry(store.clone(), sender, answers, shutdown.clone());
    tasks.spawn(watching);
    let _ = timeout(FIRST_VIEW_WITHIN, views.wait_for(|view| view.observed())).await;
    info!(%address, "the matchmaker serves");
    let service = Service::new(config, store, key, views, metrics, shutdown);
    accept_all(listener, &service, &tasks).await;
    tasks.close();
    info!(tasks = tasks.len(), "the matchmaker ends");
    tasks.wait().await;
    Ok(())
}

/// Serves what connects, each connection as one of `tasks`, until the service is to end. From then
/// on connections are refused, so that clients turn to another matchmaker.
pub(crate) async fn accept_all(listener: TcpListener, service: &Arc<Service>, tasks: &TaskTracker) {
    let router = router(service);
    let limits = &service.config.limits;
    let per_address_max = limits.connections_per_address_max as usize;
    let places = Places::new(service.config.connections_max, per_address_max);
    let places = Arc::new(Mutex::new(places));
    loop {
        let (stream, peer) = tokio::select! {
            () = service.shutdown.cancelled() => return,
            accepted = accept(&listener) => accepted,
        };
        let is_capped = !is_in(&limits.trusted_proxy, peer) && !is_exempt(limits, peer);
        // Who finds no place is sent away at once: where it waited, so would probes behind it.
        let Some(place) = Place::take(&places, AddressGroup::of(peer), is_capped) else {
            debug!(%peer, "a connection more than may be is closed");
            continue;
        };
        let (grace, shutdown) = (service.config.grace, service.shutdown.clone());
        tasks.spawn(serve(stream, peer, place, router.clone(), grace, shutdown));
    }
}

/// The next connection, and the address of its other end.
async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer.ip()),
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection until it ends, grows too old, or the matchmaker goes away.
async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    place: Place,
    router: Router,
    grace: Duration,
    shutdown: CancellationToken,
) {
    // Answers are single writes; holding them back gains nothing.
    let _ = stream.set_nodelay(true);
    let for_probes = place.kind() == places::Kind::Reserved;
    let (head_within, age_max, answer_within) = if for_probes {
        (PROBE_WITHIN, PROBE_WITHIN, PROBE_WITHIN)
    } else {
        (HEAD_WITHIN, CONNECTION_AGE_MAX, ANSWER_WITHIN)
    };
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        if for_probes {
            request.extensions_mut().insert(ProbesOnly);
        }
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_within)
        .keep_alive(!for_probes)
        .max_buf_size(HEAD_LEN_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => Some(result),
        () = shutdown.cancelled() => None,
        () = sleep(age_max) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = timeout(answer_within, connection.as_mut()) => match result {
                    Ok(result) => Some(result),
                    Err(_) => return debug!("an old connection did not end"),
                },
                () = shutdown.cancelled() => None,
            }
        }
    };
    let result = match result {
        Some(result) => result,
        None => {
            connection.as_mut().graceful_shutdown();
            match timeout(grace, connection).await {
                Ok(result) => result,
                Err(_) => return debug!("a connection did not end within its grace time"),
            }
        }
    };
    if let Err(error) = result {
        debug!(%error, "a connection ended early");
    }
}
