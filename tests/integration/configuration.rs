//! Flags over the environment over a file over defaults, and what production refuses, as operators
//! meet it.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use store::testing::RedisServer;
use tempfile::TempDir;
use tests::process;
use tokens::SigningKey;

const SHORT: Duration = Duration::from_secs(30);
/// Nobody answers there.
const NOWHERE: &str = "redis://me:secret@127.0.0.1:1";

/// A directory with what a configuration names.
struct Desk {
    directory: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let (key, pem) = SigningKey::generate().unwrap();
        desk.file("signing.pem", &pem);
        desk.file("public.pem", &key.verifying_key().to_pem());
        desk.file("tokens", "ann 0123456789abcdef0123456789abcdef\n");
        desk.file("weak-tokens", "changemechangeme\n");
        desk.file("secret", "0123456789abcdef0123456789abcdef");
        desk.file("weak-secret", &"x".repeat(32));
        desk
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.directory.path().join(name), text).unwrap();
        self.path(name)
    }
}

/// Runs a program to its end: its status, and all that it said.
fn run(name: &str, words: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let program: PathBuf = process::binary(name);
    let child = Command::new(program)
        .args(words)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = process::finish(child, SHORT);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    assert!(!said.contains("secret@"), "{said}");
    (output.status.code(), said)
}

#[test]
fn a_check_says_what_is_in_force_and_where_it_comes_from() {
    let desk = Desk::new();
    let public = desk.path("public.pem");
    let text = format!(
        "store = \"{NOWHERE}\"\nmatchmaker_key = \"{public}\"\nlisten = \"127.0.0.1:7101\"\n\
         capacity = 5\nlog_format = \"json\"\notlp_sample = 0.5"
    );
    let config = desk.file("shard.toml", &text);
    let words = ["check", "shard", "--capacity", "6"];
    let environment = [
        ("ROOKERY_CONFIG", config.as_str()),
        ("ROOKERY_LISTEN", "127.0.0.1:7102"),
        ("ROOKERY_OTLP_ENDPOINT", "http://127.0.0.1:4318"),
    ];
    let (code, said) = run("rookery", &words, &environment);
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "store = \"redis://…@127.0.0.1:1\"  # file",
        "listen = \"127.0.0.1:7102\"  # environment ROOKERY_LISTEN",
        "capacity = 6  # flag",
        "store_wait = 30  # default",
        "log_format = \"json\"  # file",
        "# reset_secret is not set",
        "otlp_endpoint = \"http://127.0.0.1:4318\"  # environment ROOKERY_OTLP_ENDPOINT",
        "otlp_sample = 0.5  # file",
        "production = false  # default",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }

    let signing = desk.path("signing.pem");
    let config = desk.file("matchmaker.toml", &format!("signing_key = \"{signing}\"\n"));
    let words = [
        "check",
        "matchmaker",
        "--store",
        NOWHERE,
        "--config",
        &config,
    ];
    let (code, said) = run("rookery", &words, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("player_token_days = 30  # default"), "{said}");

    let data = desk.path("not-made");
    let (code, said) = run("rookery", &["check", "dev", "--data-dir", &data], &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!PathBuf::from(data).exists());
}

#[test]
fn a_mistake_in_a_file_is_named_by_every_command_that_reads_it() {
    let desk = Desk::new();
    for (text, parts) in [
        ("listne = \"127.0.0.1:1\"", ["\"listne\"", "listen"]),
        (
            "admin_listen = \"everywhere\"",
            ["admin_listen", "everywhere"],
        ),
        ("production = 1", ["production", "true or false"]),
        ("store = \"rediss://me:secret@h\"", ["rediss://…@h", "TLS"]),
        ("otlp_sample = 1.5", ["otlp_sample", "from 0 to 1"]),
        (
            "otlp_endpoint = \"https://me:secret@h\"",
            ["https://…@h", "http://HOST:PORT"],
        ),
        (
            "store_wait = 18446744073709551615",
            ["is not TOML", "store_wait"],
        ),
    ] {
        let config = desk.file("wrong.toml", text);
        let key = desk.path("public.pem");
        for words in [
            &["shard", "--matchmaker-key", &key][..],
            &["check", "shard", "--matchmaker-key", &key],
            &["dev"],
            &[],
        ] {
            let (code, said) = run("rookery", words, &[("ROOKERY_CONFIG", &config)]);
            assert_eq!(code, Some(2), "{said}");
            for part in parts {
                assert!(said.contains(part), "{words:?}: {text}: {said}");
            }
        }
    }
    let config = desk.file("wrong.toml", "seat_token_seconds = 1");
    let words = ["matchmaker", "--config", &config];
    let (code, said) = run("rookery", &words, &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("30..=3600"), "{said}");
}

