//! The pools of the lobby.

use std::sync::Arc;

use admin::MatchList;
use protocol::http::{PoolView, PoolsReply, TicketReply, TicketStatus};
use reqwest::Method;
use serde_json::{Value, json};
use store::MemoryStore;

use super::world::{World, blitz, new_key, send, ticket_id};
use crate::PageArgs;
use crate::clock::now;
use crate::config::Config;

async fn offering(pools: &[&str]) -> World {
    let config = Config {
        page: PageArgs {
            pool: pools.iter().map(|pool| pool.parse().unwrap()).collect(),
            ..PageArgs::default()
        },
        ..Config::default()
    };
    World::on(Arc::new(MemoryStore::new()), new_key(), config).await
}

async fn pools(world: &World) -> Vec<PoolView> {
    let reply = send(world.request(Method::GET, "/v1/pools")).await;
    reply.ok::<PoolsReply>(200).pools
}

#[tokio::test]
async fn the_usual_pools_are_offered_with_what_a_ticket_needs() {
    let world = World::new().await;
    let reply = send(world.request(Method::GET, "/v1/pools")).await;
    let reply: Value = reply.ok(200);
    let pools = reply["pools"].as_array().unwrap();
    let ids: Vec<_> = pools
        .iter()
        .map(|pool| pool["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["1+0", "3+2", "5+0", "10+0", "15+10", "30+0"]);
    assert_eq!(
        pools[1],
        json!({"id": "3+2", "variant": "standard", "control": {"initial_ms": 180_000, "increment_ms": 2_000},
            "rated": false, "waiting": 0})
    );
}

#[tokio::test]
async fn a_pool_counts_those_who_wait_there_as_pairing_sees_them() {
    let world = offering(&["3+2", "3+2 rated", "5+0"]).await;
    let other = world.another().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let ticket: TicketReply = other
        .post(&ann, "/v1/tickets", world.new_ticket())
        .await
        .ok(201);
    let rated = json!({"control": blitz(), "rated": true, "variant": "standard"});
    world
        .post(&bob, "/v1/tickets", rated)
        .await
        .ok::<TicketReply>(201);
    // Whoever looks first, all matchmakers count all tickets.
    let waiting = async |world: &World| {
        let pools = pools(world).await;
        pools.iter().map(|pool| pool.waiting).collect::<Vec<_>>()
    };
    assert_eq!(waiting(&world).await, [1, 1, 0]);
    // One whose client does not ask any more is not paired, and not counted. The answer is a second old at most.
    let long_ago = game_core::UnixMillis(now().0 - 11_000);
    world
        .store
        .touch_ticket(ticket_id(&ticket.id), long_ago)
        .await
        .unwrap();
    let began = tokio::time::Instant::now();
    while waiting(&world).await != [0, 1, 0] {
        assert!(began.elapsed().as_secs() < 20);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_pool_tells_how_long_its_last_players_waited() {
    let world = offering(&["3+2"]).await;
    assert_eq!(pools(&world).await[0].wait_ms, None);
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let mut tickets = Vec::new();
    for who in [&ann, &bob] {
        let made = world.post(who, "/v1/tickets", world.new_ticket()).await;
        tickets.push(made.ok::<TicketReply>(201));
    }
    let settled = world.settled(&ann, &tickets[0]).await;
    assert_eq!(settled.status, TicketStatus::Matched);
    let began = tokio::time::Instant::now();
    let wait_ms = loop {
        if let Some(wait_ms) = pools(&world).await[0].wait_ms {
            break wait_ms;
        }
        assert!(began.elapsed().as_secs() < 20);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(wait_ms < 20_000, "{wait_ms}");
    // A new matchmaker knows it too.
    assert_eq!(
        pools(&world.another().await).await[1].wait_ms,
        Some(wait_ms)
    );
}

#[tokio::test]
async fn no_number_of_matches_is_told_where_no_shard_can_be_asked() {
    let world = World::new().await;
    assert!(
        pools(&world)
            .await
            .iter()
            .all(|pool| pool.playing.is_none())
    );
}

/// An answer of a shard of the version before has no counts.
#[test]
fn a_list_without_counts_is_read() {
    let list = json!({"matches": [], "next": null, "total": 0, "stale": false});
    let list: MatchList = serde_json::from_value(list).unwrap();
    assert_eq!(list.counts, [0_usize; 0]);
}
