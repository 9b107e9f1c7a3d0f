//! Seats: who gets one, and where.

use std::time::Duration;

use game_core::{Epoch, Match, MatchId};
use protocol::Role;
use protocol::http::SeatReply;
use serde_json::json;
use store::{Claim, Registered, ShardRecord, WebDoors, WebTransportDoor};
use tokens::SeatClaims;

use super::world::{Guest, World, play, shard, shard_id};
use crate::clock::now;
use crate::registry::RegistryView;

async fn watch(world: &World, who: &Guest, id: MatchId) -> SeatReply {
    world
        .post(who, &format!("/v1/matches/{id}/watch"), json!({}))
        .await
        .ok(200)
}

fn draining(shard: ShardRecord) -> ShardRecord {
    ShardRecord {
        draining: true,
        ..shard
    }
}

#[tokio::test]
async fn players_get_their_seats_and_others_a_place_to_watch() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let id = world.make_match(&ann, &bob).await;
    let cases = [
        (world.seat(&ann, id).await, &ann, Role::White),
        (world.seat(&bob, id).await, &bob, Role::Black),
        (watch(&world, &cid, id).await, &cid, Role::Spectator),
        (watch(&world, &ann, id).await, &ann, Role::Spectator),
    ];
    for (reply, who, role) in cases {
        assert_eq!((reply.match_id, reply.role), (id, role));
        assert_eq!(reply.shard.id, shard_id(1));
        assert_eq!(reply.shard.address, shard(1).address);
        assert_eq!(reply.shard.certificate_sha256, Some("01".repeat(32)));
        let left = reply.expires_at.0 - now().0;
        assert!((290_000..=300_000).contains(&left), "{left} ms");
        let claims = world.key.verifying_key().seat(&reply.token, now()).unwrap();
        let expected = SeatClaims {
            match_id: id,
            role,
            player: who.id.clone(),
            exp: reply.expires_at.0 / 1_000,
        };
        assert_eq!(claims, expected);
    }
}

/// The shard of the former match makes the match of a rematch: its players find it.
#[tokio::test]
async fn the_players_of_a_match_have_their_seats_in_its_rematch_as_soon_as_it_exists() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.make_match(&ann, &bob).await;
    let next: MatchId = "0AZaz9876543".parse().unwrap();
    let path = format!("/v1/matches/{next}/seat");
    let early = world.post(&ann, &path, json!({})).await;
    early.problem(404, "match_not_found");
    assert_eq!(early.headers["retry-after"], "1");

    let checkpoint = world.store.load(id).await.unwrap().unwrap();
    let rematch = checkpoint.snapshot.setup().rematch(next, now());
    let snapshot = Match::new(rematch).snapshot();
    world.store.create(shard_id(1), &snapshot).await.unwrap();
    assert_eq!(world.seat(&ann, next).await.role, Role::Black);
    assert_eq!(world.seat(&bob, next).await.role, Role::White);
}

#[tokio::test]
async fn who_does_not_play_is_shown_to_the_benches() {
    let world = World::new().await;
    let id = world
        .make_match(&world.player("ann"), &world.player("bob"))
        .await;
    let path = format!("/v1/matches/{id}/seat");
    let answer = world.post(&world.player("cid"), &path, json!({})).await;
    let detail = answer.problem(403, "not_a_player");
    assert!(
        detail.contains(&format!("POST /v1/matches/{id}/watch")),
        "{detail}"
    );
}

#[tokio::test]
async fn a_match_that_is_not_there_has_no_seats() {
    let world = World::new().await;
    for path in ["seat", "watch"] {
        let path = format!("/v1/matches/000000000000/{path}");
        world
            .post(&world.player("ann"), &path, json!({}))
            .await
            .problem(404, "match_not_found");
    }
}

#[tokio::test]
async fn the_owner_is_named_as_long_as_it_lives() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.make_match(&ann, &bob).await;
    for registry in [
        vec![shard(1), shard(2)],
        vec![draining(shard(1)), shard(2)],
        vec![
            ShardRecord {
                live: 100,
                ..shard(1)
            },
            shard(2),
        ],
    ] {
        world.see(&registry);
        assert_eq!(
            world.seat(&ann, id).await.shard.id,
            shard_id(1),
            "{registry:?}"
        );
    }
}

#[tokio::test]
async fn the_newest_owner_is_named() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.make_match(&ann, &bob).await;
    let claim = world.store.claim(id, shard_id(2), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)));
    world.see(&[shard(1), shard(2), shard(3)]);
    assert_eq!(world.seat(&ann, id).await.shard.id, shard_id(2));
    assert_eq!(
        watch(&world, &world.player("cid"), id).await.shard.id,
        shard_id(2)
    );
}

#[tokio::test]
async fn an_owner_that_entered_the_registry_a_moment_ago_is_named() {
    let world = World::new().await;
    let ann = world.player("ann");
    let id = world.make_match(&ann, &world.player("bob")).await;
    let claim = world.store.claim(id, shard_id(9), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)));
    world.store.heartbeat(&shard(9)).await.unwrap();
    assert_eq!(world.seat(&ann, id).await.shard.id, shard_id(9));
    world.store.leave(shard_id(9)).await.unwrap();
    assert_eq!(
        world.seat(&ann, id).await.shard.id,
        shard_id(1),
        "and not once it has left"
    );
}

