//! The certificate of an endpoint, and where it comes from.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use program::{OutOfDate, Validity};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use ring::digest::{SHA256, digest};
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Browsers accept a certificate by its hash only if it is valid for at most two weeks.
const SELF_SIGNED_VALIDITY_DAYS: i64 = 13;

/// A certificate that cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read as PEM.
    #[error("cannot read {what} from {path}: {why}")]
    File {
        /// Certificate or key.
        what: &'static str,
        /// Which file.
        path: String,
        /// Why not.
        why: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The certificate and key cannot be used for TLS 1.3.
    #[error("the certificate cannot be used: {0}")]
    Use(#[from] rustls::Error),
    /// A certificate of the chain is not valid now.
    #[error("{path}: {why}")]
    OutOfDate {
        /// Which file.
        path: String,
        /// Since or until when.
        why: OutOfDate,
    },
    /// The key belongs to another certificate.
    #[error("the key in {key} is not the key of the certificate in {chain}")]
    OtherKey {
        /// The certificate's file.
        chain: String,
        /// The key's file.
        key: String,
    },
    /// The certificate does not have a name that clients will check.
    #[error("the certificate is not for {name}: {why}")]
    OtherName {
        /// The name, or an IP address.
        name: String,
        /// Why not.
        why: String,
    },
    /// The address cannot be bound.
    #[error("cannot listen on {address} (UDP): {why}; choose another port")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        why: std::io::Error,
    },
}

/// A certificate chain with its key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// SHA-256 of the first of the chain.
    pin: [u8; 32],
    /// That of the first of the chain.
    validity: Validity,
}

impl Identity {
    /// Makes a self-signed ECDSA P-256 certificate that is valid from `now` for 13 days.
    ///
    /// # Errors
    ///
    /// [`TlsError::Make`] and [`TlsError::Use`].
    pub fn self_signed(now_unix_s: i64) -> Result<Self, TlsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        let day = Duration::from_secs(24 * 60 * 60);
        let now = time::OffsetDateTime::from_unix_timestamp(now_unix_s)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        // Clients' clocks may be a little behind.
        params.not_before = now - day / 24;
        params.not_after = now + day * SELF_SIGNED_VALIDITY_DAYS as u32;
        let certificate = params.self_signed(&key)?;
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let unreadable = rustls::CertificateError::BadEncoding;
        Self::new(chain, key).ok_or_else(|| rustls::Error::from(unreadable).into())
    }

    /// Reads a certificate chain and its key from PEM files. They are checked as players will check them: the
    /// key must match the certificate, and the chain must be valid at `now_unix_s`.
    ///
    /// # Errors
    ///
    /// [`TlsError::File`], [`TlsError::OutOfDate`], [`TlsError::OtherKey`] and [`TlsError::Use`].
    pub fn from_files(chain: &Path, key: &Path, now_unix_s: i64) -> Result<Self, TlsError> {
        let error = |what, path: &Path, why: String| TlsError::File {
            what,
            path: path.display().to_string(),
            why,
        };
        let certificates = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|why| error("a certificate chain", chain, why.to_string()))?;
        if certificates.is_empty() {
            return Err(error(
                "a certificate chain",
                chain,
                "it holds none".to_owned(),
            ));
        }
        let private = PrivateKeyDer::from_pem_file(key)
            .map_err(|why| error("a private key", key, why.to_string()))?;
        for validity in certificates.iter().filter_map(|one| Validity::of(one)) {
            validity
                .check(now_unix_s)
                .map_err(|why| TlsError::OutOfDate {
                    path: chain.display().to_string(),
                    why,
                })?;
        }
        let provider = rustls::crypto::ring::default_provider();
        CertifiedKey::from_der(certificates.clone(), private.clone_key(), &provider).map_err(
            |why| match why {
                rustls::Error::InconsistentKeys(_) => TlsError::OtherKey {
                    chain: chain.display().to_string(),
                    key: key.display().to_string(),
                },
                why => why.into(),
            },
        )?;
        Self::new(certificates, private).ok_or_else(|| {
            let why = "its first certificate is not of the form of X.509".to_owned();
            error("a certificate chain", chain, why)
        })
    }

    /// `None` if the chain has no certificate of a form that can be read.
    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Option<Self> {
        let own = chain.first()?;
        let validity = Validity::of(own)?;
        let mut pin = [0; 32];
        pin.copy_from_slice(digest(&SHA256, own).as_ref());
        Some(Self {
            chain,
            key,
            pin,
            validity,
        })
    }

    /// SHA-256 of the certificate, which clients pin.
    #[must_use]
    pub const fn pin(&self) -> [u8; 32] {
        self.pin
    }

    /// Whether clients that connect to this name, or IP address, accept the certificate's names (RFC 9525).
    ///
    /// # Errors
    ///
    /// [`TlsError::OtherName`].
    pub fn check_name(&self, name: &str) -> Result<(), TlsError> {
        let other = |why: String| TlsError::OtherName {
            name: name.to_owned(),
            why,
        };
        let server = ServerName::try_from(name).map_err(|error| other(error.to_string()))?;
        let own = self
            .chain
            .first()
            .ok_or_else(|| other("it has none".to_owned()))?;
        let parsed = ParsedCertificate::try_from(own)?;
        verify_server_name(&parsed, &server).map_err(|error| other(error.to_string()))
    }

    /// When the certificate is valid.
    #[must_use]
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    fn certified(self) -> Result<CertifiedKey, rustls::Error> {
        let provider = rustls::crypto::ring::default_provider();
        CertifiedKey::from_der(self.chain, self.key, &provider)
    }
}

