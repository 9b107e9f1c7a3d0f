//! The store on Redis.
//!
//! Everything that must be atomic is one Lua script over keys of one hash slot. A request is sent
//! once; after a time-out or a lost connection its fate is unknown, the connection is replaced, and
//! the caller repeats. All reads go to the primary.
//!
//! Appends have a connection of their own, so that a takeover that reads thousands of matches does
//! not hold up a move behind it.

mod holdings;
mod keys;
mod link;
mod matches;
mod registry;
mod reply;
mod revocations;
mod scan;
mod script;
mod survey;
mod sweep;
mod tickets;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, Event, MatchId, PlayerId, ShardId, Snapshot, UnixMillis};
use redis::{Client, IntoConnectionInfo, ProtocolVersion};
use tokio::sync::watch;
use tokio::time::Instant;

use self::keys::Keys;
use self::link::Link;
use self::script::Scripts;
use crate::contract::{
    Append, Appended, Checkpoint, Claim, Created, FINISHED_KEEP, HandOver, HandedOver, MatchPage,
    Ownership, Registered, Room, ScanCursor, ShardRecord, Standing, Store, StoreError, Swept,
};
use crate::durability::Durability;
use crate::holding::Holding;
use crate::ticket::{Assignment, Ticket, TicketId};

/// Where Redis is, and how long to wait for it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/database]` or `unix:///path`, of a single primary.
    pub url: String,
    /// What all keys begin with; two installations on one server have two prefixes.
    pub prefix: String,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an answer may take. Longer than a slow disk's flush, shorter than the time after
    /// which a shard counts as dead.
    pub response_timeout: Duration,
    /// Refuse a server that is not known to flush every write before it answers.
    pub durable_only: bool,
    /// Between two looks at the settings of a server that answers: someone may change them while it runs.
    pub survey_every: Duration,
    /// How long a match is kept after its end.
    pub finished_keep: Duration,
}

impl RedisConfig {
    /// The usual configuration: prefix `rk`, 1 s to connect, 2 s to answer, a look at the settings every 10 s,
    /// [`FINISHED_KEEP`].
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "rk".to_owned(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
            durable_only: false,
            survey_every: Duration::from_secs(10),
            finished_keep: FINISHED_KEEP,
        }
    }

    /// The usual configuration for a URL that can be used: what a program does with what its user
    /// gave it, before it connects.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] says what a URL may be; it does not repeat the URL, which may hold a
    /// password.
    pub fn parse(url: impl Into<String>) -> Result<Self, StoreError> {
        let config = Self::new(url);
        client(&config.url)?;
        Ok(config)
    }
}

/// Leaves the URL out: it may hold a password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("prefix", &self.prefix)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("durable_only", &self.durable_only)
            .field("finished_keep", &self.finished_keep)
            .finish_non_exhaustive()
    }
}

/// The store on one Redis primary.
pub struct RedisStore {
    keys: Keys,
    scripts: Scripts,
    /// For appends alone.
    appends: Link,
    /// For everything else.
    control: Link,
    durability: watch::Receiver<Option<Durability>>,
    /// When the server's settings were last asked for.
    surveyed: Mutex<Instant>,
    survey_every: Duration,
    /// How long a match is kept after its end, as scripts take it.
    finished_keep_ms: String,
}

impl RedisStore {
    /// Connects, checks that the server is set up to keep the contract, and loads the scripts.
    ///
    /// A server that flushes late is accepted and warned about, unless the configuration refuses it;
    /// [`durability`](Self::durability) says what it is worth. The check is repeated at every reconnection,
    /// and with a heartbeat or a look at the registry now and then.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] when the configuration or the server's settings have to be changed;
    /// [`StoreError::Unavailable`] when the server does not answer: start it, or try again.
    pub async fn connect(config: RedisConfig) -> Result<Self, StoreError> {
        if config.prefix.is_empty() || config.prefix.contains(['{', '}']) {
            let text = "the prefix of the Redis keys must not be empty or hold braces";
            return Err(StoreError::Unfit(text.to_owned()));
        }
        let client = client(&config.url)?;
        let (learned, durability) = watch::channel(None);
        let store = Self {
            keys: Keys::new(&config.prefix),
            scripts: Scripts::new(),
            appends: Link::new(client.clone(), &config, learned.clone()),
            control: Link::new(client, &config, learned),
            durability,
            surveyed: Mutex::new(Instant::now()),
            survey_every: config.survey_every,
            finished_keep_ms: config.finished_keep.as_millis().to_string(),
        };
        store.control.open().await?;
        store.appends.open().await?;
        Ok(store)
    }

    /// Looks the server's settings over again, if it is time. Once they cannot be used any more, both connections
    /// are closed, and each attempt at a new one finds out whether they were put right.
    async fn survey_now_and_then(&self) -> Result<(), StoreError> {
        {
            // Nothing panics while it is held.
            let mut surveyed = self.surveyed.lock().unwrap_or_else(PoisonError::into_inner);
            if surveyed.elapsed() < self.survey_every {
                return Ok(());
            }
            *surveyed = Instant::now();
        }
        let surveyed = self.control.survey().await;
        if surveyed.is_err() {
            self.appends.close().await;
            self.control.close().await;
        }
        surveyed
    }

