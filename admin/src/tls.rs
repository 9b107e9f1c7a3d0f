//! TLS: the certificate of an endpoint, and the authority that signs those of operators.
//!
//! An installation has one authority of its own for this. Who shows a certificate of it is an operator;
//! who answers by one that holds [`SERVER_NAME`] is an endpoint.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use program::Reload;
use prometheus::{Registry, TextEncoder};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::renewal::{self, CertificateMetrics, Kept};

use crate::validity::{OutOfDate, Validity};

/// The DNS name that the certificate of each endpoint must hold. Shards are asked at addresses that
/// change; what is vouched for is that an endpoint of this installation answers there.
pub const SERVER_NAME: &str = "rookery-admin";

pub(crate) const CERT: &str = "--admin-tls-cert (ROOKERY_ADMIN_TLS_CERT)";
pub(crate) const KEY: &str = "--admin-tls-key (ROOKERY_ADMIN_TLS_KEY)";
pub(crate) const CA: &str = "--admin-tls-ca (ROOKERY_ADMIN_TLS_CA)";

/// A certificate, key or authority that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {path:?}: {why}")]
pub struct InvalidTls {
    option: &'static str,
    path: PathBuf,
    why: String,
}

/// How an endpoint speaks TLS 1.3, and how it asks others of its installation. Clones share what is shown, which
/// is replaced when the files change.
#[derive(Clone)]
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    ca: PathBuf,
    shown: Arc<RwLock<Shown>>,
    registry: Registry,
    metrics: CertificateMetrics,
}

/// What was read of the files.
struct Shown {
    server: Arc<ServerConfig>,
    client: ClientConfig,
    validity: Option<Validity>,
    /// Raised with each replacement.
    generation: u64,
}

impl Tls {
    /// Reads the certificate chain of this process, its key, and the authority, all in PEM. The
    /// certificate is held against the rules that others will hold it against: now is when to say so.
    ///
    /// # Errors
    ///
    /// [`InvalidTls`] names the option and the file.
    ///
    /// # Panics
    ///
    /// Never: the names of its metrics are valid.
    pub fn read(cert: &Path, key: &Path, ca: &Path) -> Result<Self, InvalidTls> {
        let registry = Registry::new();
        let by = CertificateMetrics::BY_FILES;
        let metrics = CertificateMetrics::register(&registry, "rookery_admin", by);
        Ok(Self {
            shown: Arc::new(RwLock::new(Shown::read(cert, key, ca)?)),
            cert: cert.to_owned(),
            key: key.to_owned(),
            ca: ca.to_owned(),
            metrics: metrics.expect("the names are valid and distinct"),
            registry,
        })
    }

    /// For who asks another endpoint of the installation: it trusts the authority alone, and shows the
    /// certificate of this process. The name to expect is [`server_name`]. It is of now: see
    /// [`generation`](Self::generation).
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        self.shown().client.clone()
    }

    /// Changes when the certificate or the authority are replaced.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shown().generation
    }

    /// Reads the files again whenever they change and on `reload`, until `shutdown`.
    pub(crate) async fn keep(self, reload: Reload, shutdown: CancellationToken) {
        let metrics = self.metrics.clone();
        renewal::keep(self, metrics, reload, shutdown).await;
    }

    /// What Prometheus is told of the certificate.
    pub(crate) fn metrics(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.shown().server).into()
    }

    /// Nothing panics while it is held.
    fn shown(&self) -> RwLockReadGuard<'_, Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept for Tls {
    fn name(&self) -> &'static str {
        "admin endpoint"
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.cert.clone(), self.key.clone(), self.ca.clone()]
    }

    fn validity(&self) -> Option<Validity> {
        self.shown().validity
    }

    fn renew(&mut self, _now_unix_s: i64) -> Result<(), String> {
        let read = Shown::read(&self.cert, &self.key, &self.ca);
        let mut read = read.map_err(|error| error.to_string())?;
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        read.generation = shown.generation + 1;
        *shown = read;
        Ok(())
    }
}

