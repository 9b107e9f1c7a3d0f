//! A Cluster of three primaries with a replica each.

use std::fmt::Write;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use redis::{Pipeline, from_redis_value};

use super::{Redis, RedisError, RedisKind, RedisNode, RedisPlan};
use super::{member, random_hex, until_agreed};
use crate::{StartError, free_tcp_port};

const PRIMARIES: usize = 3;
const REPLICAS: usize = 3;
/// Hash slots of every Cluster.
const SLOTS: usize = 16_384;
/// A server that has not answered for so long counts as gone, in milliseconds.
const NODE_TIMEOUT_MS: u32 = 1_500;
/// Keys that are moved between slots at once: few, so that much happens while a slot is in two places.
const KEYS_AT_ONCE: usize = 8;
/// How long a server may take to give keys to another, in milliseconds.
const MIGRATE_MAX_MS: u32 = 5_000;
/// The file in which a server keeps what it knows of the Cluster.
const TOPOLOGY: &str = "nodes.conf";

/// What a server says of another one.
struct Member {
    id: String,
    is_primary: bool,
    slots: Vec<RangeInclusive<usize>>,
}

pub(super) fn launch(
    directory: &Path,
    plan: &RedisPlan,
    program: &Path,
) -> Result<Redis, RedisError> {
    let (mut nodes, mut ids, mut buses) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=PRIMARIES + REPLICAS {
        let bus = free_tcp_port()?;
        let more = [
            ["--cluster-enabled".to_owned(), "yes".to_owned()],
            ["--cluster-port".to_owned(), bus.to_string()],
            [
                "--cluster-node-timeout".to_owned(),
                NODE_TIMEOUT_MS.to_string(),
            ],
            // A replica takes over however long it has not heard from its primary.
            [
                "--cluster-replica-validity-factor".to_owned(),
                "0".to_owned(),
            ],
            // Each keeps its primary.
            [
                "--cluster-allow-replica-migration".to_owned(),
                "no".to_owned(),
            ],
        ];
        let name = format!("redis-{number}");
        nodes.push(member((&name, directory), plan, program, &more.concat())?);
        ids.push(random_hex()?);
        buses.push(bus);
    }
    for (number, node) in nodes.iter().enumerate() {
        let topology = topology(&nodes, &ids, &buses, number);
        fs::write(node.directory().join(TOPOLOGY), topology)?;
        node.spawn(&[])?;
    }
    for node in &nodes {
        node.wait_answering()?;
    }
    let addresses = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()));
    let addresses = addresses.collect::<Vec<_>>().join(",");
    let redis = Redis {
        kind: RedisKind::Cluster,
        nodes,
        sentinels: Vec::new(),
        ids,
        url: format!("redis+cluster://{addresses}"),
        access: None,
    };
    wait_whole(&redis)?;
    Ok(redis)
}

/// What a server reads at its start: who is there, and who has which slots. Introducing them to each other by
/// commands takes seconds.
fn topology(nodes: &[RedisNode], ids: &[String], buses: &[u16], own: usize) -> String {
    let mut text = String::new();
    for (number, node) in nodes.iter().enumerate() {
        let (port, bus, id) = (node.port(), buses[number], &ids[number]);
        let myself = if number == own { "myself," } else { "" };
        let (role, primary, epoch, slots) = if number < PRIMARIES {
            let first = SLOTS * number / PRIMARIES;
            let last = SLOTS * (number + 1) / PRIMARIES - 1;
            ("master", "-", number + 1, format!(" {first}-{last}"))
        } else {
            let primary = number - PRIMARIES;
            ("slave", ids[primary].as_str(), primary + 1, String::new())
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{id} 127.0.0.1:{port}@{bus} {myself}{role} {primary} 0 0 {epoch} connected{slots}"
        );
    }
    let _ = writeln!(text, "vars currentEpoch {PRIMARIES} lastVoteEpoch 0");
    text
}

pub(super) fn restart(redis: &Redis) -> Result<(), RedisError> {
    let absent = redis.nodes.iter();
    let absent = absent.filter(|node| !node.place().runs());
    // All at once: none of them has a majority alone.
    let absent: Vec<_> = absent.collect();
    for node in &absent {
        node.spawn(&[])?;
    }
    for node in absent {
        match node.wait_answering() {
            Err(RedisError::Start(StartError::Silent { .. })) => node.restart()?,
            answered => answered?,
        }
    }
    wait_whole(redis)
}

pub(super) fn failover(redis: &Redis, is_abrupt: bool) -> Result<(), RedisError> {
    let former = redis.primary();
    let replica = replica_of(redis, former)?;
    if is_abrupt {
        former.place().kill();
    } else {
        replica.command(&["CLUSTER", "FAILOVER"])?;
    }
    until_agreed(|| {
        (!replica.is_primary()).then(|| format!("{} is still a replica", replica.port()))
    })?;
    restart(redis)
}

fn replica_of<'a>(redis: &'a Redis, primary: &RedisNode) -> Result<&'a RedisNode, RedisError> {
    let port = primary.port().to_string();
    let follows =
        |node: &&RedisNode| node.info("replication", "master_port").as_ref() == Some(&port);
    let why = || RedisError::Disagree {
        within: std::time::Duration::ZERO,
        why: format!("{port} has no replica"),
    };
    redis.nodes.iter().find(follows).ok_or_else(why)
}

