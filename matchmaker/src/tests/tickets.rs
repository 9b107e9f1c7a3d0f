//! Pools: waiting, being paired, going away.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use game_core::{ClockStart, PlayerId, Rule, UnixMillis, Variant};
use protocol::http::{Terms, TicketReply, TicketStatus};
use serde_json::json;
use store::TicketList;
use tokio::task::JoinSet;

use super::world::{Guest, World, blitz, client, send, shard, ticket_id};
use crate::clock::now;
use crate::pairing::SEEN_WITHIN_MS;

async fn join_pool(world: &World, who: &Guest) -> TicketReply {
    world
        .post(who, "/v1/tickets", world.new_ticket())
        .await
        .ok(201)
}

async fn look(world: &World, who: &Guest, ticket: &TicketReply) -> TicketReply {
    world
        .get(who, &format!("/v1/tickets/{}", ticket.id))
        .await
        .ok(200)
}

/// Waits until what is made next is newer than what was made before.
async fn until_later() {
    let made_at = now();
    while now() == made_at {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn two_in_a_pool_are_paired_within_a_second() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let first = join_pool(&world, &ann).await;
    let waiting = TicketReply {
        id: first.id.clone(),
        status: TicketStatus::Waiting,
        match_id: None,
        declined: None,
        challenger: None,
        color: None,
        opponent: None,
        expires_at: None,
        terms: Terms::usual(blitz()),
    };
    assert_eq!(first, waiting);
    let second = join_pool(&world, &bob).await;
    let second = world.settled(&bob, &second).await;
    assert_eq!(second.status, TicketStatus::Matched);
    let first = look(&world, &ann, &first).await;
    assert_eq!(
        (first.status, first.match_id),
        (second.status, second.match_id)
    );

    let checkpoint = world
        .store
        .load(second.match_id.unwrap())
        .await
        .unwrap()
        .unwrap();
    let setup = checkpoint.snapshot.setup();
    let players = HashSet::from([&setup.players.white.id, &setup.players.black.id]);
    assert_eq!(players, HashSet::from([&ann.id, &bob.id]));
    assert_eq!(
        (setup.controls.white, setup.controls.black),
        (blitz(), blitz())
    );
    assert_eq!(setup.clock_start, ClockStart::AfterFirstMoves);
    assert!(setup.start.is_initial());
}

#[tokio::test]
async fn other_time_controls_are_other_pools() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    join_pool(&world, &ann).await;
    let body = json!({"control": {"initial_ms": 180_000, "increment_ms": 2_001}});
    let other: TicketReply = world.post(&bob, "/v1/tickets", body).await.ok(201);
    assert_eq!(other.status, TicketStatus::Waiting);
}

#[tokio::test]
async fn tickets_are_paired_with_tickets_of_equal_terms_alone() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let terms = json!({
        "control": blitz(),
        "variant": "chess960",
        "rules": ["no_takeback", "no_abort"],
        "chat": false,
    });
    let first: TicketReply = world.post(&ann, "/v1/tickets", terms).await.ok(201);
    let almost = json!({
        "control": blitz(),
        "variant": "chess960",
        "rules": ["no_takeback"],
        "chat": false,
    });
    let other: TicketReply = world.post(&bob, "/v1/tickets", almost).await.ok(201);
    assert_eq!(other.status, TicketStatus::Waiting);
    let the_same = json!({
        "chat": false,
        "rated": false,
        "rules": ["no_abort", "no_takeback"],
        "variant": "chess960",
        "controls": {"white": blitz(), "black": blitz()},
    });
    let second: TicketReply = world.post(&cid, "/v1/tickets", the_same).await.ok(201);
    let second = world.settled(&cid, &second).await;
    assert_eq!(second.status, TicketStatus::Matched);
    let other = look(&world, &bob, &other).await;
    assert_eq!(other.status, TicketStatus::Waiting);
    let first = look(&world, &ann, &first).await;
    assert_eq!(first.match_id, second.match_id);
    assert_eq!(first.terms, second.terms, "the start is not told yet");
    let checkpoint = world.store.load(second.match_id.unwrap()).await;
    let checkpoint = checkpoint.unwrap().unwrap();
    let setup = checkpoint.snapshot.setup();
    assert_eq!(setup.variant(), Variant::Chess960);
    assert!(!setup.chat);
    assert!(setup.rules.has(Rule::NoTakeback) && setup.rules.has(Rule::NoAbort));
}

