//! Challenges: made, seen, accepted, withdrawn.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use game_core::{BySeat, ClockStart, ColorChoice, DeclineReason, Epoch};
use protocol::http::{
    ChallengeView, ChallengesReply, MatchReply, OpenChallengesReply, Start, Terms, TicketReply,
    TicketStatus,
};
use reqwest::Method;
use serde_json::json;
use store::Status;

use super::world::{Guest, World, blitz, send, shard, shard_id, ticket_id};
use crate::clock::now;

#[tokio::test]
async fn a_challenge_waits_until_it_is_accepted() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}");
    for who in [&ann, &bob] {
        let seen: TicketReply = world.get(who, &path).await.ok(200);
        let challenger = seen.challenger.as_ref().unwrap();
        assert_eq!(challenger.id, ann.id);
        assert!(seen.expires_at.unwrap() > now());
        let expected = TicketReply {
            id: id.clone(),
            status: TicketStatus::Waiting,
            match_id: None,
            declined: None,
            challenger: seen.challenger.clone(),
            color: Some(ColorChoice::Random),
            opponent: None,
            expires_at: seen.expires_at,
            terms: Terms::usual(blitz()),
        };
        assert_eq!(seen, expected);
    }
    let accepted: TicketReply = world
        .post(&bob, &format!("{path}/accept"), json!({}))
        .await
        .ok(200);
    assert_eq!(
        (accepted.status, &accepted.id),
        (TicketStatus::Matched, &id)
    );
    let match_id = accepted.match_id.unwrap();
    assert_eq!(match_id.to_string(), id, "the match has the challenge's id");
    let home = shard_id(1).home();
    assert_eq!(match_id.tag(), home, "that is made for a live shard");
    let seen: TicketReply = world.get(&ann, &path).await.ok(200);
    assert_eq!(seen, accepted, "the challenger learns of the same match");
}

#[tokio::test]
async fn the_match_is_as_the_challenge_said() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let fen = "4k3/8/8/8/8/8/4P3/4K3 b - - 4 31";
    let terms =
        json!({"color": "black", "start_fen": fen, "clock_start": "at_once", "opponent": "bob"});
    let id = world.challenge(&ann, terms).await;
    let path = format!("/v1/challenges/{id}/accept");
    let accepted: TicketReply = world.post(&bob, &path, json!({})).await.ok(200);
    let match_id = accepted.match_id.unwrap();
    let checkpoint = world.store.load(match_id).await.unwrap().unwrap();
    assert_eq!(checkpoint.ownership.epoch, Epoch(0));
    assert_eq!(checkpoint.ownership.owner, shard_id(1));
    assert_eq!(checkpoint.ownership.status, Status::Live);
    let setup = checkpoint.snapshot.setup();
    assert_eq!(setup.id, match_id);
    assert_eq!(
        (&setup.players.white.id, &setup.players.black.id),
        (&bob.id, &ann.id)
    );
    assert_eq!(&*setup.players.black.name, "Name of ann");
    let equal = BySeat {
        white: blitz(),
        black: blitz(),
    };
    assert_eq!(setup.controls, equal);
    assert_eq!(setup.clock_start, ClockStart::AtOnce);
    assert_eq!(setup.start.fen(), fen);
    assert!(!setup.rated);
    let path = format!("/v1/matches/{match_id}");
    let shown: MatchReply = world.get(&bob, &path).await.ok(200);
    assert_eq!(
        (shown.terms.start, shown.start_fullmove),
        (Start::Fen(fen.into()), 31),
        "where ply 0 was"
    );
}

#[tokio::test]
async fn random_colours_are_drawn() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let mut ann_was_white = [false, false];
    // Both within 64 matches, but for one run in 2⁶³.
    for _ in 0..64 {
        let id = world.challenge(&ann, json!({})).await;
        let path = format!("/v1/challenges/{id}/accept");
        let accepted: TicketReply = world.post(&bob, &path, json!({})).await.ok(200);
        let checkpoint = world
            .store
            .load(accepted.match_id.unwrap())
            .await
            .unwrap()
            .unwrap();
        let is_white = checkpoint.snapshot.setup().players.white.id == ann.id;
        ann_was_white[usize::from(is_white)] = true;
        if ann_was_white == [true, true] {
            return;
        }
    }
    panic!("one colour only: {ann_was_white:?}");
}

