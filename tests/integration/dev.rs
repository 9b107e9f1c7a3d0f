//! `rookery dev` has what a person expects who tries things.

use std::time::Duration;

use client::Matchmaker;
use protocol::http::PlayerReply;
use serde_json::json;
use store::testing::PostgresServer;
use store::{Archive, ArchiveFilter, PostgresArchive, PostgresConfig};
use tests::installation::{PlayedMatch, eventually};
use tests::process::{Server, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(60);

/// Without any option, whoever comes makes an account and logs in; `--sign-up` closes that as for the other programs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_dev_anyone_signs_up() {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "name": "Ann", "password": "correct horse" });
    for (args, sign_up) in [(&[][..], 201), (&["--sign-up", "closed"], 403)] {
        let server = tokio::task::block_in_place(|| Server::start(args));
        let post = |path: &str| {
            let url = format!("{}{path}", server.ready.matchmaker);
            http.post(url).json(&body).send()
        };
        assert_eq!(
            post("/v1/accounts").await.unwrap().status(),
            sign_up,
            "{args:?}"
        );
        if sign_up == 201 {
            let ann: PlayerReply = post("/v1/login").await.unwrap().json().await.unwrap();
            assert_eq!(ann.name, "Ann");
        }
    }
}

/// Finished matches go into the database and to the subscriber that the options name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_dev_there_are_an_archive_in_postgresql_and_webhooks() {
    let postgres = tokio::task::block_in_place(PostgresServer::start);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hook = format!("http://{}/hook", listener.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let secret = secret.display().to_string();
    let url = postgres.url();

    let refused = run("rookery", &["check", "dev", "--webhook", &hook], PATIENCE);
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("--webhook-secret-file"), "{refused}");
    let club = [
        "check",
        "serve",
        "--listen",
        "127.0.0.1:7000",
        "--archive",
        &url,
    ];
    let checked = run("rookery", &club, PATIENCE);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "a club takes the same: {said}");

    let args = [
        "--archive",
        &url,
        "--webhook",
        &hook,
        "--webhook-secret-file",
        &secret,
    ];
    let server = tokio::task::block_in_place(|| Server::start(&args));
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    game.play(0, "e2e4").await;
    game.play(1, "e7e5").await;
    game.white.command(7, game_core::CommandKind::Resign).await;
    let told = tokio::time::timeout(PATIENCE, receive(&listener))
        .await
        .unwrap();
    assert!(told.contains("webhook-signature: v1,"), "{told}");
    assert!(told.contains(game.id.as_str()), "{told}");
    let archive = PostgresArchive::new(&PostgresConfig::new(url)).unwrap();
    let page = archive
        .list(&ArchiveFilter::default(), None, 10)
        .await
        .unwrap();
    let ids: Vec<_> = page.matches.iter().map(|archived| archived.id()).collect();
    assert_eq!(ids, [game.id]);
    // Players read it from there.
    let matchmaker = Matchmaker::new(&server.ready.matchmaker, PATIENCE).unwrap();
    let pgn = eventually("the match is read", || async {
        matchmaker.pgn(game.id).await.ok()
    });
    assert!(pgn.await.contains("1. e4"));
}

/// The first request, which is accepted.
async fn receive(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4_096]);
    let is_whole = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let len = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))?;
        Some(body.len() >= len.parse().ok()?)
    };
    while !is_whole(&text).unwrap_or(false) {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    text
}
