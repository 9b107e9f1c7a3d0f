//! Redis with other settings and rights than it needs.

use super::*;

#[test]
fn a_server_with_other_settings_is_accepted_for_what_it_is() {
    let durable_as = |arguments: &[&str]| {
        let server = RedisServer::start_with(arguments);
        runtime().block_on(async { redis_store(&server).await.durability() })
    };
    assert_eq!(durable_as(&[]), Durability::Always);
    assert_eq!(
        durable_as(&["--appendfsync", "everysec"]),
        Durability::Relaxed
    );
    assert_eq!(durable_as(&["--appendfsync", "no"]), Durability::Relaxed);
    assert_eq!(
        durable_as(&["--no-appendfsync-on-rewrite", "yes"]),
        Durability::Relaxed
    );
    assert_eq!(durable_as(&["--appendonly", "no"]), Durability::Unlogged);
}

#[test]
fn a_server_whose_settings_change_is_judged_again_when_it_is_reached_again() {
    runtime().block_on(async {
        let mut server = RedisServer::start_with(&["--appendfsync", "everysec"]);
        let store = redis_store(&server).await;
        assert_eq!(store.durability(), Durability::Relaxed);
        server.kill();
        server.restart();
        assert_eq!(
            server.command(&["CONFIG", "SET", "appendfsync", "always"]),
            "+OK"
        );
        let until = Instant::now() + SOON;
        while store.shards().await.is_err() {
            assert!(Instant::now() < until, "not reached again");
        }
        assert_eq!(store.durability(), Durability::Always);
    });
}

#[test]
fn settings_that_are_changed_while_the_server_runs_are_noticed() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let config = |durable_only| RedisConfig {
            durable_only,
            survey_every: Duration::from_millis(50),
            ..RedisConfig::new(server.url())
        };
        let strict = RedisStore::connect(config(true)).await.unwrap();
        let lenient = RedisStore::connect(config(false)).await.unwrap();
        let line = Line::new(match_id(1), 1, 3);
        claimed(&strict, &line).await;
        let evicting = ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"];
        let faults = [
            (
                ["CONFIG", "SET", "appendfsync", "everysec"],
                ["CONFIG", "SET", "appendfsync", "always"],
                "appendfsync",
                Some(Durability::Relaxed),
            ),
            (
                ["CONFIG", "SET", "appendonly", "no"],
                ["CONFIG", "SET", "appendonly", "yes"],
                "appendonly",
                Some(Durability::Unlogged),
            ),
            (
                evicting,
                ["CONFIG", "SET", "maxmemory-policy", "noeviction"],
                "noeviction",
                None,
            ),
        ];
        for (after, (fault, cure, named, mode)) in faults.into_iter().enumerate() {
            let write = line.append(Epoch(1), after, 1);
            assert_eq!(server.command(&fault), "+OK");
            let until = Instant::now() + SOON;
            let refused = loop {
                match strict.shards().await {
                    Err(error) => break error.to_string(),
                    Ok(_) => assert!(Instant::now() < until, "{fault:?} is not noticed"),
                }
            };
            assert!(refused.contains(named), "{refused}");
            // Nothing is confirmed until it is put right.
            let text = unavailable(strict.append(std::slice::from_ref(&write)).await);
            assert!(text.contains(named), "{text}");
            let until = Instant::now() + SOON;
            match mode {
                Some(mode) => {
                    while lenient.durability() != mode {
                        lenient.shards().await.unwrap();
                        assert!(Instant::now() < until, "{fault:?} is not noticed");
                    }
                }
                // No mode allows for that.
                None => {
                    while lenient.shards().await.is_ok() {
                        assert!(Instant::now() < until, "{fault:?} is not noticed");
                    }
                }
            }
            assert_eq!(server.command(&cure), "+OK");
            assert_eq!(append_until_answered(&strict, &write).await, STORED);
            let until = Instant::now() + SOON;
            while lenient.shards().await.is_err() || lenient.durability() != Durability::Always {
                assert!(Instant::now() < until, "{cure:?} is not noticed");
            }
        }
    });
}

#[test]
fn a_server_that_cannot_keep_the_contract_is_refused() {
    runtime().block_on(async {
        let server = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]);
        let text = unfit(RedisStore::connect(RedisConfig::new(server.url())).await);
        assert!(text.contains("noeviction"), "{text}");

        let server = RedisServer::start_with(&["--requirepass", "secret"]);
        let text = unfit(RedisStore::connect(RedisConfig::new(server.url())).await);
        assert!(
            text.contains("NOAUTH") || text.contains("uthentication"),
            "{text}"
        );
        let wrong = format!("redis://:wrong@{}", server.address());
        let text = unfit(RedisStore::connect(RedisConfig::new(wrong)).await);
        assert!(!text.contains("wrong@"), "{text}");

        unfit(RedisStore::connect(RedisConfig::new("http://127.0.0.1")).await);
        let braces = RedisConfig {
            prefix: "a{b}".to_owned(),
            ..RedisConfig::new(server.url())
        };
        unfit(RedisStore::connect(braces).await);
    });
}

#[test]
fn a_user_who_may_not_ask_for_the_settings_is_told_that_they_are_unknown() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let user = [
            "ACL", "SETUSER", "app", "on", ">pw", "~rk:*", "+@all", "-config",
        ];
        assert_eq!(server.command(&user), "+OK");
        let url = format!("redis://app:pw@{}", server.address());
        let store = RedisStore::connect(RedisConfig::new(url)).await.unwrap();
        assert_eq!(store.durability(), Durability::Unknown);
        claimed(&store, &Line::new(match_id(1), 1, 1)).await;
    });
}