#[tokio::test]
async fn accepting_twice_is_accepting_once_and_nobody_else_can() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}/accept");
    let first: TicketReply = world.post(&bob, &path, json!({})).await.ok(200);
    let again: TicketReply = world.post(&bob, &path, json!({})).await.ok(200);
    assert_eq!(first, again);
    world
        .post(&cid, &path, json!({}))
        .await
        .problem(409, "challenge_taken");
}

#[tokio::test]
async fn of_many_who_accept_at_once_one_does() {
    let world = World::new().await;
    let other = world.another().await;
    let id = world.challenge(&world.player("ann"), json!({})).await;
    let path = format!("/v1/challenges/{id}/accept");
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..16 {
        let world = if n % 2 == 0 { &world } else { &other };
        let who = world.player(&format!("p{n}"));
        let request = world
            .request(reqwest::Method::POST, &path)
            .bearer_auth(who.token);
        tries.spawn(super::world::send(request));
    }
    let answers = tries.join_all().await;
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(accepted, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(409, "challenge_taken");
    }
}

#[tokio::test]
async fn the_challenger_cannot_accept() {
    let world = World::new().await;
    let ann = world.player("ann");
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}/accept");
    world
        .post(&ann, &path, json!({}))
        .await
        .problem(403, "own_challenge");
    let body = json!({"control": blitz(), "opponent": "ann"});
    world
        .post(&ann, "/v1/challenges", body)
        .await
        .problem(403, "own_challenge");
}

#[tokio::test]
async fn a_challenge_for_one_player_is_for_no_other() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let id = world.challenge(&ann, json!({"opponent": "bob"})).await;
    let path = format!("/v1/challenges/{id}");
    let accept = format!("{path}/accept");
    world.get(&cid, &path).await.problem(403, "not_invited");
    world
        .post(&cid, &accept, json!({}))
        .await
        .problem(403, "not_invited");
    let _: TicketReply = world.get(&ann, &path).await.ok(200);
    let _: TicketReply = world.post(&bob, &accept, json!({})).await.ok(200);
    world
        .post(&cid, &accept, json!({}))
        .await
        .problem(403, "not_invited");
}

#[tokio::test]
async fn a_withdrawn_challenge_cannot_be_accepted() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}");
    world.delete(&bob, &path).await.problem(403, "not_yours");
    for _ in 0..2 {
        let answer = world.delete(&ann, &path).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (204, ""),
            "and again"
        );
    }
    let seen: TicketReply = world.get(&ann, &path).await.ok(200);
    assert_eq!(seen.status, TicketStatus::Cancelled);
    let accept = format!("{path}/accept");
    world
        .post(&bob, &accept, json!({}))
        .await
        .problem(409, "challenge_cancelled");
}

#[tokio::test]
async fn an_accepted_challenge_cannot_be_withdrawn() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}");
    let accepted: TicketReply = world
        .post(&bob, &format!("{path}/accept"), json!({}))
        .await
        .ok(200);
    let detail = world
        .delete(&ann, &path)
        .await
        .problem(409, "already_matched");
    assert!(
        detail.contains(&accepted.match_id.unwrap().to_string()),
        "{detail}"
    );
}

#[tokio::test]
async fn without_a_shard_a_challenge_stays_as_it_was() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}");
    world.see(&[]);
    world
        .post(&bob, &format!("{path}/accept"), json!({}))
        .await
        .problem(503, "no_shard");
    let seen: TicketReply = world.get(&ann, &path).await.ok(200);
    assert_eq!(seen.status, TicketStatus::Waiting);
    world.see(&[shard(2)]);
    let _: TicketReply = world
        .post(&bob, &format!("{path}/accept"), json!({}))
        .await
        .ok(200);
}

