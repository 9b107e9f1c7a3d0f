//! Certificates, and the QUIC endpoint that speaks with them.

mod keeping;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use program::{OutOfDate, Validity};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime, TransportConfig};
use quinn_proto::HashedConnectionIdGenerator;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use ring::digest::{SHA256, digest};
use ring::hmac;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use socket2::SockRef;

use crate::NetLimits;
pub use keeping::{CertificateSource, keep};

/// Requested socket buffers, in bytes, each way: thousands of datagrams, which arrive at once when thousands
/// of players return. Linux grants no more than `net.core.rmem_max` and `wmem_max`.
const SOCKET_BUFFER_LEN: usize = 4 * 1_024 * 1_024;
/// Upper bound on bytes kept of what a client sends before its attempt is accepted: a first flight has two
/// packets.
const INCOMING_BUFFER_LEN: u64 = 8 * 1_024;

/// Minimum interval between stateless resets. After a restart thousands are due at once and quinn stamps a
/// whole batch alike, so any non-zero interval leaves most peers to time out. A reset costs one HMAC, and is
/// shorter than the packet that it answers, so that it amplifies nothing and two servers do not answer each
/// other for ever (RFC 9000 section 10.3.3).
const RESET_EVERY_MIN: Duration = Duration::ZERO;

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
}

impl Identity {
    /// Makes a self-signed ECDSA P-256 certificate that is valid from `now` for 13 days.
    ///
    /// # Errors
    ///
    /// [`TlsError::Make`].
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
        Ok(Self {
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        })
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
        Ok(Self {
            chain: certificates,
            key: private,
        })
    }

    /// SHA-256 of the certificate, which clients pin.
    #[must_use]
    pub fn pin(&self) -> Option<[u8; 32]> {
        pin(&self.chain)
    }

    /// When the certificate is valid.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        self.chain.first().and_then(|own| Validity::of(own))
    }

    fn certified(self) -> Result<CertifiedKey, rustls::Error> {
        let provider = rustls::crypto::ring::default_provider();
        CertifiedKey::from_der(self.chain, self.key, &provider)
    }

    /// Binds a QUIC endpoint that presents this certificate.
    ///
    /// # Errors
    ///
    /// [`TlsError::Use`] and [`TlsError::Bind`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn bind(
        self,
        address: SocketAddr,
        secret: Option<&ResetSecret>,
        limits: &NetLimits,
    ) -> Result<Endpoint, TlsError> {
        ShownIdentity::new(self)?.bind(address, secret, limits)
    }
}

/// The certificate that an endpoint presents, which may be replaced while it is open: later handshakes use
/// the new one, and open connections continue. Clones share it.
#[derive(Clone, Debug)]
pub struct ShownIdentity(Arc<RwLock<Arc<CertifiedKey>>>);

impl ShownIdentity {
    /// A certificate to present.
    ///
    /// # Errors
    ///
    /// [`TlsError::Use`], if the key is not that of the certificate or is of no kind that TLS 1.3 knows.
    pub fn new(identity: Identity) -> Result<Self, TlsError> {
        let key = identity.certified()?;
        Ok(Self(Arc::new(RwLock::new(Arc::new(key)))))
    }

    /// Presents another one from now on.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new); the old one then stays in use.
    pub fn replace(&self, identity: Identity) -> Result<(), TlsError> {
        let key = Arc::new(identity.certified()?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }

    /// SHA-256 of the certificate, which clients pin.
    #[must_use]
    pub fn pin(&self) -> Option<[u8; 32]> {
        pin(&self.current().cert)
    }

    /// When it is valid.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        let key = self.current();
        key.cert.first().and_then(|own| Validity::of(own))
    }

    /// Nothing panics while it is held.
    fn current(&self) -> Arc<CertifiedKey> {
        let key = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&key)
    }

    /// Binds a QUIC endpoint that presents it.
    ///
    /// # Errors
    ///
    /// [`TlsError::Use`] and [`TlsError::Bind`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn bind(
        &self,
        address: SocketAddr,
        secret: Option<&ResetSecret>,
        limits: &NetLimits,
    ) -> Result<Endpoint, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        tls.alpn_protocols = vec![protocol::ALPN.to_vec()];
        // No 0-RTT (a replayed first flight must not act), and no tickets, which cost memory.
        tls.max_early_data_size = 0;
        tls.send_tls13_tickets = 0;
        let crypto = QuicServerConfig::try_from(tls)
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let mut server = ServerConfig::with_crypto(Arc::new(crypto));
        server
            .transport_config(Arc::new(transport(limits)))
            .migration(true)
            .incoming_buffer_size(INCOMING_BUFFER_LEN);
        let bind_error = |why| TlsError::Bind { address, why };
        let socket = std::net::UdpSocket::bind(address).map_err(bind_error)?;
        // All players share this socket. Smaller buffers than requested are no reason not to serve.
        let _ = SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER_LEN);
        let _ = SockRef::from(&socket).set_send_buffer_size(SOCKET_BUFFER_LEN);
        let config = secret.map_or_else(EndpointConfig::default, ResetSecret::endpoint_config);
        Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime)).map_err(bind_error)
    }
}

impl ResolvesServerCert for ShownIdentity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn pin(chain: &[CertificateDer<'_>]) -> Option<[u8; 32]> {
    digest(&SHA256, chain.first()?).as_ref().try_into().ok()
}

/// The key with which a restarted shard at the same address resets the connections of its predecessor's peers
/// at once (stateless reset, RFC 9000 section 10.3), so that they do not wait for a timeout.
pub struct ResetSecret(hmac::Key);

impl ResetSecret {
    /// Shorter secrets are refused, in bytes.
    pub const LEN_MIN: usize = 32;

    /// A secret that all processes at the address share; `None` if it is too short.
    #[must_use]
    pub fn from_bytes(secret: &[u8]) -> Option<Self> {
        let long_enough = secret.len() >= Self::LEN_MIN;
        long_enough.then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    fn endpoint_config(&self) -> EndpointConfig {
        let reset_key = self.0.clone();
        let tag = hmac::sign(&reset_key, b"connection ids");
        let cid_key = tag
            .as_ref()
            .first_chunk()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let mut config = EndpointConfig::new(Arc::new(reset_key));
        config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(cid_key)));
        config.min_reset_interval(RESET_EVERY_MIN);
        config
    }
}

/// Transport parameters that measurements favour: few eager slots, small windows, no probing.
#[must_use]
pub fn transport(limits: &NetLimits) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(limits.streams_per_connection.into())
        .max_concurrent_uni_streams(0_u32.into())
        .datagram_receive_buffer_size(None)
        .mtu_discovery_config(None)
        .crypto_buffer_size(8 * 1024)
        .stream_receive_window((16_u32 * 1024).into())
        .receive_window((64_u32 * 1024).into())
        .send_window(64 * 1024)
        .max_idle_timeout(IdleTimeout::try_from(limits.idle_timeout).ok());
    transport
}
