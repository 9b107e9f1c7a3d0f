//! The browser page at the matchmaker's own address.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::json;
use store::{MemoryStore, ShardRecord, WebDoors, WebTransportDoor};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::world::{World, new_key, send, shard};
use crate::config::Config;
use crate::serve::SharedState;
use crate::{PageArgs, run};

async fn without_page() -> World {
    let config = Config {
        page: PageArgs {
            page: false,
            ..PageArgs::default()
        },
        ..Config::default()
    };
    World::on(Arc::new(MemoryStore::new()), new_key(), config).await
}

#[tokio::test]
async fn the_page_is_served_beside_the_requests_and_may_connect_to_the_shards() {
    let world = World::new().await;
    let policy = async || {
        let page = send(world.request(Method::GET, "/match/0123456789ab")).await;
        assert_eq!(page.status, 200);
        assert!(page.text.starts_with("<!doctype html>"), "{}", page.text);
        page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let connections = |policy: &str| policy.split_once("connect-src ").unwrap().1.to_owned();
    assert_eq!(connections(&policy().await), "'self'");
    // It follows the doors of the shards that there are, which may have a name.
    let with_doors = |number, transport: &str, socket: &str| ShardRecord {
        web: WebDoors {
            web_transport: Some(WebTransportDoor {
                url: transport.to_owned(),
                certificate_hashes: Vec::new(),
            }),
            web_socket: Some(socket.to_owned()),
        },
        ..shard(number)
    };
    let near = with_doors(1, "https://127.0.0.1:4001/", "ws://127.0.0.1:4001/");
    let far = with_doors(2, "https://club.example:7100/", "wss://club.example:7100/");
    world.see(&[near, far]);
    assert_eq!(
        connections(&policy().await),
        "'self' https://127.0.0.1:* https://club.example:* ws://127.0.0.1:* wss://club.example:*"
    );
}

#[tokio::test]
async fn other_paths_are_not_found_and_other_methods_not_allowed_as_before() {
    let world = World::new().await;
    for path in [
        "/nothing",
        "/match",
        "/assets/none.js",
        "/v1/nothing",
        "/demo",
    ] {
        let answer = send(world.request(Method::GET, path)).await;
        answer.problem(404, "route_not_found");
    }
    let answer = send(world.request(Method::POST, "/tv")).await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.headers["allow"], "GET,HEAD");
}

#[tokio::test]
async fn a_matchmaker_without_the_page_serves_requests_alone() {
    let world = without_page().await;
    for path in ["/", "/tv", "/account"] {
        let answer = send(world.request(Method::GET, path)).await;
        answer.problem(404, "route_not_found");
    }
    let live = send(world.request(Method::GET, "/livez")).await;
    assert_eq!(live.status, 200);
}

#[tokio::test]
async fn no_answer_may_be_taken_for_something_else_or_embedded() {
    let world = World::new().await;
    for path in ["/", "/v1/pools", "/v1/nothing", "/livez", "/openapi.json"] {
        let headers = send(world.request(Method::GET, path)).await.headers;
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
    }
}

#[tokio::test]
async fn what_may_hold_a_token_is_not_kept() {
    let world = World::new().await;
    let guest = world.request(Method::POST, "/v1/players").json(&json!({}));
    let guest = send(guest).await;
    assert!(guest.text.contains("\"token\""), "{}", guest.text);
    assert_eq!(guest.headers["cache-control"], "no-store");
    let refused = send(world.request(Method::GET, "/v1/account")).await;
    assert!(refused.status >= 400, "{}", refused.text);
    assert_eq!(refused.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_program_adds_routes_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/demo", listener.local_addr().unwrap());
    let more = Router::new().route("/demo", get(async || "a demo"));
    let shared = SharedState::new(Arc::new(MemoryStore::new())).with_routes(more);
    let shutdown = CancellationToken::new();
    let ended = tokio::spawn(run(
        Config::default(),
        listener,
        new_key(),
        shared,
        shutdown.clone(),
    ));
    let answer = send(super::world::client().get(url)).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "a demo"));
    shutdown.cancel();
    ended.await.unwrap().unwrap();
}
