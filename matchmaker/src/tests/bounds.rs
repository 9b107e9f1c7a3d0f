//! What one player and one address may use up, and who is whose client.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use game_core::UnixMillis;
use protocol::http::{PlayerReply, TicketReply, TicketStatus};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use settings::Networks;
use store::{MemoryStore, ShardRecord, TICKET_WAITS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::world::{
    Answer, Guest, World, blitz, new_key, play, send, shard, ticket_id, waves_at_once,
};
use crate::LimitArgs;
use crate::clock::now;
use crate::config::Config;

async fn limited(limits: LimitArgs) -> World {
    let store = Arc::new(MemoryStore::default());
    World::on(store, new_key(), with(limits)).await
}

fn with(limits: LimitArgs) -> Config {
    Config {
        limits,
        ..waves_at_once()
    }
}

/// A client at an address of the loopback's own.
fn client_at(address: [u8; 4]) -> Client {
    Client::builder()
        .no_proxy()
        .local_address(IpAddr::from(address))
        .build()
        .unwrap()
}

/// Asks for a guest, through a proxy that adds these headers.
async fn guest_via(world: &World, headers: &[(&str, &str)]) -> Answer {
    let mut request = world.request(Method::POST, "/v1/players");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

/// Checks that the answer is 429 with this code, and gives its seconds to wait.
#[track_caller]
fn refused(answer: &Answer, code: &str) -> u64 {
    answer.problem(429, code);
    answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

async fn ticket_in(world: &World, who: &Guest, initial_s: u64) -> Answer {
    let body = json!({"control": {"initial_ms": initial_s * 1_000, "increment_ms": 0}});
    world.post(who, "/v1/tickets", body).await
}

async fn challenge(world: &World, who: &Guest) -> Answer {
    let body = json!({"control": blitz()});
    world.post(who, "/v1/challenges", body).await
}

async fn accept(world: &World, who: &Guest, id: &str) -> Answer {
    let path = format!("/v1/challenges/{id}/accept");
    world.post(who, &path, json!({})).await
}

#[tokio::test]
async fn an_address_makes_so_many_guests_and_is_told_when_to_come_back() {
    let world = limited(LimitArgs {
        guests_per_address_max: 3,
        ..LimitArgs::default()
    })
    .await;
    for _ in 0..3 {
        let _: PlayerReply = guest_via(&world, &[]).await.ok(200);
    }
    // What is refused for another reason uses nothing up.
    let bad = world
        .request(Method::POST, "/v1/players")
        .json(&json!({"name": ""}));
    send(bad).await.problem(400, "invalid_name");
    let wait_s = refused(&guest_via(&world, &[]).await, "rate_limited");
    assert!(
        (90..=100).contains(&wait_s),
        "a third of five minutes: {wait_s}"
    );

    let other = client_at([127, 0, 0, 2]).post(format!("{}/v1/players", world.base));
    let _: PlayerReply = send(other).await.ok(200);
    // Nobody is trusted unasked.
    let spoofed = guest_via(&world, &[("x-forwarded-for", "192.0.2.7")]).await;
    refused(&spoofed, "rate_limited");
}

#[tokio::test]
async fn an_address_asks_for_so_many_matches_however_many_players_it_has() {
    let world = limited(LimitArgs {
        creations_per_address_max: 4,
        ..LimitArgs::default()
    })
    .await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let made: TicketReply = challenge(&world, &ann).await.ok(201);
    let other: TicketReply = challenge(&world, &ann).await.ok(201);
    let _: TicketReply = accept(&world, &bob, &made.id).await.ok(200);
    let _: TicketReply = accept(&world, &bob, &made.id).await.ok(200);
    let _: TicketReply = ticket_in(&world, &cid, 60).await.ok(201);
    refused(&ticket_in(&world, &ann, 60).await, "rate_limited");
    refused(&challenge(&world, &ann).await, "rate_limited");
    refused(&accept(&world, &cid, &other.id).await, "rate_limited");
    let path = format!("/v1/challenges/{}", other.id);
    let still: TicketReply = world.get(&cid, &path).await.ok(200);
    assert_eq!(
        still.status,
        TicketStatus::Waiting,
        "reading is not bounded"
    );
}

/// The issue's hall: everyone comes at once, from one address, and everyone plays.
#[tokio::test]
async fn a_hall_of_300_guests_behind_one_address_gets_in_and_plays() {
    let world = limited(LimitArgs::default()).await;
    world.see(&[ShardRecord {
        capacity: 10_000,
        ..shard(1)
    }]);
    let mut tickets: Vec<(Guest, TicketReply)> = vec![];
    for _ in 0..300 {
        let guest: Guest = guest_via(&world, &[]).await.ok::<PlayerReply>(200).into();
        let ticket = ticket_in(&world, &guest, 180).await.ok(201);
        tickets.push((guest, ticket));
    }
    for (guest, ticket) in &tickets {
        let ticket = world.settled(guest, ticket).await;
        assert_eq!(ticket.status, TicketStatus::Matched);
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_is_counted_by_itself() {
    let world = limited(LimitArgs {
        guests_per_address_max: 1,
        trusted_proxy: vec!["127.0.0.1".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
        // A trusted proxy's own address is exempt from nothing.
        limit_exempt: vec![
            "127.0.0.0/8".parse().unwrap(),
            "2001:db8:e::/48".parse().unwrap(),
        ],
        ..LimitArgs::default()
    })
    .await;
    let xff = "x-forwarded-for";
    let cases: [(&[(&str, &str)], bool); 13] = [
        (&[(xff, "192.0.2.7")], true),
        (&[(xff, "192.0.2.7")], false),
        (&[(xff, "198.51.100.1, 192.0.2.7, 10.1.1.1")], false),
        (&[(xff, "::ffff:192.0.2.7")], false),
        (&[(xff, "192.0.2.8")], true),
        (&[("forwarded", "for=192.0.2.8;proto=https")], false),
        (&[("forwarded", "for=\"[2001:db8::1]:4711\"")], true),
        (&[(xff, "2001:db8::2")], false),
        (&[(xff, "2001:db8:0:1::1")], true),
        // What names nobody is the proxy's own, once.
        (&[], true),
        (&[(xff, "no address")], false),
        (
            &[(xff, "192.0.2.9"), ("forwarded", "for=192.0.2.10")],
            false,
        ),
        (&[(xff, "2001:db8:e::1")], true),
    ];
    for (headers, expected) in cases {
        let answer = guest_via(&world, headers).await;
        if expected {
            let _: PlayerReply = answer.ok(200);
        } else {
            refused(&answer, "rate_limited");
        }
    }
    for _ in 0..3 {
        let exempt = guest_via(&world, &[(xff, "2001:db8:e::1")]).await;
        let _: PlayerReply = exempt.ok(200);
    }
}

#[tokio::test]
async fn no_limit_holds_for_an_exempt_client() {
    let world = limited(LimitArgs {
        guests_per_address_max: 1,
        creations_per_address_max: 1,
        matches_per_player_max: 1,
        tickets_per_player_max: 1,
        challenges_per_player_max: 1,
        limit_exempt: vec![Networks::loopback()],
        ..LimitArgs::default()
    })
    .await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    for n in 1..=4 {
        let _: PlayerReply = guest_via(&world, &[]).await.ok(200);
        let _: TicketReply = ticket_in(&world, &ann, n).await.ok(201);
        let made: TicketReply = challenge(&world, &ann).await.ok(201);
        let _: TicketReply = challenge(&world, &ann).await.ok(201);
        let _: TicketReply = accept(&world, &bob, &made.id).await.ok(200);
    }
}

#[tokio::test]
async fn a_player_waits_in_so_many_pools_whichever_matchmaker_is_asked() {
    let one = limited(LimitArgs::default()).await;
    let other = one.another().await;
    let ann = one.player("ann");
    let mut tickets = vec![];
    for n in 1..=8 {
        let world = if n % 2 == 0 { &one } else { &other };
        tickets.push(ticket_in(world, &ann, n).await.ok::<TicketReply>(201));
    }
    for world in [&one, &other, &one.another().await] {
        assert!(refused(&ticket_in(world, &ann, 9).await, "too_many_tickets") > 0);
    }
    let _: TicketReply = ticket_in(&one, &one.player("bob"), 10).await.ok(201);
    // One is withdrawn, one is left alone: as many may be made. One is paired: all others are over.
    let path = format!("/v1/tickets/{}", tickets[0].id);
    assert_eq!(one.delete(&ann, &path).await.status, 204);
    let _: TicketReply = ticket_in(&other, &ann, 11).await.ok(201);
    refused(&ticket_in(&one, &ann, 12).await, "too_many_tickets");
    let long_ago = UnixMillis(now().0 - 60_000);
    let left = ticket_id(&tickets[1].id);
    one.store.touch_ticket(left, long_ago).await.unwrap();
    let _: TicketReply = ticket_in(&one, &ann, 13).await.ok(201);
    refused(&ticket_in(&one, &ann, 14).await, "too_many_tickets");
    let cid = one.player("cid");
    let paired: TicketReply = ticket_in(&one, &cid, 3).await.ok(201);
    let paired = one.settled(&cid, &paired).await;
    assert_eq!(paired.status, TicketStatus::Matched);
    for n in 15..=22 {
        let _: TicketReply = ticket_in(&one, &ann, n).await.ok(201);
    }
    refused(&ticket_in(&one, &ann, 23).await, "too_many_tickets");
}

#[tokio::test]
async fn a_player_has_so_many_open_challenges() {
    let one = limited(LimitArgs::default()).await;
    let other = one.another().await;
    let (ann, bob) = (one.player("ann"), one.player("bob"));
    let mut made = vec![];
    for n in 0..30 {
        let world = if n % 2 == 0 { &one } else { &other };
        made.push(challenge(world, &ann).await.ok::<TicketReply>(201));
    }
    refused(&challenge(&one, &ann).await, "too_many_challenges");
    let _: TicketReply = accept(&one, &bob, &made[0].id).await.ok(200);
    let path = format!("/v1/challenges/{}", made[1].id);
    assert_eq!(one.delete(&ann, &path).await.status, 204);
    for _ in 0..2 {
        let _: TicketReply = challenge(&other, &ann).await.ok(201);
    }
    refused(&challenge(&one, &ann).await, "too_many_challenges");
}

/// Sixteen guests made ten thousand matches in twelve seconds.
#[tokio::test]
async fn a_player_plays_in_so_many_matches_whichever_matchmaker_is_asked() {
    let limits = LimitArgs {
        matches_per_player_max: 3,
        ..LimitArgs::default()
    };
    let one = limited(limits.clone()).await;
    let again = || World::on(one.store.clone(), one.key.clone(), with(limits.clone()));
    let (ann, bob, cid) = (one.player("ann"), one.player("bob"), one.player("cid"));
    let open = one.challenge(&ann, json!({})).await;
    let first = one.make_match(&ann, &bob).await;
    for _ in 0..2 {
        again().await.make_match(&ann, &bob).await;
    }
    let restarted = again().await;
    for world in [&one, &restarted] {
        refused(&challenge(world, &ann).await, "too_many_matches");
        refused(&ticket_in(world, &bob, 60).await, "too_many_matches");
        // Neither an old challenge of one who plays enough, nor anyone's accepted by them.
        let detail = accept(world, &cid, &open)
            .await
            .problem(429, "too_many_matches");
        assert!(detail.starts_with("The challenger"), "{detail}");
        let by_cid = world.challenge(&cid, json!({})).await;
        refused(&accept(world, &ann, &by_cid).await, "too_many_matches");
    }
    // A match that ends makes room for one.
    play(&*one.store, first, &["e2e4", "e7e5"], true).await;
    let accepted: TicketReply = accept(&restarted, &cid, &open).await.ok(200);
    assert_eq!(accepted.status, TicketStatus::Matched);
    refused(&challenge(&one, &ann).await, "too_many_matches");
}

#[tokio::test]
async fn in_a_pool_one_who_plays_enough_is_passed_over() {
    let world = limited(LimitArgs {
        matches_per_player_max: 1,
        ..LimitArgs::default()
    })
    .await;
    let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|id| world.player(id));
    let of_ann: TicketReply = ticket_in(&world, &ann, 60).await.ok(201);
    world.make_match(&dan, &ann).await;
    let of_bob: TicketReply = ticket_in(&world, &bob, 60).await.ok(201);
    let of_ann = world.settled(&ann, &of_ann).await;
    assert_eq!(of_ann.status, TicketStatus::Cancelled, "ann plays already");
    let of_cid: TicketReply = ticket_in(&world, &cid, 60).await.ok(201);
    let of_cid = world.settled(&cid, &of_cid).await;
    assert_eq!(of_cid.status, TicketStatus::Matched, "bob is still there");
    let of_bob = world.settled(&bob, &of_bob).await;
    assert_eq!(of_bob.match_id, of_cid.match_id);
}

/// One player has one match from all pools.
#[tokio::test]
async fn who_is_given_a_match_from_one_pool_leaves_all_others() {
    let world = limited(LimitArgs::default()).await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let of_ann: TicketReply = ticket_in(&world, &ann, 60).await.ok(201);
    let also: TicketReply = ticket_in(&world, &ann, 120).await.ok(201);
    let challenge = world.challenge(&ann, json!({})).await;
    let of_bob: TicketReply = ticket_in(&world, &bob, 60).await.ok(201);
    let of_bob = world.settled(&bob, &of_bob).await;
    assert_eq!(of_bob.status, TicketStatus::Matched);
    let of_ann = world.settled(&ann, &of_ann).await;
    assert_eq!(of_ann.match_id, of_bob.match_id);
    let also = world.settled(&ann, &also).await;
    assert_eq!(also.status, TicketStatus::Cancelled);
    let of_cid: TicketReply = ticket_in(&world, &cid, 120).await.ok(201);
    assert_eq!(of_cid.status, TicketStatus::Waiting);
    let _: TicketReply = accept(&world, &cid, &challenge).await.ok(200);
}

#[tokio::test]
async fn a_player_and_an_address_send_so_many_requests_of_any_kind() {
    let world = limited(LimitArgs {
        requests_per_player_max: 3,
        requests_per_address_max: 6,
        ..LimitArgs::default()
    })
    .await;
    let [ann, bob] = ["ann", "bob"].map(|id| world.player(id));
    let read = async |who: &Guest| world.get(who, "/v1/tickets/000000000000").await;
    for _ in 0..3 {
        read(&ann).await.problem(404, "ticket_not_found");
    }
    let wait_s = refused(&read(&ann).await, "rate_limited");
    assert!(
        (1..=4).contains(&wait_s),
        "a third of ten seconds: {wait_s}"
    );
    for _ in 0..2 {
        read(&bob).await.problem(404, "ticket_not_found");
    }
    let detail = read(&bob).await.problem(429, "rate_limited");
    assert!(detail.starts_with("Your address"), "{detail}");
    // Probes are of nobody's account, and another address has its own.
    assert_eq!(send(world.request(Method::GET, "/livez")).await.status, 200);
    let other = client_at([127, 0, 0, 2]).get(format!("{}/v1/challenges/open", world.base));
    assert_eq!(send(other).await.status, 200);
}

#[tokio::test]
async fn a_challenge_lives_for_as_long_as_its_maker_asks_for_it() {
    let world = limited(LimitArgs::default()).await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let waits_ms = u64::try_from(TICKET_WAITS.as_millis()).unwrap();
    let ago = |ms: u64| UnixMillis(now().0 - ms);
    let id = world.challenge(&ann, json!({})).await;
    let path = format!("/v1/challenges/{id}");
    let unseen_for = async |ms| {
        let at = ago(ms);
        world.store.touch_ticket(ticket_id(&id), at).await.unwrap();
        at
    };
    let seen_at = async || {
        world
            .store
            .ticket(ticket_id(&id))
            .await
            .unwrap()
            .unwrap()
            .seen_at
    };

    let at = unseen_for(waits_ms - 5_000).await;
    let _: TicketReply = world.get(&bob, &path).await.ok(200);
    assert_eq!(seen_at().await, at, "who is asked does not prolong it");
    let _: TicketReply = world.get(&ann, &path).await.ok(200);
    assert!(seen_at().await > ago(60_000), "its maker does");

    unseen_for(waits_ms + 1_000).await;
    for who in [&ann, &bob] {
        world
            .get(who, &path)
            .await
            .problem(404, "challenge_not_found");
    }
    accept(&world, &bob, &id)
        .await
        .problem(404, "challenge_not_found");
}

async fn connect(world: &World, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((IpAddr::from(from), 0).into()).unwrap();
    let address = world.base.strip_prefix("http://").unwrap();
    socket.connect(address.parse().unwrap()).await.unwrap()
}

/// The status line of what a request on an open connection is answered; empty if it is closed.
async fn ask_on(stream: &mut TcpStream, head: &str) -> String {
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = vec![];
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte).await {
        if byte == *b"\r" {
            break;
        }
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n";
const GUEST: &str = "POST /v1/players HTTP/1.1\r\nHost: h\r\n\r\n";

#[tokio::test]
async fn an_address_has_so_many_connections_and_probes_are_answered_beyond() {
    let world = limited(LimitArgs {
        connections_per_address_max: 3,
        ..LimitArgs::default()
    })
    .await;
    let mut idle = vec![];
    for _ in 0..3 {
        let mut stream = connect(&world, [127, 0, 0, 2]).await;
        assert_eq!(ask_on(&mut stream, LIVEZ).await, "HTTP/1.1 200 OK");
        idle.push(stream);
    }
    let mut more = connect(&world, [127, 0, 0, 2]).await;
    assert_eq!(
        ask_on(&mut more, GUEST).await,
        "HTTP/1.1 503 Service Unavailable"
    );
    let mut probe = connect(&world, [127, 0, 0, 2]).await;
    assert_eq!(ask_on(&mut probe, LIVEZ).await, "HTTP/1.1 200 OK");
    let mut honest = connect(&world, [127, 0, 0, 1]).await;
    assert_eq!(ask_on(&mut honest, GUEST).await, "HTTP/1.1 200 OK");
    // A place is free again once a connection has ended.
    drop(idle.pop());
    while ask_on(&mut connect(&world, [127, 0, 0, 2]).await, GUEST).await != "HTTP/1.1 200 OK" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a raw request is answered, headers and body, until the connection is closed.
async fn whole_answer(world: &World, pieces: &[&[u8]]) -> String {
    let mut stream = connect(world, [127, 0, 0, 1]).await;
    for piece in pieces {
        // The peer may close while we write.
        let _ = stream.write_all(piece).await;
    }
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_refused_before_it_comes() {
    let world = limited(LimitArgs::default()).await;
    let head = b"POST /v1/players HTTP/1.1\r\nHost: h\r\nContent-Length: 4097\r\n\r\n";
    let answer = whole_answer(&world, &[head]).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.to_ascii_lowercase().contains("connection: close"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_that_says_no_length_is_read_to_the_limit_only() {
    let world = limited(LimitArgs::default()).await;
    let head = b"POST /v1/players HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
    let mut pieces: Vec<&[u8]> = vec![head];
    // The last chunk never comes.
    pieces.extend([chunk.as_bytes(); 5]);
    let answer = whole_answer(&world, &pieces).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    let small: &[&[u8]] = &[
        head,
        b"2\r\n{}\r\n",
        b"0\r\n\r\n",
        b"GET /livez HTTP/1.0\r\n\r\n",
    ];
    let answer = whole_answer(&world, small).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// A body that does not come holds a connection, and nothing that others need.
#[tokio::test]
async fn slow_bodies_take_no_permit() {
    let store = Arc::new(MemoryStore::default());
    let config = Config {
        requests_max: 2,
        ..Config::default()
    };
    let world = World::on(store, new_key(), config).await;
    let mut slow = vec![];
    for _ in 0..20 {
        let mut stream = connect(&world, [127, 0, 0, 2]).await;
        let head = b"POST /v1/players HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{";
        stream.write_all(head).await.unwrap();
        slow.push(stream);
    }
    for _ in 0..20 {
        let _: PlayerReply = guest_via(&world, &[]).await.ok(200);
    }
    for stream in &mut slow {
        assert_eq!(
            ask_on(stream, "}").await,
            "HTTP/1.1 200 OK",
            "they are served too"
        );
    }
}

/// A refusal of the kind that a limit is has the form of every other problem.
#[tokio::test]
async fn a_limit_is_answered_with_a_problem() {
    let world = limited(LimitArgs {
        guests_per_address_max: 1,
        ..LimitArgs::default()
    })
    .await;
    let _: PlayerReply = guest_via(&world, &[]).await.ok(200);
    let answer = guest_via(&world, &[]).await;
    let problem: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(problem["code"], "rate_limited");
    assert_eq!(problem["status"], 429);
    assert!(
        problem["detail"].as_str().unwrap().contains("Try again in"),
        "{problem}"
    );
}
