//! Redis as it is run: behind TLS, with users, in a group with Sentinels, with replicas, as a service that tells
//! nothing of itself.

use store::testing::RedisKind;
use store::{RedisLogin, RedisPassword, RedisTls, Retention};
use supervisor::{RedisNode, Signal};

use super::*;

fn connect(config: RedisConfig) -> impl Future<Output = Result<RedisStore, StoreError>> {
    RedisStore::connect(config)
}

#[test]
fn a_server_is_reached_by_name_and_by_ipv6() {
    runtime().block_on(async {
        let server = RedisServer::start_with(&["--bind", "127.0.0.1", "::1"]);
        let port = server.address().port();
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let url = format!("redis://{host}:{port}/3");
            let store = connect(RedisConfig::new(url)).await.unwrap();
            store.shards().await.unwrap();
        }
        let text = unavailable(connect(RedisConfig::new("redis://no.such.host.invalid")).await);
        assert!(text.contains("no.such.host.invalid"), "{text}");
    });
}

#[test]
fn a_server_behind_tls_is_trusted_by_its_authority_and_its_name() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Tls, &[]);
        let good = server.config();
        let port = server.address().port();
        let with_tls = |change: fn(&mut RedisTls)| {
            let mut config = good.clone();
            change(&mut config.tls);
            config
        };
        for named in [
            RedisConfig {
                url: format!("rediss://localhost:{port}"),
                ..good.clone()
            },
            with_tls(|tls| tls.server_name = Some("localhost".to_owned())),
        ] {
            let store = connect(named).await.unwrap();
            claimed(&store, &Line::new(match_id(1), 1, 1)).await;
            store.leave(shard_id(9)).await.unwrap();
            server.redis().primary().command(&["FLUSHALL"]).unwrap();
        }
        for (config, part) in [
            (
                with_tls(|tls| tls.server_name = Some("redis.example".to_owned())),
                "--store-tls-server-name",
            ),
            (with_tls(|tls| tls.ca = None), "--store-tls-ca"),
            (
                RedisConfig {
                    url: format!("redis://127.0.0.1:{port}"),
                    tls: RedisTls::default(),
                    ..good.clone()
                },
                "",
            ),
        ] {
            let refused = connect(config).await.unwrap_err().to_string();
            assert!(refused.contains(part), "{refused}");
        }
        // The server asks for a certificate.
        connect(with_tls(|tls| tls.identity = None))
            .await
            .unwrap_err();
    });
}

#[test]
fn a_password_that_was_replaced_in_its_file_is_used_from_the_next_connection_on() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let file = tempfile::NamedTempFile::new().unwrap();
        let set = |password: &str| {
            let word = format!(">{password}");
            let user = [
                "ACL", "SETUSER", "app", "reset", "on", &word, "~rk:*", "&rk:*", "+@all",
            ];
            assert_eq!(server.command(&user), "+OK");
            std::fs::write(file.path(), format!("{password}\n")).unwrap();
        };
        set("first");
        let config = RedisConfig {
            login: RedisLogin {
                user: Some("app".to_owned()),
                password: Some(RedisPassword::File(file.path().to_owned())),
            },
            ..RedisConfig::new(server.url())
        };
        let store = connect(config.clone()).await.unwrap();
        set("second");
        server.command(&["CLIENT", "KILL", "USER", "app"]);
        let until = Instant::now() + SOON;
        while store.shards().await.is_err() {
            assert!(Instant::now() < until, "the new password is not used");
        }
        std::fs::write(file.path(), "wrong").unwrap();
        let text = unfit(connect(config).await);
        assert!(!text.contains("wrong"), "{text}");
    });
}

/// A user that may do nothing but what the store needs, as a managed service has them.
fn managed(server: &RedisServer) -> RedisConfig {
    let user = [
        "ACL", "SETUSER", "app", "on", ">pw", "~rk:*", "&rk:*", "+@all", "-@admin", "-config",
        "-info", "-client", "-role", "-acl",
    ];
    assert_eq!(server.command(&user), "+OK");
    RedisConfig::new(format!("redis://app:pw@{}", server.address()))
}

