//! The stored record of a shard.

use std::net::SocketAddr;

use game_core::MatchTime;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{StoredId, id_from_stored, id_to_stored};
use super::varint::Varint;
use crate::{ShardRecord, StoreConnection, WebDoors, WebTransportDoor};

/// A [`ShardRecord`], version 4.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShardV4 {
    id: StoredId,
    heartbeat: u64,
    address: SocketAddr,
    certificate_sha256: Option<[u8; 32]>,
    capacity: u32,
    live: u32,
    load: u32,
    cpu_share: u32,
    draining: bool,
    admin: Option<SocketAddr>,
    /// Microseconds on the shard's clock.
    clock: Varint,
    liveness: Option<SocketAddr>,
    connections: Vec<ConnectionV3>,
    web_transport: Option<WebTransportV4>,
    web_socket: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WebTransportV4 {
    url: String,
    certificate_hashes: Vec<[u8; 32]>,
}

impl Layout for ShardV4 {
    const FORMAT: Format = Format::Shard;
    const VERSION: u8 = 4;
    type Former = ShardV3;

    fn from_former(former: ShardV3) -> Self {
        let ShardV3 {
            id,
            heartbeat,
            address,
            certificate_sha256,
            capacity,
            live,
            load,
            cpu_share,
            draining,
            admin,
            clock,
            liveness,
            connections,
        } = former;
        Self {
            id,
            heartbeat,
            address,
            certificate_sha256,
            capacity,
            live,
            load,
            cpu_share,
            draining,
            admin,
            clock,
            liveness,
            connections,
            web_transport: None,
            web_socket: None,
        }
    }
}

/// The same before pages could reach a shard.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShardV3 {
    id: StoredId,
    heartbeat: u64,
    address: SocketAddr,
    certificate_sha256: Option<[u8; 32]>,
    capacity: u32,
    live: u32,
    load: u32,
    cpu_share: u32,
    draining: bool,
    admin: Option<SocketAddr>,
    /// Microseconds on the shard's clock.
    clock: Varint,
    liveness: Option<SocketAddr>,
    connections: Vec<ConnectionV3>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ConnectionV3 {
    run_id: String,
    client: i64,
}

impl Layout for ShardV3 {
    const FORMAT: Format = Format::Shard;
    const VERSION: u8 = 3;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<&ShardRecord> for ShardV4 {
    fn from(record: &ShardRecord) -> Self {
        let ShardRecord {
            id,
            heartbeat,
            address,
            certificate_sha256,
            capacity,
            live,
            load,
            cpu_share,
            draining,
            admin,
            clock,
            liveness,
            connections,
            web: WebDoors {
                web_transport,
                web_socket,
            },
        } = record;
        let door = |door: &WebTransportDoor| {
            let WebTransportDoor {
                url,
                certificate_hashes,
            } = door.clone();
            WebTransportV4 {
                url,
                certificate_hashes,
            }
        };
        let connection = |connection: &StoreConnection| {
            let StoreConnection { run_id, client } = connection.clone();
            ConnectionV3 { run_id, client }
        };
        Self {
            id: id_to_stored(id),
            heartbeat: *heartbeat,
            address: *address,
            certificate_sha256: *certificate_sha256,
            capacity: *capacity,
            live: *live,
            load: *load,
            cpu_share: *cpu_share,
            draining: *draining,
            admin: *admin,
            clock: Varint(clock.as_micros()),
            liveness: *liveness,
            connections: connections.iter().map(connection).collect(),
            web_transport: web_transport.as_ref().map(door),
            web_socket: web_socket.clone(),
        }
    }
}

impl TryFrom<ShardV4> for ShardRecord {
    type Error = String;

    fn try_from(stored: ShardV4) -> Result<Self, String> {
        let connection = |ConnectionV3 { run_id, client }| StoreConnection { run_id, client };
        let door = |stored: WebTransportV4| WebTransportDoor {
            url: stored.url,
            certificate_hashes: stored.certificate_hashes,
        };
        Ok(Self {
            id: id_from_stored(stored.id)?,
            heartbeat: stored.heartbeat,
            address: stored.address,
            certificate_sha256: stored.certificate_sha256,
            capacity: stored.capacity,
            live: stored.live,
            load: stored.load,
            cpu_share: stored.cpu_share,
            draining: stored.draining,
            admin: stored.admin,
            clock: MatchTime::from_micros(stored.clock.0),
            liveness: stored.liveness,
            connections: stored.connections.into_iter().map(connection).collect(),
            web: WebDoors {
                web_transport: stored.web_transport.map(door),
                web_socket: stored.web_socket,
            },
        })
    }
}
