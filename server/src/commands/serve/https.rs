//! HTTPS for players, with the certificate of the shards.

use std::sync::Arc;

use matchmaker::Https;
use program::{CertificateMetrics, Reload};
use prometheus::Registry;
use shard::tls::{self, CertificateSource, ShownIdentity};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::commands::Failure;

/// What the matchmaker speaks; `None` without a certificate of files. The files are read again when they change and on
/// `reload`, until `shutdown`.
pub(super) fn open(
    source: &CertificateSource,
    reload: Reload,
    shutdown: &CancellationToken,
) -> Result<Option<Https>, Failure> {
    if *source == CertificateSource::Made {
        return Ok(None);
    }
    let identity = source.read(program::calendar::unix_s())?;
    let shown = ShownIdentity::new(identity)?;
    let config = shown.server_config(b"http/1.1")?;
    let registry = Registry::new();
    let by = CertificateMetrics::BY_FILES;
    let metrics = CertificateMetrics::register(&registry, "rookery_https", by)?;
    tokio::spawn(tls::keep_https(
        shown,
        source.clone(),
        metrics,
        reload,
        shutdown.clone(),
    ));
    Ok(Some(Https {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        metrics: registry,
    }))
}
