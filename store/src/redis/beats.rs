//! Beats over Redis: published on one connection, heard on another, stored nowhere.
//!
//! The connection that publishes is also the one by which others see that this process lives: its number is in
//! the shard's record, and the questions for evidence go over it. Both are made when the first beat is
//! published, so that programs that only read the store have neither.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use redis::{InfoDict, Msg, Pipeline, Value};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::endpoint::Connection;
use super::keys::Keys;
use super::locator::{Located, Locator};
use super::{RedisStore, reply};
use crate::beat::{Beat, Board, Heard, StoreConnection};
use crate::codec;
use crate::contract::Beats;
use crate::error::StoreError;
use crate::presence::{Hint, HintBoard, Hints};

/// The backoff after a failed attempt to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two attempts while the user has no right to the channel.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);
/// A subscription on which nothing was received for this long, not even this process's own beats, is replaced.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// A younger connection proves nothing about others': whatever broke its predecessor may have broken theirs. By
/// then, who lives has connected and stored its record, and this process has read it.
const UNBROKEN_MIN: Duration = Duration::from_secs(2);

/// A store's part in the channel of beats.
pub(super) struct BeatChannel {
    locator: Locator,
    name: String,
    board: Arc<Mutex<Board>>,
    hints: Arc<Mutex<HintBoard>>,
    slot: tokio::sync::Mutex<Slot>,
    /// The number of the connection that publishes.
    identity: Mutex<Option<Identity>>,
    subscription: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct Slot {
    connection: Option<(Connection, Located)>,
    not_before: Option<Instant>,
}

#[derive(Clone)]
struct Identity {
    connection: StoreConnection,
    since: Instant,
}

/// Why a subscription ended.
enum Ended {
    Refused,
    Lost,
}

impl BeatChannel {
    pub(super) fn new(locator: Locator, keys: &Keys) -> Self {
        Self {
            locator,
            name: keys.beats(),
            board: Arc::default(),
            hints: Arc::default(),
            slot: tokio::sync::Mutex::default(),
            identity: Mutex::default(),
            subscription: Mutex::default(),
        }
    }

    /// Tells who listens that the registry has changed. Nothing depends on it: it saves them the time until
    /// they read it anyway.
    pub(super) async fn notice(&self) {
        let _ = self.send(&[]).await;
    }

    /// Tells who listens that players have news.
    pub(super) async fn hint(&self, hint: &Hint) -> Result<(), StoreError> {
        self.listen();
        self.send(&codec::encode_hint(hint)).await
    }

    pub(super) fn hints_after(&self, place: u64) -> Hints {
        self.listen();
        lock(&self.hints).after(place)
    }

    /// Publishes a message, and is told whether anybody may.
    async fn send(&self, message: &[u8]) -> Result<(), StoreError> {
        let mut publish = Pipeline::new();
        publish.cmd("PUBLISH").arg(&self.name).arg(message);
        let answers = self.ask(&publish).await?;
        let is_refused = answers.iter().any(is_refusal);
        if is_refused {
            self.slot.lock().await.not_before = Some(Instant::now() + REFUSED_PAUSE);
        }
        lock(&self.board).set_may_publish(!is_refused);
        reply::refuse_errors(&answers)
    }

    /// Sends a pipeline on the connection that publishes.
    async fn ask(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let mut connection = self.connection().await?;
        let sent = connection
            .to
            .send_packed_commands(pipeline, 0, pipeline.len());
        match sent.await {
            Ok(answers) if answers.len() == pipeline.len() => Ok(answers),
            Ok(_) => Err(reply::strange("a beat")),
            Err(error) => {
                self.slot.lock().await.connection = None;
                *lock(&self.identity) = None;
                Err(StoreError::Unavailable(error.to_string()))
            }
        }
    }

    /// One attempt to connect serves all who wait for it.
    async fn connection(&self) -> Result<Connection, StoreError> {
        let mut slot = self.slot.lock().await;
        if slot.not_before.is_some_and(|at| Instant::now() < at) {
            return Err(StoreError::Unavailable("no beats for now".to_owned()));
        }
        if let Some((connection, located)) = &slot.connection
            && !located.is_elsewhere()
        {
            return Ok(connection.clone());
        }
        slot.not_before = Some(Instant::now() + PAUSE);
        let located = self.locator.locate().await?;
        let connection = located.endpoint.connect().await?;
        *lock(&self.identity) = identify(connection.clone()).await;
        slot.connection = Some((connection.clone(), located));
        slot.not_before = None;
        Ok(connection)
    }

    /// Subscribes, once.
    fn listen(&self) {
        let mut subscription = lock(&self.subscription);
        if subscription.is_empty() {
            let heard = HeardHere {
                board: Arc::clone(&self.board),
                hints: Arc::clone(&self.hints),
            };
            let (locator, name) = (self.locator.clone(), self.name.clone());
            subscription.spawn(listen(locator, name, heard));
        }
    }

