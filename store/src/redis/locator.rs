//! Where the server of a connection is, asked at each attempt to connect.

use super::endpoint::Endpoint;
use crate::error::StoreError;

/// What finds the server of a connection.
#[derive(Clone)]
pub(super) enum Locator {
    /// Always the same server; its name is resolved at each connection.
    Fixed(Endpoint),
    /// A node of a Cluster, which may be found under another address later.
    Node(Endpoint),
}

impl Locator {
    /// Where the server is now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when nobody knows.
    pub(super) async fn locate(&self) -> Result<Endpoint, StoreError> {
        match self {
            Self::Fixed(endpoint) | Self::Node(endpoint) => Ok(endpoint.clone()),
        }
    }

    /// Whether the server belongs to a Cluster.
    pub(super) const fn is_node(&self) -> bool {
        matches!(self, Self::Node(_))
    }
}
