//! Stores that cannot be used, and those that are not there yet.

use super::*;

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
        ("half", &["~rk:{shards}:*", "+@all"]),
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

#[test]
fn a_redis_with_tls_and_users_is_used_without_a_password_on_the_command_line() {
    let desk = Desk::new();
    let redis = RedisServer::start_kind(RedisKind::Tls, &[]);
    let access = redis.redis().access().unwrap();
    let password = std::fs::read_to_string(&access.password_file).unwrap();
    let password = password.trim();
    let text = |path: &std::path::Path| path.display().to_string();
    let (file, ca) = (text(&access.password_file), text(&access.ca));
    let (certificate, key) = (text(&access.certificate), text(&access.key));
    let (url, public, signing) = (
        redis.url(),
        desk.path("public.pem"),
        desk.path("signing.pem"),
    );
    let tls = [
        "--store-tls-ca",
        &ca,
        "--store-tls-cert",
        &certificate,
        "--store-tls-key",
        &key,
    ];
    let user = ["--store-user", &access.user];
    for words in [
        &[
            "check",
            "shard",
            "--public-address",
            "127.0.0.1:7100",
            "--matchmaker-key",
            &public,
        ][..],
        &["check", "matchmaker", "--signing-key", &signing],
    ] {
        let words = [words, &["--store", &url], &tls, &user].concat();
        for (more, environment, code, part) in [
            (
                &["--store-password-file", &file][..],
                &[][..],
                0,
                "store_password_file",
            ),
            (
                &[],
                &[("ROOKERY_STORE_PASSWORD", password)],
                0,
                "store_password = \"…\"",
            ),
            (&[], &[], 1, "--store-password-file"),
            (
                &["--store-password", password],
                &[],
                2,
                "--store-password-file",
            ),
            (
                &["--store-password-file", "/nowhere/pw"],
                &[],
                1,
                "/nowhere/pw",
            ),
        ] {
            let (ended, said) = run("rookery", &[&words, more].concat(), environment);
            assert_eq!(ended, Some(code), "{more:?}: {said}");
            assert!(said.contains(part), "{more:?}: {said}");
            assert!(!said.contains(password), "{said}");
        }
    }
}
