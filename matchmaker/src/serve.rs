//! The process: the observer of the registry, and the connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::token::SigningKey;
use store::Store;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::config::Config;
use crate::limits::{ANSWER_WITHIN, CONNECTION_AGE_MAX, HEAD_LEN_MAX, HEAD_WITHIN};
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
    config: Config,
    listener: TcpListener,
    store: Arc<dyn Store>,
    key: SigningKey,
    metrics: RequestMetrics,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
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
    let connections = Arc::new(Semaphore::new(service.config.connections_max));
    loop {
        let (stream, permit) = tokio::select! {
            () = service.shutdown.cancelled() => return,
            accepted = accept(&listener, &connections) => accepted,
        };
        let (grace, shutdown) = (service.config.grace, service.shutdown.clone());
        tasks.spawn(serve(stream, permit, router.clone(), grace, shutdown));
    }
}

/// The next connection. At the limit, peers wait in the system's queue until another one ends.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed; if it were, the connection would count for nothing.
    let permit = connections.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
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
    _permit: Option<OwnedSemaphorePermit>,
    router: Router,
    grace: Duration,
    shutdown: CancellationToken,
) {
    // Answers are single writes; holding them back gains nothing.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_LEN_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => Some(result),
        () = shutdown.cancelled() => None,
        () = sleep(CONNECTION_AGE_MAX) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = timeout(ANSWER_WITHIN, connection.as_mut()) => match result {
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
