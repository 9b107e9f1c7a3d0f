//! Whoever has no token, sends nonsense, or does not read.

use std::net::SocketAddr;
use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{Match, MatchTime};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::installation::{Endpoint, Installation, PlayedMatch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

const GUARDED: [(&str, Method); 8] = [
    ("/v1/matches", Method::GET),
    ("/v1/matches/0123456789ab", Method::GET),
    ("/v1/matches/0123456789ab/events", Method::GET),
    ("/v1/matches/0123456789ab/abort", Method::POST),
    ("/v1/drain", Method::POST),
    ("/v1/shards", Method::GET),
    ("/v1/config", Method::GET),
    ("/metrics", Method::GET),
];

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(
        response.headers().contains_key("www-authenticate"),
        status == StatusCode::UNAUTHORIZED
    );
    (status, response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_or_changed_without_the_token() {
    let installation = Installation::start(1).await;
    for endpoint in [&installation.admin, &installation.shards[0].admin] {
        let long = "x".repeat(8_000);
        let almost = &endpoint.token[1..];
        for token in ["x", almost, &long] {
            let stranger = Endpoint::new(&endpoint.url, token);
            for (path, method) in GUARDED {
                let (status, problem) = answer(stranger.request(method, path)).await;
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
                assert_eq!(problem["code"], "token_invalid");
            }
        }
        let client = reqwest::Client::new();
        for (path, method) in GUARDED {
            let request = client.request(method, format!("{}{path}", endpoint.url));
            let (status, problem) = answer(request).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(problem["code"], "token_missing");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_answered_with_what_is_wrong() {
    let installation = Installation::start(1).await;
    for endpoint in [&installation.admin, &installation.shards[0].admin] {
        let long = format!("/v1/matches?player={}", "x".repeat(65));
        for (method, path, status, code) in [
            (Method::GET, "/v1/nothing", 404, "route_not_found"),
            (
                Method::GET,
                "/v1/matches/0123456789ab",
                404,
                "match_not_found",
            ),
            (
                Method::GET,
                "/v1/matches/0123456789ab/pgn",
                404,
                "match_not_found",
            ),
            (
                Method::GET,
                "/v1/matches/0123456789ab/events",
                404,
                "match_not_found",
            ),
            (Method::GET, "/v1/matches/..%2f..", 400, "invalid_id"),
            (Method::GET, "/v1/matches/%ff", 400, "invalid_id"),
            (Method::DELETE, "/v1/matches", 405, "method_not_allowed"),
            (Method::GET, "/v1/drain", 405, "method_not_allowed"),
            (Method::GET, "/v1/matches?limit=501", 400, "invalid_request"),
            (Method::GET, "/v1/matches?limit=-1", 400, "invalid_request"),
            (Method::GET, "/v1/matches?cursor=x", 400, "invalid_request"),
            (Method::GET, "/v1/matches?unknown=1", 400, "invalid_request"),
            (Method::GET, &long, 400, "invalid_request"),
            (
                Method::POST,
                "/v1/matches/0123456789ab/abort",
                404,
                "match_not_found",
            ),
        ] {
            let (found, problem) = answer(endpoint.request(method, path)).await;
            assert_eq!(found, status, "{path}: {problem}");
            assert_eq!(problem["code"], code, "{path}");
        }
        let ruling = "/v1/matches/0123456789ab/adjudicate";
        for (body, kind, status) in [
            (
                "{\"outcome\": \"aborted\"}".to_owned(),
                "application/json",
                400,
            ),
            ("{}".to_owned(), "application/json", 400),
            ("nonsense".to_owned(), "application/json", 400),
            ("x".repeat(200_000), "application/json", 413),
            ("{}".to_owned(), "text/plain", 415),
        ] {
            let request = endpoint.request(Method::POST, ruling).body(body.clone());
            let (found, problem) = answer(request.header("content-type", kind)).await;
            assert_eq!(found, status, "{body}: {problem}");
        }
        let huge = format!("/v1/matches?player={}", "x".repeat(30_000));
        let response = endpoint.request(Method::GET, &huge).send().await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        );
    }
}

/// Whether the far end has closed a connection, in time.
async fn is_closed(mut stream: TcpStream) -> bool {
    let mut byte = [0];
    let read = timeout(Duration::from_secs(30), stream.read(&mut byte)).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_ask_nothing_shut_nobody_out() {
    let installation = Installation::start(1).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let moves = ["e2e4", "e7e5"].into_iter().zip(0..);
    let endpoints = [&installation.admin, &installation.shards[0].admin];
    for (endpoint, (uci, ply)) in endpoints.into_iter().zip(moves) {
        let address = endpoint.url.trim_start_matches("http://").parse().unwrap();
        // An operator is there before.
        let path = format!("/v1/matches/{}/events", game.id);
        let request = endpoint.request(Method::GET, &path);
        let mut events = request.send().await.unwrap();
        assert_eq!(events.status(), StatusCode::OK);
        assert!(events.chunk().await.unwrap().is_some());

        // As many as ever may be there, from one address and from several, that say nothing or half of
        // something.
        let mut idle = Vec::new();
        for n in 0..400_u16 {
            let host = if n < 200 {
                1
            } else {
                u8::try_from(n % 20).unwrap() + 2
            };
            let socket = TcpSocket::new_v4().unwrap();
            socket
                .bind(SocketAddr::from(([127, 0, 0, host], 0)))
                .unwrap();
            let mut stream = socket.connect(address).await.unwrap();
            if n % 2 == 0 {
                let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nhost: ").await;
            }
            idle.push(stream);
            if n % 50 != 49 {
                continue;
            }
            for path in ["/livez", "/readyz"] {
                let asked = reqwest::Client::new()
                    .get(format!("{}{path}", endpoint.url))
                    .send();
                let answer = timeout(Duration::from_secs(10), asked).await;
                let answer = answer.expect("an answer in time").expect("an answer");
                assert_eq!(answer.status(), StatusCode::OK, "{path} beside {n}");
            }
            Endpoint::new(&endpoint.url, &endpoint.token)
                .get("/v1/shards")
                .await;
        }
        // Each of them is closed, by who came later or by its deadline.
        for stream in idle {
            assert!(is_closed(stream).await);
        }
        // The operator was not.
        game.play(ply, uci).await;
        assert!(events.chunk().await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_streams_may_be_open_and_no_more() {
    let installation = Installation::start(1).await;
    let game = PlayedMatch::begin(&installation.matchmaker).await;
    let path = format!("/v1/matches/{}/events", game.id);
    let endpoint = &installation.shards[0].admin;
    let mut open = Vec::new();
    for _ in 0..32 {
        let stream = endpoint.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(stream.status(), StatusCode::OK);
        open.push(stream);
    }
    let (status, problem) = answer(endpoint.request(Method::GET, &path)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (503, &json!("overloaded"))
    );
    // Other requests are answered meanwhile, and a place that is given back is given again.
    endpoint.get("/v1/matches").await;
    drop(open);
    tests::installation::eventually("a place is free", || async {
        let stream = endpoint.request(Method::GET, &path).send().await.ok()?;
        (stream.status() == StatusCode::OK).then_some(())
    })
    .await;
}

/// Legal moves that go on for long, the same in every run.
struct Wanderer {
    game: Match,
    events: Vec<game_core::Event>,
}

impl Wanderer {
    fn next(&mut self) -> Option<String> {
        let moves = self.game.legal_moves();
        let ply = self.game.ply();
        let uci = *moves.get(usize::from(ply) * 7 % moves.len().max(1))?;
        let kind = game_core::CommandKind::plain_move(ply.into(), uci);
        let id = game_core::CommandId(u64::from(ply));
        let command = game_core::Command { id, kind };
        let now = MatchTime::default();
        let seat = self.game.turn();
        self.game
            .apply(seat, &command, now, &mut self.events)
            .ok()?;
        self.game.outcome().is_none().then(|| uci.to_string())
    }
}

fn wanderer() -> Wanderer {
    let setup = SetupBuilder::new().timed("600+5").at_once();
    Wanderer {
        game: Match::new(setup.build()),
        events: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_events_that_does_not_read_is_cut_off() {
    let installation = Installation::start(1).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let endpoint = &installation.shards[0].admin;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let address = endpoint.url.trim_start_matches("http://").parse().unwrap();
    let mut reader = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /v1/matches/{}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        game.id, endpoint.token
    );
    reader.write_all(request.as_bytes()).await.unwrap();

    let mut wanderer = wanderer();
    let mut ply = 0;
    while let Some(uci) = wanderer.next().filter(|_| ply < 400) {
        game.play(ply, &uci).await;
        ply += 1;
        // Each look of the stream finds news, of ever more moves.
        sleep(Duration::from_millis(30)).await;
    }
    // It was given time to go on reading, and did not; what it gets now ends without its end.
    sleep(Duration::from_secs(11)).await;
    let mut text = Vec::new();
    let read = timeout(Duration::from_secs(30), reader.read_to_end(&mut text)).await;
    assert!(read.is_ok(), "the connection is still open");
    let ended = text.ends_with(b"\r\n0\r\n\r\n");
    assert!(
        !ended,
        "the stream ended by itself, after {} bytes",
        text.len()
    );
    assert!(text.len() < 1_000_000, "{} bytes waited for it", text.len());
}