/// Whoever reads a ticket creates its match if it is missing: no match goes before its ticket.
#[test]
fn a_finished_match_cannot_be_kept_for_less_than_a_ticket_lives() {
    let desk = Desk::new();
    let key = desk.path("public.pem");
    let shard = [
        "check",
        "shard",
        "--store",
        NOWHERE,
        "--matchmaker-key",
        &key,
        "--public-address",
        "127.0.0.1:7100",
    ];
    let config = desk.file("keep.toml", "finished_keep = 3");
    let short = desk.file("short.toml", "finished_keep = 0");
    for (more, environment, code, expected) in [
        (&[][..], None, 0, "finished_keep = 2  # default"),
        (
            &["--finished-keep", "7"],
            None,
            0,
            "finished_keep = 7  # flag",
        ),
        (
            &[],
            Some(("ROOKERY_FINISHED_KEEP", "5")),
            0,
            "finished_keep = 5  # environment ROOKERY_FINISHED_KEEP",
        ),
        (&["--config", &config], None, 0, "finished_keep = 3  # file"),
        (&["--finished-keep", "0"], None, 2, "0 is not in 1..=366"),
        (&["--config", &short], None, 2, "0 is not in 1..=366"),
        (
            &["--finished-keep", "367"],
            None,
            2,
            "367 is not in 1..=366",
        ),
    ] {
        let words = [&shard[..], more].concat();
        let (found, said) = run("rookery", &words, environment.as_slice());
        assert_eq!(found, Some(code), "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}

#[test]
fn production_refuses_what_was_made_for_the_run_or_can_be_guessed() {
    let desk = Desk::new();
    let [public, signing, tokens, weak_tokens, secret, weak_secret] = [
        "public.pem",
        "signing.pem",
        "tokens",
        "weak-tokens",
        "secret",
        "weak-secret",
    ]
    .map(|name| desk.path(name));
    let shard = [
        "check",
        "shard",
        "--production",
        "--store",
        NOWHERE,
        "--matchmaker-key",
        &public,
        "--public-address",
        "127.0.0.1:7100",
    ];
    let matchmaker = [
        "check",
        "matchmaker",
        "--production",
        "--store",
        NOWHERE,
        "--signing-key",
        &signing,
    ];
    let pinned = "--pinned-certificate";
    let open = ["--admin-listen", "0.0.0.0:7200"];
    let own = ["--admin-listen", "127.0.0.1:7200"];
    let cases: [(&[&str], &[&str], &str); 10] = [
        (&shard, &[], "--pinned-certificate"),
        (&shard, &[pinned], ""),
        (
            &shard,
            &[pinned, "--reset-secret", &weak_secret],
            "--reset-secret",
        ),
        (&shard, &[pinned, "--reset-secret", &secret], ""),
        (&shard, &[pinned, open[0], open[1]], "--admin-token-file"),
        (&shard, &[pinned, own[0], own[1]], "--admin-token-file"),
        (&matchmaker, &[open[0], open[1]], "--admin-token-file"),
        (
            &matchmaker,
            &[own[0], own[1], "--admin-token-file", &weak_tokens],
            "32 characters",
        ),
        (
            &matchmaker,
            &[open[0], open[1], "--admin-token-file", &tokens],
            "",
        ),
        (&["check", "dev", "--production"], &[], "rookery shard"),
    ];
    for (words, more, refused_for) in cases {
        let words = [words, more].concat();
        let (code, said) = run("rookery", &words, &[]);
        assert_eq!(
            code,
            Some(i32::from(!refused_for.is_empty())),
            "{words:?}: {said}"
        );
        assert!(said.contains(refused_for), "{words:?}: {said}");
    }
}

#[test]
fn production_refuses_a_redis_that_flushes_late() {
    let desk = Desk::new();
    let redis = RedisServer::start_with(&["--appendfsync", "everysec"]);
    let (url, public, signing) = (
        redis.url(),
        desk.path("public.pem"),
        desk.path("signing.pem"),
    );
    let shard = [
        "shard",
        "--pinned-certificate",
        "--listen",
        "127.0.0.1:0",
        "--matchmaker-key",
        &public,
    ];
    let matchmaker = [
        "matchmaker",
        "--listen",
        "127.0.0.1:0",
        "--signing-key",
        &signing,
    ];
    for words in [&shard[..], &matchmaker] {
        let environment = [("ROOKERY_PRODUCTION", "true"), ("ROOKERY_STORE", &url)];
        let (code, said) = run("rookery", words, &environment);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("--production") && said.contains("appendfsync"),
            "{said}"
        );
    }
}

#[test]
fn an_address_of_port_0_is_refused_as_nobody_reaches_it() {
    let directory = tempfile::tempdir().unwrap();
    let (key, _) = tokens::SigningKey::generate().unwrap();
    let public = directory.path().join("public.pem");
    std::fs::write(&public, key.verifying_key().to_pem()).unwrap();
    let public = public.display().to_string();
    let check = |more: &[&str]| {
        let shard = [
            "check",
            "shard",
            "--store",
            "redis://h",
            "--matchmaker-key",
            &public,
        ];
        let listen = ["--listen", "127.0.0.1:0"];
        let words = [&shard[..], &listen, more].concat();
        tests::process::run("rookery", &words, std::time::Duration::from_secs(30))
    };
    assert!(check(&[]).status.success(), "a free port is one");
    for option in ["--public-address", "--admin-address"] {
        let output = check(&[option, "203.0.113.7:0"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(option) && said.contains("port 0"), "{said}");
    }
}

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

/// An X.509 certificate with its key, valid from one year to another, in PEM.
fn certificate(desk: &Desk, name: &str, from: i32, until: i32) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (
        desk.file(&format!("{name}.pem"), &certificate.pem()),
        desk.file(&format!("{name}.key"), &key.serialize_pem()),
    )
}

#[test]
fn a_certificate_that_no_player_would_take_is_refused_with_the_reason() {
    let desk = Desk::new();
    let public = desk.path("public.pem");
    let good = certificate(&desk, "good", 2020, 2090);
    let expired = certificate(&desk, "expired", 2020, 2021);
    let early = certificate(&desk, "early", 2089, 2090);
    let words = [
        "shard",
        "--store",
        NOWHERE,
        "--store-wait",
        "0",
        "--listen",
        "127.0.0.1:0",
        "--matchmaker-key",
        &public,
    ];
    for (chain, key, why) in [
        (&expired.0, &expired.1, "expired at 2021-01-01T00:00:00Z"),
        (&early.0, &early.1, "not valid before 2089-01-01T00:00:00Z"),
        (&good.0, &expired.1, "is not the key of the certificate"),
    ] {
        for command in [&["check"][..], &[]] {
            let given = ["--certificate", chain, "--certificate-key", key];
            let words = [command, &words, &given].concat();
            let (code, said) = run("rookery", &words, &[]);
            assert_eq!(code, Some(1), "{said}");
            assert!(
                said.contains(why) && said.contains("--certificate"),
                "{said}"
            );
        }
    }
    let given = ["--certificate", &good.0, "--certificate-key", &good.1];
    let words = [&["check"][..], &words, &given].concat();
    let (code, said) = run("rookery", &words, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("warning: --store"),
        "nobody answers there: {said}"
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

#[test]
fn a_url_of_redis_that_asks_for_what_is_not_done_is_refused() {
    let desk = Desk::new();
    let (public, signing) = (desk.path("public.pem"), desk.path("signing.pem"));
    for (query, why) in [
        ("/?protocol=resp3", "RESP3"),
        ("/?protocol=3", "RESP3"),
        ("/?db=1", "\"db\""),
        ("/?timeout=5", "\"timeout\""),
    ] {
        let url = format!("{NOWHERE}{query}");
        for words in [
            &["shard", "--matchmaker-key", &public, "--store", &url][..],
            &["matchmaker", "--signing-key", &signing, "--store", &url],
        ] {
            for command in [&["check"][..], &[]] {
                let (code, said) = run("rookery", &[command, words].concat(), &[]);
                assert!(matches!(code, Some(1 | 2)), "{code:?}: {said}");
                assert!(said.contains(why), "{said}");
            }
        }
    }
    let url = format!("{NOWHERE}/?protocol=resp2");
    let words = [
        "check",
        "matchmaker",
        "--signing-key",
        &signing,
        "--store",
        &url,
    ];
    let (code, said) = run("rookery", &words, &[]);
    assert_eq!(code, Some(0), "{said}");
}

/// What `check` and the start of a shard and of a matchmaker say to a store that will not do.
fn refuse_the_store(desk: &Desk, url: &str, why: &str) {
    let (public, signing) = (desk.path("public.pem"), desk.path("signing.pem"));
    let listen = ["--listen", "127.0.0.1:0"];
    for words in [
        ["shard", "--matchmaker-key", &public, "--store", url],
        ["matchmaker", "--signing-key", &signing, "--store", url],
    ] {
        for command in [&["check"][..], &[]] {
            let (code, said) = run("rookery", &[command, &words, &listen].concat(), &[]);
            assert_eq!(code, Some(1), "{command:?} {words:?}: {said}");
            assert!(said.contains(why), "{command:?} {words:?}: {said}");
        }
    }
}

#[test]
fn the_port_of_a_sentinel_is_told_from_that_of_a_store() {
    let desk = Desk::new();
    let port = process::free_tcp_port();
    let config = desk.file("sentinel.conf", &format!("port {port}\nbind 127.0.0.1\n"));
    let mut sentinel = Command::new("redis-server")
        .args([&config, "--sentinel"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + SHORT;
    while TcpStream::connect(("127.0.0.1", port)).is_err() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    let url = format!("redis://127.0.0.1:{port}");
    let tried = std::panic::catch_unwind(|| refuse_the_store(&desk, &url, "a Sentinel answers"));
    sentinel.kill().unwrap();
    sentinel.wait().unwrap();
    tried.unwrap();
}

#[test]
fn a_database_that_redis_does_not_have_is_refused() {
    let desk = Desk::new();
    let redis = RedisServer::start();
    // Redis has 16 databases unless it is told otherwise.
    let url = format!("redis://{}/99", redis.address());
    refuse_the_store(&desk, &url, "has no database of the number");
}

#[test]
fn a_user_without_the_right_to_the_keys_is_refused_and_told_which_right() {
    let desk = Desk::new();
    let redis = RedisServer::start();
    let address = redis.address();
    for (user, rights) in [
        ("other", &["~other:*", "+@all"][..]),
        ("reader", &["%R~rk:*", "+@all"]),
        ("half", &["~rk:shard*", "+@all"]),
        ("nodel", &["~rk:*", "+@all", "-del"]),
    ] {
        let words = ["ACL", "SETUSER", user, "on", ">hunter2"];
        redis.command(&[&words, rights].concat());
        let url = format!("redis://{user}:hunter2@{address}");
        refuse_the_store(&desk, &url, "~rk:*");
    }
    redis.command(&["ACL", "SETUSER", "fit", "on", ">hunter2", "~rk:*", "+@all"]);
    let url = format!("redis://fit:hunter2@{address}");
    let signing = desk.path("signing.pem");
    let words = [
        "check",
        "matchmaker",
        "--signing-key",
        &signing,
        "--store",
        &url,
    ];
    let (code, said) = run("rookery", &words, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        !said.contains("hunter2") && !said.contains("warning"),
        "{said}"
    );
}

#[test]
fn a_misspelt_variable_is_refused_and_an_unknown_one_warned_about() {
    let desk = Desk::new();
    let signing = desk.path("signing.pem");
    let matchmaker = ["--signing-key", &signing, "--store", NOWHERE];
    let check = [&["check", "matchmaker"], &matchmaker[..]].concat();
    let start = [&["matchmaker"], &matchmaker[..]].concat();
    for words in [&check, &start] {
        let (code, said) = run("rookery", words, &[("ROOKERY_PRODUCTON", "true")]);
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("ROOKERY_PRODUCTON") && said.contains("ROOKERY_PRODUCTION"),
            "{said}"
        );
    }
    let environment = [
        ("ROOKERY_SEATS_OF_A_SIMULTANEOUS_DISPLAY", "40"),
        // Of other programs, and of a Service of Kubernetes.
        ("ROOKERY_PATIENCE", "3"),
        ("ROOKERY_MATCHMAKER_PORT_7000_TCP", "tcp://10.0.0.1:7000"),
    ];
    let (code, said) = run("rookery", &check, &environment);
    assert_eq!(code, Some(0), "{said}");
    let warned = said
        .lines()
        .filter(|line| line.contains("which nothing reads"));
    let warned: Vec<&str> = warned.collect();
    assert_eq!(warned.len(), 1, "{said}");
    assert!(
        warned[0].contains("ROOKERY_SEATS_OF_A_SIMULTANEOUS_DISPLAY"),
        "{said}"
    );
    // A program that starts logs it.
    let words = ["--listen", "127.0.0.1:0", "--production"];
    let data = desk.path("data");
    let dev = ["dev", "--data-dir", &data, "--shard-port", "65535"];
    let environment = [environment[0], ("RUST_LOG", "warn")];
    let (_, said) = run("rookery", &dev, &environment);
    assert!(
        said.contains("ROOKERY_SEATS_OF_A_SIMULTANEOUS_DISPLAY"),
        "{said}"
    );
    let flush_late = RedisServer::start_with(&["--appendfsync", "everysec"]);
    let url = flush_late.url();
    let started = ["matchmaker", "--signing-key", &signing, "--store", &url];
    let (code, said) = run("rookery", &[&started, &words[..]].concat(), &environment);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("ROOKERY_SEATS_OF_A_SIMULTANEOUS_DISPLAY"),
        "{said}"
    );
}

#[test]
fn every_variable_that_a_program_reads_is_known_to_all() {
    let helps: [(&str, &[&str]); 9] = [
        ("rookery", &["dev"]),
        ("rookery", &["shard"]),
        ("rookery", &["matchmaker"]),
        ("rookery", &["healthcheck"]),
        ("bot-client", &["play"]),
        ("bot-client", &["bot"]),
        ("bot-client", &["replay"]),
        ("bot-client", &["soak"]),
        ("bot-client", &["bench"]),
    ];
    let mut read = 0;
    for (program, words) in helps {
        let (code, said) = run(program, &[words, &["--help"]].concat(), &[]);
        assert_eq!(code, Some(0), "{said}");
        for named in said.split("[env: ").skip(1) {
            let name = named.split(['=', ']']).next().unwrap();
            read += 1;
            let is_known = settings::VARIABLES.contains(&name) || !name.starts_with("ROOKERY_");
            assert!(
                is_known,
                "{program} {words:?} reads {name}: settings::VARIABLES lacks it"
            );
        }
    }
    assert!(read > 40, "{read}");
}

/// The log lines in what a program said.
fn json_lines(said: &str) -> Vec<serde_json::Value> {
    let lines = said.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_program_has_the_same_options_of_the_log() {
    let desk = Desk::new();
    let (signing, public) = (desk.path("signing.pem"), desk.path("public.pem"));
    let store = ["--store", NOWHERE, "--store-wait", "0"];
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let shard = [&["shard", "--matchmaker-key", &public], &store[..], &listen].concat();
    let matchmaker = [&["--signing-key", &signing], &store[..], &listen].concat();
    let of_rookery = [&["matchmaker"], &matchmaker[..]].concat();
    let bot = [
        "bot",
        "--patience",
        "1",
        "--matchmaker",
        "http://127.0.0.1:1",
    ];
    for (program, words) in [
        ("rookery", &shard[..]),
        ("rookery", &of_rookery),
        ("bot-client", &bot),
    ] {
        let with = |more: &[&str], variables: &[(&str, &str)]| {
            let (code, said) = run(program, &[words, more].concat(), variables);
            assert_ne!(code, Some(0), "there is no server and no store: {said}");
            said
        };
        let json = ["--log-format", "json"];
        let said = with(&[&json[..], &["--log", "debug"]].concat(), &[]);
        let lines = json_lines(&said);
        assert!(!lines.is_empty(), "{program} {words:?}: {said}");
        for line in lines {
            let is_text = |key: &str| line[key].is_string();
            assert!(
                ["timestamp", "level", "target"].into_iter().all(is_text),
                "{line}"
            );
            assert!(line["fields"].is_object(), "{line}");
        }
        // RUST_LOG is the filter where no option is, and an option comes before it.
        let debug = [("RUST_LOG", "debug"), ("ROOKERY_LOG_FORMAT", "json")];
        assert!(!json_lines(&with(&[], &debug)).is_empty(), "{program}");
        let silent = with(&["--log", "off"], &debug);
        assert!(json_lines(&silent).is_empty(), "{program}: {silent}");
        let silent = with(&json, &[("RUST_LOG", "off")]);
        assert!(json_lines(&silent).is_empty(), "{program}: {silent}");
        let refused = with(&["--log", "info,=x="], &[]);
        assert!(refused.contains("--log"), "{program}: {refused}");
        assert!(refused.contains("levels by module"), "{program}: {refused}");
    }
}

#[test]
fn a_matchmaker_waits_for_its_store_for_as_long_as_it_is_told() {
    let desk = Desk::new();
    let signing = desk.path("signing.pem");
    let words = [
        "matchmaker",
        "--signing-key",
        &signing,
        "--listen",
        "127.0.0.1:0",
    ];
    let store = ["--store", NOWHERE, "--store-wait", "1"];
    let (code, said) = run("rookery", &[&words[..], &store].concat(), &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("did not answer within 1 s"), "{said}");
}