impl Shown {
    fn read(cert: &Path, key: &Path, ca: &Path) -> Result<Self, InvalidTls> {
        let roots = roots(ca)?;
        let chain = certificates(CERT, cert)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|why| invalid(KEY, key, &why))?;
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider())
            // Probes and bearers of tokens have none.
            .allow_unauthenticated()
            .build()
            .map_err(|why| invalid(CA, ca, &why))?;
        in_date(&chain).map_err(|why| invalid(CERT, cert, &why))?;
        check(&chain, &roots, &*clients).map_err(|why| {
            let why = format!(
                "{why}; it must be signed by the authority of --admin-tls-ca, hold the DNS name \
                 {SERVER_NAME}, and serve for both sides of TLS (serverAuth, clientAuth)"
            );
            invalid(CERT, cert, &why)
        })?;
        let validity = chain.first().and_then(|own| Validity::of(own));
        let unusable = |why| match why {
            rustls::Error::InconsistentKeys(_) => invalid(
                KEY,
                key,
                &"it is not the key of the certificate of --admin-tls-cert",
            ),
            why => invalid(KEY, key, &why),
        };
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), private.clone_key())
            .map_err(unusable)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Connections are few and kept: what resumes them would only cost memory.
        server.send_tls13_tickets = 0;
        let client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, private)
            .map_err(unusable)?;
        Ok(Self {
            server: Arc::new(server),
            client,
            validity,
            generation: 0,
        })
    }
}

/// For who asks an endpoint without a certificate: it trusts the authority of a PEM file alone. The name
/// to expect is [`server_name`].
///
/// # Errors
///
/// [`InvalidTls`] names the option and the file.
pub fn anonymous_client(ca: &Path) -> Result<ClientConfig, InvalidTls> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|why| invalid(CA, ca, &why))?;
    Ok(config
        .with_root_certificates(roots(ca)?)
        .with_no_client_auth())
}

/// [`SERVER_NAME`], as TLS has it.
///
/// # Panics
///
/// Never: it is a DNS name.
#[must_use]
pub fn server_name() -> ServerName<'static> {
    ServerName::try_from(SERVER_NAME).expect("a DNS name")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn roots(ca: &Path) -> Result<Arc<RootCertStore>, InvalidTls> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CA, ca)? {
        let added = roots.add(certificate);
        added.map_err(|why| invalid(CA, ca, &why))?;
    }
    Ok(Arc::new(roots))
}

fn certificates(
    option: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, InvalidTls> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(invalid(option, path, &"it holds no certificate")),
        Ok(found) => Ok(found),
        Err(why) => Err(invalid(option, path, &why)),
    }
}

/// Whether a chain holds today.
fn in_date(chain: &[CertificateDer<'_>]) -> Result<(), OutOfDate> {
    let now_unix_s = program::calendar::unix_s();
    let mut validities = chain.iter().filter_map(|one| Validity::of(one));
    validities.try_for_each(|validity| validity.check(now_unix_s))
}

/// Whether others will take this chain, from a server and from a client.
fn check(
    chain: &[CertificateDer<'_>],
    roots: &Arc<RootCertStore>,
    clients: &dyn ClientCertVerifier,
) -> Result<(), rustls::Error> {
    let servers = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider())
        .build()
        .map_err(|why| rustls::Error::General(why.to_string()))?;
    if let [own, intermediates @ ..] = chain {
        let now = UnixTime::now();
        servers.verify_server_cert(own, intermediates, &server_name(), &[], now)?;
        clients.verify_client_cert(own, intermediates, now)?;
    }
    Ok(())
}

fn invalid(option: &'static str, path: &Path, why: &dyn std::fmt::Display) -> InvalidTls {
    InvalidTls {
        option,
        path: path.to_owned(),
        why: why.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
