//! The commands of the binaries, as their users meet them.

use std::time::Duration;

use supervisor::Signal;
use tests::process::{self, Server};

const SHORT: Duration = Duration::from_secs(30);

fn fails(name: &str, args: &[&str], code: i32, saying: &str) {
    let output = process::run(name, args, SHORT);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(saying), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn every_binary_explains_itself() {
    for (name, args) in [
        ("rookery", &["--help"][..]),
        ("rookery", &["dev", "--help"]),
        ("rookery", &["shard", "--help"]),
        ("rookery", &["serve", "--help"]),
        ("rookery", &["backup", "--help"]),
        ("rookery", &["restore", "--help"]),
        ("rookery", &["demo", "--help"]),
        ("rookery", &["healthcheck", "--help"]),
        ("rookery", &["check", "matches", "--help"]),
        ("rookery", &["matchmaker", "--help"]),
        ("bot-client", &["--help"]),
        ("bot-client", &["replay", "--help"]),
        ("bot-client", &["soak", "--help"]),
        ("bot-client", &["bench", "--help"]),
        ("bot-client", &["bot", "--help"]),
        ("bot-client", &["play", "--help"]),
        ("bot-client", &["match", "--help"]),
        ("bot-client", &["sign-up", "--help"]),
        ("bot-client", &["log-in", "--help"]),
    ] {
        let output = process::run(name, args, SHORT);
        assert!(output.status.success(), "{name} {args:?}");
        assert!(output.stdout.len() > 300, "{name} {args:?}");
    }
}

#[test]
fn a_soak_without_a_server_or_its_program_says_so() {
    let nowhere = format!("http://127.0.0.1:{}", process::free_tcp_port());
    let args = ["soak", "--patience", "1", "--matchmaker", &nowhere];
    fails("bot-client", &args, 2, &nowhere);
    let args = ["soak", "--local", "--server", "/nowhere/rookery"];
    fails("bot-client", &args, 2, "/nowhere/rookery is missing");
}

#[test]
fn only_dev_runs_without_a_store_and_says_what_that_means() {
    let args = ["shard", "--matchmaker-key", "key.pem", "--store", "none"];
    fails("rookery", &args, 2, "needs the URL of a Redis");
    let server = Server::start(&["--store", "none"]);
    assert!(
        server.log().contains("nothing outlives this process"),
        "{}",
        server.log()
    );
}

#[test]
fn a_stop_is_in_good_order() {
    let mut server = Server::embedded();
    server.signal(Signal::TERM);
    assert!(server.wait(SHORT), "{}", server.log());
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[test]
fn two_servers_do_not_share_a_data_directory() {
    let server = Server::embedded();
    let directory = server.data_dir().to_str().unwrap();
    let args = [
        "dev",
        "--data-dir",
        directory,
        "--matchmaker-port",
        "0",
        "--shard-port",
        "0",
    ];
    fails("rookery", &args, 1, "another process");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let args = [
        "dev",
        "--data-dir",
        data,
        "--shard-port",
        "0",
        "--matchmaker-port",
        &port,
    ];
    fails("rookery", &args, 1, &format!("127.0.0.1:{port}"));

    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let args = [
        "dev",
        "--data-dir",
        data,
        "--shard-port",
        &port,
        "--matchmaker-port",
        "0",
    ];
    fails("rookery", &args, 1, &format!("127.0.0.1:{port}"));
}

#[test]
fn an_address_that_nobody_can_reach_is_refused() {
    fails("rookery", &["dev", "--host", "0.0.0.0"], 1, "--host");
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key.pem");
    std::fs::write(&key, "no key").unwrap();
    let key = key.to_str().unwrap();
    let store = "redis://127.0.0.1:1";
    let args = ["shard", "--store", store, "--matchmaker-key", key];
    fails("rookery", &args, 1, "--public-address");
    let args = [
        "shard",
        "--store",
        store,
        "--matchmaker-key",
        key,
        "--listen",
        "127.0.0.1:0",
    ];
    fails("rookery", &args, 1, "--matchmaker-key");
}

#[test]
fn a_replay_without_a_server_or_a_file_says_so() {
    let games = tests::games_file();
    let nowhere = format!("http://127.0.0.1:{}", process::free_tcp_port());
    let args = [
        "replay",
        "--matchmaker",
        &nowhere,
        "--pgn",
        games.to_str().unwrap(),
    ];
    let mut patient = args.to_vec();
    patient.extend(["--patience", "2"]);
    fails("bot-client", &patient, 2, &nowhere);
    let args = ["replay", "--matchmaker", &nowhere, "--pgn", "missing.pgn"];
    fails("bot-client", &args, 2, "missing.pgn");
}

#[test]
fn a_health_check_says_whether_a_process_does_its_work() {
    let server = Server::embedded();
    for admin in [&server.ready.admin, &server.ready.shards[0].admin] {
        let address = admin.trim_start_matches("http://");
        for probe in ["live", "ready"] {
            let args = ["healthcheck", "--admin-listen", address, "--probe", probe];
            let output = process::run("rookery", &args, SHORT);
            assert!(output.status.success(), "{probe}: {output:?}");
        }
    }
    let nowhere = format!("127.0.0.1:{}", process::free_tcp_port());
    let args = ["healthcheck", "--admin-listen", &nowhere];
    fails("rookery", &args, 1, &nowhere);
}

#[test]
fn an_admin_endpoint_that_others_reach_needs_tokens() {
    let args = ["dev", "--admin-listen", "0.0.0.0:0"];
    let directory = tempfile::tempdir().unwrap();
    let data = ["--data-dir", directory.path().to_str().unwrap()];
    let args: Vec<&str> = args.into_iter().chain(data).collect();
    fails("rookery", &args, 1, "--admin-token-file");
    let tokens = directory.path().join("tokens");
    std::fs::write(&tokens, "too short").unwrap();
    let file = ["--admin-token-file", tokens.to_str().unwrap()];
    let args: Vec<&str> = args.into_iter().chain(file).collect();
    fails("rookery", &args, 1, "openssl rand -hex 32");
}
