//! One connection to Redis, replaced when it breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redis::{Pipeline, Value};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::behind::Behind;
use super::config::RedisConfig;
use super::endpoint::{Connection, Endpoint};
use super::keys::Keys;
use super::layout::{self, Unsuitable};
use super::locator::{Located, Locator};
use super::script::Scripts;
use super::survey::Beside;
use super::{reply, survey};
use crate::durability::Durability;
use crate::error::StoreError;

/// What must be true of a write before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// The server has it.
    Here,
    /// As many replicas have it too as the configuration asks for.
    Twice,
}

/// The backoff after a first failed attempt to connect; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Short enough that the first answer comes within half a second of Redis being back.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// One connection, shared by all callers, whose requests are pipelined on it.
///
/// The library's own retries are not used: a request is sent once, and the caller has to find out its fate.
pub(super) struct Link {
    /// Asked at each attempt to connect.
    locator: Locator,
    keys: Keys,
    slot: Mutex<Slot>,
    /// Attempts to connect that have ended, so that a caller that waited for one shares its
    /// outcome.
    attempts: AtomicU64,
    /// A server that may lose what it has answered is refused.
    durable_only: bool,
    /// What is known of the server beside its answers.
    beside: Beside,
    /// How many replicas must have what [`send_kept`](Self::send_kept) writes.
    replicas: u32,
    /// How long they are waited for.
    replicas_wait: Duration,
    /// Whether they had the newest write in time.
    has_replicas: AtomicBool,
    /// What the server's settings promised at the newest connection.
    durability: watch::Sender<Option<Durability>>,
    /// Which servers the connections have led to.
    behind: Arc<Behind>,
}

/// A connection, with what it leads to.
#[derive(Clone)]
struct Connected {
    connection: Connection,
    located: Located,
    /// As in its slot.
    generation: u64,
}

/// The connection, or how the attempts to make one went.
struct Slot {
    connected: Option<Connected>,
    /// Number of the connection, so that a broken one is not confused with its successor.
    generation: u64,
    /// No attempt before.
    not_before: Instant,
    pause: Duration,
    last_error: StoreError,
}

impl Link {
    pub(super) fn new(
        locator: Locator,
        config: &RedisConfig,
        durability: watch::Sender<Option<Durability>>,
        behind: Arc<Behind>,
    ) -> Self {
        let is_node = locator.is_node();
        Self {
            locator,
            keys: Keys::new(&config.prefix),
            slot: Mutex::new(Slot {
                connected: None,
                generation: 0,
                not_before: Instant::now(),
                pause: PAUSE_MIN,
                last_error: StoreError::Unavailable("not connected yet".to_owned()),
            }),
            attempts: AtomicU64::new(0),
            durable_only: config.durable_only,
            beside: Beside {
                is_node,
                stated: config.stated_durability,
            },
            replicas: config.replicas,
            // What is unconfirmed is to be known before the connection counts as broken.
            replicas_wait: config.response_timeout / 2,
            has_replicas: AtomicBool::new(true),
            durability,
            behind,
        }
    }

    /// Sends a pipeline once and returns one answer for each of its commands; an answer may be a
    /// server error.
    pub(super) async fn send(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        self.exchange(pipeline).await.map(|(values, _)| values)
    }

    /// The same, with the connection that it was sent on.
    async fn exchange(&self, pipeline: &Pipeline) -> Result<(Vec<Value>, Connected), StoreError> {
        let mut connected = self.connection().await?;
        let to = &mut connected.connection.to;
        let answered = tokio::select! {
            biased;
            answered = to.send_packed_commands(pipeline, 0, pipeline.len()) => answered,
            () = connected.located.elsewhere() => {
                self.discard(connected.generation).await;
                let text = "another server was announced as the primary";
                return Err(connected.located.endpoint.unavailable(&text));
            }
        };
        let error = match answered {
            Ok(values) if values.len() == pipeline.len() => {
                if values.iter().any(wants_new_connection) {
                    self.discard(connected.generation).await;
                }
                return Ok((values, connected));
            }
            Ok(values) => {
                let text = format!("{} answers to {} commands", values.len(), pipeline.len());
                connected.located.endpoint.unavailable(&text)
            }
            // After a timeout too: a late answer would delay the next one, or be mistaken for it.
            Err(error) => connected.located.endpoint.unavailable(&error),
        };
        self.discard(connected.generation).await;
        Err(error)
    }

