//! TLS with Redis: which authority is trusted, and what this program shows of itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};

use crate::error::StoreError;

pub(super) const CA: &str = "--store-tls-ca (ROOKERY_STORE_TLS_CA)";
pub(super) const CERT: &str = "--store-tls-cert (ROOKERY_STORE_TLS_CERT)";
pub(super) const KEY: &str = "--store-tls-key (ROOKERY_STORE_TLS_KEY)";
pub(super) const SERVER_NAME: &str = "--store-tls-server-name (ROOKERY_STORE_TLS_SERVER_NAME)";

/// How TLS is spoken with Redis, and with its Sentinels. The files are read at every connection, so that what
/// replaces them is used from then on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisTls {
    /// The authorities that are trusted, in PEM; by default, those of the system.
    pub ca: Option<PathBuf>,
    /// The certificate chain to show, in PEM, and its private key; by default, none is shown.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name that a server's certificate must hold; by default, the host that the connection is made to.
    pub server_name: Option<String>,
}

impl RedisTls {
    /// Whether nothing is set.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] names the option, the file and what is wrong with it.
    pub(super) fn client_config(&self) -> Result<Arc<ClientConfig>, StoreError> {
        let roots = match &self.ca {
            Some(file) => Arc::new(authorities_of(file)?),
            None => authorities_of_the_system()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| StoreError::Unfit(format!("TLS: {error}")))?
            .with_root_certificates(roots);
        let Some((chain, key)) = &self.identity else {
            return Ok(Arc::new(config.with_no_client_auth()));
        };
        let certificates = certificates(CERT, chain)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|why| unfit(KEY, key, &why))?;
        let config = config.with_client_auth_cert(certificates, private);
        config.map(Arc::new).map_err(|why| match why {
            rustls::Error::InconsistentKeys(_) => unfit(
                KEY,
                key,
                &"it is not the key of the certificate of --store-tls-cert",
            ),
            why => unfit(CERT, chain, &why),
        })
    }

    /// The name that the certificate of a server at `host` must hold.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when it is neither a DNS name nor an IP address.
    pub(super) fn name_of(&self, host: &str) -> Result<ServerName<'static>, StoreError> {
        let name = self.server_name.as_deref().unwrap_or(host).to_owned();
        ServerName::try_from(name).map_err(|_| {
            let what = match &self.server_name {
                Some(name) => format!("{SERVER_NAME}: {name:?}"),
                None => format!("TLS: {host:?}"),
            };
            StoreError::Unfit(format!("{what} is neither a DNS name nor an IP address"))
        })
    }
}

fn authorities_of(file: &Path) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CA, file)? {
        roots
            .add(certificate)
            .map_err(|why| unfit(CA, file, &why))?;
    }
    Ok(roots)
}

/// The authorities that this machine trusts, read once; those that cannot be read are left out.
fn authorities_of_the_system() -> Result<Arc<RootCertStore>, StoreError> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = SYSTEM.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    if roots.is_empty() {
        let text = format!("this machine has no authorities that it trusts: name one by {CA}");
        return Err(StoreError::Unfit(text));
    }
    Ok(Arc::clone(roots))
}

fn certificates(option: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(unfit(option, file, &"it holds no certificate")),
        Ok(found) => Ok(found),
        Err(why) => Err(unfit(option, file, &why)),
    }
}

fn unfit(option: &str, file: &Path, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unfit(format!("{option}: {}: {why}", file.display()))
}