#[test]
fn a_service_that_tells_nothing_of_itself_is_what_its_operator_states() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let silent = managed(&server);
        let store = connect(silent.clone()).await.unwrap();
        assert_eq!(store.durability(), Durability::Unknown);
        let production = RedisConfig {
            durable_only: true,
            ..silent
        };
        let text = unfit(connect(production.clone()).await);
        for part in ["unknown", "+config|get", "--store-durability"] {
            assert!(text.contains(part), "{text}");
        }
        let stated = |durability| RedisConfig {
            stated_durability: Some(durability),
            ..production.clone()
        };
        let text = unfit(connect(stated(Durability::Relaxed)).await);
        assert!(text.contains("relaxed"), "{text}");
        let store = connect(stated(Durability::Always)).await.unwrap();
        assert_eq!(store.durability(), Durability::StatedAlways);
        // What a server tells counts for more.
        let late = RedisServer::start_with(&["--appendfsync", "everysec"]);
        let config = RedisConfig {
            stated_durability: Some(Durability::Always),
            ..RedisConfig::new(late.url())
        };
        assert_eq!(
            connect(config).await.unwrap().durability(),
            Durability::Relaxed
        );
    });
}

#[test]
fn a_right_that_is_missing_for_the_settings_costs_no_connection() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let config = RedisConfig {
            survey_every: Duration::ZERO,
            ..managed(&server)
        };
        let store = connect(config).await.unwrap();
        let connections = || {
            let list = server
                .redis()
                .primary()
                .command(&["CLIENT", "LIST"])
                .unwrap();
            let list: String = redis::from_redis_value(list).unwrap();
            let own = list.lines().filter(|line| line.contains("user=app"));
            let id = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
            own.map(id).collect::<Vec<_>>()
        };
        let before = connections();
        assert!(before.len() >= 2, "{before:?}");
        for _ in 0..5 {
            store.shards().await.unwrap();
            assert_eq!(store.room().await.unwrap(), store::Room::default());
        }
        assert_eq!(connections(), before);
    });
}

fn replica(server: &RedisServer) -> &RedisNode {
    let mut nodes = server.redis().nodes().iter();
    nodes.find(|node| !node.is_primary()).expect("a replica")
}

#[test]
fn what_too_few_replicas_have_is_not_confirmed_until_they_do() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Sentinel, &[]);
        let config = RedisConfig {
            replicas: 1,
            response_timeout: Duration::from_millis(600),
            ..server.config()
        };
        let store = connect(config).await.unwrap();
        let line = Line::new(match_id(1), 1, 10);
        // A replica of a busy machine may be late: whoever prepares the match does not wait for it.
        claimed(&connect(server.config()).await.unwrap(), &line).await;
        let first = append_until_answered(&store, &line.append(Epoch(1), 0, 1)).await;
        assert!(matches!(first, Appended::Stored { .. }), "{first:?}");

        replica(&server).place().kill();
        let write = line.append(Epoch(1), 1, 1);
        let append = || store.append(std::slice::from_ref(&write));
        let text = unavailable(append().await);
        assert!(text.contains("0 of 1 replicas"), "{text}");
        // Repeated on the same connection, and on a new one, on which it is stored already.
        for _ in 0..2 {
            unavailable(append().await);
            let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
            server.redis().primary().command(&kill).unwrap();
        }
        let until = Instant::now() + SOON;
        loop {
            let text = unavailable(append().await);
            if text.contains("0 of 1 replicas") {
                break;
            }
            assert!(Instant::now() < until, "{text}");
        }
        // Nor is it shown by whoever reads or takes the match over, who would tell players what may be lost.
        let reader = connect(RedisConfig {
            replicas: 1,
            response_timeout: Duration::from_millis(600),
            ..server.config()
        });
        let reader = reader.await.unwrap();
        unavailable(reader.load(line.id).await);
        let third = Line::new(match_id(3), 1, 1);
        claimed(&connect(server.config()).await.unwrap(), &third).await;
        unavailable(reader.claim(third.id, shard_id(2), Epoch(1)).await);
        // What a failover may undo is no reason to take a match out of a set: a removal cannot be undone by it.
        let seen = [(third.id, Epoch(2))];
        unavailable(reader.disown(shard_id(1), &seen).await);
        assert_eq!(
            reader.owned(shard_id(1)).await.unwrap(),
            [line.id, third.id]
        );
        // A match that a player is told of, a hand-over and a revocation promise the same.
        let other = Line::new(match_id(2), 1, 1);
        unavailable(store.create(shard_id(1), &other.snapshots[0]).await);
        unavailable(store.create(shard_id(1), &other.snapshots[0]).await);
        tokio::task::block_in_place(|| server.redis().restart().unwrap());
        assert_eq!(append_until_answered(&store, &write).await, DUPLICATE);
        let loaded = until_answered(|| reader.load(line.id)).await.unwrap();
        assert_eq!(loaded.tail.len(), 2);
        // The claim was made, and its answer withheld.
        let loaded = until_answered(|| reader.load(third.id)).await.unwrap();
        until_answered(|| reader.disown(shard_id(1), &seen)).await;
        until_answered(|| reader.disown(shard_id(2), &seen)).await;
        assert_eq!(
            reader.owned(shard_id(1)).await.unwrap(),
            [line.id, other.id]
        );
        assert_eq!(reader.owned(shard_id(2)).await.unwrap(), [third.id]);
        assert_eq!(
            (loaded.ownership.owner, loaded.ownership.epoch),
            (shard_id(2), Epoch(2))
        );
        let until = Instant::now() + SOON;
        let created = loop {
            match store.create(shard_id(1), &other.snapshots[0]).await {
                Ok(created) => break created,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
        };
        assert!(matches!(created, store::Created::Exists(_)), "{created:?}");
    });
}