    async fn are_connected(&self, connections: &[StoreConnection]) -> Option<bool> {
        let identity = lock(&self.identity).clone()?;
        let StoreConnection { run_id, client } = &identity.connection;
        let is_same = |other: &StoreConnection| other.run_id == *run_id;
        if identity.since.elapsed() < UNBROKEN_MIN
            || connections.is_empty()
            || !connections.iter().all(is_same)
        {
            return None;
        }
        let mut list = Pipeline::new();
        let ids = list.cmd("CLIENT").arg("LIST").arg("ID").arg(client);
        for connection in connections {
            ids.arg(connection.client);
        }
        list.cmd("INFO").arg("server");
        let answers = self.ask(&list).await.ok()?;
        let [listed, info] = &answers[..] else {
            return None;
        };
        if run_id_in(info)? != *run_id {
            return None;
        }
        let listed = listed_ids(reply::text(listed).ok()?);
        // It has this process's own connection still: what else it does not list is gone.
        let gone = |connection: &StoreConnection| !listed.contains(&connection.client);
        (listed.contains(client)).then(|| !connections.iter().any(gone))
    }
}

/// Nothing panics while one of these is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_refusal(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "NOPERM")
}

/// The number of a connection; `None` where the server does not let its user ask.
async fn identify(mut connection: Connection) -> Option<Identity> {
    let mut ask = Pipeline::new();
    ask.cmd("CLIENT").arg("ID");
    ask.cmd("INFO").arg("server");
    let answers = connection.to.send_packed_commands(&ask, 0, 2).await.ok()?;
    let [Value::Int(client), info] = answers[..].first_chunk::<2>()? else {
        return None;
    };
    Some(Identity {
        connection: StoreConnection {
            run_id: run_id_in(info)?,
            client: *client,
        },
        since: Instant::now(),
    })
}

fn run_id_in(info: &Value) -> Option<String> {
    InfoDict::new(reply::text(info).ok()?).get("run_id")
}

/// The numbers in an answer to `CLIENT LIST`, one connection a line: `id=7 addr=…`.
fn listed_ids(list: &str) -> HashSet<i64> {
    let id = |line: &str| {
        let first = line.split(' ').next()?;
        first.strip_prefix("id=")?.parse().ok()
    };
    list.lines().filter_map(id).collect()
}

/// Where what this process hears is kept.
struct HeardHere {
    board: Arc<Mutex<Board>>,
    hints: Arc<Mutex<HintBoard>>,
}

/// Hears beats for as long as the store lives.
async fn listen(locator: Locator, name: String, heard: HeardHere) {
    loop {
        let pause = match subscribe(&locator, &name, &heard).await {
            Ended::Lost => PAUSE,
            Ended::Refused => {
                lock(&heard.board).set_may_subscribe(false);
                REFUSED_PAUSE
            }
        };
        sleep(pause).await;
    }
}

/// Hears beats until the connection breaks.
async fn subscribe(locator: &Locator, name: &str, heard: &HeardHere) -> Ended {
    let Ok(located) = locator.locate().await else {
        return Ended::Lost;
    };
    let Ok(mut subscriber) = located.endpoint.subscriber().await else {
        return Ended::Lost;
    };
    match timeout(QUIET_MAX, subscriber.subscribe(name)).await {
        Ok(Ok(())) => lock(&heard.board).set_may_subscribe(true),
        Ok(Err(error)) if error.code() == Some("NOPERM") => return Ended::Refused,
        _ => return Ended::Lost,
    }
    let mut messages = pin!(subscriber.on_message());
    loop {
        let next = timeout(QUIET_MAX, messages.next());
        let next = tokio::select! {
            next = next => next,
            () = located.elsewhere() => return Ended::Lost,
        };
        match next {
            Ok(Some(message)) => heard.hear(&message),
            _ => return Ended::Lost,
        }
    }
}

impl HeardHere {
    fn hear(&self, message: &Msg) {
        let bytes = message.get_payload_bytes();
        if bytes.is_empty() {
            lock(&self.board).notice();
        } else if let Some(hint) = codec::decode_hint(bytes) {
            lock(&self.hints).hear(hint);
        } else if let Ok(beat) = codec::decode_beat(bytes) {
            // What a newer version sends otherwise is not for us: its records still count.
            lock(&self.board).hear(beat);
        }
    }
}

#[async_trait]
impl Beats for RedisStore {
    async fn publish(&self, beat: &Beat) -> Result<(), StoreError> {
        self.beats.listen();
        self.beats.send(&codec::encode_beat(beat)).await
    }

    fn heard(&self) -> Heard {
        lock(&self.beats.board).heard()
    }

    fn connections(&self) -> Vec<StoreConnection> {
        let identity = lock(&self.beats.identity);
        let connection = identity.as_ref().map(|one| one.connection.clone());
        connection.into_iter().collect()
    }

    async fn are_connected(&self, connections: &[StoreConnection]) -> Option<bool> {
        self.beats.are_connected(connections).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connections_that_a_server_lists_are_found_by_number() {
        let list = "id=7 addr=127.0.0.1:5000 laddr=127.0.0.1:6379 fd=8 name= age=1 id=9\n\
                    id=12 addr=127.0.0.1:5001 laddr=127.0.0.1:6379 fd=9 name= age=1\n";
        assert_eq!(listed_ids(list), [7, 12].into());
        assert_eq!(listed_ids(""), [].into());
        assert_eq!(listed_ids("ERR\nid=x\n"), [].into());
    }
}
