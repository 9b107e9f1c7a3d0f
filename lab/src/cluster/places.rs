//! The places of a cluster's parts, and what stands between them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use game_core::ShardId;
use serde::Deserialize;
use supervisor::{Place, Redis, free_tcp_port, free_udp_port};

use super::plan::Failing;
use super::way::StoreProxies;
use crate::udp_proxy::UdpProxy;

/// The place of a matchmaker: an address that stays, and processes that come and go.
#[derive(Debug)]
pub struct MatchmakerPlace {
    pub(super) place: Place,
    pub(super) listen: SocketAddr,
    pub(super) url: String,
}

/// The place of a shard: an address that stays, and processes that come and go.
#[derive(Debug)]
pub struct ShardPlace {
    pub(super) place: Place,
    pub(super) ready_file: PathBuf,
    pub(super) proxies: Option<Proxies>,
    known: Mutex<Known>,
}

/// What stands before and behind a shard.
#[derive(Debug)]
pub struct Proxies {
    /// Between it and Redis.
    pub store: StoreProxies,
    /// Between players and it.
    pub udp: UdpProxy,
    pub(super) listen: SocketAddr,
}

/// What is known of the processes of a shard's place.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Chosen by the first of them, and kept.
    pub(super) address: Option<SocketAddr>,
    /// Of the one that was started last, once it is ready.
    pub(super) id: Option<ShardId>,
    /// The same.
    pub(super) admin: Option<AdminPlace>,
}

/// An admin endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminPlace {
    /// Its URL.
    pub url: String,
    /// A token that it takes.
    pub token: String,
}

/// What a shard writes into its ready file.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReadyShard {
    id: ShardId,
    address: SocketAddr,
    admin: String,
    admin_token: String,
}

impl From<ReadyShard> for Known {
    fn from(ready: ReadyShard) -> Self {
        Self {
            address: Some(ready.address),
            id: Some(ready.id),
            admin: Some(AdminPlace {
                url: ready.admin,
                token: ready.admin_token,
            }),
        }
    }
}

impl Proxies {
    pub(super) async fn start(failing: &Failing, number: u16, redis: &Redis) -> io::Result<Self> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_udp_port()?));
        let seed = failing.seed.wrapping_add(number.into());
        Ok(Self {
            store: StoreProxies::start(redis, failing.rewrite.clone()).await?,
            udp: UdpProxy::start(listen, seed).await?,
            listen,
        })
    }
}

impl MatchmakerPlace {
    pub(super) fn new(number: u16, logs: &Path) -> io::Result<Self> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()?));
        Ok(Self {
            place: Place::new(&format!("matchmaker-{number}"), logs),
            listen,
            url: format!("http://{listen}"),
        })
    }

    /// Its process.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl ShardPlace {
    pub(super) fn new(
        number: u16,
        directory: &Path,
        logs: &Path,
        proxies: Option<Proxies>,
    ) -> Self {
        Self {
            place: Place::new(&format!("shard-{number}"), logs),
            ready_file: directory.join(format!("shard-{number}.json")),
            proxies,
            known: Mutex::default(),
        }
    }

    /// Its process.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Its proxies, where networks can fail.
    #[must_use]
    pub const fn proxies(&self) -> Option<&Proxies> {
        self.proxies.as_ref()
    }

    /// Where players reach it, once it was started.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.known().address
    }

    /// What the process that was started last calls itself, once it is ready.
    #[must_use]
    pub fn id(&self) -> Option<ShardId> {
        self.known().id
    }

    /// The admin endpoint of that process.
    #[must_use]
    pub fn admin(&self) -> Option<AdminPlace> {
        self.known().admin.clone()
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