#[tokio::test]
async fn positions_that_cannot_be_played_are_refused() {
    let world = World::new().await;
    let ann = world.player("ann");
    let too_long = "8/".repeat(100);
    let cases = [
        ("", "is not FEN"),
        ("no position", "is not FEN"),
        (too_long.as_str(), "longer than"),
        ("8/8/8/8/8/8/8/8 w - - 0 1", "not legal"),
        ("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", "already decided"),
        // What would be dropped or cut.
        ("4k3/8/8/8/8/8/8/4K2R[Q] w K - 0 1", "pocket"),
        ("4k3/8/8/8/8/8/8/4K2R w K - 3+3 0 1", "must be a number"),
        ("4k3/8/8/44/8/8/8/4K2R w K - 0 1", "44"),
        ("4k3/8/8/8/8/8/8/4K2R w K - 0 4294967296", "absurd"),
    ];
    for (fen, expected) in cases {
        let body = json!({"control": blitz(), "start_fen": fen});
        let answer = world.post(&ann, "/v1/challenges", body).await;
        let detail = answer.problem(400, "invalid_position");
        assert!(detail.contains(expected), "{fen}: {detail}");
    }
}

#[tokio::test]
async fn what_is_no_challenge_is_not_found() {
    let world = World::new().await;
    let ann = world.player("ann");
    let pool: TicketReply = world
        .post(&ann, "/v1/tickets", world.new_ticket())
        .await
        .ok(201);
    for id in ["000000000000", &pool.id] {
        let path = format!("/v1/challenges/{id}");
        world
            .get(&ann, &path)
            .await
            .problem(404, "challenge_not_found");
        world
            .delete(&ann, &path)
            .await
            .problem(404, "challenge_not_found");
        let accept = world.post(&ann, &format!("{path}/accept"), json!({})).await;
        accept.problem(404, "challenge_not_found");
    }
}

#[tokio::test]
async fn a_challenger_who_waits_hears_at_once() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}");
    let waiting_path = format!("{path}?wait_ms=20000");
    let accept_path = format!("{path}/accept");
    let begin = Instant::now();
    let (waited, accepted) = tokio::join!(
        world.get(&ann, &waiting_path),
        world.post(&bob, &accept_path, json!({})),
    );
    let (waited, accepted): (TicketReply, TicketReply) = (waited.ok(200), accepted.ok(200));
    assert_eq!(waited, accepted);
    assert!(begin.elapsed() < Duration::from_secs(10));
}

