//! Where the server of a connection is, asked at each attempt to connect.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::watch;

use super::cluster::Topology;
use super::config::Plan;
use super::endpoint::Endpoint;
use super::keys::REGISTRY_TAG;
use super::sentinel::Sentinels;
use super::url::{Address, Target};
use crate::error::StoreError;

/// What finds the server of a connection.
#[derive(Clone)]
pub(super) enum Locator {
    /// Always the same server; its name is resolved at each connection.
    Fixed(Endpoint),
    /// A node of a Cluster, which may be found under another address later.
    Node(Endpoint),
    /// The primary of a group.
    Watched(Arc<Sentinels>),
    /// The node of a Cluster that has a key: the same one for every process.
    Keeper(Arc<Topology>, &'static str),
}

/// Where a server was found, and whether it is still the one.
#[derive(Clone)]
pub(super) struct Located {
    pub(super) endpoint: Endpoint,
    /// Announcements of another server since it was looked for.
    announced: Option<watch::Receiver<Option<Address>>>,
}

impl Locator {
    /// For what needs one server at a time: of a Cluster, the node that has the registry, so that all processes find
    /// the same one. Must be called in a runtime.
    pub(super) fn new(plan: &Plan) -> Self {
        match &plan.target {
            Target::Single(address) => Self::Fixed(plan.server(address.clone())),
            Target::Sentinel { sentinels, name } => {
                let sentinels = sentinels.iter().map(|address| Endpoint {
                    address: address.clone(),
                    access: Arc::clone(&plan.sentinel_access),
                });
                let servers = Arc::clone(&plan.access);
                let group = Sentinels::new(sentinels.collect(), name.clone(), servers);
                Self::Watched(Arc::new(group))
            }
            Target::Cluster { seeds } => {
                let topology = Topology::new(seeds.clone(), Arc::clone(&plan.access));
                Self::Keeper(Arc::new(topology), REGISTRY_TAG)
            }
        }
    }

    /// Where the server is now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when nobody knows; [`StoreError::Unfit`] when there is none by that name.
    pub(super) async fn locate(&self) -> Result<Located, StoreError> {
        match self {
            Self::Fixed(endpoint) | Self::Node(endpoint) => Ok(Located {
                endpoint: endpoint.clone(),
                announced: None,
            }),
            Self::Keeper(topology, key) => Ok(Located {
                endpoint: topology.primary_of(key).await?,
                announced: None,
            }),
            Self::Watched(sentinels) => {
                // Before they are asked, so that nothing in between is missed.
                let announced = Some(sentinels.announcements());
                let endpoint = sentinels.primary().await?;
                Ok(Located {
                    endpoint,
                    announced,
                })
            }
        }
    }

    /// Whether the server belongs to a Cluster.
    pub(super) const fn is_node(&self) -> bool {
        matches!(self, Self::Node(_) | Self::Keeper(..))
    }
}

impl Located {
    /// Whether another server was announced meanwhile.
    pub(super) fn is_elsewhere(&self) -> bool {
        let Some(announced) = &self.announced else {
            return false;
        };
        announced.has_changed().unwrap_or(false) && self.differs(&announced.borrow())
    }

    /// Returns when another server is announced.
    pub(super) async fn elsewhere(&self) {
        let Some(mut announced) = self.announced.clone() else {
            return pending().await;
        };
        loop {
            if announced.changed().await.is_err() {
                return pending().await;
            }
            if self.differs(&announced.borrow_and_update()) {
                return;
            }
        }
    }

    fn differs(&self, announced: &Option<Address>) -> bool {
        announced
            .as_ref()
            .is_some_and(|announced| *announced != self.endpoint.address)
    }
}
