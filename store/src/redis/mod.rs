//! The store on Redis.
//!
//! Everything that must be atomic is one Lua script over keys of one hash slot. A request is sent once; after
//! a timeout or a lost connection its fate is unknown, the connection is replaced, and the caller
//! retransmits. All reads go to the primary.
//!
//! Appends have a separate connection, so that a takeover that reads thousands of matches does not delay
//! moves.

mod accounts;
mod append;
mod archive;
mod beats;
mod behind;
mod chat;
mod cluster;
mod config;
mod endpoint;
mod feed;
mod holdings;
mod idempotency;
mod keys;
mod layout;
mod link;
mod links;
mod locator;
mod matches;
mod outbox;
mod presence;
mod ratings;
mod registry;
mod reply;
mod revocations;
mod scan;
mod script;
mod sentinel;
mod survey;
mod sweep;
mod tickets;
mod tls;
mod tournaments;
mod transfers;
mod url;
mod waves;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use self::beats::BeatChannel;
use self::behind::Behind;
use self::cluster::{Cluster, Patience, Topology};
pub use self::config::RedisConfig;
pub use self::endpoint::{RedisLogin, RedisPassword};
use self::keys::Keys;
use self::link::Link;
use self::links::Links;
use self::locator::Locator;
use self::script::Scripts;
pub use self::tls::RedisTls;
use self::url::{Address, Target};
use crate::durability::Durability;
use crate::error::StoreError;

/// The store on one Redis primary, or on those of a Cluster.
pub struct RedisStore {
    keys: Keys,
    scripts: Scripts,
    /// Only for appends.
    appends: Links,
    /// For everything else.
    control: Links,
    beats: BeatChannel,
    /// Which servers the connections have led to.
    behind: Arc<Behind>,
    /// When the server's settings were last read.
    surveyed: Mutex<Instant>,
    survey_every: Duration,
    /// How long a match is kept after its outbox entry is done, as scripts take it.
    live_keep_ms: String,
    /// How long what is archived and published is kept, likewise.
    finished_keep_ms: String,
    /// See [`RedisConfig::replicas`].
    replicas: u32,
}

impl RedisStore {
    /// Connects, checks that the server has settings that keep the contract and that the keys under the prefix are
    /// laid out as ours, and loads the scripts.
    ///
    /// A server that flushes late is accepted and warned about, unless the configuration refuses it;
    /// [`durability`](Self::durability) returns its guarantee. The check is repeated at every reconnection,
    /// and with a heartbeat or a read of the registry now and then.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when the configuration or the server's settings have to be changed, or the prefix is in
    /// use by another version of Rookery whose keys are not read;
    /// [`StoreError::Unavailable`] when the server does not answer: start it, or try again.
    pub async fn connect(config: RedisConfig) -> Result<Self, StoreError> {
        let behind = Arc::<Behind>::default();
        let keys = Keys::new(&config.prefix);
        let (appends, control, locator) = links(&config, &behind)?;
        let beats = BeatChannel::new(locator, &keys);
        let store = Self {
            keys,
            scripts: Scripts::new(),
            appends,
            control,
            beats,
            behind,
            surveyed: Mutex::new(Instant::now()),
            survey_every: config.survey_every,
            live_keep_ms: config.live_keep.as_millis().to_string(),
            finished_keep_ms: config.finished_keep.as_millis().to_string(),
            replicas: config.replicas,
        };
        store.behind.set_opening(true);
        store.control.open().await?;
        store.appends.open().await?;
        store.behind.set_opening(false);
        Ok(store)
    }

    /// Checks the server's settings again when that is due. If they are not acceptable any more, both
    /// connections are closed, and each attempt to make a new one checks whether they were corrected.
    async fn survey_now_and_then(&self) -> Result<(), StoreError> {
        {
            // Nothing panics while it is held.
            let mut surveyed = self.surveyed.lock().unwrap_or_else(PoisonError::into_inner);
            if surveyed.elapsed() < self.survey_every {
                return Ok(());
            }
            *surveyed = Instant::now();
        }
        let mut failed = self.control.survey().await;
        for failed in &failed {
            self.appends.close(failed).await;
            self.control.close(failed).await;
        }
        failed.pop().map_or(Ok(()), |failed| Err(failed.error))
    }

    /// The durability of the server's settings, as of the newest check.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.control.durability()
    }
}

/// The connections for appends, those for everything else, and where beats go to; none is made yet.
fn links(
    config: &RedisConfig,
    behind: &Arc<Behind>,
) -> Result<(Links, Links, Locator), StoreError> {
    let plan = config.plan()?;
    if let Target::Cluster { seeds } = &plan.target {
        let topology = Arc::new(Topology::new(seeds.clone(), Arc::clone(&plan.access)));
        let links = |patience| Links::Many(cluster(&topology, config, behind, patience));
        // All processes choose the same node, so that each can ask it for the others' connections.
        let beats = Locator::new(&plan);
        return Ok((links(Patience::SHORT), links(Patience::LONG), beats));
    }
    let locator = Locator::new(&plan);
    let (learned, _) = watch::channel(None);
    let link = |locator| {
        let link = Link::new(locator, config, learned.clone(), Arc::clone(behind));
        Links::One(Box::new(link))
    };
    Ok((link(locator.clone()), link(locator.clone()), locator))
}

fn cluster(
    topology: &Arc<Topology>,
    config: &RedisConfig,
    behind: &Arc<Behind>,
    patience: Patience,
) -> Cluster {
    let (known, config, behind) = (Arc::clone(topology), config.clone(), Arc::clone(behind));
    let make = move |address: Address| {
        let learned = known.durability_of(&address);
        let node = Locator::Node(known.endpoint(address));
        Link::new(node, &config, learned, Arc::clone(&behind))
    };
    Cluster::new(Arc::clone(topology), make, patience)
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
