//! A shard process.

use std::collections::{BTreeMap, BTreeSet};

use game_core::{MatchTime, ShardId};
use shard_core::{PeerKey, Shard, ShardLimits};
use store::{ShardRecord, StoreConnection, WebDoors};

use super::hearing::Hearing;
use super::time::At;

/// A process.
pub(super) struct Process {
    pub(super) shard: Shard,
    pub(super) record: ShardRecord,
    pub(super) started_at: At,
    /// It does nothing until then.
    pub(super) still_until: At,
    /// It does not reach the store until then, and its beats reach nobody.
    pub(super) isolated_until: At,
    /// Its beats reach nobody until then.
    pub(super) mute_until: At,
    /// Its liveness port refuses everyone until then.
    pub(super) port_refuses_until: At,
    pub(super) hearing: Hearing,
    /// When it last did something.
    pub(super) ran_at: At,
    /// When it last looked at what it heard.
    pub(super) looked_at: At,
    /// How often the server of the store had been replaced when it last reached it.
    pub(super) server: u32,
    /// The shards that it takes for dead.
    pub(super) dead: BTreeSet<ShardId>,
    pub(super) looks: u32,
    pub(super) ticks: u32,
    pub(super) heartbeat_under_way: bool,
    /// The turn that is due next.
    pub(super) turn_at: Option<At>,
    /// Whose connection a peer is.
    pub(super) peers: BTreeMap<PeerKey, (usize, u64)>,
}

impl Process {
    /// The process of this number, by which its port and its connection to the store are its own.
    pub(super) fn new(
        id: ShardId,
        number: u16,
        limits: ShardLimits,
        started_at: At,
        server: u32,
    ) -> Self {
        let port = 10_000 + number;
        Self {
            shard: Shard::new(id, limits),
            record: ShardRecord {
                id,
                heartbeat: 0,
                address: ([127, 0, 0, 1], 7_100).into(),
                certificate_sha256: None,
                capacity: 100,
                live: 0,
                load: 0,
                cpu_share: 1_000,
                draining: false,
                admin: None,
                clock: MatchTime::default(),
                liveness: Some(([127, 0, 0, 1], port).into()),
                connections: vec![StoreConnection {
                    run_id: run_id(server),
                    client: number.into(),
                }],
                web: WebDoors::default(),
            },
            started_at,
            still_until: 0,
            isolated_until: 0,
            mute_until: 0,
            port_refuses_until: 0,
            hearing: Hearing::default(),
            ran_at: started_at,
            looked_at: started_at,
            server,
            dead: BTreeSet::new(),
            looks: 0,
            ticks: 0,
            heartbeat_under_way: false,
            turn_at: None,
            peers: BTreeMap::new(),
        }
    }

    pub(super) const fn id(&self) -> ShardId {
        self.record.id
    }

    pub(super) const fn isolated_until(&self) -> At {
        self.isolated_until
    }

    pub(super) fn connections(&self) -> Vec<(usize, u64)> {
        let mut connections: Vec<_> = self.peers.values().copied().collect();
        connections.sort_unstable();
        connections
    }

    /// SIGSTOP, and SIGCONT some day.
    pub(super) fn stand_still(&mut self, until: At) {
        self.still_until = self.still_until.max(until);
    }

    pub(super) fn isolate(&mut self, until: At) {
        self.isolated_until = self.isolated_until.max(until);
    }

    /// Matches that it has said to be lost.
    pub(super) fn said_lost(&self) -> u64 {
        self.shard.counters().lost
    }

    /// Shards that it took for dead and saw alive again.
    pub(super) fn needless(&self) -> u64 {
        self.shard.liveness_figures().needless_takeovers
    }

    /// It reaches the server of the store, which may be another one than before.
    pub(super) fn reaches(&mut self, server: u32) {
        if std::mem::replace(&mut self.server, server) != server {
            for connection in &mut self.record.connections {
                connection.run_id = run_id(server);
            }
            self.shard.store_may_have_lost();
        }
    }
}

/// The name of a start of the store's server.
pub(super) fn run_id(server: u32) -> String {
    format!("run {server}")
}
