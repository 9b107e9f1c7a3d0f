//! The stored record of a shard.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::leaves::{StoredId, id_from_stored, id_to_stored};
use crate::ShardRecord;

/// A [`ShardRecord`], version 1: without an admin address. It is read and no longer written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShardV1 {
    id: StoredId,
    heartbeat: u64,
    address: SocketAddr,
    certificate_sha256: Option<[u8; 32]>,
    capacity: u32,
    live: u32,
    draining: bool,
}

/// A [`ShardRecord`], version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShardV2 {
    id: StoredId,
    heartbeat: u64,
    address: SocketAddr,
    certificate_sha256: Option<[u8; 32]>,
    capacity: u32,
    live: u32,
    draining: bool,
    admin: Option<SocketAddr>,
}

impl From<ShardV1> for ShardV2 {
    fn from(old: ShardV1) -> Self {
        Self {
            id: old.id,
            heartbeat: old.heartbeat,
            address: old.address,
            certificate_sha256: old.certificate_sha256,
            capacity: old.capacity,
            live: old.live,
            draining: old.draining,
            admin: None,
        }
    }
}

impl From<&ShardRecord> for ShardV2 {
    fn from(record: &ShardRecord) -> Self {
        let ShardRecord {
            id,
            heartbeat,
            address,
            certificate_sha256,
            capacity,
            live,
            draining,
            admin,
        } = record;
        Self {
            id: id_to_stored(id),
            heartbeat: *heartbeat,
            address: *address,
            certificate_sha256: *certificate_sha256,
            capacity: *capacity,
            live: *live,
            draining: *draining,
            admin: *admin,
        }
    }
}

impl TryFrom<ShardV2> for ShardRecord {
    type Error = String;

    fn try_from(stored: ShardV2) -> Result<Self, String> {
        Ok(Self {
            id: id_from_stored(stored.id)?,
            heartbeat: stored.heartbeat,
            address: stored.address,
            certificate_sha256: stored.certificate_sha256,
            capacity: stored.capacity,
            live: stored.live,
            draining: stored.draining,
            admin: stored.admin,
        })
    }
}
