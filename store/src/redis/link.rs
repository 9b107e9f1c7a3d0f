//! One connection to Redis, replaced when it breaks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, Pipeline, Value};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::behind::Behind;
use super::config::RedisConfig;
use super::keys::Keys;
use super::layout::{self, Unsuitable};
use super::script::Scripts;
use super::{reply, survey};
use crate::durability::Durability;
use crate::error::StoreError;

/// The backoff after a first failed attempt to connect; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Short enough that the first answer comes within half a second of Redis being back.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// One connection, shared by all callers, whose requests are pipelined on it.
///
/// The library's own retries are not used: a request is sent once, and the caller has to find out its fate.
pub(super) struct Link {
    client: Client,
    /// Where the server is, without credentials.
    address: String,
    keys: Keys,
    settings: AsyncConnectionConfig,
    slot: Mutex<Slot>,
    /// Attempts to connect that have ended, so that a caller that waited for one shares its
    /// outcome.
    attempts: AtomicU64,
    /// A server that may lose what it has answered is refused.
    durable_only: bool,
    /// What the server's settings promised at the newest connection.
    durability: watch::Sender<Option<Durability>>,
    /// Which servers the connections have led to.
    behind: Arc<Behind>,
}

/// The connection, or how the attempts to make one went.
struct Slot {
    connection: Option<MultiplexedConnection>,
    /// Number of the connection, so that a broken one is not confused with its successor.
    generation: u64,
    /// No attempt before.
    not_before: Instant,
    pause: Duration,
    last_error: StoreError,
}