/// Each bad term has its code, and nothing comes of the request.
#[tokio::test]
async fn terms_that_no_match_is_made_on_are_refused_and_change_nothing() {
    let world = World::new().await;
    let ann = world.player("ann");
    let control = json!({"initial_ms": 60_000, "increment_ms": 0});
    let other = json!({"initial_ms": 30_000, "increment_ms": 0});
    let unequal = json!({"white": control, "black": other});
    let moved = "rnbqkbnr/pppppppp/8/8/8/4P3/PPPP1PPP/RNBQKBNR b KQkq - 0 1";
    let request = "invalid_request";
    let terms = "invalid_terms";
    let position = "invalid_position";
    for (code, body) in [
        (request, json!({})),
        (request, json!({"control": control, "controls": unequal})),
        (request, json!({"control": control, "variant": "bughouse"})),
        (request, json!({"control": control, "start_number": 5})),
        (
            request,
            json!({"control": control, "variant": "chess960", "start_number": 960}),
        ),
        (request, json!({"control": control, "clock_start": "late"})),
        (request, json!({"control": control, "spectator_delay_s": 2})),
        (
            request,
            json!({"control": control, "spectator_delay_s": 61}),
        ),
        (
            request,
            json!({"control": control, "rules": ["no_castling"]}),
        ),
        (
            request,
            json!({"control": control, "tags": {"town": "Rome"}}),
        ),
        (
            request,
            json!({"control": control, "tags": {"event": "x".repeat(121)}}),
        ),
        (
            request,
            json!({"control": control, "tags": {"site": "a\nb"}}),
        ),
        (request, json!({"control": control, "start_at": "noon"})),
        (request, json!({"control": control, "chat": "off"})),
        (request, json!({"control": control, "handicap": 1})),
        (terms, json!({"control": control, "start_at": 1})),
        (terms, json!({"controls": unequal, "rated": true})),
        (
            terms,
            json!({"control": control, "rated": true, "start_fen": moved}),
        ),
        (
            position,
            json!({"control": control, "variant": "racingKings", "start_fen": moved}),
        ),
    ] {
        for path in ["/v1/challenges", "/v1/tickets"] {
            let answer = world.post(&ann, path, body.clone()).await;
            let detail = answer.problem(400, code);
            assert!(detail.len() > 10, "{body}: {detail}");
        }
    }
    let held = world.store.held(&ann.id, store::Holding::Challenge);
    assert_eq!(held.await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_chess960_match_begins_from_the_position_that_its_challenge_shows() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = world
        .challenge(&ann, json!({"variant": "chess960", "rated": true}))
        .await;
    let path = format!("/v1/challenges/{id}");
    let seen: TicketReply = world.get(&bob, &path).await.ok(200);
    let accepted = world.post(&bob, &format!("{path}/accept"), json!({})).await;
    let accepted: TicketReply = accepted.ok(200);
    let path = format!("/v1/matches/{}", accepted.match_id.unwrap());
    let shown: MatchReply = world.get(&bob, &path).await.ok(200);
    assert!(matches!(&shown.terms.start, Start::Fen(fen) if *fen == shown.fen));
    assert_eq!(shown.terms, seen.terms);
    assert!(shown.terms.rated);
}

async fn lists(world: &World, who: &Guest) -> ChallengesReply {
    world.get(who, "/v1/challenges").await.ok(200)
}

async fn open(world: &World) -> Vec<String> {
    let reply = send(world.request(Method::GET, "/v1/challenges/open")).await;
    let reply: OpenChallengesReply = reply.ok(200);
    reply
        .open
        .into_iter()
        .map(|challenge| challenge.id)
        .collect()
}

#[tokio::test]
async fn a_challenge_is_listed_for_its_maker_for_whom_it_is_and_if_it_is_open_for_everyone() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let to_bob = world
        .challenge(&ann, json!({"opponent": "bob", "color": "black"}))
        .await;
    let to_all = world.challenge(&ann, json!({"open": true})).await;
    let link = world.challenge(&cid, json!({})).await;
    let ids = |views: &[ChallengeView]| -> HashSet<String> {
        views.iter().map(|view| view.id.clone()).collect()
    };
    let of_ann = lists(&world, &ann).await;
    assert_eq!(
        ids(&of_ann.made),
        HashSet::from([to_bob.clone(), to_all.clone()])
    );
    assert_eq!(of_ann.received, []);
    let of_bob = lists(&world, &bob).await;
    assert_eq!(of_bob.made, []);
    let [received] = &of_bob.received[..] else {
        panic!("{of_bob:?}");
    };
    assert_eq!((&received.id, &received.challenger.id), (&to_bob, &ann.id));
    assert_eq!(received.color, game_core::ColorChoice::Black);
    assert_eq!(received.opponent, Some(bob.id.clone()));
    assert_eq!(ids(&lists(&world, &cid).await.made), HashSet::from([link]));
    assert_eq!(open(&world).await, std::slice::from_ref(&to_all));

    // What is over is in no list.
    for (who, id) in [(&bob, &to_bob), (&cid, &to_all)] {
        let path = format!("/v1/challenges/{id}/accept");
        let _: TicketReply = world.post(who, &path, json!({})).await.ok(200);
    }
    assert_eq!(lists(&world, &ann).await.made, []);
    assert_eq!(lists(&world, &bob).await.received, []);
    assert!(open(&world).await.is_empty());
}

