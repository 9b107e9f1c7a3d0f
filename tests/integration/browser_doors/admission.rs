//! Who is let in by the doors of pages.

use std::time::Duration;

use protocol::{CloseCode, JoinFlags, Role, ServerBody};
use tests::page::{Door, Ended, Page, connect_http3, open_tcp, open_web_socket};
use tests::shard::LocalShard;
use tests::wire::RawClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::{PATIENCE, loopback};

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_is_refused_and_programs_and_own_pages_are_not() {
    let shard = LocalShard::with(|config| {
        let listed = ["https://chess.example.org", "http://127.0.0.1:7000"];
        config.origins = listed
            .iter()
            .map(|origin| origin.parse().unwrap())
            .collect();
    })
    .await;
    for door in Door::ALL {
        let come = |origin| Page::try_connect(door, &shard.address, loopback(1), origin);
        for own in [
            None,
            Some("https://chess.example.org"),
            Some("http://127.0.0.1:7000"),
        ] {
            let mut page = come(own)
                .await
                .unwrap_or_else(|why| panic!("{own:?}: {why}"));
            let id = shard.create_match().await;
            page.ask(id, shard.token(id, Role::White), None, JoinFlags::NONE)
                .await;
            page.until(|body| matches!(body, ServerBody::Joined(_)))
                .await;
        }
        for foreign in [
            "https://evil.example",
            "http://chess.example.org",
            "http://127.0.0.1:7001",
            "null",
        ] {
            let refused = come(Some(foreign)).await;
            let why = refused
                .err()
                .unwrap_or_else(|| panic!("{door:?}: {foreign} is let in"));
            assert!(why.contains("403"), "{door:?}: {why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_speaks_our_protocol_or_names_none() {
    let shard = LocalShard::start().await;
    for (offered, is_let_in) in [
        (None, true),
        (Some("rookery"), true),
        (Some("chat, rookery"), true),
        (Some("chat"), false),
    ] {
        let opened = open_web_socket(&shard.address, loopback(1), None, offered).await;
        assert_eq!(opened.is_ok(), is_let_in, "{offered:?}");
    }
    for (request, status) in [
        ("GET /elsewhere HTTP/1.1", "404"),
        ("POST / HTTP/1.1", ""),
        ("hello", ""),
    ] {
        let mut tcp = open_tcp(&shard.address, loopback(1)).await.unwrap();
        let rest = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        tcp.write_all(format!("{request}\r\n{rest}").as_bytes())
            .await
            .unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, tcp.read_to_end(&mut answer))
            .await
            .unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.contains(status) && !answer.contains("101"),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_an_address_counts_all_doors_together() {
    let shard = LocalShard::with(|config| {
        config.net.connections_per_address_max = 3;
    })
    .await;
    let _native = RawClient::connect_from(loopback(1), &shard.address)
        .await
        .unwrap();
    let mut pages = Vec::new();
    for door in Door::ALL {
        let page = Page::try_connect(door, &shard.address, loopback(1), None).await;
        pages.push(page.unwrap());
    }
    for door in Door::ALL {
        let fourth = Page::try_connect(door, &shard.address, loopback(1), None).await;
        assert!(fourth.is_err(), "{door:?}");
        Page::try_connect(door, &shard.address, loopback(2), None)
            .await
            .expect("another address");
    }
    let fourth = RawClient::connect_from(loopback(1), &shard.address).await;
    assert!(fourth.is_err());
    // A place is free as soon as its page is gone.
    drop(pages);
    let end = Instant::now() + PATIENCE;
    while Page::try_connect(Door::WebSocket, &shard.address, loopback(1), None)
        .await
        .is_err()
    {
        assert!(Instant::now() < end, "no place is given back");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_and_does_not_go_on_is_sent_away() {
    let shard = LocalShard::with(|config| {
        config.net.handshake_deadline = Duration::from_millis(500);
        config.net.join_deadline = Duration::from_millis(800);
    })
    .await;
    let began = Instant::now();
    // Over TCP: nothing, half a request.
    for part in ["", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut tcp = open_tcp(&shard.address, loopback(1)).await.unwrap();
        tcp.write_all(part.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, tcp.read_to_end(&mut answer))
            .await
            .unwrap();
        assert!(answer.is_empty());
    }
    // Over QUIC: no settings, and no request.
    let (connection, _endpoint) = connect_http3(&shard.address, loopback(1)).await.unwrap();
    timeout(PATIENCE, connection.closed()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    // A connection without a join is closed with a code.
    for door in Door::ALL {
        let mut page = Page::connect(door, &shard.address).await;
        if door == Door::WebTransport {
            // A stream is one from its first byte on.
            page.bytes(&[0]).await;
        }
        let ended = page.ended().await;
        let expected = match door {
            Door::WebSocket => Ended {
                frame: Some(CloseCode::Deadline),
                connection: Some(1_000),
            },
            Door::WebTransport => Ended {
                frame: ended.frame,
                connection: Some(CloseCode::Deadline.number()),
            },
        };
        assert_eq!(ended, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_is_refused_has_a_code() {
    let shard = LocalShard::with(|config| {
        config.net.join_deadline = Duration::from_secs(1);
    })
    .await;
    let id = shard.create_match().await;
    for door in Door::ALL {
        let mut page = Page::connect(door, &shard.address).await;
        page.ask(id, "no token".to_owned(), None, JoinFlags::NONE)
            .await;
        let ended = page.ended().await;
        assert_eq!(ended.frame, Some(CloseCode::TokenInvalid), "{door:?}");
        // A session may try again, and is closed when it does not.
        let connection = match door {
            Door::WebSocket => 1_000,
            Door::WebTransport => CloseCode::Deadline.number(),
        };
        assert_eq!(ended.connection, Some(connection));
    }
}
