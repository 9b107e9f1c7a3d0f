//! The address of Redis, and which URLs are accepted.

use std::fmt;
use std::time::Duration;

use redis::{Client, IntoConnectionInfo, ProtocolVersion};

use crate::contract::FINISHED_KEEP;
use crate::error::StoreError;

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
    /// Interval between two checks of a server's settings, which may be changed while it runs.
    pub survey_every: Duration,
    /// How long a match is kept after its end.
    pub finished_keep: Duration,
}

impl RedisConfig {
    /// The usual configuration: prefix `rk`, 1 s to connect, 2 s to answer, a check of the settings every 10
    /// s, [`FINISHED_KEEP`].
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
    /// [`StoreError::Unfit`] describes what a URL may be; it does not repeat the URL, which may hold a
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

/// The schemes of URLs that can be used.
const SCHEMES: [&str; 3] = ["redis", "unix", "redis+unix"];
/// Those that ask for TLS, which this program is built without.
const TLS_SCHEMES: [&str; 2] = ["rediss", "valkeys"];

/// Without Nagle's algorithm: a batch is one write, and delaying it gains nothing.
pub(super) fn client(url: &str) -> Result<Client, StoreError> {
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

/// Refuses parts of a URL that would have no effect: the client library ignores those that it does not know.
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
