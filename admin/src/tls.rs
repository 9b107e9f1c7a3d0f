//! TLS: the certificate of an endpoint, and the authority that signs those of operators.
//!
//! An installation has one authority of its own for this. A client with a certificate of it is an operator; a server
//! with one for [`SERVER_NAME`] is an admin endpoint.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use program::{CertificateMetrics, Kept, OutOfDate, Reload, Validity};
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

/// The DNS name that the certificate of each endpoint must hold. The addresses of shards change; the certificate only
/// proves that an admin endpoint of this installation answers.
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

/// TLS 1.3 of an endpoint, as a server and as a client of other endpoints. Clones share the certificate, which is
/// replaced when its files change.
#[derive(Clone)]
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    ca: PathBuf,
    shown: Arc<RwLock<Shown>>,
    registry: Registry,
    metrics: CertificateMetrics,
}

/// The contents of the files.
struct Shown {
    server: Arc<ServerConfig>,
    client: ClientConfig,
    validity: Validity,
    /// Incremented with each replacement.
    generation: u64,
}

impl Tls {
    /// Reads the certificate chain of this process, its key, and the authority, all in PEM. The certificate is verified
    /// as peers will verify it, so that the start reports what they would refuse.
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

    /// The configuration of a client of other endpoints: it trusts only the authority and shows the current certificate
    /// of this process. The server's name is [`server_name`]. It is out of date once
    /// [`generation`](Self::generation) changes.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        self.shown().client.clone()
    }

    /// Changes whenever the certificate or the authority is replaced.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shown().generation
    }

    /// Reads the files again whenever they change and on `reload`, until `shutdown`.
    pub(crate) async fn keep(self, reload: Reload, shutdown: CancellationToken) {
        let metrics = self.metrics.clone();
        program::keep(self, metrics, reload, shutdown).await;
    }

    /// The metrics of the certificate, as text.
    pub(crate) fn metrics(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.shown().server).into()
    }

    /// No code panics while it holds the lock.
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

    fn validity(&self) -> Validity {
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
            // Probes and holders of tokens have none.
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
        let validity = validity.ok_or_else(|| invalid(CERT, cert, &"it is not a certificate"))?;
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
        // Connections are few and long, so session tickets would only cost memory.
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

/// The configuration of a client without a certificate: it trusts only the authority of a PEM file. The server's name
/// is [`server_name`].
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

/// [`SERVER_NAME`] as rustls takes it.
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

/// Whether every certificate of a chain is valid now.
fn in_date(chain: &[CertificateDer<'_>]) -> Result<(), OutOfDate> {
    let now_unix_s = program::calendar::unix_s();
    let mut validities = chain.iter().filter_map(|one| Validity::of(one));
    validities.try_for_each(|validity| validity.check(now_unix_s))
}

/// Verifies a chain as peers will, as a server's and as a client's.
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
