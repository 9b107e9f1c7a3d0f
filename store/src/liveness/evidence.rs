//! Evidence that a process has ended, which counts at once.

use std::net::SocketAddr;

use game_core::ShardId;

use crate::beat::StoreConnection;

/// A shard of which a beat is missing, and what tells whether its process lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// Which process.
    pub shard: ShardId,
    /// Its liveness port.
    pub port: SocketAddr,
    /// Its connections to the store's server.
    pub connections: Vec<StoreConnection>,
}

/// What happened at an attempt to connect to a liveness port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// The shard accepted, and said its own id: it runs.
    Answered,
    /// Another shard accepted: a process that was started at the same address later.
    Another,
    /// The machine refused: nobody listens.
    Refused,
    /// Anything else, which proves nothing: no answer in time, no way there, a stranger.
    Unknown,
}

/// What was found out about a suspicion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// At its liveness port.
    pub port: Port,
    /// Whether the store's server still has its connections; `None` if that cannot be known.
    pub connected: Option<bool>,
}

impl Proof {
    /// Whether it proves that the process has ended. A port that was never seen to answer proves nothing: a
    /// gateway that does not forward it refuses for ever.
    pub(super) fn is_death(self, port_is_known: bool) -> bool {
        let is_gone = matches!(self.port, Port::Refused | Port::Another);
        is_gone && port_is_known && self.connected == Some(false)
    }
}
