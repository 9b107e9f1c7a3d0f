//! A whole club in one process: its certificate, its addresses, its backups.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use game_core::{ClockStart, CommandKind, Seat};
use protocol::ServerBody;
use protocol::http::Terms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use supervisor::Signal;
use tests::club::{Club, write_certificate};
use tests::installation::{Endpoint, PlayedMatch, eventually};
use tests::process;

/// For a match between two bots.
const MATCH_WITHIN: Duration = Duration::from_secs(180);
const SHORT: Duration = Duration::from_secs(30);

fn text(output: &Output) -> String {
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{stdout}\n{stderr}")
}

/// A connection of a client of this authority, if it trusts what it is shown.
fn agreed(address: SocketAddr, ca: &str) -> Option<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).ok()?).ok()?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").ok()?;
    let mut session = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut stream = TcpStream::connect(address).ok()?;
    while session.is_handshaking() {
        session.complete_io(&mut stream).ok()?;
    }
    Some(StreamOwned::new(session, stream))
}

/// The certificate that a client of this authority is shown, if it trusts it.
fn shown(address: SocketAddr, ca: &str) -> Option<Vec<u8>> {
    let connection = agreed(address, ca)?;
    Some(connection.conn.peer_certificates()?.first()?.to_vec())
}

/// The answer to a request for the page.
fn page(address: SocketAddr, ca: &str) -> String {
    let mut connection = agreed(address, ca).expect("the certificate is trusted");
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.write_all(request).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_club_serves_players_by_its_own_certificate_and_takes_a_new_one() {
    let _turn = tests::turns::turn().await;
    let directory = tempfile::tempdir().unwrap();
    let first = write_certificate(directory.path(), &["localhost"]);
    let [chain, key, ca] =
        ["own.pem", "own.key", "ca.pem"].map(|n| directory.path().join(n).display().to_string());
    let args = [
        "--public-name",
        "localhost",
        "--certificate",
        &chain,
        "--certificate-key",
        &key,
        "--production",
    ];
    let club = tokio::task::block_in_place(|| Club::start(directory, &args));
    let url = club.ready.matchmaker.clone();
    let port: u16 = url.rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(url, format!("https://localhost:{port}"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(shown(address, &ca).as_ref(), Some(&first));
    let page = page(address, &ca);
    let stays = "strict-transport-security: max-age=31536000\r\n";
    assert!(page.contains(stays), "{page}");
    // Pages reach the shard by the same name, with the same certificate.
    let shard = &club.ready.shards[0];
    let (_, web_port) = shard
        .web_socket
        .trim_end_matches('/')
        .rsplit_once(':')
        .unwrap();
    assert_eq!(shard.web_socket, format!("wss://localhost:{web_port}/"));
    let web = SocketAddr::from(([127, 0, 0, 1], web_port.parse().unwrap()));
    assert_eq!(shown(web, &ca), Some(first));

    let words = [
        "bot",
        "--time-control",
        "3s+0",
        "--json",
        "--matchmaker",
        &url,
        "--ca",
        &ca,
    ];
    let bots = [0, 1].map(|_| process::spawn("bot-client", &words));
    let [white, black] = bots.map(|bot| {
        let output = tokio::task::block_in_place(|| process::finish(bot, MATCH_WITHIN));
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    });
    assert_eq!(white["match"], black["match"]);

    // Its own token is in its data directory, and what it counts of the certificate is a metric.
    let admin = Endpoint::new(&club.ready.admin, &club.ready.admin_token);
    let kept = fs::read_to_string(club.data().join("admin-token")).unwrap();
    assert!(kept.contains(&admin.token), "{kept}");
    let (_, metrics) = admin.text("/metrics").await;
    assert!(
        metrics.contains(r#"rookery_https_certificate_expires_in_seconds{renewal="files"}"#),
        "{metrics}"
    );

    // Both ends of the club show the new one.
    let second = write_certificate(
        std::path::Path::new(&chain).parent().unwrap(),
        &["localhost"],
    );
    club.signal(Signal::HUP);
    eventually("the new certificate is shown", || async {
        let is_new = |address| shown(address, &ca).as_ref() == Some(&second);
        (is_new(address) && is_new(web)).then_some(())
    })
    .await;
    assert!(club.log().contains("HTTPS server"), "{}", club.log());

    club.signal(Signal::TERM);
    assert!(tokio::task::block_in_place(|| club.ends_well()));
    assert!(!club.log().contains("ERROR"), "{}", club.log());
}

/// The moves that the store has of a match.
async fn moves(club: &Club, game: &PlayedMatch) -> usize {
    let admin = Endpoint::new(&club.ready.admin, &club.ready.admin_token);
    let shown = admin.get(&format!("/v1/matches/{}", game.id)).await;
    usize::try_from(shown["seq"].as_u64().unwrap()).unwrap()
}

/// Everything is there after a backup, a wiped disk and a restore: the match as it was at the backup, and the tokens by
/// which its players go on with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_club_is_backed_up_and_restored_while_it_runs_and_after_a_wipe() {
    let _turn = tests::turns::turn().await;
    let directory = tempfile::tempdir().unwrap();
    let mut club = tokio::task::block_in_place(|| Club::start(directory, &[]));
    let backup = club.path("club.backup");
    let command = |club: &Club, name: &str, file: &str, more: &[&str]| {
        tokio::task::block_in_place(|| club.command(name, file, more))
    };
    let mut game = PlayedMatch::begin(&club.ready.matchmaker).await;
    game.play(0, "e2e4").await;
    let made = command(&club, "backup", &backup, &[]);
    assert!(made.status.success(), "{}", text(&made));
    assert!(text(&made).contains("with 1 matches"), "{}", text(&made));
    assert_eq!(
        fs::metadata(&backup).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // Play goes on during a backup and after it.
    game.play(1, "e7e5").await;
    assert_eq!(moves(&club, &game).await, 2);

    // Nothing is replaced unasked, and nothing by what is no backup.
    let refused = command(&club, "restore", &backup, &[]);
    assert!(
        !refused.status.success() && text(&refused).contains("--replace"),
        "{}",
        text(&refused)
    );
    let not_one = club.path("not-one");
    fs::write(&not_one, "some file").unwrap();
    let refused = command(&club, "restore", &not_one, &["--replace"]);
    assert!(!refused.status.success(), "{}", text(&refused));
    assert_eq!(moves(&club, &game).await, 2);

    // While it runs: the same process goes on with the older data, and nothing of the newer one is healed into it.
    let pid = club.pid();
    let restored = command(&club, "restore", &backup, &["--replace"]);
    assert!(restored.status.success(), "{}", text(&restored));
    assert!(
        text(&restored).contains("serves again"),
        "{}",
        text(&restored)
    );
    assert_eq!(club.pid(), pid);
    assert!(club.data().join("rookery.redb.replaced").exists());
    club.ready =
        serde_json::from_str(&fs::read_to_string(club.path("ready.json")).unwrap()).unwrap();
    game.sit_again(Seat::White).await;
    game.sit_again(Seat::Black).await;
    assert_eq!(moves(&club, &game).await, 1);
    game.play(1, "c7c5").await;

    // After the disk was lost. A stopped club is backed up too.
    club.signal(Signal::TERM);
    assert!(tokio::task::block_in_place(|| club.ends_well()));
    let later = club.path("later.backup");
    let made = command(&club, "backup", &later, &[]);
    assert!(made.status.success(), "{}", text(&made));
    fs::remove_dir_all(club.data()).unwrap();
    let restored = command(&club, "restore", &later, &[]);
    assert!(restored.status.success(), "{}", text(&restored));
    let data = fs::metadata(club.data()).unwrap().permissions().mode() & 0o777;
    assert_eq!(data, 0o700);
    tokio::task::block_in_place(|| club.restart());
    game.sit_again(Seat::White).await;
    assert_eq!(moves(&club, &game).await, 2);
    game.play(2, "g1f3").await;
    let log = club.log();
    assert!(log.contains("a backup was restored"), "{log}");
}

/// What is there of finished matches and of these players' ratings, as everyone reads it.
async fn records(club: &Club, players: &[String]) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut paths = vec![
        "/v1/archive".to_owned(),
        "/v1/archive?format=ndjson".to_owned(),
    ];
    for player in players {
        paths.push(format!("/v1/players/{player}/ratings"));
        paths.push(format!("/v1/players/{player}/ratings/standard-rapid"));
    }
    let mut records = Vec::new();
    for path in paths {
        let answer = http.get(format!("{}{path}", club.ready.matchmaker));
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        records.push(answer.text().await.unwrap());
    }
    records
}

/// Two hundred imported games, three rated ones and one that goes on are all there after a backup, a wiped disk and a
/// restore, and so is each rating with its history.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_match_and_rating_is_there_after_a_backup_a_wipe_and_a_restore() {
    let _turn = tests::turns::turn().await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data").display().to_string();
    let file = tests::games_file().display().to_string();
    let import = ["import", &file, "--data-dir", &data];
    let imported = tokio::task::block_in_place(|| process::run("rookery", &import, MATCH_WITHIN));
    assert!(
        text(&imported).contains("200 games added"),
        "{}",
        text(&imported)
    );
    let mut club = tokio::task::block_in_place(|| Club::start(directory, &[]));
    let terms = Terms {
        clock_start: ClockStart::AtOnce,
        rated: true,
        ..Terms::usual("600+5".parse().unwrap())
    };
    let mut players = Vec::new();
    for _ in 0..3 {
        let mut game = PlayedMatch::begin_on(&club.ready.matchmaker, terms.clone()).await;
        game.play(0, "e2e4").await;
        game.play(1, "e7e5").await;
        game.white.command(7, CommandKind::Resign).await;
        let is_ack = |body: &ServerBody| matches!(body, ServerBody::Ack { .. });
        game.white.until(is_ack).await;
        players.push(game.white_player);
    }
    let mut live = PlayedMatch::begin(&club.ready.matchmaker).await;
    live.play(0, "d2d4").await;
    eventually("all are rated", || async {
        let records = records(&club, &players).await;
        let is_rated = |record: &String| record.contains("\"games\":1");
        let rated = records[2..].iter().step_by(2).all(is_rated);
        (rated && records[1].lines().count() == 203).then_some(())
    })
    .await;
    let before = records(&club, &players).await;
    let backup = club.path("club.backup");
    let command =
        |club: &Club, name: &str| tokio::task::block_in_place(|| club.command(name, &backup, &[]));
    let made = command(&club, "backup");
    assert!(made.status.success(), "{}", text(&made));

    club.kill();
    fs::remove_dir_all(club.data()).unwrap();
    let restored = command(&club, "restore");
    assert!(restored.status.success(), "{}", text(&restored));
    tokio::task::block_in_place(|| club.restart());
    assert_eq!(records(&club, &players).await, before);
    live.sit_again(Seat::Black).await;
    live.play(1, "d7d5").await;
}

#[test]
fn a_backup_of_nothing_or_of_another_process_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (file, data) = (path("backup"), path("data"));
    let backup = ["backup", &file, "--data-dir", &data];
    let refused = process::run("rookery", &backup, SHORT);
    assert!(!refused.status.success());
    assert!(text(&refused).contains("no store in"), "{}", text(&refused));
    // `rookery dev` has no socket for this.
    let server = process::Server::embedded();
    let data = server.data_dir().display().to_string();
    let refused = process::run("rookery", &["backup", &file, "--data-dir", &data], SHORT);
    assert!(!refused.status.success());
    assert!(
        text(&refused).contains("another process"),
        "{}",
        text(&refused)
    );
    let made = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(made, 0, "half a backup is none");
}

/// Each is refused at the start, and by `check`, by the name of the option.
#[test]
fn a_club_that_players_cannot_reach_or_trust_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data").display().to_string();
    let _ = write_certificate(directory.path(), &["chess.example.org"]);
    let [chain, key] =
        ["own.pem", "own.key"].map(|name| directory.path().join(name).display().to_string());
    let with = |more: &[&str]| {
        let own = ["--certificate", &chain, "--certificate-key", &key];
        own.iter()
            .chain(more)
            .map(|&word| word.to_owned())
            .collect()
    };
    let plain = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let local = ["--listen", "127.0.0.1:7000"];
    let cases: [(Vec<String>, &str); 9] = [
        // Anybody could read the players' tokens.
        (plain(&["--public-address", "203.0.113.7"]), "--plain-http"),
        (plain(&["--plain-http", "--production"]), "--plain-http"),
        // Players would be given an address that none of them reaches.
        (plain(&["--plain-http"]), "--public-address"),
        (with(&["--public-name", "club.invalid"]), "club.invalid"),
        (
            with(&["--public-name", "club.example.org"]),
            "not for club.example.org",
        ),
        (with(&["--public-address", "0.0.0.0"]), "--public-address"),
        (
            with(&["--public-address", "203.0.113.7:65535", "--shards", "2"]),
            "--public-address",
        ),
        (
            plain(&[&local[..], &["--site", "chess"]].concat()),
            "--site",
        ),
        (
            plain(&[&local[..], &["--shard-port", "65535", "--shards", "2"]].concat()),
            "--shard-port",
        ),
    ];
    for (words, part) in cases {
        for command in [&["serve"][..], &["check", "serve"]] {
            let mut all = command.to_vec();
            all.extend(["--data-dir", &data]);
            all.extend(words.iter().map(String::as_str));
            let refused = process::run("rookery", &all, SHORT);
            let said = text(&refused);
            assert!(!refused.status.success(), "{words:?}: {said}");
            assert!(said.contains(part), "{words:?}: {part}: {said}");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
    // What can be used is shown, and nothing is made.
    let usable = with(&[
        "--public-name",
        "chess.example.org",
        "--public-address",
        "203.0.113.7",
    ]);
    let mut all = vec!["check", "serve", "--data-dir", &data];
    all.extend(usable.iter().map(String::as_str));
    let fine = process::run("rookery", &all, SHORT);
    assert!(fine.status.success(), "{}", text(&fine));
    assert!(
        text(&fine).contains(r#"public_name = "chess.example.org""#),
        "{}",
        text(&fine)
    );
}
