//! Which node of a Redis Cluster has which slots.

use redis::Value;

use super::slot::SLOTS;
use crate::error::StoreError;
use crate::redis::reply;
use crate::redis::url::Address;

/// Parses where a node is, as another one (`from`) names it: `host:port`, where an IPv6 address may stand without
/// brackets.
pub(super) fn parse_address(text: &str, from: &Address) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some(address(host, port.parse().ok()?, from))
}

/// A node that does not know its own name or address says nothing for it, or `?`: then it is where it was asked.
fn address(host: &str, port: u16, from: &Address) -> Address {
    let host = match (host, from) {
        ("" | "?", Address::Tcp { host, .. }) => host.clone(),
        (host, _) => host.to_owned(),
    };
    Address::Tcp { host, port }
}

/// The primaries of a Cluster and their slots, as one node knows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(in crate::redis) struct SlotMap {
    /// First slot, last slot and primary of each range; sorted, without overlaps.
    ranges: Vec<(u16, u16, Address)>,
    /// The replicas, sorted: they know the Cluster too.
    replicas: Vec<Address>,
}

impl SlotMap {
    /// Parses the answer of a node to `CLUSTER SLOTS`.
    pub(super) fn parse(answer: &Value, from: &Address) -> Result<Self, StoreError> {
        let mut map = Self::default();
        for range in reply::array(answer)? {
            let [first, last, nodes @ ..] = reply::array(range)? else {
                return Err(reply::strange("a range of slots"));
            };
            let (first, last) = (reply::parsed(first)?, reply::parsed(last)?);
            let mut nodes = nodes.iter().map(|node| parse_node(node, from));
            let primary = nodes
                .next()
                .ok_or_else(|| reply::strange("a range of slots"))??;
            map.ranges.push((first, last, primary));
            for replica in nodes {
                map.replicas.push(replica?);
            }
        }
        map.ranges.sort_unstable();
        map.replicas.sort_unstable();
        map.replicas.dedup();
        Ok(map)
    }

    /// The primary of a slot; `None` if no node has it.
    pub(super) fn primary(&self, slot: u16) -> Option<&Address> {
        let after = self.ranges.partition_point(|(first, ..)| *first <= slot);
        let (_, last, node) = &self.ranges[after.checked_sub(1)?];
        (slot <= *last).then_some(node)
    }

    /// Whether every slot has a primary.
    pub(super) fn is_complete(&self) -> bool {
        let covered: u32 = self
            .ranges
            .iter()
            .map(|(first, last, _)| u32::from(last - first) + 1)
            .sum();
        covered == u32::from(SLOTS)
    }

    /// All primaries, each once, sorted.
    pub(in crate::redis) fn primaries(&self) -> Vec<Address> {
        let mut primaries: Vec<_> = self.ranges.iter().map(|(.., node)| node.clone()).collect();
        primaries.sort_unstable();
        primaries.dedup();
        primaries
    }

    /// All nodes, primaries first.
    pub(super) fn nodes(&self) -> Vec<Address> {
        let mut nodes = self.primaries();
        nodes.extend(self.replicas.iter().cloned());
        nodes
    }

    /// Notes that a slot has another primary, as the former one has said.
    pub(super) fn moved(&mut self, slot: u16, to: &Address) {
        let Some(at) = self
            .ranges
            .iter()
            .position(|(first, last, _)| (*first..=*last).contains(&slot))
        else {
            self.ranges.push((slot, slot, to.clone()));
            self.ranges.sort_unstable();
            return;
        };
        let (first, last, node) = self.ranges.remove(at);
        let mut parts = vec![(slot, slot, to.clone())];
        if first < slot {
            parts.push((first, slot - 1, node.clone()));
        }
        if slot < last {
            parts.push((slot + 1, last, node));
        }
        self.ranges.extend(parts);
        self.ranges.sort_unstable();
    }

    /// A number that changes when a slot gets another primary.
    pub(in crate::redis) fn fingerprint(&self) -> u32 {
        let mut digest = crc32fast::Hasher::new();
        for (first, last, node) in &self.ranges {
            digest.update(format!("{first} {last} {node};").as_bytes());
        }
        digest.finalize()
    }
}