#[test]
fn a_store_follows_a_failover_by_itself_and_loses_nothing_that_a_replica_confirmed() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Sentinel, &[]);
        let config = RedisConfig {
            replicas: 1,
            ..server.config()
        };
        let store = connect(config.clone()).await.unwrap();
        let line = Line::new(match_id(1), 1, 60);
        claimed(&store, &line).await;
        let (progress, mut written) = watch::channel(0);
        let play = async {
            for after in 0..line.events.len() {
                let write = line.append(Epoch(1), after, 1);
                let answer = append_until_answered(&store, &write).await;
                assert!(
                    matches!(answer, Appended::Stored { .. }),
                    "{after}: {answer:?}"
                );
                progress.send_replace(after + 1);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let fail_over = async {
            for (enough, is_abrupt) in [(10, true), (30, false)] {
                written
                    .wait_for(|written| *written >= enough)
                    .await
                    .unwrap();
                tokio::task::block_in_place(|| server.redis().failover(is_abrupt).unwrap());
            }
        };
        tokio::join!(play, fail_over);
        let again = connect(config).await.unwrap();
        assert_eq!(again.log(line.id).await.unwrap(), line.events);
    });
}

/// Nothing closes the connection to a machine that hangs: the Sentinels' word has to end what waits for it.
#[test]
fn a_primary_that_hangs_is_left_when_the_sentinels_announce_another() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Sentinel, &[]);
        let config = RedisConfig {
            // Longer than the test may take.
            response_timeout: 3 * SOON,
            ..server.config()
        };
        let line = Line::new(match_id(1), 1, 5);
        // A replica has it before the primary hangs.
        let replicated = RedisConfig {
            replicas: 1,
            ..server.config()
        };
        claimed(&connect(replicated).await.unwrap(), &line).await;
        let store = connect(config).await.unwrap();
        let former = server.redis().place();
        former.signal(Signal::STOP).unwrap();
        let began = Instant::now();
        let answer = append_until_answered(&store, &line.append(Epoch(1), 0, 1)).await;
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert!(matches!(answer, Appended::Stored { .. }), "{answer:?}");
        former.signal(Signal::CONT).unwrap();
    });
}

