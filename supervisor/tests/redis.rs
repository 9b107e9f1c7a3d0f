//! Redis as it is run: every kind starts, keeps what it has acknowledged, and does what can be done with it.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use redis::Value;
use supervisor::{Redis, RedisError, RedisKind, RedisNode, RedisPlan};
use tempfile::TempDir;

fn started(kind: RedisKind) -> (Redis, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let plan = RedisPlan {
        kind,
        ..RedisPlan::default()
    };
    let redis = Redis::launch(directory.path(), &plan);
    (
        redis.unwrap_or_else(|error| panic!("{kind}: {error}")),
        directory,
    )
}

/// Hash tags of three keys, one for each third of the slots (by CRC16).
const TAGS: [&str; 3] = ["{b}", "{c}", "{a}"];

/// Executes a command wherever its key is.
fn ask(redis: &Redis, words: &[&str]) -> Value {
    let answers = redis
        .primaries()
        .into_iter()
        .map(|node| node.command(words));
    let found = answers.filter_map(Result::ok).next();
    found.unwrap_or_else(|| panic!("no primary of {} does {words:?}", redis.kind()))
}

fn write_keys(redis: &Redis) {
    for tag in TAGS {
        for number in 0..20 {
            let key = format!("{tag}:{number}");
            assert_eq!(ask(redis, &["SET", &key, tag]), Value::Okay);
        }
    }
}

fn assert_keys_are_there(redis: &Redis) {
    for tag in TAGS {
        for number in 0..20 {
            let key = format!("{tag}:{number}");
            let value = ask(redis, &["GET", &key]);
            assert_eq!(
                value,
                Value::BulkString(tag.into()),
                "{}: {key}",
                redis.kind()
            );
        }
    }
}

/// The replicas have what the primaries had: an abrupt failover loses only what is on its way to them.
///
/// `WAIT` would not do: it waits for what its own connection has written.
fn wait_for_replicas(redis: &Redis) {
    for node in redis.primaries() {
        let begin = Instant::now();
        while !a_replica_has_all(node) {
            assert!(begin.elapsed() < Duration::from_secs(20), "no replica");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Whether a replica has acknowledged the primary's whole stream.
fn a_replica_has_all(primary: &RedisNode) -> bool {
    let info = primary.command(&["INFO", "replication"]).expect("a text");
    let info: String = redis::from_redis_value(info).expect("a text");
    let written = info
        .lines()
        .find_map(|line| line.strip_prefix("master_repl_offset:"));
    let written = written.expect("an offset");
    let acknowledged = format!(",state=online,offset={written},");
    let replica = info.lines().find(|line| line.starts_with("slave0:"));
    replica.is_some_and(|replica| replica.contains(&acknowledged))
}

fn ports(nodes: &[&RedisNode]) -> Vec<u16> {
    nodes.iter().map(|node| node.port()).collect()
}

#[test]
fn every_kind_of_redis_flushes_and_serves_what_it_has_acknowledged_after_all_its_servers_were_killed()
 {
    for kind in RedisKind::ALL {
        let (redis, _directory) = started(kind);
        for node in redis.nodes() {
            let setting = node.command(&["CONFIG", "GET", "appendfsync"]).unwrap();
            let setting: Vec<String> = redis::from_redis_value(setting).unwrap();
            assert_eq!(setting, ["appendfsync", "always"], "{kind}");
        }
        write_keys(&redis);
        redis.kill();
        redis.restart().unwrap();
        assert_keys_are_there(&redis);
    }
}

#[test]
fn a_redis_with_tls_has_no_port_without_it_and_no_user_without_a_password() {
    let (redis, _directory) = started(RedisKind::Tls);
    let access = redis.access().unwrap();
    let text = std::fs::read_to_string(&access.ca).unwrap();
    assert!(text.contains("BEGIN CERTIFICATE"), "{text}");
    // It listens there, and a greeting without TLS closes the connection.
    assert!(TcpStream::connect(redis.address()).is_ok());
    let plain = format!("redis://{}", redis.address());
    let plain = redis::Client::open(plain).unwrap();
    assert!(plain.get_connection().is_err());
    let users = redis.primary().command(&["ACL", "LIST"]).unwrap();
    let users: Vec<String> = redis::from_redis_value(users).unwrap();
    let off = users
        .iter()
        .any(|user| user.starts_with("user default off"));
    assert!(off, "{users:?}");
    let own = format!("user {} on ", access.user);
    assert!(users.iter().any(|user| user.starts_with(&own)), "{users:?}");
}

#[test]
fn a_failover_makes_the_replica_the_primary_and_the_former_one_its_replica() {
    for kind in [RedisKind::Sentinel, RedisKind::Cluster] {
        let (redis, _directory) = started(kind);
        write_keys(&redis);
        for is_abrupt in [true, false] {
            wait_for_replicas(&redis);
            let before = ports(&redis.primaries());
            redis.failover(is_abrupt).unwrap();
            let after = ports(&redis.primaries());
            assert_eq!(after.len(), before.len(), "{kind}");
            let kept = after.iter().filter(|port| before.contains(port)).count();
            assert_eq!(kept, before.len() - 1, "{kind}: {before:?} {after:?}");
            assert_keys_are_there(&redis);
        }
    }
}

#[test]
fn slots_with_keys_move_from_one_primary_to_another() {
    let (redis, _directory) = started(RedisKind::Cluster);
    write_keys(&redis);
    // Nothing but one slot: it moves as a whole.
    let before = redis.primary().port();
    assert_eq!(redis.reshard().unwrap(), 1);
    assert_keys_are_there(&redis);
    assert_ne!(
        redis.primary().port(),
        before,
        "two slots are in one place now"
    );
}

#[test]
fn what_a_kind_cannot_do_is_said() {
    let (redis, _directory) = started(RedisKind::Single);
    let refused = redis.failover(true).unwrap_err();
    assert!(
        matches!(refused, RedisError::Unable(RedisKind::Single, _)),
        "{refused}"
    );
    assert!(matches!(redis.reshard(), Err(RedisError::Unable(..))));
    assert_eq!("tls".parse(), Ok(RedisKind::Tls));
    assert!(
        "mysql"
            .parse::<RedisKind>()
            .unwrap_err()
            .contains("sentinel")
    );
}