#[tokio::test]
async fn when_the_owner_is_dead_both_players_are_sent_to_one_live_shard() {
    let world = World::new().await;
    let other = world.another().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.make_match(&ann, &bob).await;
    world.store.leave(shard_id(1)).await.unwrap();
    let survivors = [shard(2), shard(3), shard(4), draining(shard(5))];
    world.see(&survivors);
    other.see(&survivors);
    let one = world.seat(&ann, id).await.shard;
    let two = other.seat(&bob, id).await.shard;
    assert_eq!(one, two);
    assert!([2, 3, 4].map(shard_id).contains(&one.id));
}

#[tokio::test]
async fn whether_a_silent_owner_lives_is_waited_for() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.make_match(&ann, &bob).await;
    let shards = [shard(1), shard(2)];
    for (beats_in_the_end, named) in [(0, 1), (6, 2)] {
        world.see_silent(&shards, shard_id(1), 3);
        let asked = world.seat(&ann, id);
        tokio::pin!(asked);
        let early = tokio::time::timeout(Duration::from_millis(300), &mut asked).await;
        assert!(early.is_err(), "answered before it was known: {early:?}");
        world.see_silent(&shards, shard_id(1), beats_in_the_end);
        assert_eq!(asked.await.shard.id, shard_id(named));
    }
}

/// Its record may be of a newer version than this program reads: who plays there is not robbed of the match.
#[tokio::test]
async fn an_owner_whose_record_cannot_be_read_keeps_its_match() {
    let world = World::new().await;
    let ann = world.player("ann");
    let id = world.make_match(&ann, &world.player("bob")).await;
    let unreadable = Registered::Unreadable {
        id: shard_id(1),
        sign: 7,
    };
    world.see_registry(&[unreadable, shard(2).into()]);
    let path = format!("/v1/matches/{id}/seat");
    let answer = world.post(&ann, &path, json!({})).await;
    answer.problem(503, "owner_unknown");
}

#[tokio::test]
async fn an_owner_without_a_record_is_waited_for_until_it_has_one_or_is_known_to_be_dead() {
    let world = World::new().await;
    let ann = world.player("ann");
    let id = world.make_match(&ann, &world.player("bob")).await;
    for (in_the_end, named) in [
        (Registered::from(shard(1)), 1),
        (Registered::Left(shard_id(1)), 2),
    ] {
        world.see_registry(&[Registered::Absent(shard_id(1)), shard(2).into()]);
        let asked = world.seat(&ann, id);
        tokio::pin!(asked);
        let early = tokio::time::timeout(Duration::from_millis(300), &mut asked).await;
        assert!(early.is_err(), "answered before it was known: {early:?}");
        world.see_registry(&[in_the_end, shard(2).into()]);
        assert_eq!(asked.await.shard.id, shard_id(named));
    }
}

#[tokio::test]
async fn when_no_shard_lives_players_are_asked_to_come_back() {
    let world = World::new().await;
    let ann = world.player("ann");
    let id = world.make_match(&ann, &world.player("bob")).await;
    world.store.leave(shard_id(1)).await.unwrap();
    world.see(&[draining(shard(2))]);
    for path in ["seat", "watch"] {
        let path = format!("/v1/matches/{id}/{path}");
        world
            .post(&ann, &path, json!({}))
            .await
            .problem(503, "no_shard");
    }
}

#[tokio::test]
async fn before_the_registry_was_read_players_are_asked_to_come_back() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.make_match(&ann, &bob).await;
    world.views.send_replace(RegistryView::default().into());
    let path = format!("/v1/matches/{id}/seat");
    world
        .post(&ann, &path, json!({}))
        .await
        .problem(503, "owner_unknown");
    let challenge = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{challenge}/accept");
    let detail = world
        .post(&bob, &path, json!({}))
        .await
        .problem(503, "no_shard");
    assert!(detail.contains("has not been read yet"), "{detail}");
}

#[tokio::test]
async fn a_finished_match_is_shown_by_any_live_shard() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.make_match(&ann, &bob).await;
    play(&*world.store, id, &["e2e4", "e7e5"], true).await;
    assert_eq!(world.seat(&ann, id).await.shard.id, shard_id(1));
    world.see(&[shard(2)]);
    assert_eq!(world.seat(&ann, id).await.shard.id, shard_id(2));
    assert_eq!(watch(&world, &bob, id).await.shard.id, shard_id(2));
}

#[tokio::test]
async fn a_page_is_told_where_it_reaches_the_shard() {
    let world = World::new().await;
    let ann = world.player("ann");
    let id = world.make_match(&ann, &world.player("bob")).await;
    let old = world.seat(&ann, id).await.shard;
    assert_eq!((old.web_transport, old.web_socket), (None, None));
    world.see(&[ShardRecord {
        web: WebDoors {
            web_transport: Some(WebTransportDoor {
                url: "https://127.0.0.1:4001/".to_owned(),
                certificate_hashes: vec![[1; 32], [2; 32]],
            }),
            web_socket: Some("ws://127.0.0.1:4001/".to_owned()),
        },
        ..shard(1)
    }]);
    let shard = world.seat(&ann, id).await.shard;
    let door = shard.web_transport.unwrap();
    assert_eq!(door.url, "https://127.0.0.1:4001/");
    assert_eq!(door.certificate_hashes, ["01".repeat(32), "02".repeat(32)]);
    assert_eq!(shard.web_socket.as_deref(), Some("ws://127.0.0.1:4001/"));
}

#[tokio::test]
async fn a_certificate_of_a_public_authority_is_not_pinned() {
    let world = World::new().await;
    let ann = world.player("ann");
    let id = world.make_match(&ann, &world.player("bob")).await;
    world.see(&[ShardRecord {
        certificate_sha256: None,
        ..shard(1)
    }]);
    assert_eq!(world.seat(&ann, id).await.shard.certificate_sha256, None);
}
