//! The keys of an issuer of the operator's own, fetched and kept.
//!
//! The address of the keys is in the issuer's discovery document (OpenID Connect Discovery 1.0, section 4). They are read
//! when the first token needs them, again after an hour, and when a token names a key that is not among them, but not more
//! than once in ten seconds. While the issuer does not answer, the keys that are known stay in use.

use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;
use tokens::{ForeignPlayer, IssuerError, IssuerKeys, TokenError};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::args::{IssuerConfig, may_be_read};
use crate::clock::now;
use crate::problem::{Kind, Problem};

/// An issuer must answer within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Longest answer of an issuer, in bytes.
const ANSWER_LEN_MAX: usize = 256 * 1_024;
/// Age at which keys are read again, so that a withdrawn key ends.
const READ_EVERY: Duration = Duration::from_secs(60 * 60);
/// Shortest interval between two reads: anyone can send a token that names an unknown key.
const READ_PAUSE: Duration = Duration::from_secs(10);

type HttpClient = Client<HttpsConnector<HttpConnector>, Body>;

/// One issuer, and its keys as they were last read.
pub(crate) struct Issuer {
    config: IssuerConfig,
    client: HttpClient,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: Option<IssuerKeys>,
    /// When they were last read, or could not be.
    read_at: Option<Instant>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    /// An issuer whose certificate is verified against the system's authorities.
    pub(crate) fn new(config: IssuerConfig) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = rustls::ClientConfig::builder_with_provider(
            rustls::crypto::ring::default_provider().into(),
        )
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new());
        Self {
            config,
            client: builder.build(connector),
            known: Mutex::default(),
        }
    }

    /// Whether a token says that it is of this issuer.
    pub(crate) fn is_named_by(&self, token: &str) -> bool {
        tokens::issuer_of(token).is_some_and(|issuer| issuer == self.config.issuer)
    }

    /// The player of a token.
    pub(crate) async fn player(&self, token: &str) -> Result<ForeignPlayer, Problem> {
        let keys = self.keys(false).await?;
        match self.check(&keys, token) {
            Err(IssuerError::UnknownKey) => {
                let keys = self.keys(true).await?;
                self.check(&keys, token).map_err(refused)
            }
            answer => answer.map_err(refused),
        }
    }

    fn check(&self, keys: &IssuerKeys, token: &str) -> Result<ForeignPlayer, IssuerError> {
        let IssuerConfig { issuer, audience } = &self.config;
        keys.player(token, issuer, audience, now())
    }

    /// The keys, read again if that is due, or if a token needs one that is `missing` and the last read was not just now.
    async fn keys(&self, missing: bool) -> Result<IssuerKeys, Problem> {
        // One request reads them while the others wait for its answer.
        let mut known = self.known.lock().await;
        let age = known.read_at.map(|at| at.elapsed());
        let pause = if missing || known.keys.is_none() {
            READ_PAUSE
        } else {
            READ_EVERY
        };
        if age.is_none_or(|age| age >= pause) {
            known.read_at = Some(Instant::now());
            match timeout(ANSWER_WITHIN, self.read()).await {
                Ok(Ok(keys)) => known.keys = Some(keys),
                Ok(Err(error)) => self.warn(&error),
                Err(late) => self.warn(&late),
            }
        }
        known.keys.clone().ok_or_else(|| {
            let why = "The keys of the issuer of your token cannot be read now. Try again.";
            Problem::new(Kind::IssuerUnavailable, why).after(READ_PAUSE)
        })
    }

    fn warn(&self, error: &dyn std::fmt::Display) {
        let issuer = &self.config.issuer;
        tracing::warn!(%issuer, %error, "the keys of the issuer cannot be read");
    }

    async fn read(&self) -> Result<IssuerKeys, BoxError> {
        let issuer = &self.config.issuer;
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let document = format!("{base}/.well-known/openid-configuration");
        let found: Discovery = serde_json::from_slice(&self.get(&document).await?)?;
        // Section 4.3: otherwise one issuer could speak for another.
        if found.issuer != *issuer {
            return Err(format!("its discovery document is of {}", found.issuer).into());
        }
        if !may_be_read(found.jwks_uri.split('?').next().unwrap_or_default()) {
            return Err(format!("its keys are at {}, which is not https", found.jwks_uri).into());
        }
        let keys = self.get(&found.jwks_uri).await?;
        Ok(IssuerKeys::from_jwks(&keys)?)
    }

    async fn get(&self, address: &str) -> Result<Vec<u8>, BoxError> {
        let request = Request::get(address)
            .header(header::ACCEPT, "application/json")
            .body(Body::empty())?;
        let response = self.client.request(request).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("{address} answers {status}").into());
        }
        let bytes = to_bytes(Body::new(response.into_body()), ANSWER_LEN_MAX).await?;
        Ok(bytes.to_vec())
    }
}

fn refused(error: IssuerError) -> Problem {
    match error {
        IssuerError::Refused(TokenError::Expired) => Problem::new(
            Kind::TokenExpired,
            "The token has expired: get a new one from its issuer.",
        ),
        error => {
            let why = web::sentence(&error.to_string());
            Problem::new(Kind::TokenInvalid, format!("{why}."))
        }
    }
}
