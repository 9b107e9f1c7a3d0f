//! A primary and a replica, watched by three Sentinels.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::node::Launch;
use super::{Redis, RedisError, RedisKind, RedisNode, RedisPlan};
use super::{member, random_hex, until_agreed};
use crate::free_tcp_port;

/// What the Sentinels call the group.
const GROUP: &str = "rookery";
const SENTINELS: usize = 3;
/// Sentinels that must agree before a primary counts as gone.
const QUORUM: usize = 2;
/// A primary that has not answered for so long counts as gone, in milliseconds.
const DOWN_AFTER_MS: u32 = 1_000;
/// Half of the time between two failovers of one primary, in milliseconds.
const FAILOVER_TIMEOUT_MS: u32 = 2_000;

pub(super) fn launch(
    directory: &Path,
    plan: &RedisPlan,
    program: &Path,
) -> Result<Redis, RedisError> {
    let primary = member(("redis-1", directory), plan, program, &[])?;
    let replica = member(("redis-2", directory), plan, program, &[])?;
    primary.start(&[])?;
    replica.start(&follow(primary.port()))?;
    let mut known = Vec::new();
    for _ in 0..SENTINELS {
        known.push((free_tcp_port()?, random_hex()?));
    }
    let mut sentinels = Vec::new();
    for number in 0..SENTINELS {
        let ports = (primary.port(), replica.port());
        sentinels.push(sentinel(directory, program, ports, &known, number)?);
    }
    let addresses = known.iter().map(|(port, _)| format!("127.0.0.1:{port}"));
    let addresses = addresses.collect::<Vec<_>>().join(",");
    let redis = Redis {
        kind: RedisKind::Sentinel,
        nodes: vec![primary, replica],
        sentinels,
        ids: Vec::new(),
        url: format!("redis+sentinel://{addresses}/{GROUP}"),
        access: None,
    };
    wait_whole(&redis)?;
    Ok(redis)
}

/// One Sentinel, which knows the others and the replica from the start: they would find each other only after
/// seconds.
fn sentinel(
    directory: &Path,
    program: &Path,
    (primary, replica): (u16, u16),
    known: &[(u16, String)],
    number: usize,
) -> Result<RedisNode, RedisError> {
    let name = format!("sentinel-{}", number + 1);
    let own = directory.join(&name);
    fs::create_dir_all(&own)?;
    let (port, id) = &known[number];
    let mut text = format!(
        "port {port}\nbind 127.0.0.1\ndir {own}\nlogfile {own}/{name}.log\nsentinel myid {id}\n\
         sentinel monitor {GROUP} 127.0.0.1 {primary} {QUORUM}\n\
         sentinel down-after-milliseconds {GROUP} {DOWN_AFTER_MS}\n\
         sentinel failover-timeout {GROUP} {FAILOVER_TIMEOUT_MS}\n\
         sentinel known-replica {GROUP} 127.0.0.1 {replica}\n",
        own = own.display(),
    );
    for (_, (port, id)) in known.iter().enumerate().filter(|(n, _)| *n != number) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "sentinel known-sentinel {GROUP} 127.0.0.1 {port} {id}"
        );
    }
    let file = own.join("sentinel.conf");
    fs::write(&file, text)?;
    let launch = Launch {
        program: program.to_owned(),
        arguments: vec![file.to_string_lossy().into_owned(), "--sentinel".to_owned()],
        outlives_size_limit: false,
    };
    let control = format!("redis://127.0.0.1:{port}");
    let node = RedisNode::new(&name, &own, *port, &control, launch)?;
    node.start(&[])?;
    Ok(node)
}

/// Starts the servers that do not run. One that was replaced as primary must not begin as one: it would accept writes
/// until a Sentinel notices.
pub(super) fn restart(redis: &Redis) -> Result<(), RedisError> {
    let primary = agreed_primary(redis).unwrap_or_else(|| redis.nodes[0].port());
    let is_primary = |node: &&RedisNode| node.port() == primary;
    let absent = || redis.nodes.iter().filter(|node| !node.place().runs());
    for node in absent().filter(is_primary) {
        node.restart()?;
    }
    for node in absent() {
        node.restart_with(&follow(primary))?;
    }
    wait_whole(redis)
}

pub(super) fn failover(redis: &Redis, is_abrupt: bool) -> Result<(), RedisError> {
    let primary = agreed_primary(redis).unwrap_or_else(|| redis.nodes[0].port());
    let former = redis.nodes.iter().find(|node| node.port() == primary);
    let former = former.unwrap_or(&redis.nodes[0]);
    if is_abrupt {
        former.place().kill();
    } else {
        // It refuses for a while after another failover.
        until_agreed(|| {
            let told = redis.sentinels[0].command(&["SENTINEL", "FAILOVER", GROUP]);
            told.err().map(|error| error.to_string())
        })?;
    }
    until_agreed(|| match agreed_primary(redis) {
        Some(port) if port != primary => None,
        found => Some(format!(
            "the Sentinels name {found:?} as the primary after {primary}"
        )),
    })?;
    restart(redis)
}

fn follow(primary: u16) -> Vec<String> {
    vec!["--replicaof".to_owned(), format!("127.0.0.1 {primary}")]
}

/// The port of the primary, if all Sentinels name the same.
pub(super) fn agreed_primary(redis: &Redis) -> Option<u16> {
    let mut named = redis.sentinels.iter().map(|sentinel| {
        let asked = sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", GROUP]);
        let (_, port) = redis::from_redis_value::<(String, String)>(asked.ok()?).ok()?;
        port.parse::<u16>().ok()
    });
    let first = named.next()??;
    named.all(|port| port == Some(first)).then_some(first)
}

/// Waits until all Sentinels name a primary that is one, and everybody else follows it.
fn wait_whole(redis: &Redis) -> Result<(), RedisError> {
    until_agreed(|| {
        let Some(primary) = agreed_primary(redis) else {
            return Some("the Sentinels do not name one primary".to_owned());
        };
        redis.nodes.iter().find_map(|node| {
            let port = node.port();
            let field = |field| node.info("replication", field);
            let is_right = if port == primary {
                field("role").as_deref() == Some("master")
            } else {
                field("master_port") == Some(primary.to_string())
                    && field("master_link_status").as_deref() == Some("up")
            };
            (!is_right).then(|| format!("{port} does not follow the primary {primary}"))
        })
    })?;
    until_agreed(|| {
        let mut errors = redis.sentinels.iter().filter_map(|sentinel| {
            let quorum = sentinel.command(&["SENTINEL", "CKQUORUM", GROUP]);
            quorum.err().map(|error| error.to_string())
        });
        errors.next()
    })
}
