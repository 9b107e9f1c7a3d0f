//! Webhooks, to a server that sometimes refuses them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use store::{MemoryStore, Store};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::archive::{finish, finished};
use crate::clock::now;
use crate::request_metrics::RequestMetrics;
use crate::webhooks::{deliver, hook_name};
use crate::{Pace, WebhookConfig, WebhookKeys};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOON: u64 = 1_763_000_000_000;

/// One request to the receiver.
#[derive(Debug, Clone)]
struct Received {
    id: String,
    timestamp: u64,
    signature: String,
    body: String,
    accepted: bool,
}

/// A server that receives webhooks, and refuses the first few.
#[derive(Clone, Default)]
struct Receiver {
    received: Arc<Mutex<Vec<Received>>>,
    refuses: Arc<Mutex<u32>>,
}

impl Receiver {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/hook", post(receive))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    /// All requests, once so many were accepted.
    async fn accepted(&self, count: usize) -> Vec<Received> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let received = self.received.lock().unwrap().clone();
            if received.iter().filter(|one| one.accepted).count() >= count {
                return received;
            }
            assert!(Instant::now() < until, "not accepted: {received:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let mut refuses = receiver.refuses.lock().unwrap();
    let accepted = *refuses == 0;
    *refuses = refuses.saturating_sub(1);
    receiver.received.lock().unwrap().push(Received {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().unwrap(),
        signature: header("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
        accepted,
    });
    if accepted {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

fn config() -> WebhookConfig {
    WebhookConfig {
        urls: Vec::new(),
        keys: Some(WebhookKeys::parse(SECRET).unwrap()),
        pace: Pace {
            first: Duration::from_millis(20),
            longest: Duration::from_millis(100),
        },
    }
}

/// Checks a signature as a receiver does, by the specification.
fn is_signed(received: &Received) -> bool {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use ring::hmac;
    let key = STANDARD
        .decode(SECRET.strip_prefix("whsec_").unwrap())
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = format!("{}.{}.{}", received.id, received.timestamp, received.body);
    let signature = received.signature.strip_prefix("v1,").unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
}

#[tokio::test]
async fn every_match_is_delivered_in_order_signed_and_again_until_it_is_accepted() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let receiver = Receiver::default();
    *receiver.refuses.lock().unwrap() = 3;
    let url = receiver.start().await;
    let shutdown = CancellationToken::new();
    let _end = shutdown.clone().drop_guard();
    // It is told of what ends from now on.
    finish(&*store, &finished(0, "ann", "bob", 0, NOON)).await;
    let metrics = RequestMetrics::default();
    let figures = metrics.webhooks.clone();
    tokio::spawn(deliver(
        store.clone(),
        url.clone(),
        config(),
        figures,
        shutdown,
    ));
    // Until it has the lease, anybody gets it, for no time.
    let hook = hook_name(&url);
    while let Some(_free) = store.take_hook(&hook, "test", now(), now()).await.unwrap() {
        tokio::task::yield_now().await;
    }
    for n in 1..4 {
        finish(&*store, &finished(n, "ann", "bob", 0, NOON + 1_000)).await;
    }
    let received = receiver.accepted(3).await;
    assert_eq!(received.len(), 6, "three were refused");
    let expected = [1, 1, 1, 1, 2, 3].map(|n| finished(n, "ann", "bob", 0, NOON));
    for (one, of) in received.iter().zip(&expected) {
        assert_eq!(one.id, format!("{}:4", of.id()), "the same each time");
        assert!(is_signed(one), "{one:?}");
        let body: Value = serde_json::from_str(&one.body).unwrap();
        assert_eq!(body["type"], "match.finished");
        assert_eq!(body["data"]["match_id"], of.id().as_str());
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
    }
    let counted = [
        r#"rookery_webhook_attempts_total{result="accepted"} 3"#,
        r#"rookery_webhook_attempts_total{result="refused"} 3"#,
        "rookery_webhook_retries_total 3",
        "rookery_webhook_lag_seconds 0",
    ];
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let text = metrics.render();
        if counted
            .iter()
            .all(|line| text.lines().any(|found| found == *line))
        {
            break;
        }
        assert!(Instant::now() < until, "{text}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_next_matchmaker_goes_on_where_the_last_one_stopped() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let receiver = Receiver::default();
    let url = receiver.start().await;
    let hook = hook_name(&url);
    // A matchmaker that delivered the first one, and whose lease is over.
    let past = game_core::UnixMillis(1);
    let lease = store
        .take_hook(&hook, "gone", past, past)
        .await
        .unwrap()
        .unwrap();
    for n in 1..3 {
        finish(&*store, &finished(n, "ann", "bob", 0, NOON)).await;
    }
    let page = store.feed_after(lease.position, 1).await.unwrap();
    assert!(
        store
            .hook_done(&hook, lease.epoch, page.next)
            .await
            .unwrap()
    );
    let shutdown = CancellationToken::new();
    let _end = shutdown.clone().drop_guard();
    let figures = RequestMetrics::default().webhooks;
    tokio::spawn(deliver(
        store.clone(),
        url.clone(),
        config(),
        figures.clone(),
        shutdown,
    ));
    let received = receiver.accepted(1).await;
    assert_eq!(received.len(), 1);
    assert_eq!(
        received[0].id,
        format!("{}:4", finished(2, "a", "b", 0, NOON).id())
    );
    // Two matchmakers deliver once.
    let another = CancellationToken::new();
    let _end = another.clone().drop_guard();
    tokio::spawn(deliver(store.clone(), url, config(), figures, another));
    finish(&*store, &finished(5, "ann", "bob", 0, NOON)).await;
    assert_eq!(receiver.accepted(2).await.len(), 2);
}