    /// Sends a pipeline once, and returns its answers when as many replicas have what it wrote as the configuration
    /// asks for. Every command that may find its work done already writes something, as `WAIT` waits only for what
    /// this connection wrote.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] also when there are too few of them in time: then it may be written and is not to
    /// be relied on, and the caller retransmits.
    pub(super) async fn send_kept(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        if self.replicas == 0 {
            return self.send(pipeline).await;
        }
        let mut with_wait = pipeline.clone();
        let wait = with_wait.cmd("WAIT").arg(self.replicas);
        wait.arg(millis(self.replicas_wait));
        let (mut values, connected) = self.exchange(&with_wait).await?;
        let waited = values.pop().unwrap_or(Value::Nil);
        self.count_replicas(&connected.located.endpoint, &waited)?;
        Ok(values)
    }

    /// What the answer to `WAIT` says.
    fn count_replicas(&self, endpoint: &Endpoint, waited: &Value) -> Result<(), StoreError> {
        reply::refuse_errors(std::slice::from_ref(waited))?;
        let confirmed: u32 = reply::parsed(waited)?;
        let wanted = self.replicas;
        let address = &endpoint.address;
        if confirmed >= wanted {
            if !self.has_replicas.swap(true, Ordering::Relaxed) {
                tracing::info!("{confirmed} replicas of Redis at {address} confirm writes again");
            }
            return Ok(());
        }
        let text = format!(
            "{confirmed} of {wanted} replicas (--store-replicas) confirmed a write within {} ms",
            millis(self.replicas_wait)
        );
        if self.has_replicas.swap(false, Ordering::Relaxed) {
            tracing::error!("Redis at {address}: {text}; nothing is acknowledged until they do");
        }
        Err(endpoint.unavailable(&text))
    }

    /// Sends a pipeline of scripts, in which a server error is an error of the whole.
    pub(super) async fn run(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let values = self.run_each(pipeline).await?;
        reply::refuse_errors(&values)?;
        Ok(values)
    }

    /// Sends a pipeline of scripts; an answer may be a server error, but none that says that a script is not
    /// there. If the server has lost them, they are loaded and the whole pipeline is sent again: commands
    /// that were already executed are recognised as retransmissions.
    pub(super) async fn run_each(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let values = self.send(pipeline).await?;
        if self.load_lost(&values).await? {
            return self.send(pipeline).await;
        }
        Ok(values)
    }

    /// The same, answered once as many replicas have it as [`send_kept`](Self::send_kept) says.
    pub(super) async fn run_each_kept(
        &self,
        pipeline: &Pipeline,
    ) -> Result<Vec<Value>, StoreError> {
        let values = self.send_kept(pipeline).await?;
        if self.load_lost(&values).await? {
            return self.send_kept(pipeline).await;
        }
        Ok(values)
    }

    /// The same, in which a server error is an error of the whole.
    pub(super) async fn run_kept(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let values = self.run_each_kept(pipeline).await?;
        reply::refuse_errors(&values)?;
        Ok(values)
    }

    /// Loads the scripts if an answer says that one is not there, and returns whether that was so.
    async fn load_lost(&self, values: &[Value]) -> Result<bool, StoreError> {
        let is_lost = values.iter().any(reply::is_noscript);
        if is_lost {
            tracing::info!("Redis has lost the scripts; loading them again");
            let mut load = Pipeline::new();
            Scripts::load_all(&mut load);
            reply::refuse_errors(&self.send(&load).await?)?;
        }
        Ok(is_lost)
    }

