//! A store that is nearly full.

use std::sync::Arc;
use std::time::Duration;

use protocol::http::{TicketReply, TicketStatus};
use serde_json::json;
use store::Room;

use super::world::{Answer, World, blitz, shard};
use crate::registry::Observer;

fn see_used(world: &World, percent: u64) {
    let view = Observer::default().observe(&[shard(1).into()], Duration::ZERO);
    let room = Room {
        used_bytes: percent << 20,
        limit_bytes: Some(100 << 20),
    };
    world.views.send_replace(Arc::new(view.with_room(room)));
}

#[track_caller]
fn check_refused(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.headers["retry-after"], "30");
    let problem: protocol::http::Problem = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(problem.code, "store_full");
}

/// Four fifths of the limit are for all, and the last fifth for the matches in play.
#[tokio::test]
async fn nothing_new_is_begun_above_80_percent_and_the_rest_goes_on() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
    see_used(&world, 80);
    let old = world.make_match(&ann, &bob).await;
    let open = world.challenge(&ann, json!({})).await;
    let waiting: TicketReply = world
        .post(&ann, "/v1/tickets", world.new_ticket())
        .await
        .ok(201);
    assert_eq!(waiting.status, TicketStatus::Waiting);

    see_used(&world, 81);
    let terms = json!({"control": blitz()});
    check_refused(&world.post(&cid, "/v1/challenges", terms.clone()).await);
    check_refused(&world.post(&cid, "/v1/tickets", world.new_ticket()).await);
    let accept = format!("/v1/challenges/{open}/accept");
    check_refused(&world.post(&bob, &accept, json!({})).await);
    // Whoever waits goes on waiting, and whoever plays goes on playing.
    let path = format!("/v1/tickets/{}", waiting.id);
    let reply: TicketReply = world.get(&ann, &path).await.ok(200);
    assert_eq!(reply.status, TicketStatus::Waiting);
    world.seat(&ann, old).await;
    assert_eq!(
        world.get(&bob, &format!("/v1/matches/{old}")).await.status,
        200
    );

    see_used(&world, 79);
    let reply: TicketReply = world.post(&bob, &accept, json!({})).await.ok(200);
    assert_eq!(reply.status, TicketStatus::Matched);
    let reply: TicketReply = world
        .post(&cid, "/v1/tickets", world.new_ticket())
        .await
        .ok(201);
    let reply = world.settled(&cid, &reply).await;
    assert_eq!(reply.status, TicketStatus::Matched);
}
