//! What is not as it should be: routes, methods, bodies, ids, sizes, numbers, and a store that is
//! down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::http::{TicketReply, TicketStatus};
use reqwest::Method;
use serde_json::{Value, json};
use store::{MemoryStore, ShardRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{World, blitz, new_key, send, shard};
use crate::LateStore;
use crate::config::Config;

#[tokio::test]
async fn unknown_routes_are_problems() {
    let world = World::new().await;
    for path in [
        "/nothing",
        "/v1",
        "/v1/players/",
        "/v2/players",
        "/v1/matches/000000000000/moves",
    ] {
        let answer = send(world.request(Method::GET, path)).await;
        let detail = answer.problem(404, "route_not_found");
        assert!(detail.contains(path), "{detail}");
    }
}

#[tokio::test]
async fn wrong_methods_are_problems_that_name_the_right_ones() {
    let world = World::new().await;
    let cases = [
        (Method::GET, "/v1/accounts", "POST"),
        (Method::PUT, "/v1/tickets/000000000000", "GET,HEAD,DELETE"),
        (Method::GET, "/v1/matches/000000000000/seat", "POST"),
        (Method::POST, "/livez", "GET,HEAD"),
    ];
    for (method, path, allow) in cases {
        let answer = send(world.request(method, path)).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.headers["allow"], allow, "{path}");
    }
}

#[tokio::test]
async fn ids_of_the_wrong_form_are_problems() {
    let world = World::new().await;
    let ann = world.player("ann");
    let too_long = "0".repeat(3_000);
    for id in [
        "x",
        "00000000000%2F",
        "%F0%9F%90%A6%F0%9F%90%A6%F0%9F%90%A6",
        "%ff",
        &too_long,
    ] {
        for path in [format!("/v1/challenges/{id}"), format!("/v1/tickets/{id}")] {
            world.get(&ann, &path).await.problem(400, "invalid_id");
        }
        for path in [format!("/v1/matches/{id}"), format!("/v1/matches/{id}/pgn")] {
            world.get(&ann, &path).await.problem(400, "invalid_id");
        }
        let path = format!("/v1/matches/{id}/seat");
        world
            .post(&ann, &path, json!({}))
            .await
            .problem(400, "invalid_id");
    }
}