/// A node in an answer to `CLUSTER SLOTS`: its host, its port, its id and more.
fn parse_node(node: &Value, from: &Address) -> Result<Address, StoreError> {
    let [host, port, ..] = reply::array(node)? else {
        return Err(reply::strange("a node"));
    };
    let host = match host {
        Value::Nil => "",
        host => reply::text(host)?,
    };
    Ok(address(host, reply::parsed(port)?, from))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn node(port: u16) -> Address {
        tcp("10.0.0.1", port)
    }

    fn tcp(host: &str, port: u16) -> Address {
        let host = host.to_owned();
        Address::Tcp { host, port }
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    /// Each part is first slot, last slot, and ports: of the primary, then of replicas.
    pub(crate) fn map(parts: &[(u16, u16, &[u16])]) -> SlotMap {
        let ranges = parts.iter().map(|(first, last, ports)| {
            let nodes = ports.iter().map(|port| {
                Value::Array(vec![
                    text("10.0.0.1"),
                    Value::Int((*port).into()),
                    text("id"),
                ])
            });
            let mut range = vec![Value::Int((*first).into()), Value::Int((*last).into())];
            range.extend(nodes);
            Value::Array(range)
        });
        SlotMap::parse(&Value::Array(ranges.collect()), &node(1)).unwrap()
    }

    #[test]
    fn each_slot_has_the_primary_of_its_range() {
        let known = map(&[
            (10_000, 16_383, &[3, 6]),
            (0, 4_999, &[1, 4]),
            (5_000, 9_998, &[2, 5]),
        ]);
        for (slot, port) in [
            (0, 1),
            (4_999, 1),
            (5_000, 2),
            (9_998, 2),
            (10_000, 3),
            (16_383, 3),
        ] {
            assert_eq!(known.primary(slot), Some(&node(port)), "{slot}");
        }
        assert_eq!(known.primary(9_999), None);
        assert!(!known.is_complete());
        assert_eq!(known.primaries(), [1, 2, 3].map(node));
        assert_eq!(known.nodes(), [1, 2, 3, 4, 5, 6].map(node));
        assert_eq!(SlotMap::default().primary(0), None);
    }

    #[test]
    fn a_slot_that_moves_is_cut_out_of_its_range() {
        let mut known = map(&[(0, 9, &[1]), (10, 16_383, &[2])]);
        assert!(known.is_complete());
        let before = known.fingerprint();
        for slot in [0, 5, 9, 10, 16_383] {
            known.moved(slot, &node(3));
            assert_eq!(known.primary(slot), Some(&node(3)), "{slot}");
            assert!(known.is_complete(), "{slot}");
        }
        for (slot, port) in [(1, 1), (4, 1), (6, 1), (8, 1), (11, 2), (16_382, 2)] {
            assert_eq!(known.primary(slot), Some(&node(port)), "{slot}");
        }
        assert_ne!(known.fingerprint(), before);
        let mut nothing = SlotMap::default();
        nothing.moved(7, &node(1));
        assert_eq!(nothing.primary(7), Some(&node(1)));
    }

    #[test]
    fn a_node_that_does_not_know_its_own_host_is_where_it_was_asked() {
        let asked = tcp("redis.example", 1);
        for unknown in [Value::Nil, text(""), text("?")] {
            let answer = Value::Array(vec![unknown, Value::Int(7)]);
            let found = parse_node(&answer, &asked).unwrap();
            assert_eq!(found, tcp("redis.example", 7));
        }
        for (written, host) in [
            (":7", "redis.example"),
            ("::1:7", "::1"),
            ("[::1]:7", "::1"),
            ("h:7", "h"),
        ] {
            assert_eq!(
                parse_address(written, &asked),
                Some(tcp(host, 7)),
                "{written}"
            );
        }
        for odd in ["", "host", "host:port", "host:70000"] {
            assert_eq!(parse_address(odd, &asked), None, "{odd}");
        }
    }
}
