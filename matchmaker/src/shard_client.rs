//! A client of the shards' admin endpoints.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admin::{Access, Kind, Problem, Tls};
use axum::BoxError;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// A shard must answer a GET within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// A shard must answer a POST within this: it waits for the store before it does.
const DONE_WITHIN: Duration = Duration::from_secs(12);
/// An idle connection is closed after this.
const IDLE_MAX: Duration = Duration::from_secs(90);
/// Interval of TCP keepalive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest answer of a shard, in bytes: a page of 500 matches has about 400 KB.
const ANSWER_LEN_MAX: usize = 4 * 1_024 * 1_024;

/// Calls shards as a process of the same installation.
#[derive(Clone)]
pub(crate) enum ShardClient {
    /// It shows its certificate, and accepts only those of the same authority.
    Tls(Arc<CertifiedClient>),
    /// It shows a token.
    Plain(Client<HttpConnector, Body>, String),
}

/// A client whose certificate and trusted authority may be replaced.
pub(crate) struct CertifiedClient {
    tls: Tls,
    /// The generation of the certificate, and the client that shows it.
    current: Mutex<(u64, HttpsClient)>,
}

type HttpsClient = Client<HttpsConnector<HttpConnector>, Body>;

impl CertifiedClient {
    fn new(tls: Tls) -> Self {
        let generation = tls.generation();
        let client = Self::build(&tls);
        Self {
            tls,
            current: Mutex::new((generation, client)),
        }
    }

    /// A client with the current certificate.
    fn get(&self) -> HttpsClient {
        let generation = self.tls.generation();
        // Nothing panics while it is held.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 != generation {
            *current = (generation, Self::build(&self.tls));
        }
        current.1.clone()
    }

    fn build(tls: &Tls) -> HttpsClient {
        let mut connector = connector();
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.client())
            .https_only()
            .with_server_name_resolver(FixedServerNameResolver::new(admin::server_name()))
            .enable_http1()
            .wrap_connector(connector);
        builder().build(connector)
    }
}

fn builder() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    // Without it, idle connections to shards that are gone would stay open.
    builder.pool_timer(TokioTimer::new());
    builder.pool_idle_timeout(IDLE_MAX);
    builder
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEP_ALIVE));
    connector
}

impl ShardClient {
    /// A client with the certificate or the first token of `access`.
    pub(crate) fn new(access: &Access) -> Self {
        match access.tls() {
            Some(tls) => Self::Tls(Arc::new(CertifiedClient::new(tls.clone()))),
            None => {
                let token = access.token().unwrap_or_default().to_owned();
                Self::Plain(builder().build(connector()), token)
            }
        }
    }

    /// Sends a request to the endpoint at `shard`. Requests other than GET may take longer.
    ///
    /// # Errors
    ///
    /// The shard's own problem, or [`Kind::ShardUnavailable`] if it cannot be reached.
    pub(crate) fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        shard: SocketAddr,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> impl Future<Output = Result<T, Problem>> + use<T> {
        let within = if method == Method::GET {
            ANSWER_WITHIN
        } else {
            DONE_WITHIN
        };
        let request = self.request(method, shard, path, body);
        let client = self.clone();
        async move {
            let answer = async { client.exchange(request?).await };
            let answer = timeout(within, answer).await;
            let (status, bytes) = answer
                .map_err(|late| unavailable(&late))?
                .map_err(|error| unavailable(&causes(&*error)))?;
            understood(status, &bytes)
        }
    }

    fn request(
        &self,
        method: Method,
        shard: SocketAddr,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<Request<Body>, axum::http::Error> {
        let request = Request::builder().method(method);
        let request = match self {
            Self::Tls(_) => request.uri(format!("https://{shard}{path}")),
            Self::Plain(_, token) => request
                .uri(format!("http://{shard}{path}"))
                .header(header::AUTHORIZATION, format!("Bearer {token}")),
        };
        match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_string().into()),
            None => request.body(Body::empty()),
        }
    }

    async fn exchange(&self, request: Request<Body>) -> Result<(StatusCode, Bytes), BoxError> {
        let response = match self {
            Self::Tls(client) => client.get().request(request).await?,
            Self::Plain(client, _) => client.request(request).await?,
        };
        let status = response.status();
        let bytes = to_bytes(Body::new(response.into_body()), ANSWER_LEN_MAX).await?;
        Ok((status, bytes))
    }
}

fn understood<T: DeserializeOwned>(status: StatusCode, bytes: &[u8]) -> Result<T, Problem> {
    if status.is_success() {
        return serde_json::from_slice(bytes).map_err(|error| unavailable(&error));
    }
    let problem: protocol::http::Problem =
        serde_json::from_slice(bytes).map_err(|error| unavailable(&error))?;
    Err(match Kind::from_code(&problem.code) {
        // The credentials are this process's, not the caller's.
        Some(Kind::TokenMissing | Kind::TokenInvalid) => {
            tracing::error!(
                code = problem.code,
                "a shard takes neither this matchmaker's admin token nor its certificate"
            );
            let why = "The shard does not take this matchmaker for an operator: give both the same token \
                       file, or certificates of the same authority.";
            Problem::new(Kind::ShardUnavailable, why)
        }
        None => {
            tracing::warn!(
                code = problem.code,
                "a shard answered with a code that this version does not know"
            );
            Problem::new(Kind::ShardUnavailable, problem.detail)
        }
        // The caller has seen in the store that this shard owns the match.
        Some(Kind::MatchNotFound) => Problem::new(
            Kind::ShardUnavailable,
            "Its owner has not loaded the match yet, or no more. Try again.",
        ),
        Some(kind) => Problem::new(kind, problem.detail),
    })
}

fn unavailable(error: &dyn Display) -> Problem {
    tracing::debug!(%error, "a shard's admin endpoint does not answer");
    Problem::new(
        Kind::ShardUnavailable,
        "The shard cannot be asked. Try again.",
    )
}

/// An error with its causes, as the outermost only says that connecting failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
