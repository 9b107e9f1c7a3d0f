//! A few who want in all the time do not keep the others out, and nobody has a place for nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use game_core::{MatchId, Seat};
use protocol::{CloseCode, Role, ServerBody};
use store::{MemoryStore, Store};
use tests::half_open::HalfOpen;
use tests::shard::{LocalShard, claims};
use tests::wire::RawClient;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn loopback(net: u8, host: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, net, host).into()
}

/// The token of a player who is not one of the two that have seats.
fn token_of(shard: &LocalShard, player: &str, id: MatchId, role: Role) -> String {
    let mut claims = claims(id, role);
    claims.player = player.parse().unwrap();
    shard.key.seat_token(&claims)
}

/// What a connection is closed with, in time.
async fn closed(client: &RawClient) -> Option<CloseCode> {
    let error = timeout(PATIENCE, client.connection.closed()).await.unwrap();
    client::connection::close_code(&error)
}

/// Reads a stream to its end.
async fn ended(client: &mut RawClient) {
    while client.next().await.is_some() {}
}

/// Attackers at so many addresses begin 241 handshakes a second, and finish none, until all places that
/// they can have are theirs; then honest players come from other addresses, also several from one.
async fn honest_players_get_in_beside(attackers: u8) {
    let shard = LocalShard::start().await;
    let id = shard.create_match().await;
    let every = Duration::from_secs(1) * u32::from(attackers) / 241;
    let mut attack = Vec::new();
    for n in 0..attackers {
        attack.push(HalfOpen::start(loopback(1, n + 1), shard.address.address, every).await);
    }
    let began = Instant::now();
    let mut honest = 0;
    while began.elapsed() < Duration::from_secs(8) {
        let mut comers = JoinSet::new();
        for n in 0..4 {
            // Two by two from one address.
            let from = loopback(2, honest + n / 2 + 1);
            let token = token_of(&shard, &format!("eve{honest}-{n}"), id, Role::Spectator);
            let address = shard.address.clone();
            comers.spawn(async move {
                let mut client = RawClient::connect_from(from, &address)
                    .await
                    .unwrap_or_else(|error| panic!("honest {honest}: {error}"));
                client.ask(id, token, None).await;
                client
                    .until(|body| matches!(body, ServerBody::Joined(_)))
                    .await;
            });
        }
        comers.join_all().await;
        honest += 2;
        sleep(Duration::from_millis(100)).await;
    }
    assert!(honest > 20, "only {honest} came");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_from_8_addresses_keep_no_newcomer_out() {
    honest_players_get_in_beside(8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_from_24_addresses_keep_no_newcomer_out() {
    honest_players_get_in_beside(24).await;
}

#[tokio::test]
async fn a_connection_is_a_newcomer_until_a_join_is_accepted_whatever_streams_come_and_go() {
    let shard = LocalShard::with(|config| {
        config.net.join_deadline = Duration::from_millis(800);
    })
    .await;
    let id = shard.create_match().await;
    let (mut seated, _) =
        RawClient::join(&shard.address, id, shard.token(id, Role::White), None).await;

    // Its streams come and go, each with a join that is refused.
    let mut newcomer = RawClient::connect(&shard.address).await;
    let connection = newcomer.connection.clone();
    let knocking = async {
        loop {
            newcomer.ask(id, "no token".to_owned(), None).await;
            if newcomer.next().await.is_none() || newcomer.reopen().await.is_err() {
                break;
            }
        }
    };
    // Nothing can be written once the connection is closed.
    let knocked = async {
        tokio::select! {
            biased;
            _ = connection.closed() => {}
            () = knocking => {}
        }
    };
    timeout(PATIENCE, knocked)
        .await
        .expect("it is closed in time");
    assert_eq!(closed(&newcomer).await, Some(CloseCode::Deadline));

    // Who has a seat keeps it for longer than that, and who gave it up does not keep its place.
    seated.play(0, "e2e4").await;
    seated
        .until(|body| matches!(body, ServerBody::Ack { event: 1, .. }))
        .await;
    seated.say(&protocol::ClientFrame::Leave).await;
    assert_eq!(closed(&seated).await, Some(CloseCode::Deadline));
}

#[tokio::test]
async fn a_player_has_so_many_seats_and_connections_and_no_more() {
    let shard = LocalShard::with(|config| {
        config.net.seats_per_player_max = 3;
        config.net.connections_per_player_max = 2;
    })
    .await;
    let mut open = Vec::new();
    let mut refused = Vec::new();
    for _ in 0..3 {
        let id = shard.create_match().await;
        let token = token_of(&shard, "eve", id, Role::Spectator);
        let mut client = RawClient::connect(&shard.address).await;
        client.ask(id, token, None).await;
        match client.next().await.unwrap().body {
            ServerBody::Joined(_) => open.push((client, id)),
            ServerBody::Closed(code) => refused.push(code),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        (open.len(), refused),
        (2, vec![CloseCode::Full]),
        "a third connection"
    );

    // More seats in a connection that has one: one more may be had.
    let (client, id) = &mut open[0];
    let first = std::mem::replace(client, RawClient::connect(&shard.address).await);
    let mut streams = Vec::new();
    for expected in [true, false] {
        let (mut send, mut recv) = first.connection.open_bi().await.unwrap();
        let join = protocol::ClientFrame::Join(protocol::Join {
            match_id: *id,
            token: token_of(&shard, "eve", *id, Role::Spectator),
            seen: None,
        });
        send.write_all(&protocol::codec::encode_client(&join))
            .await
            .unwrap();
        let mut buffer = bytes::BytesMut::new();
        let frame = loop {
            if let Some(frame) = protocol::codec::decode_server(&mut buffer).unwrap() {
                break frame;
            }
            let chunk = timeout(PATIENCE, recv.read_chunk(4_096, true))
                .await
                .unwrap();
            buffer.extend_from_slice(&chunk.unwrap().unwrap().bytes);
        };
        let joined = matches!(frame.body, ServerBody::Joined(_));
        assert_eq!(joined, expected, "{frame:?}");
        streams.push((send, recv));
    }
}

#[tokio::test]
async fn a_player_who_comes_and_goes_does_not_throw_the_opponent_out() {
    // A queue that would overflow at once if each of their joins were told.
    let shard = LocalShard::with(|config| config.net.frames_waiting_max = 4).await;
    let id = shard.create_match().await;
    let (mut white, _) =
        RawClient::join(&shard.address, id, shard.token(id, Role::White), None).await;
    let began = Instant::now();
    let mut black = RawClient::connect(&shard.address).await;
    let (mut joined, mut refused) = (0, 0);
    for _ in 0..100 {
        black.ask(id, shard.token(id, Role::Black), None).await;
        match black.next().await.unwrap().body {
            ServerBody::Joined(_) => {
                joined += 1;
                black.say(&protocol::ClientFrame::Leave).await;
            }
            ServerBody::Closed(CloseCode::RateLimited) => refused += 1,
            other => panic!("{other:?}"),
        }
        ended(&mut black).await;
        black.reopen().await.unwrap();
    }
    assert!(
        joined >= 30 && refused > 0,
        "{joined} joined, {refused} refused"
    );
    // The allowance grows again.
    let last = loop {
        black.ask(id, shard.token(id, Role::Black), None).await;
        if let ServerBody::Joined(joined) = black.next().await.unwrap().body {
            break joined;
        }
        ended(&mut black).await;
        black.reopen().await.unwrap();
    };
    assert!(last.connected[Seat::White], "White was not sent away");
    // What White is told in the end is that Black is there.
    let (mut told, mut last) = (0, false);
    white.play(0, "e2e4").await;
    let mut acked = false;
    while !(acked && last) {
        match white.next().await.expect("White keeps the seat").body {
            ServerBody::Presence {
                seat: Seat::Black,
                connected,
            } => {
                told += 1;
                last = connected;
            }
            ServerBody::Ack { event: 1, .. } => acked = true,
            ServerBody::Closed(code) => panic!("{code}"),
            _ => {}
        }
    }
    let seconds = began.elapsed().as_secs();
    assert!(told <= seconds + 2, "told {told} times in {seconds} s");
}

#[tokio::test]
async fn a_revoked_player_is_told_nothing_but_that_the_token_is_void() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let ann = claims(MatchId::from_random(1), Role::White).player;
    store.revoke(&ann, shard::system_calendar()).await.unwrap();
    // Also where the shard has only just started: it lets nobody in before it knows who is revoked.
    let shard = LocalShard::on(store, |_| {}).await;
    let id = shard.create_match().await;
    for _ in 0..3 {
        let mut white = RawClient::connect(&shard.address).await;
        white.ask(id, shard.token(id, Role::White), None).await;
        let mut bodies = Vec::new();
        while let Some(frame) = white.next().await {
            bodies.push(frame.body);
        }
        assert_eq!(bodies, [ServerBody::Closed(CloseCode::TokenInvalid)]);
    }
    // The opponent does not hear of it, and may play.
    let (mut black, joined) =
        RawClient::join(&shard.address, id, shard.token(id, Role::Black), None).await;
    assert!(!joined.connected[Seat::White]);

    // A revocation reaches a shard that runs with its next heartbeat: from then on it is the same.
    shard
        .store
        .revoke(&claims(id, Role::Black).player, shard::system_calendar())
        .await
        .unwrap();
    let until = black
        .until(|body| matches!(body, ServerBody::Closed(_)))
        .await;
    assert_eq!(until.body, ServerBody::Closed(CloseCode::TokenInvalid));
    let mut again = RawClient::connect(&shard.address).await;
    again.ask(id, shard.token(id, Role::Black), None).await;
    let first = again.next().await.unwrap().body;
    assert_eq!(first, ServerBody::Closed(CloseCode::TokenInvalid));
}
