//! What requests are sent by: one connection to a single server, or one to each primary of a Cluster.

use redis::{Cmd, Pipeline, Value};

use super::cluster::{Answers, Cluster, Torn, join_all};
use super::link::{Kept, Link};
use super::reply;
use super::url::Address;
use crate::contract::ScanCursor;
use crate::durability::Durability;
use crate::error::StoreError;

/// The connections of one purpose.
pub(super) enum Links {
    One(Box<Link>),
    Many(Cluster),
}

/// A server whose settings cannot be used, or that did not answer when it was asked for them.
pub(super) struct Failed {
    /// `None` for the single server.
    node: Option<Address>,
    pub(super) error: StoreError,
}

impl Links {
    /// Whether one server has all keys.
    pub(super) fn is_one_server(&self) -> bool {
        matches!(self, Self::One(_))
    }

    /// Makes the first connections, if there are none yet.
    ///
    /// # Errors
    ///
    /// As [`Link::open`].
    pub(super) async fn open(&self) -> Result<(), StoreError> {
        match self {
            Self::One(link) => link.open().await,
            Self::Many(cluster) => cluster.open().await,
        }
    }

    /// Sends a pipeline and returns one answer for each of its commands; an answer may be a server error.
    pub(super) async fn send(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        match self {
            Self::One(link) => link.send(pipeline).await,
            Self::Many(cluster) => {
                let answers = cluster.send_each(pipeline, Kept::Here, Torn::Wait).await;
                answers.into_iter().collect()
            }
        }
    }

    /// Sends a pipeline of scripts, in which a server error is an error of the whole.
    pub(super) async fn run(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let values = self.run_each(pipeline).await?;
        reply::refuse_errors(&values)?;
        Ok(values)
    }

    /// Sends a pipeline of scripts; an answer may be a server error, but none that says that a script is not there.
    pub(super) async fn run_each(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        match self {
            Self::One(link) => link.run_each(pipeline).await,
            Self::Many(_) => self.send(pipeline).await,
        }
    }

    /// The same, in which the failure of a server is the error of its commands only.
    pub(super) async fn run_apart(&self, pipeline: &Pipeline, kept: Kept) -> Answers {
        self.run_with(pipeline, kept, Torn::Wait).await
    }

    /// The same for commands that the caller can divide by their keys: while these are at two nodes, in the middle of
    /// their slot's move, the answer is `TRYAGAIN` without a wait.
    pub(super) async fn run_divisible(&self, pipeline: &Pipeline, kept: Kept) -> Answers {
        self.run_with(pipeline, kept, Torn::Answer).await
    }