#[tokio::test]
async fn the_player_whom_a_challenge_names_may_decline_it_with_a_reason() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let id = world.challenge(&ann, json!({"opponent": "bob"})).await;
    let path = format!("/v1/challenges/{id}");
    let decline = format!("{path}/decline");
    for who in [&ann, &cid] {
        let answer = world.post(who, &decline, json!({})).await;
        answer.problem(403, "not_invited");
    }
    let odd = json!({"reason": "too_rainy"});
    world
        .post(&bob, &decline, odd)
        .await
        .problem(400, "invalid_request");
    let waiting_path = format!("{path}?wait_ms=20000");
    let waiting = world.get(&ann, &waiting_path);
    let reason = json!({"reason": "too_fast"});
    let (waited, declined) = tokio::join!(waiting, world.post(&bob, &decline, reason));
    let (waited, declined): (TicketReply, TicketReply) = (waited.ok(200), declined.ok(200));
    assert_eq!(declined.status, TicketStatus::Declined);
    assert_eq!(declined.declined, Some(DeclineReason::TooFast));
    assert_eq!(waited, declined, "the challenger learns of it");
    let again: TicketReply = world.post(&bob, &decline, json!({})).await.ok(200);
    assert_eq!(again, declined, "the first reason stands");
    let accept = world.post(&bob, &format!("{path}/accept"), json!({})).await;
    accept.problem(409, "challenge_declined");
    assert_eq!(lists(&world, &bob).await.received, []);

    // One for anybody is nobody's to decline, and one that was accepted or withdrawn is over.
    let anyone = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{anyone}/decline");
    world
        .post(&bob, &path, json!({}))
        .await
        .problem(403, "not_invited");
    let accepted = world.challenge(&ann, json!({"opponent": "bob"})).await;
    let path = format!("/v1/challenges/{accepted}");
    let _: TicketReply = world
        .post(&bob, &format!("{path}/accept"), json!({}))
        .await
        .ok(200);
    let answer = world
        .post(&bob, &format!("{path}/decline"), json!({}))
        .await;
    answer.problem(409, "already_matched");
    let withdrawn = world.challenge(&ann, json!({"opponent": "bob"})).await;
    let path = format!("/v1/challenges/{withdrawn}");
    assert_eq!(world.delete(&ann, &path).await.status, 204);
    let answer = world
        .post(&bob, &format!("{path}/decline"), json!({}))
        .await;
    answer.problem(409, "challenge_cancelled");
}

#[tokio::test]
async fn a_challenge_expires_in_the_time_it_says() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    for odd in [0, 9, 86_401] {
        let body = json!({"control": blitz(), "expires_in_s": odd});
        let answer = world.post(&ann, "/v1/challenges", body).await;
        answer.problem(400, "invalid_terms");
    }
    let before = now().0;
    let id = world.challenge(&ann, json!({"expires_in_s": 3_600})).await;
    let made = lists(&world, &ann).await.made.remove(0);
    assert!((3_600_000..3_700_000).contains(&(made.expires_at.0 - before)));
    let usual = world.challenge(&ann, json!({})).await;
    let made = lists(&world, &ann).await.made;
    let usual = made.iter().find(|view| view.id == usual).unwrap();
    assert!((900_000..1_000_000).contains(&(usual.expires_at.0 - before)));

    // Its maker's requests do not prolong it.
    let ticket = world.store.ticket(ticket_id(&id)).await.unwrap().unwrap();
    let expired = store::Ticket {
        id: ticket_id("expired00000"),
        expires_at: Some(game_core::UnixMillis(now().0 - 1)),
        ..ticket
    };
    world.store.put_ticket(&expired).await.unwrap();
    let path = "/v1/challenges/expired00000";
    world
        .get(&ann, path)
        .await
        .problem(404, "challenge_not_found");
    let accept = world.post(&bob, &format!("{path}/accept"), json!({})).await;
    accept.problem(404, "challenge_not_found");
}
