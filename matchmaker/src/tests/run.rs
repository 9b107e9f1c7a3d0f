//! The whole process: the observer of the registry, late stores, and the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use protocol::http::{PlayerReply, SeatReply, TicketReply, TicketStatus};
use serde_json::json;
use store::{MemoryStore, Registry, Store, StoreError, Tickets};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::world::{Answer, Guest, blitz, client, new_key, send, shard, shard_id, ticket_id};
use crate::{Config, LateStore, SharedState, run};

/// A process as the binary runs one.
struct Process {
    base: String,
    shutdown: CancellationToken,
    ended: JoinHandle<std::io::Result<()>>,
}

impl Process {
    async fn start(store: Arc<dyn Store>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let running = run(
            Config::default(),
            listener,
            new_key(),
            SharedState::new(store),
            shutdown.clone(),
        );
        Self {
            base,
            shutdown,
            ended: tokio::spawn(running),
        }
    }

    async fn guest(&self) -> Guest {
        let request = client().post(format!("{}/v1/players", self.base));
        send(request).await.ok::<PlayerReply>(200).into()
    }

    async fn post(&self, who: &Guest, path: &str, body: serde_json::Value) -> Answer {
        let url = format!("{}{path}", self.base);
        send(client().post(url).bearer_auth(&who.token).json(&body)).await
    }

    /// Two new guests and what the acceptor's seat in their new match is.
    async fn seat_of_new_match(&self) -> SeatReply {
        let (ann, bob) = (self.guest().await, self.guest().await);
        let body = json!({"control": blitz()});
        let challenge: TicketReply = self.post(&ann, "/v1/challenges", body).await.ok(201);
        let path = format!("/v1/challenges/{}/accept", challenge.id);
        let accepted: TicketReply = self.post(&bob, &path, json!({})).await.ok(200);
        let path = format!("/v1/matches/{}/seat", accepted.match_id.unwrap());
        self.post(&bob, &path, json!({})).await.ok(200)
    }

    async fn end(self) {
        self.shutdown.cancel();
        self.ended.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_shard_in_the_registry_is_served_from_the_first_request_on() {
    let store = Arc::new(MemoryStore::default());
    store.heartbeat(&shard(7)).await.unwrap();
    let process = Process::start(store).await;
    assert_eq!(process.seat_of_new_match().await.shard.id, shard_id(7));
    process.end().await;
}

#[tokio::test]
async fn a_shard_that_comes_later_is_seen() {
    let store = Arc::new(MemoryStore::default());
    let process = Process::start(store.clone()).await;
    let (ann, bob) = (process.guest().await, process.guest().await);
    let body = json!({"control": blitz()});
    let challenge: TicketReply = process.post(&ann, "/v1/challenges", body).await.ok(201);
    let path = format!("/v1/challenges/{}/accept", challenge.id);
    process
        .post(&bob, &path, json!({}))
        .await
        .problem(503, "no_shard");
    store.heartbeat(&shard(7)).await.unwrap();
    while process.post(&bob, &path, json!({})).await.status == 503 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _: TicketReply = process.post(&bob, &path, json!({})).await.ok(200);
    process.end().await;
}

#[tokio::test]
async fn a_store_that_comes_late_is_waited_for() {
    let real = Arc::new(MemoryStore::default());
    real.heartbeat(&shard(1)).await.unwrap();
    let late = Arc::new(LateStore::default());
    let process = Process::start(late.clone()).await;
    let ready = || async { send(client().get(format!("{}/readyz", process.base))).await };
    ready().await.problem(503, "store_unavailable");

    let attempts = AtomicU32::new(0);
    late.connect(|| async {
        match attempts.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Err(StoreError::Unavailable("not yet".into())),
            _ => Ok(real.clone() as Arc<dyn Store>),
        }
    })
    .await
    .unwrap();
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    assert_eq!(ready().await.status, 200);
    process.end().await;
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_not_waited_for() {
    let late = LateStore::default();
    let open = || async { Err(StoreError::Unfit("appendfsync".into())) };
    let error = late.connect(open).await.unwrap_err();
    assert!(matches!(error, StoreError::Unfit(_)), "{error}");
}

#[tokio::test]
async fn at_the_end_who_waits_is_answered_and_nobody_else_is_let_in() {
    let store = Arc::new(MemoryStore::default());
    let process = Process::start(store.clone()).await;
    let ann = process.guest().await;
    let body = json!({"control": blitz()});
    let ticket: TicketReply = process.post(&ann, "/v1/tickets", body).await.ok(201);
    let id = ticket_id(&ticket.id);
    let made_seen_at = store.ticket(id).await.unwrap().unwrap().seen_at;
    let url = format!("{}/v1/tickets/{}?wait_ms=20000", process.base, ticket.id);
    let begin = Instant::now();
    let waiting = tokio::spawn(send(client().get(url).bearer_auth(ann.token)));
    while store.ticket(id).await.unwrap().unwrap().seen_at == made_seen_at {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let base = process.base.clone();
    process.end().await;
    let reply: TicketReply = waiting.await.unwrap().ok(200);
    assert_eq!(reply.status, TicketStatus::Waiting);
    assert!(begin.elapsed() < Duration::from_secs(10));
    let refused = client()
        .get(format!("{base}/livez"))
        .send()
        .await
        .unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
}
