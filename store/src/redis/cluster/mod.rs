//! A Redis Cluster: which node a command goes to.
//!
//! Each primary has a [`Link`] like that of a single server, which checks its settings and loads the scripts; so what
//! is true of a link is true of each node. A pipeline is divided by nodes, which are asked concurrently.

mod dispatch;
mod map;
mod slot;
mod topology;

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use redis::{Cmd, Pipeline, Value};
use tokio::time::timeout;

pub(super) use self::dispatch::Torn;
use self::dispatch::{Between, Dispatch, Group};
use self::map::SlotMap;
pub(super) use self::topology::Topology;
use super::link::{Kept, Link};
use super::script::Scripts;
use super::url::Address;
use crate::error::StoreError;

/// The links of one purpose to the primaries of a Cluster.
pub(super) struct Cluster {
    topology: Arc<Topology>,
    /// Makes the link to a node.
    make: Box<dyn Fn(Address) -> Link + Send + Sync>,
    links: Mutex<HashMap<Address, Arc<Link>>>,
    patience: Patience,
}

/// How long a request waits for a node, while others of its pipeline may be answered already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    /// Upper bound on how often one command is sent, see [`Dispatch::new`].
    sent_max: u32,
    /// How long it waits for a connection to be made, which goes on without it; `None` for as long as it takes.
    connection: Option<Duration>,
}

impl Patience {
    /// For appends: all matches of a shard wait for one batch, so it had better come back without some answers.
    pub(super) const SHORT: Self = Self {
        sent_max: 4,
        connection: Some(Duration::from_millis(100)),
    };
    /// For requests that nothing else waits for. With the waits in between, a command in the middle of a slot's move
    /// gives up after about 0.6 s.
    pub(super) const LONG: Self = Self {
        sent_max: 8,
        connection: None,
    };
}

/// What became of each command of a pipeline.
pub(super) type Answers = Vec<Result<Value, StoreError>>;

impl Cluster {
    pub(super) fn new(
        topology: Arc<Topology>,
        make: impl Fn(Address) -> Link + Send + Sync + 'static,
        patience: Patience,
    ) -> Self {
        Self {
            topology,
            make: Box::new(make),
            links: Mutex::default(),
            patience,
        }
    }

    /// Sends each command to the node that has its slot, and again where an answer proves that it was not executed. The
    /// commands of one slot are executed in their order if all of them are executed at the first attempt; others in
    /// no order.
    pub(super) async fn send_each(&self, pipeline: &Pipeline, kept: Kept, torn: Torn) -> Answers {
        let commands: Vec<&Cmd> = pipeline.cmd_iter().collect();
        let slots = commands.iter().map(|command| slot::of_command(command));
        let mut dispatch = Dispatch::new(slots, self.patience.sent_max, torn);
        loop {
            let groups = dispatch.round(&self.topology.map());
            if groups.is_empty() {
                return dispatch.into_answers();
            }
            let asked = groups
                .iter()
                .map(|group| self.ask_group(group, &commands, kept));
            let answers = join_all(asked).await;
            let mut between = Between::default();
            for (group, answers) in groups.iter().zip(answers) {
                dispatch.answered(group, answers, &mut between);
            }
            dispatch.round_ended(&between);
            self.topology.moved(&between.moved);
            if between.refresh {
                self.topology.refresh_soon();
            }
            if let Some(wait) = between.wait {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// Sends a group, with what goes before its commands, whose answers are left out.
    async fn ask_group(
        &self,
        group: &Group,
        commands: &[&Cmd],
        kept: Kept,
    ) -> Result<Vec<Value>, StoreError> {
        let mut pipeline = Pipeline::with_capacity(group.commands.len());
        let mut is_wanted = Vec::new();
        if group.load {
            tracing::info!(node = %group.node, "Redis has lost the scripts; loading them again");
            Scripts::load_all(&mut pipeline);
            is_wanted.resize(pipeline.len(), false);
        }
        for &(index, is_asking) in &group.commands {
            if is_asking {
                pipeline.cmd("ASKING");
                is_wanted.push(false);
            }
            pipeline.add_command(commands[index].clone());
            is_wanted.push(true);
        }
        let link = self.link(&group.node);
        if let Some(wait) = self.patience.connection.filter(|_| !link.is_open()) {
            let opening = Arc::clone(&link);
            let opening = tokio::spawn(async move { opening.open().await });
            let slow = |_| {
                let text = format!("Redis at {}: the connection is not made yet", group.node);
                StoreError::Unavailable(text)
            };
            let opened = timeout(wait, opening).await.map_err(slow)?;
            opened.map_err(|error| StoreError::Unavailable(error.to_string()))??;
        }
        let answers = match kept {
            Kept::Here => link.send(&pipeline).await?,
            Kept::Twice => link.send_kept(&pipeline).await?,
        };
        let wanted = answers.into_iter().zip(is_wanted);
        Ok(wanted
            .filter_map(|(answer, wanted)| wanted.then_some(answer))
            .collect())
    }

    /// The map as it is known.
    pub(super) fn map(&self) -> Arc<SlotMap> {
        self.topology.map()
    }

    /// Reads the map.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        self.topology.refresh().await
    }

    /// The link to a node.
    pub(super) fn link(&self, node: &Address) -> Arc<Link> {
        let mut links = self.lock();
        if let Some(link) = links.get(node) {
            return Arc::clone(link);
        }
        // Nodes come and go; those that are gone have no use.
        if links.len() > 2 * self.map().nodes().len() {
            let nodes = self.map().nodes();
            links.retain(|node, _| nodes.contains(node));
        }
        let link = Arc::new((self.make)(node.clone()));
        links.insert(node.clone(), Arc::clone(&link));
        link
    }

    /// The links to all primaries.
    pub(super) fn primaries(&self) -> Vec<(Address, Arc<Link>)> {
        let primaries = self.map().primaries().into_iter();
        let links = primaries.map(|node| {
            let link = self.link(&node);
            (node, link)
        });
        links.collect()
    }

    /// Reads the map and connects to all primaries.
    ///
    /// # Errors
    ///
    /// As [`Link::open`]; and [`StoreError::Unavailable`] while some slot has no primary.
    pub(super) async fn open(&self) -> Result<(), StoreError> {
        self.refresh().await?;
        if !self.map().is_complete() {
            let text = "the Redis Cluster does not serve every slot";
            return Err(StoreError::Unavailable(text.to_owned()));
        }
        let links = self.primaries();
        let opened = join_all(links.iter().map(|(_, link)| link.open())).await;
        opened.into_iter().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Arc<Link>>> {
        // Nothing panics while it is held.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Awaits all of these concurrently, in one task, so that all end with their caller.
pub(super) async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut all = true;
        for (future, output) in waiting.iter_mut().zip(&mut done) {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(ready) => *output = Some(ready),
                    Poll::Pending => all = false,
                }
            }
        }
        if all { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
