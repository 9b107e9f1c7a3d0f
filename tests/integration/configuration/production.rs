//! What production refuses.

use super::*;

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

/// A managed service refuses `CONFIG`, and often `INFO` and `CLIENT` too.
#[test]
fn production_accepts_a_redis_that_tells_nothing_if_its_durability_is_stated() {
    let desk = Desk::new();
    let redis = RedisServer::start();
    let rights = [
        "~rk:*", "&rk:*", "+@all", "-@admin", "-config", "-info", "-client",
    ];
    let user = ["ACL", "SETUSER", "app", "on", ">hunter2"];
    redis.command(&[&user[..], &rights].concat());
    let (url, signing) = (
        format!("redis://app@{}", redis.address()),
        desk.path("signing.pem"),
    );
    let matchmaker = ["check", "matchmaker", "--signing-key", &signing];
    for (stated, code, part) in [
        ("", 1, "--store-durability"),
        ("everysec", 1, "relaxed"),
        ("sometimes", 2, "everysec"),
        ("always", 0, "always, as the operator states"),
    ] {
        let mut environment = vec![
            ("ROOKERY_PRODUCTION", "true"),
            ("ROOKERY_STORE", url.as_str()),
            ("ROOKERY_STORE_PASSWORD", "hunter2"),
        ];
        if !stated.is_empty() {
            environment.push(("ROOKERY_STORE_DURABILITY", stated));
        }
        let (ended, said) = run("rookery", &matchmaker, &environment);
        assert_eq!(ended, Some(code), "{stated}: {said}");
        assert!(said.contains(part), "{stated}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