    async fn run_with(&self, pipeline: &Pipeline, kept: Kept, torn: Torn) -> Answers {
        let answers = match (self, kept) {
            (Self::One(link), Kept::Here) => link.run_each(pipeline).await,
            (Self::One(link), Kept::Twice) => link.run_each_kept(pipeline).await,
            (Self::Many(cluster), kept) => return cluster.send_each(pipeline, kept, torn).await,
        };
        match answers {
            Ok(values) => values.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); pipeline.len()],
        }
    }

    /// The same as [`run`](Self::run), answered once as many replicas have it as the configuration asks for. Each command
    /// is executed before the next one is sent where a single server does not ensure the order.
    pub(super) async fn run_kept(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let cluster = match self {
            Self::One(link) => return link.run_kept(pipeline).await,
            Self::Many(cluster) => cluster,
        };
        let mut values = Vec::with_capacity(pipeline.len());
        for command in pipeline.cmd_iter() {
            let mut one = Pipeline::with_capacity(1);
            one.add_command(command.clone());
            for answer in cluster.send_each(&one, Kept::Twice, Torn::Wait).await {
                values.push(answer?);
                reply::refuse_errors(&values)?;
            }
        }
        Ok(values)
    }

    /// Asks every primary.
    ///
    /// # Errors
    ///
    /// That of the first one that does not answer.
    pub(super) async fn ask_all(&self, question: &Pipeline) -> Result<Vec<Vec<Value>>, StoreError> {
        match self {
            Self::One(link) => Ok(vec![link.send(question).await?]),
            Self::Many(cluster) => {
                let links = cluster.primaries();
                let answers = join_all(links.iter().map(|(_, link)| link.send(question))).await;
                answers.into_iter().collect()
            }
        }
    }

    /// Checks the servers' settings again; of a Cluster, also who its primaries are.
    pub(super) async fn survey(&self) -> Vec<Failed> {
        match self {
            Self::One(link) => {
                let surveyed = link.survey().await;
                let failed = surveyed.map_err(|error| Failed { node: None, error });
                failed.err().into_iter().collect()
            }
            Self::Many(cluster) => {
                let refreshed = cluster.refresh().await;
                let links = cluster.primaries();
                let surveyed = join_all(links.iter().map(|(_, link)| link.survey())).await;
                let failed = links
                    .into_iter()
                    .zip(surveyed)
                    .filter_map(|((node, _), answer)| {
                        let node = Some(node);
                        answer.err().map(|error| Failed { node, error })
                    });
                let unknown = refreshed.err().map(|error| Failed { node: None, error });
                failed.chain(unknown).collect()
            }
        }
    }

    /// Ends the connection to a server: the next request makes another one, if the server may be used.
    pub(super) async fn close(&self, failed: &Failed) {
        match (self, &failed.node) {
            (Self::One(link), _) => link.close().await,
            (Self::Many(cluster), Some(node)) => cluster.link(node).close().await,
            (Self::Many(_), None) => {}
        }
    }

    /// The durability of the server's settings, as of the newest check: of a Cluster, that of the weakest primary.
    pub(super) fn durability(&self) -> Durability {
        let known = match self {
            Self::One(link) => link.durability(),
            Self::Many(cluster) => {
                let links = cluster.primaries();
                links.iter().filter_map(|(_, link)| link.durability()).min()
            }
        };
        known.unwrap_or(Durability::Unknown)
    }

    /// Whether a place in the keys is one of this kind of server.
    pub(super) fn knows(&self, at: ScanCursor) -> bool {
        match self {
            Self::One(_) => matches!(at, ScanCursor::Redis(_)),
            Self::Many(_) => matches!(at, ScanCursor::Cluster { .. }),
        }
    }

    /// A page of the names of keys that fit a pattern, made by reading about `count` names, and where the next one
    /// begins.
    ///
    /// Of a Cluster, the primaries are read one after the other, and all of them anew when the map has changed: keys
    /// may have moved from one that was still to be read to one that was read already.
    pub(super) async fn keys(
        &self,
        after: Option<ScanCursor>,
        pattern: &str,
        count: usize,
    ) -> Result<(Vec<Value>, Option<ScanCursor>), StoreError> {
        match (self, after) {
            (Self::One(link), None | Some(ScanCursor::Redis(_))) => {
                let from = match after {
                    Some(ScanCursor::Redis(from)) => from,
                    _ => 0,
                };
                let (names, next) = scan(link, from, pattern, count).await?;
                Ok((names, next.map(ScanCursor::Redis)))
            }
            (Self::Many(cluster), None | Some(ScanCursor::Cluster { .. })) => {
                if !matches!(after, Some(ScanCursor::Cluster { cursor, .. }) if cursor != 0) {
                    cluster.refresh().await?;
                }
                let map = cluster.map().fingerprint();
                let (node, from) = match after {
                    Some(ScanCursor::Cluster {
                        map: begun,
                        node,
                        cursor,
                    }) if begun == map => (node, cursor),
                    _ => (0, 0),
                };
                let primaries = cluster.primaries();
                let Some((_, link)) = primaries.get(usize::from(node)) else {
                    return Ok((Vec::new(), None));
                };
                let (names, next) = scan(link, from, pattern, count).await?;
                let next = match next {
                    Some(cursor) => Some((node, cursor)),
                    None => {
                        Some((node + 1, 0)).filter(|(node, _)| usize::from(*node) < primaries.len())
                    }
                };
                let next = next.map(|(node, cursor)| ScanCursor::Cluster { map, node, cursor });
                Ok((names, next))
            }
            _ => Err(ScanCursor::foreign()),
        }
    }
}

/// One step of a scan of one server.
async fn scan(
    link: &Link,
    from: u64,
    pattern: &str,
    count: usize,
) -> Result<(Vec<Value>, Option<u64>), StoreError> {
    let mut step = Cmd::new();
    step.arg("SCAN")
        .arg(from)
        .arg("MATCH")
        .arg(pattern)
        .arg("COUNT")
        .arg(count);
    let mut pipeline = Pipeline::with_capacity(1);
    pipeline.add_command(step);
    let mut answers = link.run(&pipeline).await?;
    let Some(Value::Array(page)) = answers.pop() else {
        return Err(reply::strange("a page of keys"));
    };
    let [cursor, Value::Array(names)] =
        <[Value; 2]>::try_from(page).map_err(|_| reply::strange("a page of keys"))?
    else {
        return Err(reply::strange("a page of keys"));
    };
    let next = Some(reply::parsed::<u64>(&cursor)?).filter(|cursor| *cursor != 0);
    Ok((names, next))
}
