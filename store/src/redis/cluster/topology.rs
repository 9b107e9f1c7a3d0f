//! What is known of a Cluster: asked of its nodes at the start, and again whenever an answer contradicts it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Pipeline, Value};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::endpoint::{Access, Endpoint};
use super::super::url::Address;
use super::map::SlotMap;
use super::slot;
use crate::durability::Durability;
use crate::error::StoreError;

/// Nodes that are asked at once; what most of them say is believed, as one that was cut off may be behind.
const ASKED_MAX: usize = 5;
/// Minimum interval between two questions that nobody waits for, so that thousands of misdirected commands ask once.
const PAUSE: Duration = Duration::from_millis(200);

/// The slot map, shared by all connections to a Cluster.
pub(in crate::redis) struct Topology {
    seeds: Vec<Address>,
    access: Arc<Access>,
    map: Mutex<Arc<SlotMap>>,
    /// When the map was last read; held while it is read.
    read_at: tokio::sync::Mutex<Option<Instant>>,
    /// With whom the next question begins.
    turn: AtomicUsize,
    /// What each node promises, as of its newest connection.
    durability: Mutex<HashMap<Address, watch::Sender<Option<Durability>>>>,
}

impl Topology {
    pub(in crate::redis) fn new(seeds: Vec<Address>, access: Arc<Access>) -> Self {
        Self {
            seeds,
            access,
            map: Mutex::default(),
            read_at: tokio::sync::Mutex::new(None),
            turn: AtomicUsize::new(0),
            durability: Mutex::default(),
        }
    }

    /// How a node is reached.
    pub(in crate::redis) fn endpoint(&self, address: Address) -> Endpoint {
        Endpoint {
            address,
            access: Arc::clone(&self.access),
        }
    }

    /// Where the links to a node note what it promises.
    pub(in crate::redis) fn durability_of(
        &self,
        node: &Address,
    ) -> watch::Sender<Option<Durability>> {
        let known = self.durability.lock();
        // Nothing panics while it is held.
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        let learned = known.entry(node.clone());
        learned.or_insert_with(|| watch::channel(None).0).clone()
    }

    /// The map as it is known.
    pub(super) fn map(&self) -> Arc<SlotMap> {
        Arc::clone(&self.lock())
    }

    /// Notes slots that have other primaries.
    pub(super) fn moved(&self, moved: &[(u16, Address)]) {
        if !moved.is_empty() {
            let mut map = self.lock();
            let known = Arc::make_mut(&mut map);
            for (slot, to) in moved {
                known.moved(*slot, to);
            }
        }
    }

    /// The primary that has a key, as the nodes say now.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh); and [`StoreError::Unavailable`] while none has it.
    pub(in crate::redis) async fn primary_of(&self, key: &str) -> Result<Endpoint, StoreError> {
        self.refresh().await?;
        let map = self.map();
        let primary = map.primary(slot::of_key(key.as_bytes())).cloned();
        let missing = || StoreError::Unavailable(format!("no node of the Redis Cluster has {key}"));
        primary
            .map(|address| self.endpoint(address))
            .ok_or_else(missing)
    }

    /// Reads the map in the background, unless that was just done.
    pub(super) fn refresh_soon(self: &Arc<Self>) {
        let topology = Arc::clone(self);
        tokio::spawn(async move {
            // Whoever holds it is reading the map.
            if let Ok(mut read_at) = topology.read_at.try_lock()
                && read_at.is_none_or(|at| at.elapsed() >= PAUSE)
            {
                if let Err(error) = topology.read().await {
                    tracing::debug!(%error, "the map of the Redis Cluster cannot be read");
                }
                *read_at = Some(Instant::now());
            }
        });
    }

    /// Reads the map, unless that was just done.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when what answers is no Cluster, or refuses to say;
    /// [`StoreError::Unavailable`] when nobody answers.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        let mut read_at = self.read_at.lock().await;
        if read_at.is_some_and(|at| at.elapsed() < PAUSE) && self.map().is_complete() {
            return Ok(());
        }
        let read = self.read().await;
        *read_at = Some(Instant::now());
        read
    }

    async fn read(&self) -> Result<(), StoreError> {
        let mut asked = self.whom_to_ask();
        let mut questions = JoinSet::new();
        let majority = asked.len() / 2 + 1;
        for address in asked.drain(..) {
            questions.spawn(ask(self.endpoint(address)));
        }
        let mut votes: HashMap<SlotMap, usize> = HashMap::new();
        let mut failed = StoreError::Unavailable("the Redis Cluster has no nodes".to_owned());
        while let Some(answer) = questions.join_next().await {
            match answer {
                Ok(Ok(map)) => {
                    let count = votes.entry(map).or_default();
                    *count += 1;
                    if *count == majority {
                        break;
                    }
                }
                Ok(Err(error)) => failed = worse(failed, error),
                Err(error) => failed = worse(failed, StoreError::Unavailable(error.to_string())),
            }
        }
        let found = votes.into_iter();
        let found = found.max_by_key(|(map, count)| (map.is_complete(), *count));
        let (map, _) = found.ok_or(failed)?;
        let mut known = self.lock();
        if known.fingerprint() != map.fingerprint() {
            let primaries = map.primaries().len();
            tracing::info!(primaries, "slots of the Redis Cluster have other primaries");
        }
        *known = Arc::new(map);
        Ok(())
    }

    /// Nodes of the map, and the seeds, which may be the only ones that are left. Not always the same, as some may be
    /// gone.
    fn whom_to_ask(&self) -> Vec<Address> {
        let mut nodes = self.map().nodes();
        for seed in &self.seeds {
            if !nodes.contains(seed) {
                nodes.push(seed.clone());
            }
        }
        let turn = self.turn.fetch_add(ASKED_MAX, Ordering::Relaxed);
        let from = turn % nodes.len().max(1);
        nodes.rotate_left(from);
        nodes.truncate(ASKED_MAX);
        nodes
    }

    fn lock(&self) -> MutexGuard<'_, Arc<SlotMap>> {
        // Nothing panics while it is held.
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an operator has to change outweighs what may pass.
fn worse(known: StoreError, new: StoreError) -> StoreError {
    match known {
        StoreError::Unfit(_) => known,
        _ => new,
    }
}

/// A connection of its own: a replica may be asked too, which no store is kept on.
async fn ask(node: Endpoint) -> Result<SlotMap, StoreError> {
    let mut connection = node.connect().await?;
    let mut question = Pipeline::with_capacity(1);
    question.cmd("CLUSTER").arg("SLOTS");
    let answers = connection.to.send_packed_commands(&question, 0, 1).await;
    let answers = answers.map_err(|error| node.unavailable(&error))?;
    let answer = answers.first().unwrap_or(&Value::Nil);
    if let Value::ServerError(error) = answer {
        let said = format!("{} {}", error.code(), error.details().unwrap_or_default());
        let address = &node.address;
        return Err(match error.code() {
            "NOPERM" => StoreError::Unfit(format!(
                "Redis at {address}: this user has no right to ask for the map of the Cluster: `ACL SETUSER` \
                 with +cluster|slots gives it: {said}"
            )),
            _ if said.contains("cluster support disabled") => StoreError::Unfit(format!(
                "Redis at {address} is no Cluster: its URL begins with redis:// or rediss://"
            )),
            _ => node.unavailable(&said),
        });
    }
    SlotMap::parse(answer, &node.address).map_err(|error| match error {
        StoreError::Corrupt(text) => node.unavailable(&text),
        error => error,
    })
}