impl Link {
    pub(super) fn new(
        client: Client,
        config: &RedisConfig,
        durability: watch::Sender<Option<Durability>>,
        behind: Arc<Behind>,
    ) -> Self {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.connect_timeout))
            .set_response_timeout(Some(config.response_timeout));
        Self {
            address: client.get_connection_info().addr().to_string(),
            keys: Keys::new(&config.prefix),
            client,
            settings,
            slot: Mutex::new(Slot {
                connection: None,
                generation: 0,
                not_before: Instant::now(),
                pause: PAUSE_MIN,
                last_error: StoreError::Unavailable("not connected yet".to_owned()),
            }),
            attempts: AtomicU64::new(0),
            durable_only: config.durable_only,
            durability,
            behind,
        }
    }

    /// Sends a pipeline once and returns one answer for each of its commands; an answer may be a
    /// server error.
    pub(super) async fn send(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let (mut connection, generation) = self.connection().await?;
        match connection
            .send_packed_commands(pipeline, 0, pipeline.len())
            .await
        {
            Ok(values) if values.len() == pipeline.len() => {
                if values.iter().any(wants_new_connection) {
                    self.discard(generation).await;
                }
                Ok(values)
            }
            Ok(values) => {
                self.discard(generation).await;
                let text = format!("{} answers to {} commands", values.len(), pipeline.len());
                Err(self.unavailable(&text))
            }
            // After a timeout too: a late answer would delay the next one, or be mistaken for it.
            Err(error) => {
                self.discard(generation).await;
                Err(self.unavailable(&error))
            }
        }
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
        let mut values = self.send(pipeline).await?;
        if values.iter().any(reply::is_noscript) {
            tracing::info!("Redis has lost the scripts; loading them again");
            let mut load = Pipeline::new();
            Scripts::load_all(&mut load);
            reply::refuse_errors(&self.send(&load).await?)?;
            values = self.send(pipeline).await?;
        }
        Ok(values)
    }

    /// Makes the first connection, if there is none yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when the server is not set up to keep the contract.
    pub(super) async fn open(&self) -> Result<(), StoreError> {
        self.connection().await.map(|_| ())
    }

    /// The lock is held while a connection is made, so that however many callers wait, there is one
    /// attempt, and all of them learn its outcome.
    async fn connection(&self) -> Result<(MultiplexedConnection, u64), StoreError> {
        let attempts_before = self.attempts.load(Ordering::Acquire);
        let mut slot = self.slot.lock().await;
        if let Some(connection) = &slot.connection {
            return Ok((connection.clone(), slot.generation));
        }
        if self.attempts.load(Ordering::Acquire) != attempts_before {
            return Err(slot.last_error.clone());
        }
        // A caller that retries without a backoff is delayed here.
        tokio::time::sleep_until(slot.not_before).await;
        let outcome = self.connect().await;
        self.attempts.fetch_add(1, Ordering::Release);
        match outcome {
            Ok(connection) => {
                slot.connection = Some(connection.clone());
                slot.generation += 1;
                slot.pause = PAUSE_MIN;
                Ok((connection, slot.generation))
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
    async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        let mut connection = self
            .client
            .get_multiplexed_async_connection_with_config(&self.settings)
            .await
            .map_err(|error| match error.kind() {
                ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
                    StoreError::Unfit(format!("Redis at {}: {error}", self.address))
                }
                // It answers, and will not have more databases by itself.
                _ if error.detail().is_some_and(|why| why.contains("DB index")) => {
                    let address = &self.address;
                    StoreError::Unfit(format!(
                        "Redis at {address} has no database of the number that the URL ends with"
                    ))
                }
                _ => self.unavailable(&error),
            })?;
        let mut pipeline = Pipeline::new();
        survey::ask(&mut pipeline);
        survey::try_rights(&mut pipeline, &self.keys);
        Scripts::load_all(&mut pipeline);
        let answers = connection
            .send_packed_commands(&pipeline, 0, pipeline.len())
            .await
            .map_err(|error| self.unavailable(&error))?;
        let (about, loaded) = answers
            .split_at_checked(survey::ANSWERS)
            .ok_or_else(|| self.unavailable(&"too few answers"))?;
        let (tried, loaded) = loaded
            .split_at_checked(survey::TRIALS)
            .ok_or_else(|| self.unavailable(&"too few answers"))?;
        // A user that may not load a script cannot read the settings either.
        self.check_rights(loaded, "user, password or their rights are missing")?;
        self.judge(about)?;
        let pattern = self.keys.pattern();
        let rights = format!(
            "this user has no right to the keys {pattern} or to the commands on them; `ACL SETUSER` with \
             ~{pattern} gives it"
        );
        self.check_rights(tried, &rights)?;
        reply::refuse_errors(loaded)?;
        let mark = tried.last().unwrap_or(&Value::Nil);
        match layout::check(&mut connection, &self.keys, mark).await {
            Ok(()) => {
                let holder = survey::holder(about);
                self.behind.found(&self.address, holder, true);
                Ok(connection)
            }
            Err(Unsuitable::Lost(error)) => Err(self.unavailable(&error)),
            Err(Unsuitable::Refused(error)) => Err(error),
        }
    }

    /// Refuses the server if an answer reports a missing right of the user; `what` names the consequence.
    fn check_rights(&self, answers: &[Value], what: &str) -> Result<(), StoreError> {
        let refused = answers.iter().find(|value| refuses_user(value));
        let refused =
            refused.and_then(|value| reply::refuse_errors(std::slice::from_ref(value)).err());
        match refused {
            None => Ok(()),
            Some(error) => {
                let address = &self.address;
                Err(StoreError::Unfit(format!(
                    "Redis at {address}: {what}: {error}"
                )))
            }
        }
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
        let answers = self.send(&pipeline).await?;
        let holder = survey::holder(&answers);
        self.behind.found(&self.address, holder, false);
        match self.judge(&answers) {
            Err(StoreError::Unfit(text)) => Err(StoreError::Unavailable(text)),
            judged => judged,
        }
    }

    /// Whether a server with these answers may be used; records its durability.
    fn judge(&self, about: &[Value]) -> Result<(), StoreError> {
        let (durability, advice) = survey::judge(about)?;
        if self.durable_only && !durability.is_full() {
            return Err(StoreError::Unfit(format!(
                "--production: Redis at {} must flush every write before it answers, and its \
                 durability is {durability}: {advice}",
                self.address
            )));
        }
        let before = *self.durability.borrow();
        let changed =
            |known: &mut Option<Durability>| known.replace(durability) != Some(durability);
        if self.durability.send_if_modified(changed) {
            if !durability.is_full() {
                tracing::warn!(
                    %durability,
                    "a crash of Redis at {} may lose confirmed moves: {advice}",
                    self.address
                );
            } else if before.is_some() {
                tracing::info!(%durability, "Redis at {} keeps the whole contract again", self.address);
            }
        }
        Ok(())
    }

    /// Ends the connection: the next request makes another one, if the server may be used.
    pub(super) async fn close(&self) {
        self.slot.lock().await.connection = None;
    }

    /// Drops a broken connection, unless it has been replaced already.
    async fn discard(&self, generation: u64) {
        let mut slot = self.slot.lock().await;
        if slot.generation == generation {
            slot.connection = None;
        }
    }

    fn unavailable(&self, why: &impl fmt::Display) -> StoreError {
        StoreError::Unavailable(format!("Redis at {}: {why}", self.address))
    }
}

/// Answers that a connection to the right server would not give: after a promotion the address may lead to
/// another server, and after a change of password the old session is useless.
fn wants_new_connection(value: &Value) -> bool {
    let moved = matches!(
        value,
        Value::ServerError(error) if matches!(error.code(), "READONLY" | "MASTERDOWN")
    );
    moved || refuses_user(value)
}

fn refuses_user(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if matches!(error.code(), "NOAUTH" | "NOPERM"))
}
