//! What shards say about themselves, and what the registry says of them.

use std::net::SocketAddr;

use game_core::ShardId;
use serde::{Deserialize, Serialize};

/// What a shard tells the others, and the matchmaker, about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRecord {
    /// Which process.
    pub id: ShardId,
    /// Raised at each heartbeat: that it moves is the sign of life.
    pub heartbeat: u64,
    /// Where players reach it over QUIC.
    pub address: SocketAddr,
    /// SHA-256 of its certificate where clients are to pin it; `None` under a public authority.
    pub certificate_sha256: Option<[u8; 32]>,
    /// The matches it is willing to hold.
    pub capacity: u32,
    /// The matches it holds.
    pub live: u32,
    /// It takes no new matches.
    pub draining: bool,
    /// Where its admin endpoint listens (TCP), if it has one that the matchmakers may use.
    pub admin: Option<SocketAddr>,
}

impl ShardRecord {
    /// Whether it holds fewer matches than it is willing to.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.live < self.capacity
    }
}

/// What the registry says of one shard.
///
/// Whoever decides whether a shard lives must tell these apart: a record that cannot be read is not a
/// record that is missing, and neither is the word of a shard that has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// It has said this about itself.
    Recorded(ShardRecord),
    /// It has a record that this program cannot read, perhaps of a newer version: it lives, at an
    /// unknown address, for as long as the sign of life changes.
    Unreadable {
        /// Which process.
        id: ShardId,
        /// Changes with every heartbeat; its value means nothing.
        sign: u64,
    },
    /// It left for good, or is known to have ended, and its set of matches is not empty: they are for
    /// the others to take.
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

    /// What it has said about itself, if that can be read.
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