#[tokio::test]
async fn a_new_ticket_replaces_the_players_older_one() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let older = join_pool(&world, &ann).await;
    until_later().await;
    let newer = join_pool(&world, &ann).await;
    assert_eq!(newer.status, TicketStatus::Waiting);
    let partner = join_pool(&world, &bob).await;
    let partner = world.settled(&bob, &partner).await;
    assert_eq!(partner.status, TicketStatus::Matched);
    let older = look(&world, &ann, &older).await;
    let newer = look(&world, &ann, &newer).await;
    assert_eq!(older.status, TicketStatus::Cancelled);
    assert_eq!(newer.match_id, partner.match_id);
}

#[tokio::test]
async fn a_player_who_stopped_asking_is_not_paired_until_they_ask_again() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let gone = join_pool(&world, &ann).await;
    let long_ago = UnixMillis(now().0 - SEEN_WITHIN_MS - 1_000);
    world
        .store
        .touch_ticket(ticket_id(&gone.id), long_ago)
        .await
        .unwrap();
    let alone = join_pool(&world, &bob).await;
    let pair = join_pool(&world, &cid).await;
    let pair = world.settled(&cid, &pair).await;
    assert_eq!(pair.status, TicketStatus::Matched);
    let alone = look(&world, &bob, &alone).await;
    assert_eq!(
        alone.match_id, pair.match_id,
        "those who are there are paired"
    );

    let dan = world.player("dan");
    let alone = join_pool(&world, &dan).await;
    assert_eq!(alone.status, TicketStatus::Waiting);
    let back = world.settled(&ann, &gone).await;
    assert_eq!(
        back.status,
        TicketStatus::Matched,
        "asking brings the ticket back"
    );
    assert_eq!(look(&world, &dan, &alone).await.match_id, back.match_id);
}

#[tokio::test]
async fn those_who_left_and_those_who_ask_again_stand_in_nobodys_way() {
    let world = World::new().await;
    let [ann, bob] = ["ann", "bob"].map(|id| world.player(id));
    world.see(&[]);
    let pool = blitz().to_string();
    let left_at = UnixMillis(now().0 - SEEN_WITHIN_MS - 1_000);
    for n in 0..300 {
        let ticket = join_pool(&world, &world.player(&format!("p{n}"))).await;
        world
            .store
            .touch_ticket(ticket_id(&ticket.id), left_at)
            .await
            .unwrap();
    }
    for _ in 0..20 {
        join_pool(&world, &ann).await;
    }
    until_later().await;
    join_pool(&world, &ann).await;
    let pool = TicketList::Pool(pool.into());
    let waiting = world.store.waiting(&pool, 1_000).await.unwrap();
    assert_eq!(waiting.len(), 301);
    let of_ann = waiting.iter().filter(|ticket| ticket.player.id == ann.id);
    assert_eq!(of_ann.count(), 1, "the older ones are replaced");
    world.see(&[shard(1)]);
    let of_bob = join_pool(&world, &bob).await;
    let of_bob = world.settled(&bob, &of_bob).await;
    assert_eq!(of_bob.status, TicketStatus::Matched);
}

#[tokio::test]
async fn a_player_who_waits_hears_at_once_and_is_held_to_be_there() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let first = join_pool(&world, &ann).await;
    let long_ago = UnixMillis(now().0 - SEEN_WITHIN_MS - 1_000);
    world
        .store
        .touch_ticket(ticket_id(&first.id), long_ago)
        .await
        .unwrap();
    let path = format!("/v1/tickets/{}?wait_ms=20000", first.id);
    let begin = Instant::now();
    let second = async {
        while world
            .store
            .ticket(ticket_id(&first.id))
            .await
            .unwrap()
            .unwrap()
            .seen_at
            == long_ago
        {
            tokio::task::yield_now().await;
        }
        join_pool(&world, &bob).await
    };
    let (waited, second) = tokio::join!(world.get(&ann, &path), second);
    let waited: TicketReply = waited.ok(200);
    let second = look(&world, &bob, &second).await;
    assert!(second.match_id.is_some());
    assert_eq!(waited.match_id, second.match_id);
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_wait_ends_at_its_time() {
    let world = World::new().await;
    let ann = world.player("ann");
    let ticket = join_pool(&world, &ann).await;
    let path = format!("/v1/tickets/{}?wait_ms=300", ticket.id);
    let begin = Instant::now();
    let reply: TicketReply = world.get(&ann, &path).await.ok(200);
    assert_eq!(reply.status, TicketStatus::Waiting);
    let waited = begin.elapsed();
    assert!(
        (Duration::from_millis(300)..Duration::from_secs(10)).contains(&waited),
        "{waited:?}"
    );
}

