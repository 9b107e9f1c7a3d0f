//! The values that a shard runs with, all validated before anything binds.

use std::net::SocketAddr;
use std::time::Duration;

use game_core::ShardId;
use settings::Networks;

use crate::origins::Origins;
use crate::traces::TraceConfig;
use shard_core::ShardLimits;
use store::WebDoors;

/// How one shard runs.
#[derive(Debug, Clone)]
pub struct ShardConfig {
    /// This process, fresh for each start.
    pub id: ShardId,
    /// Address at which players reach it, as announced in the registry.
    pub address: SocketAddr,
    /// SHA-256 of the certificate, where clients are to pin it.
    pub certificate_sha256: Option<[u8; 32]>,
    /// Live matches that it accepts.
    pub capacity: u32,
    /// Address at which matchmakers reach its admin endpoint, as announced in the registry.
    pub admin: Option<SocketAddr>,
    /// Address of its liveness port, as announced in the registry, if it has one.
    pub liveness: Option<SocketAddr>,
    /// CPU time a second that the process may use, in cores; above zero. What it uses of that is its load.
    pub cpu_share: f64,
    /// The time over which every match is handed over to a live shard at a shutdown; `None` to hand none over,
    /// as when all shards stop together.
    pub hand_over_within: Option<Duration>,
    /// Where traces of moves are exported to, if anywhere.
    pub traces: Option<TraceConfig>,
    /// How pages reach it, as announced in the registry.
    pub web: WebDoors,
    /// The pages that may connect.
    pub origins: Origins,
    /// The limits of its bookkeeping.
    pub limits: ShardLimits,
    /// The limits of its connections.
    pub net: NetLimits,
}

/// Limits of a shard's endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetLimits {
    /// Upper bound on connections; further ones are refused.
    pub connections_max: usize,
    /// Upper bound on TCP sockets of browsers, waiting ones included; further ones are refused. Each is an open file,
    /// and the process needs others.
    pub web_sockets_max: usize,
    /// Upper bound on connections from one IP address (IPv6: one /64), which a club or a school may share;
    /// further ones are refused.
    pub connections_per_address_max: usize,
    /// Networks whose addresses are exempt from the limits per address: a load generator, a gateway.
    pub exempt: Networks,
    /// Upper bound on connections in which one player has a seat; a join on a further one is refused as full.
    /// An old connection may linger after its player has reconnected.
    pub connections_per_player_max: usize,
    /// Upper bound on seats that one player holds at once in all matches of this shard; a further one is
    /// refused as full.
    pub seats_per_player_max: usize,
    /// Upper bound on handshakes in progress: they cost CPU under the endpoint's lock, so that a storm of
    /// them would stall the moves of everyone else.
    pub handshakes_max: usize,
    /// Upper bound on handshakes in progress from one IP address (IPv6: one /64), so that an address that
    /// begins many and finishes none does not keep others out.
    pub handshakes_per_address_max: usize,
    /// Upper bound on waiting connection attempts, of a packet or two each; further ones are refused.
    pub attempts_waiting_max: usize,
    /// Age at which a waiting attempt is dropped: its client has given up or retransmits. Otherwise every
    /// attempt of a storm would be answered too late, and none would succeed.
    pub attempt_age_max: Duration,
    /// Number of handshakes in progress from which an address must prove itself first (RFC 9000 section
    /// 8.1.2).
    pub validate_from: usize,
    /// Streams, hence seats, of one connection; slots are allocated eagerly.
    pub streams_per_connection: u32,
    /// A handshake must complete within this time, which leaves room for a lost packet at 400 ms of delay.
    pub handshake_deadline: Duration,
    /// From `validate_from` handshakes on, those of unproven addresses must complete within this time: two
    /// round trips of a slow mobile network.
    pub unproven_handshake_deadline: Duration,
    /// The `Join` of a new stream must arrive within this time, and a connection without a seat is closed
    /// after it, whatever streams come and go.
    pub join_deadline: Duration,
    /// A frame must be complete within this time of its first byte.
    pub frame_deadline: Duration,
    /// A peer must read what it is sent within this time.
    pub write_deadline: Duration,
    /// A peer over TCP must receive the end of its connection within this time.
    pub linger: Duration,
    /// Upper bound on frames queued for one peer; beyond it the peer is closed as slow.
    pub frames_waiting_max: usize,
    /// Upper bound on commands queued for the shard; readers wait when it is full. Their time of receipt is
    /// recorded before they are queued.
    pub inbox_len: usize,
    /// A connection without a packet for this long is closed, unless the client requests a shorter time.
    pub idle_timeout: Duration,
}

impl Default for NetLimits {
    fn default() -> Self {
        Self {
            connections_max: 25_000,
            web_sockets_max: 25_000,
            connections_per_address_max: 1_000,
            exempt: Networks::default(),
            connections_per_player_max: 16,
            seats_per_player_max: 64,
            handshakes_max: 256,
            handshakes_per_address_max: 32,
            attempts_waiting_max: 4_096,
            attempt_age_max: Duration::from_secs(1),
            validate_from: 32,
            streams_per_connection: 8,
            handshake_deadline: Duration::from_secs(3),
            unproven_handshake_deadline: Duration::from_secs(1),
            join_deadline: Duration::from_secs(5),
            frame_deadline: Duration::from_secs(10),
            write_deadline: Duration::from_secs(10),
            linger: Duration::from_secs(2),
            frames_waiting_max: 64,
            inbox_len: 4_096,
            idle_timeout: Duration::from_secs(45),
        }
    }
}