#[test]
fn sentinels_that_watch_another_primary_or_want_a_password_are_named() {
    runtime().block_on(async {
        let server = RedisServer::start_kind(RedisKind::Sentinel, &[]);
        let url = server.url();
        let (sentinels, _) = url.rsplit_once('/').unwrap();
        let text = unfit(connect(RedisConfig::new(format!("{sentinels}/other"))).await);
        assert!(text.contains("no primary of the name \"other\""), "{text}");
        // One that is gone does not matter.
        server.redis().sentinels()[0].place().kill();
        connect(RedisConfig::new(&url)).await.unwrap();
        for sentinel in &server.redis().sentinels()[1..] {
            sentinel
                .command(&["CONFIG", "SET", "requirepass", "watch"])
                .ok();
            let user = ["ACL", "SETUSER", "default", "resetpass", ">watch"];
            sentinel.command(&user).unwrap();
        }
        let text = unfit(connect(RedisConfig::new(&url)).await);
        assert!(text.contains("--store-sentinel-password-file"), "{text}");
        let with_password = RedisConfig {
            sentinel_login: RedisLogin {
                user: None,
                password: Some(RedisPassword::Text("watch".to_owned())),
            },
            ..RedisConfig::new(&url)
        };
        connect(with_password).await.unwrap();
        // Their address alone is not that of a primary.
        let (_, hosts) = sentinels.split_once("://").unwrap();
        let second = hosts.split(',').nth(1).unwrap();
        let text = unfit(connect(RedisConfig::new(format!("redis://:watch@{second}"))).await);
        assert!(text.contains("redis+sentinel://"), "{text}");
    });
}

/// Redis executes its append-only file as the default user, and drops what that user may not do.
#[test]
fn what_is_stored_under_the_deployed_rights_is_there_after_a_restart() {
    runtime().block_on(async {
        let users = include_str!("../../../../deploy/redis-users.acl");
        let strict = users.replace("user default off resetpass ~* &* +@all", "user default off");
        assert_ne!(users, strict);
        for (users, is_kept) in [(users, true), (strict.as_str(), false)] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), users).unwrap();
            let arguments = ["--aclfile", file.path().to_str().unwrap()];
            let mut server = RedisServer::start_with(&arguments);
            let address = server.address();
            let url = format!("redis://rookery:REPLACE-THIS-PASSWORD@{address}");
            let store = connect(RedisConfig::new(url.clone())).await.unwrap();
            let line = Line::new(match_id(1), 1, 2);
            claimed(&store, &line).await;
            let stored = append_until_answered(&store, &line.append(Epoch(1), 0, 2)).await;
            assert_eq!(stored, STORED);
            if !is_kept {
                assert_eq!(store.durability(), Durability::Unlogged);
                let refused = connect(RedisConfig {
                    durable_only: true,
                    ..RedisConfig::new(url)
                });
                let text = unfit(refused.await);
                assert!(text.contains("ACL SETUSER default off"), "{text}");
                continue;
            }
            assert_eq!(store.durability(), Durability::Always);
            server.kill();
            server.restart();
            let store = connect(RedisConfig::new(url)).await.unwrap();
            assert_eq!(store.log(line.id).await.unwrap().len(), 2);
        }
    });
}

/// As `deploy/` gives them.
#[test]
fn the_rights_of_the_deployed_user_are_sufficient_in_production() {
    runtime().block_on(async {
        let users = include_str!("../../../../deploy/redis-users.acl");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), users).unwrap();
        let server = RedisServer::start_with(&["--aclfile", file.path().to_str().unwrap()]);
        let config = RedisConfig {
            url: format!("redis://rookery:REPLACE-THIS-PASSWORD@{}", server.address()),
            durable_only: true,
            survey_every: Duration::ZERO,
            ..RedisConfig::new("")
        };
        let store = connect(config).await.unwrap();
        assert_eq!(store.durability(), Durability::Always);
        claimed(&store, &Line::new(match_id(1), 1, 1)).await;
        store.put_ticket(&ticket(1, None)).await.unwrap();
        store.heartbeat(&shard_record(1, 1)).await.unwrap();
        assert!(store.room().await.unwrap().used_bytes > 0);
        store
            .sweep(game_core::UnixMillis(1_800_000_000_000))
            .await
            .unwrap();
    });
}
