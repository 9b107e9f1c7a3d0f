//! The process: a listener and its connections.

use std::sync::Arc;
use std::time::Duration;

use client::{Matchmaker, MatchmakerError};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use web::HttpServer;

use crate::config::{Config, Unusable};
use crate::places::Places;
use crate::router::router;
use crate::state::Gateway;

/// Whether a gateway could run so: reads what the configuration names, and asks the matchmaker once. Returns why that does not
/// answer now, which is no error: it need not yet be there.
///
/// # Errors
///
/// [`Unusable`].
pub async fn check(config: &Config) -> Result<Option<MatchmakerError>, Unusable> {
    let matchmaker = Matchmaker::trusting(&config.matchmaker, config.ca.as_deref(), ASKED_FOR)?;
    Ok(matchmaker.ready().await.err())
}

/// How long a check waits for the matchmaker.
const ASKED_FOR: Duration = Duration::from_secs(2);

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