#[tokio::test]
async fn without_a_shard_players_wait_and_with_one_they_play() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    world.see(&[]);
    let first = join_pool(&world, &ann).await;
    let second = join_pool(&world, &bob).await;
    assert_eq!(second.status, TicketStatus::Waiting);
    world.see(&[shard(1)]);
    let first = world.settled(&ann, &first).await;
    let second = world.settled(&bob, &second).await;
    assert_eq!(first.status, TicketStatus::Matched);
    assert_eq!(first.match_id, second.match_id);
}

#[tokio::test]
async fn a_withdrawn_ticket_is_not_paired() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let ticket = join_pool(&world, &ann).await;
    let path = format!("/v1/tickets/{}", ticket.id);
    for _ in 0..2 {
        assert_eq!(world.delete(&ann, &path).await.status, 204);
    }
    assert_eq!(
        look(&world, &ann, &ticket).await.status,
        TicketStatus::Cancelled
    );
    let of_bob = join_pool(&world, &bob).await;
    let cid = world.player("cid");
    let of_cid = join_pool(&world, &cid).await;
    let of_cid = world.settled(&cid, &of_cid).await;
    let of_bob = look(&world, &bob, &of_bob).await;
    assert_eq!(
        (of_bob.status, of_bob.match_id),
        (TicketStatus::Matched, of_cid.match_id)
    );
}

#[tokio::test]
async fn a_paired_ticket_cannot_be_withdrawn() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let ticket = join_pool(&world, &ann).await;
    join_pool(&world, &bob).await;
    world.settled(&ann, &ticket).await;
    let path = format!("/v1/tickets/{}", ticket.id);
    world
        .delete(&ann, &path)
        .await
        .problem(409, "already_matched");
}

#[tokio::test]
async fn a_ticket_is_its_players_alone() {
    let world = World::new().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let ticket = join_pool(&world, &ann).await;
    let path = format!("/v1/tickets/{}", ticket.id);
    world.get(&bob, &path).await.problem(403, "not_yours");
    world.delete(&bob, &path).await.problem(403, "not_yours");
}

#[tokio::test]
async fn what_is_no_ticket_is_not_found() {
    let world = World::new().await;
    let ann = world.player("ann");
    let challenge = world.challenge(&ann, json!({})).await;
    for id in ["000000000000", &challenge] {
        let path = format!("/v1/tickets/{id}");
        world
            .get(&ann, &path)
            .await
            .problem(404, "ticket_not_found");
        world
            .delete(&ann, &path)
            .await
            .problem(404, "ticket_not_found");
    }
}

/// Every player is in exactly one match and every match has two players, whichever matchmaker each
/// of them asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_matchmakers_pair_one_pool_at_once() {
    const PLAYERS: usize = 60;
    let one = World::with_waves_at_once().await;
    let other = one.another().await;
    let mut waits = JoinSet::new();
    for n in 0..PLAYERS {
        let (asked, also_asked) = if n % 2 == 0 {
            (&one, &other)
        } else {
            (&other, &one)
        };
        let who = asked.player(&format!("p{n}"));
        let post = asked
            .request(reqwest::Method::POST, "/v1/tickets")
            .bearer_auth(&who.token)
            .json(&asked.new_ticket());
        let base = also_asked.base.clone();
        waits.spawn(async move {
            let ticket: TicketReply = send(post).await.ok(201);
            let url = format!("{base}/v1/tickets/{}?wait_ms=20000", ticket.id);
            let get = client().get(url).bearer_auth(&who.token);
            let reply: TicketReply = send(get).await.ok(200);
            assert_eq!(reply.status, TicketStatus::Matched);
            (who.id, reply.match_id.unwrap())
        });
    }
    let mut matches: HashMap<_, Vec<PlayerId>> = HashMap::new();
    for (player, match_id) in waits.join_all().await {
        matches.entry(match_id).or_default().push(player);
    }
    assert_eq!(matches.len(), PLAYERS / 2);
    for (id, mut players) in matches {
        let checkpoint = one.store.load(id).await.unwrap().unwrap();
        let setup = checkpoint.snapshot.setup();
        let mut seated = vec![
            setup.players.white.id.clone(),
            setup.players.black.id.clone(),
        ];
        players.sort();
        seated.sort();
        assert_eq!(players, seated);
        assert_ne!(seated[0], seated[1]);
    }
}