/// SHA-256 of certificates, by which clients know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePins {
    /// Of the one that is presented.
    pub shown: [u8; 32],
    /// Of the one that will be presented soon, if there is one.
    pub next: Option<[u8; 32]>,
}

impl CertificatePins {
    /// All that a client may come upon.
    #[must_use]
    pub fn all(&self) -> Vec<[u8; 32]> {
        [self.shown].into_iter().chain(self.next).collect()
    }
}

/// The certificate that an endpoint presents, which may be replaced while it is open: later handshakes use
/// the new one, and open connections continue. Clones share it.
#[derive(Clone, Debug)]
pub struct ShownIdentity(Arc<RwLock<Shown>>);

#[derive(Clone, Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    pin: [u8; 32],
    validity: Validity,
}

impl Shown {
    fn new(identity: Identity) -> Result<Self, TlsError> {
        Ok(Self {
            pin: identity.pin(),
            validity: identity.validity(),
            key: Arc::new(identity.certified()?),
        })
    }
}

impl ShownIdentity {
    /// A certificate to present.
    ///
    /// # Errors
    ///
    /// [`TlsError::Use`], if the key is not that of the certificate or is of no kind that TLS 1.3 knows.
    pub fn new(identity: Identity) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(Shown::new(identity)?))))
    }

    /// Presents another one from now on.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new); the old one then stays in use.
    pub fn replace(&self, identity: Identity) -> Result<(), TlsError> {
        let shown = Shown::new(identity)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    /// SHA-256 of the certificate, which clients pin.
    #[must_use]
    pub fn pin(&self) -> [u8; 32] {
        self.current().pin
    }

    /// When it is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.current().validity
    }

    /// Nothing panics while it is held.
    fn current(&self) -> Shown {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.clone()
    }
}

impl ResolvesServerCert for ShownIdentity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().key)
    }
}

/// The source of the QUIC endpoint's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// From PEM files.
    Files {
        /// The certificate chain.
        chain: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// It is made by this process, and clients verify it by its hash.
    Made,
}

impl CertificateSource {
    /// Reads or makes the certificate.
    ///
    /// # Errors
    ///
    /// [`TlsError`].
    pub fn read(&self, now_unix_s: i64) -> Result<Identity, TlsError> {
        match self {
            Self::Files { chain, key } => Identity::from_files(chain, key, now_unix_s),
            Self::Made => Identity::self_signed(now_unix_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_for_the_names_that_it_holds_and_no_others() {
        let identity = Identity::self_signed(1_800_000_000).unwrap();
        identity.check_name("localhost").unwrap();
        for other in [
            "chess.example.org",
            "127.0.0.1",
            "localhost.example",
            "no name",
        ] {
            let refused = identity.check_name(other).unwrap_err().to_string();
            assert!(refused.contains(other), "{refused}");
        }
    }
}
