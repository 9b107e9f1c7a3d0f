//! Tickets and challenges as streams of events.

use std::time::Duration;

use protocol::http::{TicketReply, TicketStatus};
use reqwest::{Method, Response};
use serde_json::json;
use tokio::time::timeout;

use super::world::{Guest, World, new_key, send};
use crate::config::Config;

/// No event is waited for longer.
const SOON: Duration = Duration::from_secs(20);

/// An open stream, and what of it was read beyond the last event.
struct Events {
    response: Response,
    rest: String,
}

async fn follow(world: &World, who: &Guest, path: &str) -> Events {
    let request = world.request(Method::GET, &format!("{path}/events"));
    let response = request.bearer_auth(&who.token).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let rest = String::new();
    Events { response, rest }
}

impl Events {
    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<TicketReply> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.rest = rest;
                // Others only show that the stream is alive.
                if let Some(event) = event.strip_prefix("event: ticket\ndata: ") {
                    return Some(serde_json::from_str(event).unwrap());
                }
                continue;
            }
            let chunk = timeout(SOON, self.response.chunk())
                .await
                .unwrap()
                .unwrap()?;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn a_ticket_is_followed_until_it_has_a_match() {
    let world = World::new().await;
    let [ann, bob] = ["ann", "bob"].map(|id| world.player(id));
    let new = world.new_ticket();
    let ticket: TicketReply = world.post(&ann, "/v1/tickets", new.clone()).await.ok(201);
    let path = format!("/v1/tickets/{}", ticket.id);
    let mut events = follow(&world, &ann, &path).await;
    assert_eq!(events.next().await, Some(ticket));
    let of_bob: TicketReply = world.post(&bob, "/v1/tickets", new).await.ok(201);
    let matched = events.next().await.unwrap();
    assert_eq!(matched.status, TicketStatus::Matched);
    assert_eq!(events.next().await, None, "nothing changes any more");
    let of_bob = world.settled(&bob, &of_bob).await;
    assert_eq!(of_bob.match_id, matched.match_id);
    // One that is over is told once.
    let mut events = follow(&world, &ann, &path).await;
    assert_eq!(events.next().await, Some(matched));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_challenge_is_followed_by_both_until_it_is_declined() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let id = world.challenge(&ann, json!({"opponent": "bob"})).await;
    let path = format!("/v1/challenges/{id}");
    let mut of_ann = follow(&world, &ann, &path).await;
    let mut of_bob = follow(&world, &bob, &path).await;
    for events in [&mut of_ann, &mut of_bob] {
        assert_eq!(events.next().await.unwrap().status, TicketStatus::Waiting);
    }
    let declined = world
        .post(&bob, &format!("{path}/decline"), json!({}))
        .await;
    let _: TicketReply = declined.ok(200);
    for events in [&mut of_ann, &mut of_bob] {
        assert_eq!(events.next().await.unwrap().status, TicketStatus::Declined);
        assert_eq!(events.next().await, None);
    }
    let refused = world.get(&cid, &format!("{path}/events")).await;
    refused.problem(403, "not_invited");
    let refused = world.get(&ann, "/v1/tickets/000000000000/events").await;
    refused.problem(404, "ticket_not_found");
}

#[tokio::test]
async fn streams_end_with_the_matchmaker_and_are_bounded() {
    let store = std::sync::Arc::new(store::MemoryStore::default());
    let config = Config {
        requests_max: 4,
        ..Config::default()
    };
    let world = World::on(store, new_key(), config).await;
    let ann = world.player("ann");
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}");
    let mut one = follow(&world, &ann, &path).await;
    let mut other = follow(&world, &ann, &path).await;
    for events in [&mut one, &mut other] {
        assert!(events.next().await.is_some());
    }
    let refused = world.get(&ann, &format!("{path}/events")).await;
    refused.problem(503, "overloaded");
    drop(one);
    // The place is free once the server has noticed.
    while send(
        world
            .request(Method::HEAD, &format!("{path}/events"))
            .bearer_auth(&ann.token),
    )
    .await
    .status
        == 503
    {
        tokio::task::yield_now().await;
    }
    world.shutdown.cancel();
    assert_eq!(other.next().await, None);
}