    /// Makes the first connection, if there is none yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when the server is not set up to keep the contract.
    pub(super) async fn open(&self) -> Result<(), StoreError> {
        self.connection().await.map(|_| ())
    }

    /// Whether there is a connection, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        let slot = self.slot.try_lock();
        slot.is_ok_and(|slot| slot.connected.is_some())
    }

    /// The lock is held while a connection is made, so that however many callers wait, there is one
    /// attempt, and all of them learn its outcome.
    async fn connection(&self) -> Result<Connected, StoreError> {
        let attempts_before = self.attempts.load(Ordering::Acquire);
        let mut slot = self.slot.lock().await;
        match &slot.connected {
            Some(connected) if connected.located.is_elsewhere() => slot.connected = None,
            Some(connected) => return Ok(connected.clone()),
            None => {}
        }
        if self.attempts.load(Ordering::Acquire) != attempts_before {
            return Err(slot.last_error.clone());
        }
        // A caller that retries without a backoff is delayed here.
        tokio::time::sleep_until(slot.not_before).await;
        let outcome = self.connect().await;
        self.attempts.fetch_add(1, Ordering::Release);
        match outcome {
            Ok((located, connection)) => {
                slot.generation += 1;
                slot.pause = PAUSE_MIN;
                let connected = Connected {
                    connection,
                    located,
                    generation: slot.generation,
                };
                slot.connected = Some(connected.clone());
                Ok(connected)
            }
            Err(error) => {
                // It was usable before: someone may correct its settings while play is paused.
                let error = match error {
                    StoreError::Unfit(text) if slot.generation > 0 => StoreError::Unavailable(text),
                    error => error,
                };
                slot.not_before = Instant::now() + slot.pause;
                slot.pause = (slot.pause * 2).min(PAUSE_MAX);
                slot.last_error = error.clone();
                Err(error)
            }
        }
    }

    /// A new connection to a server that has the scripts and whose settings were checked: it may be another
    /// server than before, or have other settings.
    async fn connect(&self) -> Result<(Located, Connection), StoreError> {
        let located = self.locator.locate().await?;
        let endpoint = &located.endpoint;
        let mut connection = endpoint.connect().await?;
        let mut pipeline = Pipeline::new();
        survey::ask(&mut pipeline);
        survey::try_rights(&mut pipeline, &self.keys);
        Scripts::load_all(&mut pipeline);
        let answers = connection
            .to
            .send_packed_commands(&pipeline, 0, pipeline.len())
            .await
            .map_err(|error| endpoint.unavailable(&error))?;
        let (about, loaded) = answers
            .split_at_checked(survey::ANSWERS)
            .ok_or_else(|| endpoint.unavailable(&"too few answers"))?;
        let (tried, loaded) = loaded
            .split_at_checked(survey::TRIALS)
            .ok_or_else(|| endpoint.unavailable(&"too few answers"))?;
        // A user that may not load a script cannot read the settings either.
        check_rights(
            endpoint,
            loaded,
            "user, password or their rights are missing",
        )?;
        self.judge(endpoint, about)?;
        let pattern = self.keys.pattern();
        let rights = format!(
            "this user has no right to the keys {pattern} or to the commands on them; `ACL SETUSER` with \
             ~{pattern} gives it"
        );
        check_rights(endpoint, tried, &rights)?;
        reply::refuse_errors(loaded)?;
        let mark = tried.last().unwrap_or(&Value::Nil);
        // Of a Cluster, one node has it.
        let is_elsewhere = self.locator.is_node() && is_elsewhere(mark);
        if !is_elsewhere {
            let checked = layout::check(&mut connection.to, &self.keys, mark).await;
            checked.map_err(|error| match error {
                Unsuitable::Lost(error) => endpoint.unavailable(&error),
                Unsuitable::Refused(error) => error,
            })?;
        }
        let address = endpoint.address.to_string();
        self.behind.found(&address, survey::holder(about), true);
        Ok((located, connection))
    }

    /// Checks the server's settings again, which may have changed since the connection was made. A setting
    /// that would refuse a new connection closes this one, so that nothing is answered until it is corrected.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] with what is wrong with the settings, or with the connection.
    pub(super) async fn survey(&self) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::new();
        survey::ask(&mut pipeline);
        let (answers, connected) = self.exchange(&pipeline).await?;
        let endpoint = &connected.located.endpoint;
        let address = endpoint.address.to_string();
        self.behind.found(&address, survey::holder(&answers), false);
        match self.judge(endpoint, &answers) {
            Err(StoreError::Unfit(text)) => Err(StoreError::Unavailable(text)),
            judged => judged,
        }
    }

    /// Whether a server with these answers may be used; records its durability.
    fn judge(&self, endpoint: &Endpoint, about: &[Value]) -> Result<(), StoreError> {
        let address = &endpoint.address;
        let (durability, advice) = survey::judge(about, self.beside)?;
        if self.durable_only && !durability.is_full() {
            return Err(StoreError::Unfit(format!(
                "--production: Redis at {address} must flush every write before it answers, and its \
                 durability is {durability}: {advice}"
            )));
        }
        let before = *self.durability.borrow();
        let changed =
            |known: &mut Option<Durability>| known.replace(durability) != Some(durability);
        if self.durability.send_if_modified(changed) {
            if !durability.is_full() {
                tracing::warn!(
                    %durability,
                    "a crash of Redis at {address} may lose confirmed moves: {advice}"
                );
            } else if durability == Durability::StatedAlways {
                tracing::warn!(
                    %durability,
                    "Redis at {address} does not tell its settings: that it keeps the whole contract is the \
                     operator's word (--store-durability)"
                );
            } else if before.is_some() {
                tracing::info!(%durability, "Redis at {address} keeps the whole contract again");
            }
        }
        Ok(())
    }

    /// The durability of the server's settings, as of the newest check; `None` if there was none yet.
    pub(super) fn durability(&self) -> Option<Durability> {
        *self.durability.borrow()
    }

    /// Ends the connection: the next request makes another one, if the server may be used.
    pub(super) async fn close(&self) {
        self.slot.lock().await.connected = None;
    }

    /// Drops a broken connection, unless it has been replaced already.
    async fn discard(&self, generation: u64) {
        let mut slot = self.slot.lock().await;
        if slot.generation == generation {
            slot.connected = None;
        }
    }
}

