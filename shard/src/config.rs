//! The values that a shard runs with, all validated before anything binds.

use std::net::SocketAddr;
use std::time::Duration;

use game_core::ShardId;
use settings::Networks;

use crate::traces::TraceConfig;
use shard_core::ShardLimits;

/// How one shard runs.
#[derive(Debug, Clone)]
pub struct ShardConfig {
    /// This process, fresh for each start.
    pub id: ShardId,
    /// Where players reach it: what the registry says.
    pub address: SocketAddr,
    /// SHA-256 of the certificate, where clients are to pin it.
    pub certificate_sha256: Option<[u8; 32]>,
    /// Live matches that it is willing to hold.
    pub capacity: u32,
    /// Where its admin endpoint is reached by matchmakers: what the registry says.
    pub admin: Option<SocketAddr>,
    /// At a shutdown, give every match to another live shard; not where all shards stop together.
    pub hand_over: bool,
    /// Where the paths of moves are exported to, if anywhere.
    pub traces: Option<TraceConfig>,
    /// The limits of its bookkeeping.
    pub limits: ShardLimits,
    /// The limits of its connections.
    pub net: NetLimits,
}

/// What peers may ask of a shard's endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetLimits {
    /// Connections in all; one more is refused.
    pub connections_max: usize,
    /// Connections from one IP address (IPv6: one /64); one more is refused. A club or a school may share
    /// one.
    pub connections_per_address_max: usize,
    /// Networks for whose addresses the limits per address do not hold: a load generator, a gateway.
    pub exempt: Networks,
    /// Connections in which one player has a seat; a join by one more is refused as full. An old one may
    /// linger while its player is back already.
    pub connections_per_player_max: usize,
    /// Seats that one player has taken at once, in all matches here; one more is refused as full.
    pub seats_per_player_max: usize,
    /// Handshakes under way at once: they cost CPU under the endpoint's lock, so that a storm of
    /// them would stall the moves of everyone else.
    pub handshakes_max: usize,
    /// Handshakes under way from one IP address (IPv6: one /64), so that one that begins many and
    /// finishes none keeps nobody else out.
    pub handshakes_per_address_max: usize,
    /// Attempts that wait for their turn; one more is refused. They hold a packet or two each.
    pub attempts_waiting_max: usize,
    /// An attempt that has waited for so long is forgotten: its client has given up, or says again
    /// that it wants to come in. Else a storm of attempts is answered too late, each of them, and
    /// none succeeds.
    pub attempt_age_max: Duration,
    /// From so many handshakes under way, an address must prove itself first (RFC 9000 section 8.1.2).
    pub validate_from: usize,
    /// Streams, hence seats, of one connection; slots are allocated eagerly.
    pub streams_per_connection: u32,
    /// A handshake must be done within this, which leaves time for a lost packet at 400 ms of delay.
    pub handshake_deadline: Duration,
    /// From `validate_from` handshakes on, those must be done within this that began before their
    /// address had proven itself. It is two round trips of a slow mobile network.
    pub unproven_handshake_deadline: Duration,
    /// The `Join` of a new stream must be there within this, and a connection that was without a seat for
    /// so long is closed, whatever streams come and go.
    pub join_deadline: Duration,
    /// A frame that is begun must be complete within this.
    pub frame_deadline: Duration,
    /// A peer must read what it is sent within this.
    pub write_deadline: Duration,
    /// Frames that wait for one peer; a peer that lets more wait is closed as slow.
    pub frames_waiting_max: usize,
    /// Commands that wait for the shard; readers wait when it is full. Their time of receipt is
    /// noted before.
    pub inbox_len: usize,
    /// A connection without a packet for so long is closed, if the client does not ask for less.
    pub idle_timeout: Duration,
}

impl Default for NetLimits {
    fn default() -> Self {
        Self {
            connections_max: 25_000,
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
            frames_waiting_max: 64,
            inbox_len: 4_096,
            idle_timeout: Duration::from_secs(45),
        }
    }
}