pub(super) fn reshard(redis: &Redis) -> Result<usize, RedisError> {
    let keys = |node: &RedisNode| -> Result<u64, RedisError> {
        let size = node.command(&["DBSIZE"])?;
        Ok(from_redis_value(size).map_err(redis::RedisError::from)?)
    };
    let mut sizes = Vec::new();
    for node in redis.primaries() {
        sizes.push((keys(node)?, node));
    }
    sizes.sort_by_key(|(size, _)| *size);
    let ([(_, to), ..], [.., (_, from)]) = (sizes.as_slice(), sizes.as_slice()) else {
        return Ok(0);
    };
    if from.port() == to.port() {
        return Ok(0);
    }
    let used = used_slots(redis, from)?;
    let moved = used.len().div_ceil(2);
    for slot in &used[..moved] {
        move_slot(redis, *slot, from, to)?;
    }
    Ok(moved)
}

/// The slots of a primary that have keys.
fn used_slots(redis: &Redis, node: &RedisNode) -> Result<Vec<usize>, RedisError> {
    let own = id_of(redis, node);
    let members = members(node)?;
    let slots = members.into_iter().filter(|member| member.id == own);
    let slots: Vec<usize> = slots.flat_map(|member| member.slots).flatten().collect();
    let mut pipeline = Pipeline::new();
    for slot in &slots {
        pipeline.cmd("CLUSTER").arg("COUNTKEYSINSLOT").arg(*slot);
    }
    let counts = node.pipeline(&pipeline)?;
    let used = slots.into_iter().zip(counts);
    Ok(used
        .filter(|(_, count)| *count != redis::Value::Int(0))
        .map(|(slot, _)| slot)
        .collect())
}

/// Moves one slot as the documentation of `CLUSTER SETSLOT` says.
fn move_slot(
    redis: &Redis,
    slot: usize,
    from: &RedisNode,
    to: &RedisNode,
) -> Result<(), RedisError> {
    let number = slot.to_string();
    let set = |node: &RedisNode, state: &str, other: &RedisNode| {
        let words = ["CLUSTER", "SETSLOT", &number, state, id_of(redis, other)];
        node.command(&words)
    };
    set(to, "IMPORTING", from)?;
    set(from, "MIGRATING", to)?;
    loop {
        let at_once = KEYS_AT_ONCE.to_string();
        let keys = from.command(&["CLUSTER", "GETKEYSINSLOT", &number, &at_once])?;
        let keys: Vec<Vec<u8>> = from_redis_value(keys).map_err(redis::RedisError::from)?;
        if keys.is_empty() {
            break;
        }
        let (port, within) = (to.port().to_string(), MIGRATE_MAX_MS.to_string());
        let words = ["MIGRATE", "127.0.0.1", &port, "", "0", &within, "KEYS"];
        let words = words.map(|word| word.as_bytes().to_vec());
        from.command(&[&words[..], &keys].concat())?;
    }
    set(to, "NODE", to)?;
    set(from, "NODE", to)?;
    for node in redis.primaries() {
        set(node, "NODE", to)?;
    }
    Ok(())
}

fn id_of<'a>(redis: &'a Redis, node: &RedisNode) -> &'a str {
    let number = redis.nodes.iter().position(|one| one.port() == node.port());
    number.map_or("", |number| &redis.ids[number])
}

/// Who a server believes is there.
fn members(node: &RedisNode) -> Result<Vec<Member>, RedisError> {
    let text = node.command(&["CLUSTER", "NODES"])?;
    let text: String = from_redis_value(text).map_err(redis::RedisError::from)?;
    Ok(text.lines().filter_map(read_member).collect())
}

/// One line of `CLUSTER NODES`.
fn read_member(line: &str) -> Option<Member> {
    let words: Vec<&str> = line.split(' ').collect();
    let (head, slots) = words.split_at_checked(8)?;
    let range = |text: &&str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        // `[…]` is a slot that moves.
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    Some(Member {
        id: head[0].to_owned(),
        is_primary: head[2].contains("master") && !head[2].contains("fail"),
        slots: slots.iter().filter_map(range).collect(),
    })
}

/// Waits until every server sees all slots served by the same primaries, and each has a replica that is up to date.
fn wait_whole(redis: &Redis) -> Result<(), RedisError> {
    until_agreed(|| {
        redis
            .nodes
            .iter()
            .find_map(|node| what_is_missing(node, redis))
    })
}

fn what_is_missing(node: &RedisNode, redis: &Redis) -> Option<String> {
    let port = node.port();
    let state = node.command(&["CLUSTER", "INFO"]).ok();
    let state: Option<String> = state.and_then(|state| from_redis_value(state).ok());
    if !state.is_some_and(|state| state.contains("cluster_state:ok")) {
        return Some(format!("{port} does not see a whole Cluster"));
    }
    let members = members(node).unwrap_or_default();
    let primaries = members.iter().filter(|member| member.is_primary).count();
    if primaries != PRIMARIES || members.len() != redis.nodes.len() {
        return Some(format!("{port} sees {primaries} primaries"));
    }
    let field = |field| node.info("replication", field);
    match field("role").as_deref() {
        Some("master") => (field("connected_slaves").as_deref() == Some("0"))
            .then(|| format!("{port} has no replica")),
        Some("slave") => (field("master_link_status").as_deref() != Some("up"))
            .then(|| format!("{port} does not follow its primary")),
        _ => Some(format!("{port} has no role")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_topology_is_read() {
        let line =
            "07c3 127.0.0.1:30004@31004 myself,master - 0 1426 4 connected 0-9 12 [13->-67ed]";
        let member = read_member(line).unwrap();
        assert_eq!((member.id.as_str(), member.is_primary), ("07c3", true));
        assert_eq!(member.slots, [0..=9, 12..=12]);
        let gone = "07c3 127.0.0.1:30004@31004 master,fail - 0 1426 4 disconnected 0-9";
        assert!(!read_member(gone).unwrap().is_primary);
        assert!(read_member("07c3").is_none());
    }
}
