//! A matchmaker that dies between giving two players a match and creating it.

use game_core::{BySeat, MatchId, Player, UnixMillis};
use protocol::http::{TicketReply, TicketStatus};
use serde_json::json;
use store::{Assignment, Ticket};

use super::world::{Guest, World, shard, shard_id, ticket_id};
use crate::clock::now;

/// What the matchmaker wrote last.
async fn assign(world: &World, tickets: &[&str], white: &Guest, black: &Guest) -> MatchId {
    let player = |guest: &Guest| Player {
        id: guest.id.clone(),
        name: guest.id.as_str().into(),
        rating: None,
        is_bot: false,
    };
    let assignment = Assignment {
        match_id: MatchId::from_random(rand::random()),
        players: BySeat {
            white: player(white),
            black: player(black),
        },
        at: now(),
    };
    let ids: Vec<_> = tickets.iter().map(|id| ticket_id(id)).collect();
    assert!(world.store.assign_tickets(&ids, &assignment).await.unwrap());
    assert_eq!(
        world.store.ownership(assignment.match_id).await.unwrap(),
        None
    );
    assignment.match_id
}

/// The match exists and is as it should be.
async fn check_created(world: &World, id: MatchId, white: &Guest, black: &Guest) {
    let checkpoint = world
        .store
        .load(id)
        .await
        .unwrap()
        .expect("the match was created");
    let players = &checkpoint.snapshot.setup().players;
    assert_eq!(
        (&players.white.id, &players.black.id),
        (&white.id, &black.id)
    );
    for who in [white, black] {
        assert_eq!(world.seat(who, id).await.shard.id, shard_id(1));
    }
}

#[tokio::test]
async fn the_challenger_who_looks_finishes_the_match() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    let match_id = assign(&world, &[&id], &bob, &ann).await;
    let seen: TicketReply = world
        .get(&ann, &format!("/v1/challenges/{id}"))
        .await
        .ok(200);
    assert_eq!(
        (seen.status, seen.match_id),
        (TicketStatus::Matched, Some(match_id))
    );
    check_created(&world, match_id, &bob, &ann).await;
}

#[tokio::test]
async fn the_acceptor_who_repeats_finishes_the_match() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    let match_id = assign(&world, &[&id], &ann, &bob).await;
    let path = format!("/v1/challenges/{id}/accept");
    let seen: TicketReply = world.post(&bob, &path, json!({})).await.ok(200);
    assert_eq!(seen.match_id, Some(match_id));
    check_created(&world, match_id, &ann, &bob).await;
}

/// Tickets of both, unpaired as no shard is there.
async fn two_tickets(world: &World, ann: &Guest, bob: &Guest) -> [String; 2] {
    world.see(&[]);
    let first: TicketReply = world
        .post(ann, "/v1/tickets", world.new_ticket())
        .await
        .ok(201);
    let second: TicketReply = world
        .post(bob, "/v1/tickets", world.new_ticket())
        .await
        .ok(201);
    [first.id, second.id]
}

#[tokio::test]
async fn either_of_a_pair_who_looks_finishes_the_match() {
    for looks_first in [0, 1] {
        let world = World::new().await;
        let players = [world.player("ann"), world.player("bob")];
        let tickets = two_tickets(&world, &players[0], &players[1]).await;
        let ids = tickets.each_ref().map(String::as_str);
        let match_id = assign(&world, &ids, &players[0], &players[1]).await;
        world.see(&[shard(1)]);
        for n in [looks_first, 1 - looks_first] {
            let path = format!("/v1/tickets/{}", tickets[n]);
            let seen: TicketReply = world.get(&players[n], &path).await.ok(200);
            assert_eq!(seen.match_id, Some(match_id));
        }
        check_created(&world, match_id, &players[0], &players[1]).await;
    }
}

#[tokio::test]
async fn a_match_that_no_shard_takes_is_not_announced() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let tickets = two_tickets(&world, &ann, &bob).await;
    let match_id = assign(&world, &tickets.each_ref().map(String::as_str), &ann, &bob).await;
    let path = format!("/v1/tickets/{}", tickets[0]);
    world.get(&ann, &path).await.problem(503, "no_shard");
    world.see(&[shard(1)]);
    let seen: TicketReply = world.get(&ann, &path).await.ok(200);
    assert_eq!(seen.match_id, Some(match_id));
    check_created(&world, match_id, &ann, &bob).await;
}

#[tokio::test]
async fn a_match_that_two_finish_at_once_is_one_match() {
    let world = World::new().await;
    let other = world.another().await;
    other.see(&[shard(2)]);
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let tickets = two_tickets(&world, &ann, &bob).await;
    let match_id = assign(&world, &tickets.each_ref().map(String::as_str), &ann, &bob).await;
    world.see(&[shard(1)]);
    let paths = tickets.each_ref().map(|id| format!("/v1/tickets/{id}"));
    let (one, two) = tokio::join!(world.get(&ann, &paths[0]), other.get(&bob, &paths[1]));
    let (one, two): (TicketReply, TicketReply) = (one.ok(200), two.ok(200));
    assert_eq!(
        (one.match_id, two.match_id),
        (Some(match_id), Some(match_id))
    );
    let both = [shard(1), shard(2)];
    world.see(&both);
    other.see(&both);
    let (ann, bob) = (
        world.seat(&ann, match_id).await,
        other.seat(&bob, match_id).await,
    );
    assert_eq!(ann.shard, bob.shard, "one owner");
}

/// The store may have carried out an assignment whose answer was lost.
#[tokio::test]
async fn an_assignment_repeated_with_its_match_is_the_same_assignment() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    assign(&world, &[&id], &ann, &bob).await;
    let ticket: Ticket = world.store.ticket(ticket_id(&id)).await.unwrap().unwrap();
    let store::TicketState::Assigned(assignment) = ticket.state else {
        panic!("{:?}", ticket.state);
    };
    assert!(
        world
            .store
            .assign_tickets(&[ticket.id], &assignment)
            .await
            .unwrap()
    );
}

/// Such a match has ended and is gone from the live keys, while its ticket is still there.
#[tokio::test]
async fn a_match_that_was_assigned_long_ago_does_not_begin_again() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    let player = |guest: &Guest| Player {
        id: guest.id.clone(),
        name: guest.id.as_str().into(),
        rating: None,
        is_bot: false,
    };
    let within_ms = u64::try_from(Assignment::CREATES_WITHIN.as_millis()).unwrap();
    let assignment = Assignment {
        match_id: id.parse().unwrap(),
        players: BySeat {
            white: player(&ann),
            black: player(&bob),
        },
        at: UnixMillis(now().0 - within_ms - 1),
    };
    let ids = [ticket_id(&id)];
    assert!(world.store.assign_tickets(&ids, &assignment).await.unwrap());
    for (who, method) in [(&ann, "GET"), (&bob, "POST")] {
        let path = format!("/v1/challenges/{id}");
        let answer = match method {
            "GET" => world.get(who, &path).await,
            _ => world.post(who, &format!("{path}/accept"), json!({})).await,
        };
        assert_eq!(answer.ok::<TicketReply>(200).status, TicketStatus::Matched);
        let ownership = world.store.ownership(assignment.match_id).await;
        assert_eq!(ownership.unwrap(), None);
    }
}