#[tokio::test]
async fn bodies_that_are_not_as_they_must_be_are_problems_that_say_why() {
    let world = World::new().await;
    let ann = world.player("ann");
    let control = json!({"initial_ms": 180_000, "increment_ms": 0});
    let cases: [(String, &str); 10] = [
        ("{".into(), "EOF while parsing"),
        ("nonsense".into(), "expected"),
        ("[]".into(), "need either control, or controls"),
        ("\"\u{0}\"".into(), "control character"),
        (String::new(), "need either control, or controls"),
        (
            json!({"time_control": control}).to_string(),
            "unknown field `time_control`",
        ),
        (
            json!({"control": control, "opponent": "bob"}).to_string(),
            "unknown field `opponent`",
        ),
        (
            json!({"control": "3+0"}).to_string(),
            "invalid type: string \"3+0\"",
        ),
        (
            json!({"control": {"initial_ms": 10_800_001, "increment_ms": 0}}).to_string(),
            "the initial time must be 0 to 3 hours",
        ),
        (
            format!("{{\"control\": {{\"x\": {}", "[".repeat(3_000)),
            "unknown field `x`",
        ),
    ];
    for (body, expected) in cases {
        let request = world
            .request(Method::POST, "/v1/tickets")
            .bearer_auth(&ann.token)
            .header("content-type", "application/json; charset=utf-8")
            .body(body.clone());
        let detail = send(request).await.problem(400, "invalid_request");
        assert!(detail.contains(expected), "{body}: {detail}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_json_are_problems() {
    let world = World::new().await;
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
    ] {
        let request = world
            .request(Method::POST, "/v1/players")
            .header("content-type", content_type);
        send(request.body("{}"))
            .await
            .problem(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn long_bodies_are_refused() {
    let world = World::new().await;
    let body = json!({"name": "n".repeat(5_000)});
    let answer = send(world.request(Method::POST, "/v1/players").json(&body)).await;
    answer.problem(413, "body_too_large");
}

#[tokio::test]
async fn the_wait_is_a_number() {
    let world = World::new().await;
    let ann = world.player("ann");
    let id = world.challenge(&ann, json!({})).await;
    for wait in ["x", "-1", "1.5", "", "99999999999999999999"] {
        let answer = world
            .get(&ann, &format!("/v1/challenges/{id}?wait_ms={wait}"))
            .await;
        let detail = answer.problem(400, "invalid_request");
        assert!(detail.contains("wait_ms"), "{detail}");
    }
    let _: TicketReply = world
        .get(&ann, &format!("/v1/challenges/{id}?wait_ms=0&x=1"))
        .await
        .ok(200);
}

/// Sends bytes as they are and returns the first line of the answer.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let address = world.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The peer may close while we write.
    let _ = stream.write_all(bytes).await;
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn heads_above_the_limits_are_refused() {
    let world = World::new().await;
    let big = "x".repeat(20_000);
    let line = |name: &str| format!("GET /livez HTTP/1.1\r\nHost: h\r\n{name}: {big}\r\n\r\n");
    assert_eq!(
        raw(&world, line("a").as_bytes()).await,
        "HTTP/1.1 431 Request Header Fields Too Large"
    );
    let many = "a: b\r\n".repeat(101);
    let many = format!("GET /livez HTTP/1.1\r\n{many}\r\n");
    assert_eq!(
        raw(&world, many.as_bytes()).await,
        "HTTP/1.1 431 Request Header Fields Too Large"
    );
    assert_eq!(
        raw(&world, b"\x16\x03\x01 TLS\r\n\r\n").await,
        "HTTP/1.1 400 Bad Request"
    );
    let alive = send(world.request(Method::GET, "/livez")).await;
    assert_eq!(alive.status, 200, "and the others are served");
}

#[tokio::test]
async fn probes_tell_the_process_from_its_store() {
    let world = World::new().await;
    for path in ["/livez", "/readyz"] {
        let answer = send(world.request(Method::GET, path)).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "ok\n"));
    }
    let down = World::on(Arc::new(LateStore::default()), new_key(), Config::default()).await;
    assert_eq!(send(down.request(Method::GET, "/livez")).await.status, 200);
    send(down.request(Method::GET, "/readyz"))
        .await
        .problem(503, "store_unavailable");
}

#[tokio::test]
async fn ready_for_a_match_means_that_a_live_shard_with_room_is_known() {
    let world = World::new().await;
    let for_match = async || send(world.request(Method::GET, "/readyz?for=match")).await;
    let full = shard(1);
    let full = ShardRecord {
        live: full.capacity,
        ..full
    };
    let draining = ShardRecord {
        draining: true,
        ..shard(2)
    };
    for registry in [&[][..], &[draining]] {
        world.see(registry);
        for_match().await.problem(503, "no_shard");
        let probe = send(world.request(Method::GET, "/readyz")).await;
        assert_eq!(probe.status, 200, "no fault of this matchmaker");
    }
    world.see(&[full, shard(3)]);
    assert_eq!(for_match().await.status, 200);
}

#[tokio::test]
async fn without_a_store_every_request_says_so() {
    let world = World::on(Arc::new(LateStore::default()), new_key(), Config::default()).await;
    let ann = world.player("ann");
    let new_challenge = json!({"control": blitz()});
    let cases: [(Method, &str, Value); 11] = [
        (Method::POST, "/v1/challenges", new_challenge),
        (Method::GET, "/v1/challenges/000000000000", json!({})),
        (Method::DELETE, "/v1/challenges/000000000000", json!({})),
        (
            Method::POST,
            "/v1/challenges/000000000000/accept",
            json!({}),
        ),
        (Method::POST, "/v1/tickets", world.new_ticket()),
        (Method::GET, "/v1/tickets/000000000000", json!({})),
        (Method::DELETE, "/v1/tickets/000000000000", json!({})),
        (Method::GET, "/v1/matches/000000000000", json!({})),
        (Method::GET, "/v1/matches/000000000000/pgn", json!({})),
        (Method::POST, "/v1/matches/000000000000/seat", json!({})),
        (Method::POST, "/v1/matches/000000000000/watch", json!({})),
    ];
    for (method, path, body) in cases {
        let request = world
            .request(method, path)
            .bearer_auth(&ann.token)
            .json(&body);
        send(request).await.problem(503, "store_unavailable");
    }
    let guest = send(world.request(Method::POST, "/v1/players")).await;
    assert_eq!(guest.status, 200, "a guest needs no store");
}

async fn small_world() -> World {
    let store = Arc::new(MemoryStore::default());
    let config = Config {
        requests_max: 4,
        grace: Duration::from_millis(100),
        ..Config::default()
    };
    World::on(store, new_key(), config).await
}

#[tokio::test]
async fn from_half_of_the_requests_on_none_waits() {
    let world = small_world().await;
    let ann = world.player("ann");
    let ticket: TicketReply = world
        .post(&ann, "/v1/tickets", world.new_ticket())
        .await
        .ok(201);
    let path = format!("/v1/tickets/{}?wait_ms=20000", ticket.id);
    let begin = Instant::now();
    let first = tokio::select! {
        answer = world.get(&ann, &path) => answer,
        answer = world.get(&ann, &path) => answer,
    };
    let reply: TicketReply = first.ok(200);
    assert_eq!(reply.status, TicketStatus::Waiting);
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "one of two was not let wait"
    );
}

#[tokio::test]
async fn more_requests_than_may_be_are_refused_at_once_and_probes_are_not() {
    let world = small_world().await;
    let under_way = world.service.bounds.requests.acquire_many(4).await.unwrap();
    send(world.request(Method::POST, "/v1/players"))
        .await
        .problem(503, "overloaded");
    for path in ["/livez", "/readyz"] {
        assert_eq!(send(world.request(Method::GET, path)).await.status, 200);
    }
    drop(under_way);
    let guest = send(world.request(Method::POST, "/v1/players")).await;
    assert_eq!(guest.status, 200);
}

#[tokio::test]
async fn a_request_that_stalls_does_not_hold_the_end_up() {
    let world = small_world().await;
    let mut stream = TcpStream::connect(world.base.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    stream
        .write_all(b"POST /v1/players HTTP/1.1\r\nContent-Le")
        .await
        .unwrap();
    assert_eq!(send(world.request(Method::GET, "/livez")).await.status, 200);
    world.shutdown.cancel();
    world.tasks.close();
    tokio::time::timeout(Duration::from_secs(5), world.tasks.wait())
        .await
        .unwrap();
}
