//! The nodes of the store as queues: each serves one request after the other.

use std::time::Duration;

/// What requests cost, measured on one core (docs/capacity.md says how).
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    /// CPU time of a node to store a heartbeat.
    pub beat: Duration,
    /// CPU time of a node to read one record of the registry.
    pub record: Duration,
    /// Bytes of a record on the wire.
    pub record_bytes: u64,
    /// CPU time of a node to read one name of a set of matches.
    pub name: Duration,
    /// Bytes of such a name on the wire.
    pub name_bytes: u64,
    /// CPU time of a node to read a match.
    pub load: Duration,
    /// CPU time of a node to claim a match.
    pub claim: Duration,
    /// CPU time of a shard to replay and install a match.
    pub install: Duration,
    /// Between a request and its service, and again between that and its answer.
    pub network: Duration,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            beat: Duration::from_micros(12),
            record: Duration::from_nanos(720),
            record_bytes: 130,
            name: Duration::from_nanos(50),
            name_bytes: 18,
            load: Duration::from_micros(12),
            claim: Duration::from_micros(20),
            install: Duration::from_micros(60),
            network: Duration::from_micros(250),
        }
    }
}

/// A node of the store.
#[derive(Debug, Default, Clone)]
pub(super) struct Node {
    free_at: Duration,
    /// What it has done so far.
    pub(super) busy: Duration,
    pub(super) requests: u64,
    pub(super) bytes: u64,
}

impl Node {
    /// Serves a request that reaches it at `at` and costs `cost`; returns when it is served.
    pub(super) fn serve(&mut self, at: Duration, cost: Duration, bytes: u64) -> Duration {
        self.free_at = self.free_at.max(at) + cost;
        self.busy += cost;
        self.requests += 1;
        self.bytes += bytes;
        self.free_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_for_each_other() {
        let ms = Duration::from_millis;
        let mut node = Node::default();
        assert_eq!(node.serve(ms(10), ms(3), 1), ms(13));
        assert_eq!(node.serve(ms(11), ms(3), 1), ms(16));
        assert_eq!(node.serve(ms(20), ms(3), 1), ms(23));
        assert_eq!((node.busy, node.requests, node.bytes), (ms(9), 3, 3));
    }
}