    /// What the server's settings promise, as of the newest look at them.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.durability.borrow().unwrap_or(Durability::Unknown)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// The schemes of URLs that can be used.
const SCHEMES: [&str; 3] = ["redis", "unix", "redis+unix"];
/// Those that ask for TLS, which this program is built without.
const TLS_SCHEMES: [&str; 2] = ["rediss", "valkeys"];

/// Without Nagle's algorithm: a batch is one write, and nothing is gained by holding it back.
fn client(url: &str) -> Result<Client, StoreError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if TLS_SCHEMES.contains(&scheme) {
        let text = "Redis cannot be spoken to over TLS; give a redis:// URL, of a network that is \
                    trusted or of a tunnel";
        return Err(StoreError::Unfit(text.to_owned()));
    }
    if !SCHEMES.contains(&scheme) {
        let text = "the URL of Redis must be redis://[user:password@]host[:port][/database] or \
                    unix:///path";
        return Err(StoreError::Unfit(text.to_owned()));
    }
    check_query(scheme, url)?;
    let unfit = |error: redis::RedisError| StoreError::Unfit(format!("the URL of Redis: {error}"));
    let info = url.into_connection_info().map_err(unfit)?;
    if info.redis_settings().protocol() != ProtocolVersion::RESP2 {
        let text =
            "the URL of Redis asks for RESP3, which is not spoken here: leave protocol=… out";
        return Err(StoreError::Unfit(text.to_owned()));
    }
    let settings = info.tcp_settings().clone().set_nodelay(true);
    Client::open(info.set_tcp_settings(settings)).map_err(unfit)
}

/// Refuses what a URL asks for and nobody would do: the client library passes over what it does not know.
fn check_query(scheme: &str, url: &str) -> Result<(), StoreError> {
    let known: &[&str] = match scheme {
        "redis" => &["protocol"],
        _ => &["db", "user", "pass", "protocol"],
    };
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let mut keys = query.split('&').map(|pair| {
        let (key, _) = pair.split_once('=').unwrap_or((pair, ""));
        key
    });
    match keys.find(|key| !key.is_empty() && !known.contains(key)) {
        None => Ok(()),
        Some(unknown) => Err(StoreError::Unfit(format!(
            "the URL of Redis: {unknown:?} is nothing that can be asked for there; a database is \
             redis://host:port/NUMBER"
        ))),
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError> {
        self.create_match(owner, snapshot).await
    }

    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        self.load_match(id).await
    }

    async fn log(&self, id: MatchId) -> Result<Vec<Event>, StoreError> {
        self.read_log(id).await
    }

    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError> {
        self.read_ownership(id).await
    }

    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        self.scan_matches(after, limit).await
    }

    async fn claim(
        &self,
        id: MatchId,
        claimant: ShardId,
        expected: Epoch,
    ) -> Result<Claim, StoreError> {
        self.claim_match(id, claimant, expected).await
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError> {
        self.give_over(hand_over).await
    }

    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        self.read_standing(matches).await
    }

    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        self.append_batch(batch).await
    }

    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        self.sweep_a_part(now).await
    }

    async fn room(&self) -> Result<Room, StoreError> {
        self.read_room().await
    }

    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError> {
        self.heartbeat_in_steps(shard, &|| {}).await
    }

    async fn heartbeat_in_steps(
        &self,
        shard: &ShardRecord,
        answered: &(dyn Fn() + Send + Sync),
    ) -> Result<Vec<Registered>, StoreError> {
        // At the same time: it makes the heartbeat no longer.
        let (surveyed, registry) =
            tokio::join!(self.survey_now_and_then(), self.beat(shard, answered));
        surveyed.and(registry)
    }

    async fn shards(&self) -> Result<Vec<Registered>, StoreError> {
        self.survey_now_and_then().await?;
        self.read_registry().await
    }

    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError> {
        self.shard_leaves(shard).await
    }

    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError> {
        self.remove_shard(shard, heartbeat).await
    }

    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        self.read_owned(shard).await
    }

    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        self.remove_owned(shard, matches).await
    }

    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError> {
        self.read_traces().await
    }

    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        self.add_ticket(ticket).await
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        self.read_ticket(id).await
    }

    async fn waiting(&self, pool: &str) -> Result<Vec<Ticket>, StoreError> {
        self.read_waiting(pool).await
    }

    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        self.note_seen(id, now).await
    }

    async fn cancel_ticket(&self, id: TicketId) -> Result<bool, StoreError> {
        self.withdraw_ticket(id).await
    }

    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        self.give_match(tickets, assignment).await
    }

    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.add_holding(player, kind, id, max, now).await
    }

    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError> {
        self.read_holdings(player, kind).await
    }

    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError> {
        self.remove_holdings(player, kind, ids).await
    }

    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        self.deny(player, at).await
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        self.read_revoked(player).await
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        self.list_revoked(since).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_one_that_can_be_used() {
        for url in [
            "redis://127.0.0.1",
            "redis://me:secret@[::1]:6380/2",
            "unix:///run/redis.sock",
            "redis+unix:///run/redis.sock",
        ] {
            assert_eq!(RedisConfig::parse(url).unwrap(), RedisConfig::new(url));
        }
        for (url, expected) in [
            ("rediss://me:secret@host", "TLS"),
            ("valkeys://me:secret@host", "TLS"),
            ("postgres://me:secret@host", "must be redis://"),
            ("me:secret@host:6379", "must be redis://"),
            ("", "must be redis://"),
            ("redis://me:secret@host:port", "the URL of Redis"),
            ("redis://me:secret@host/two", "the URL of Redis"),
        ] {
            match RedisConfig::parse(url) {
                Err(StoreError::Unfit(text)) => {
                    assert!(text.contains(expected), "{url}: {text}");
                    assert!(!text.contains("secret"), "{url}: {text}");
                }
                other => panic!("{url}: {other:?}"),
            }
        }
    }
}
