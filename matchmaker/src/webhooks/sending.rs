//! One request to a subscriber.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use store::FeedEntry;
use tokio::time::timeout;

use crate::webhook_keys::WebhookKeys;

/// A subscriber must answer within this; Standard Webhooks suggests 15 to 30 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// An idle connection is closed after this.
const IDLE_MAX: Duration = Duration::from_secs(90);
/// What is read of an answer, in bytes; it says nothing that is used.
const ANSWER_LEN_MAX: usize = 64 * 1_024;
/// The type of the event, in the body.
const EVENT: &str = "match.finished";

/// Sends entries to one URL.
pub(super) struct Sender {
    url: String,
    keys: WebhookKeys,
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

impl Sender {
    pub(super) fn new(url: &str, keys: WebhookKeys) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new());
        builder.pool_idle_timeout(IDLE_MAX);
        Self {
            url: url.to_owned(),
            keys,
            client: builder.build(connector),
        }
    }

    /// Sends an entry once.
    ///
    /// # Errors
    ///
    /// Why it was not accepted, in words. Redirects are not followed: the body is for this URL.
    pub(super) async fn send(&self, entry: &FeedEntry, now_s: u64) -> Result<(), String> {
        let (id, body) = (entry.name(), body(entry, now_s));
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("Rookery/", env!("CARGO_PKG_VERSION")),
            )
            .header("webhook-id", &id)
            .header("webhook-timestamp", now_s)
            .header("webhook-signature", self.keys.signature(&id, now_s, &body))
            .body(Body::from(body))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|error| causes(&error))?;
            let status = response.status();
            // Read, so that the connection can be used again.
            let _ = to_bytes(Body::new(response.into_body()), ANSWER_LEN_MAX).await;
            if status.is_success() {
                Ok(())
            } else {
                Err(format!("it answered {status}"))
            }
        };
        let late = |_| Err("it did not answer in time".to_owned());
        timeout(ANSWER_WITHIN, exchange).await.unwrap_or_else(late)
    }
}

/// The body of a webhook: type, time and data.
fn body(entry: &FeedEntry, now_s: u64) -> String {
    let (time, data) = (game_core::UnixMillis(now_s * 1_000).rfc3339(), &entry.body);
    format!(r#"{{"type":"{EVENT}","timestamp":"{time}","data":{data}}}"#)
}

/// TLS that trusts what this machine trusts.
fn tls() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of every version")
        .with_root_certificates(roots)
        .with_no_client_auth()
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
