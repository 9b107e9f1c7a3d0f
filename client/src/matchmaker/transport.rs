//! One request and its answer: HTTP over TCP, or over TLS.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, LOCATION, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::MatchmakerError;

/// An answer takes no longer than this.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Longer answers are not read, in bytes. A match's PGN of 600 moves a side is about 40 KB.
pub(super) const ANSWER_LEN_MAX: usize = 1_024 * 1_024;
/// A connection without a request for this long is closed.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// Makes connections and keeps them; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Transport(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What a matchmaker answers.
#[derive(Debug)]
pub(super) struct HttpAnswer {
    pub(super) status: StatusCode,
    /// How long it asks the client to wait (RFC 9110 section 10.2.3).
    pub(super) retry_after: Option<Duration>,
    /// The other address that it names (RFC 9110 section 10.2.2).
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// Another attempt may succeed.
    Passing(String),
    /// The peer is not who it should be, or speaks no TLS.
    Tls(String),
    /// It is none that can be read.
    Nonsense(String),
}

impl Transport {
    /// Connections that begin at `local`, an address of this machine, if one is given. With TLS they
    /// trust the authorities in the file `ca`, or those of the system.
    pub(super) fn new(
        local: Option<IpAddr>,
        is_tls: bool,
        ca: Option<&Path>,
    ) -> Result<Self, MatchmakerError> {
        let roots = match ca {
            _ if !is_tls => RootCertStore::empty(),
            Some(file) => authorities_of(file)?,
            None => authorities_of_the_system()?,
        };
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_local_address(local);
        // The connector above it knows https.
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(client_config(roots)?);
        let connector = if is_tls {
            connector.https_only()
        } else {
            connector.https_or_http()
        };
        let mut builder = Client::builder(TokioExecutor::new());
        // Without it, idle connections to matchmakers that are gone would stay.
        builder.pool_timer(TokioTimer::new());
        builder.pool_idle_timeout(IDLE_MAX);
        Ok(Self(
            builder.build(connector.enable_http1().wrap_connector(tcp)),
        ))
    }

    /// Sends a request, and reads the whole answer.
    pub(super) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<HttpAnswer, NoAnswer> {
        match timeout(ANSWER_MAX, self.ask(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer::Passing(format!(
                "no answer within {ANSWER_MAX:?}"
            ))),
        }
    }

    /// Sends a request, and returns the answer before its body is read.
    pub(super) async fn begin(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, NoAnswer> {
        match timeout(ANSWER_MAX, self.0.request(request)).await {
            Ok(response) => response.map_err(|error| NoAnswer::of(&error)),
            Err(_) => Err(NoAnswer::Passing(format!(
                "no answer within {ANSWER_MAX:?}"
            ))),
        }
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<HttpAnswer, NoAnswer> {
        let response = self.0.request(request).await;
        let (head, body) = response.map_err(|error| NoAnswer::of(&error))?.into_parts();
        let body = Limited::new(body, ANSWER_LEN_MAX).collect().await;
        let body = body.map_err(|error| NoAnswer::of(&*error))?;
        let location = head.headers.get(LOCATION);
        Ok(HttpAnswer {
            status: head.status,
            retry_after: retry_after(&head.headers),
            location: location.map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned()),
            body: body.to_bytes().into(),
        })
    }
}

impl NoAnswer {
    fn of(error: &(dyn Error + 'static)) -> Self {
        let causes: Vec<_> = std::iter::successors(Some(error), |&error| cause(error)).collect();
        // The outermost says only that sending failed, and one that wraps another repeats it.
        let mut words: Vec<_> = causes.iter().map(ToString::to_string).collect();
        words.dedup();
        let why = words.join(": ");
        if causes.iter().any(|cause| cause.is::<rustls::Error>()) {
            return Self::Tls(words.pop().unwrap_or_default());
        }
        if causes.iter().any(|cause| cause.is::<LengthLimitError>()) {
            return Self::Nonsense("it is too long".into());
        }
        let http = causes.iter().find_map(|cause| cause.downcast_ref());
        if http.is_some_and(hyper::Error::is_parse) {
            let hint = "if TLS is spoken there, its address begins with https";
            return Self::Nonsense(format!("{why}; {hint}"));
        }
        Self::Passing(why)
    }
}

/// What an error comes of. An I/O error that was made of another one names only that one's cause.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The wait that an answer requires, in seconds; a date, which this matchmaker never sends, is ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// TLS 1.3, with the one crypto library that all of our programs use.
fn client_config(roots: RootCertStore) -> Result<ClientConfig, MatchmakerError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| MatchmakerError::Authority {
            file: None,
            why: error.to_string(),
        })?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The authorities in a file, of which each must be one.
fn authorities_of(file: &Path) -> Result<RootCertStore, MatchmakerError> {
    let wrong = |why: String| MatchmakerError::Authority {
        file: Some(file.to_owned()),
        why,
    };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("there is no certificate in it".into()));
    }
    Ok(roots)
}

/// The authorities that this machine trusts; those that cannot be read are left out.
fn authorities_of_the_system() -> Result<RootCertStore, MatchmakerError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(ToString::to_string);
        return Err(MatchmakerError::Authority {
            file: None,
            why: why.unwrap_or_else(|| "none was found".into()),
        });
    }
    Ok(roots)
}
