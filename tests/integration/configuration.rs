//! Flags over the environment over a file over defaults, and what production refuses, as operators
//! meet it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use protocol::token::SigningKey;
use store::testing::RedisServer;
use tempfile::TempDir;
use tests::process;

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
    let words = ["--config", &config];
    let (code, said) = run("rookery-matchmaker", &words, &[]);
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
