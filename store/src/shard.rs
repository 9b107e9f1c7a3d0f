//! The records of shards, and their entries in the registry.

use std::net::SocketAddr;

use game_core::{MatchTime, ShardId};

use crate::beat::StoreConnection;

/// What a shard announces to other shards and to matchmakers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardRecord {
    /// Which process.
    pub id: ShardId,
    /// Incremented at each heartbeat: its change is the sign of life.
    pub heartbeat: u64,
    /// Where players reach it over QUIC.
    pub address: SocketAddr,
    /// SHA-256 of its certificate where clients are to pin it; `None` under a public authority.
    pub certificate_sha256: Option<[u8; 32]>,
    /// The matches that it accepts.
    pub capacity: u32,
    /// The matches it holds.
    pub live: u32,
    /// The CPU time that it uses, in permille of its share, averaged over some seconds.
    pub load: u32,
    /// The CPU time that it may use, in thousandths of a core.
    pub cpu_share: u32,
    /// Whether it accepts no new matches.
    pub draining: bool,
    /// Where its admin endpoint listens (TCP), if it has one that the matchmakers may use.
    pub admin: Option<SocketAddr>,
    /// The clock that its matches go by, at this heartbeat. What the side to move in a match had used by then,
    /// at least, is the time since the match's last record.
    pub clock: MatchTime,
    /// A TCP port of its machine on which only a live process accepts connections, and closes them at once. A
    /// refused connection is evidence that the process has ended.
    pub liveness: Option<SocketAddr>,
    /// Its connections to the store's server; empty where the store has none.
    pub connections: Vec<StoreConnection>,
    /// Where pages reach it.
    pub web: WebDoors,
}

/// Where pages reach a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebDoors {
    /// By WebTransport, if they do.
    pub web_transport: Option<WebTransportDoor>,
    /// By WebSocket, if they do: `ws://HOST:PORT/` or `wss://HOST:PORT/`.
    pub web_socket: Option<String>,
}

/// Where pages reach a shard by WebTransport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebTransportDoor {
    /// `https://HOST:PORT/`.
    pub url: String,
    /// SHA-256 of the certificates that it shows or will show soon; empty where a public authority vouches for it.
    pub certificate_hashes: Vec<[u8; 32]>,
}

impl ShardRecord {
    /// Whether it holds fewer matches than it accepts.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.live < self.capacity
    }
}

/// The registry's entry for one shard.
///
/// To decide whether a shard is live, these must be distinguished: an unreadable record is not a missing one,
/// and neither means that the shard has left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every entry is a record, and lists of them are short"
)]
pub enum Registered {
    /// It has this record.
    Recorded(ShardRecord),
    /// It has a record that this program cannot read, perhaps of a newer version: it is live, at an unknown
    /// address, as long as the sign of life changes.
    Unreadable {
        /// Which process.
        id: ShardId,
        /// Changes with every heartbeat; its value means nothing.
        sign: u64,
    },
    /// It left for good, or is known to have ended, and its set of matches is not empty: other shards may
    /// take these over.
    Left(ShardId),
    /// Its set of matches is not empty, and it has no record: it has not registered yet, or its record
    /// was lost.
    Absent(ShardId),
}

impl Registered {
    /// Which process.
    #[must_use]
    pub const fn id(&self) -> ShardId {
        match self {
            Self::Recorded(record) => record.id,
            Self::Unreadable { id, .. } | Self::Left(id) | Self::Absent(id) => *id,
        }
    }

    /// Its record, if that can be read.
    #[must_use]
    pub const fn record(&self) -> Option<&ShardRecord> {
        match self {
            Self::Recorded(record) => Some(record),
            _ => None,
        }
    }
}

impl From<ShardRecord> for Registered {
    fn from(record: ShardRecord) -> Self {
        Self::Recorded(record)
    }
}
