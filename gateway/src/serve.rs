//! The process: a listener and its connections.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use web::HttpServer;

use crate::config::{Config, Unusable};
use crate::places::Places;
use crate::router::router;
use crate::state::Gateway;

/// Runs a gateway on `listener` until `shutdown`, and returns once all its tasks have ended. Clients speak HTTPS if
/// `tls` is there.
///
/// The matchmaker need not answer at the start, nor all the time: meanwhile clients are told to ask again.
///
/// # Errors
///
/// [`Unusable`], before anything is served.
pub async fn run(
    config: Config,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shutdown: CancellationToken,
) -> Result<(), Unusable> {
    let grace = config.grace;
    let places = Arc::new(Places::new(config.limits.clone(), tls));
    let gateway = Gateway::new(config, Arc::clone(&places), shutdown.child_token())?;
    let gateway = Arc::new(gateway);
    let address = listener.local_addr()?;
    tracing::info!(%address, matchmaker = gateway.matchmaker.base(), "the gateway serves");
    let server = HttpServer {
        router: router(&gateway),
        admission: places,
        grace,
    };
    web::serve(listener, server, &gateway.tasks, &gateway.shutdown).await;
    gateway.tasks.close();
    gateway.tasks.wait().await;
    gateway.connector.wait_idle(grace).await;
    Ok(())
}