/// Whether a node says of a key that another one has it, or may have it.
fn is_elsewhere(value: &Value) -> bool {
    let codes = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"];
    matches!(value, Value::ServerError(error) if codes.contains(&error.code()))
}

/// Refuses the server if an answer reports a missing right of the user; `what` names the consequence.
fn check_rights(endpoint: &Endpoint, answers: &[Value], what: &str) -> Result<(), StoreError> {
    let refused = answers.iter().find(|value| refuses_user(value));
    let refused = refused.and_then(|value| reply::refuse_errors(std::slice::from_ref(value)).err());
    match refused {
        None => Ok(()),
        Some(error) => {
            let address = &endpoint.address;
            Err(StoreError::Unfit(format!(
                "Redis at {address}: {what}: {error}"
            )))
        }
    }
}

/// Answers that a connection to the right server would not give: after a promotion the address may lead to
/// another server, and after a change of password the old session is useless. A command that the user has no right to
/// is refused on every connection.
fn wants_new_connection(value: &Value) -> bool {
    let Value::ServerError(error) = value else {
        return false;
    };
    // Before version 7, a script's caller finds the code within the details of an `ERR`.
    let within = error
        .details()
        .is_some_and(|details| details.contains("-READONLY "));
    within
        || matches!(
            error.code(),
            "READONLY" | "MASTERDOWN" | "UNBLOCKED" | "NOAUTH"
        )
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn refuses_user(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if matches!(error.code(), "NOAUTH" | "NOPERM"))
}
