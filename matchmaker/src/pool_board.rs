//! The pools of the lobby, and what was last counted of them.

use protocol::http::PoolsReply;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::pool_terms::PoolTerms;
use crate::problem::Problem;

/// The pools that are offered, and the last answer about them.
pub(crate) struct PoolBoard {
    pub(crate) offered: Vec<Offered>,
    /// One request at a time looks; those that come meanwhile have its answer.
    pub(crate) last: Mutex<Option<(Instant, Result<PoolsReply, Problem>)>>,
}

/// A pool of the lobby.
pub(crate) struct Offered {
    pub(crate) terms: PoolTerms,
    /// The name of the pool in the store.
    pub(crate) pool: Box<str>,
}

impl PoolBoard {
    pub(crate) fn new(pools: &[PoolTerms]) -> Self {
        let offered = pools.iter().filter_map(|&terms| {
            let pool = terms.pool()?;
            Some(Offered { terms, pool })
        });
        Self {
            offered: offered.collect(),
            last: Mutex::default(),
        }
    }

    /// Whether a pool is in the lobby.
    pub(crate) fn is_offered(&self, pool: &str) -> bool {
        self.offered.iter().any(|offered| &*offered.pool == pool)
    }
}
