//! The addresses and the token of dev mode.

use super::*;

/// Bookmarks and scripts of developers go on working.
#[test]
fn dev_keeps_its_admin_port_and_token_between_starts() {
    use std::os::unix::fs::PermissionsExt;
    let mut server = process::Server::embedded();
    let (admin, token) = (server.ready.admin.clone(), server.ready.admin_token.clone());
    for file in ["admin-token", "admin-port"] {
        let kept = std::fs::metadata(server.data_dir().join(file)).unwrap();
        assert_eq!(kept.permissions().mode() & 0o777, 0o600, "{file}");
    }
    server.restart();
    assert_eq!(
        (&server.ready.admin, &server.ready.admin_token),
        (&admin, &token)
    );
}

#[test]
fn dev_names_the_option_of_a_wrong_host_and_a_busy_port() {
    let desk = Desk::new();
    let data = desk.path("data");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let [tcp_port, udp_port] =
        [tcp.local_addr(), udp.local_addr()].map(|address| address.unwrap().port().to_string());
    let dev = |words: &[&str]| {
        let mut all = vec!["dev", "--data-dir", &data];
        all.extend(words);
        let (code, said) = run("rookery", &all, &[]);
        assert_ne!(code, Some(0), "{said}");
        said
    };
    let ports = ["--matchmaker-port", "0", "--shard-port", "0"];
    // An address that no machine has (RFC 5737).
    let said = dev(&[&ports[..], &["--host", "192.0.2.1"]].concat());
    assert!(said.contains("--host (ROOKERY_HOST)"), "{said}");
    let said = dev(&["--matchmaker-port", &tcp_port, "--shard-port", "0"]);
    assert!(
        said.contains("--matchmaker-port (ROOKERY_MATCHMAKER_PORT)"),
        "{said}"
    );
    let said = dev(&[
        "--matchmaker-port",
        "0",
        "--shard-port",
        &udp_port,
        "--shards",
        "1",
    ]);
    assert!(said.contains("--shard-port (ROOKERY_SHARD_PORT)"), "{said}");
}
