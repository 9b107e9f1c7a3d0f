//! Which Redis is used, and how.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::endpoint::{Access, Endpoint, RedisLogin, RedisPassword};
use super::tls::RedisTls;
use super::url::{Address, RedisTarget, Target};
use crate::contract::{FINISHED_KEEP, LIVE_KEEP};
use crate::durability::Durability;
use crate::error::StoreError;

/// Where Redis is, how it is spoken to, and how long to wait for it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// One server, `redis://[user:password@]host[:port][/database]` (`rediss://` for TLS) or
    /// `unix:///path[?db=…&user=…&pass=…]`; the Sentinels of a group,
    /// `redis+sentinel://[user:password@]host[:port][,host[:port]…]/name[/database]`, where user and password are
    /// those of the servers; or nodes of a Cluster, `redis+cluster://[user:password@]host[:port][,host[:port]…]`.
    pub url: String,
    /// User and password for the servers, where the URL has none.
    pub login: RedisLogin,
    /// User and password for the Sentinels; by default, nothing is said to them.
    pub sentinel_login: RedisLogin,
    /// How TLS is spoken, if the URL asks for it.
    pub tls: RedisTls,
    /// How many replicas must have a write before it counts as confirmed (`WAIT`): appends, and whatever else a player
    /// is told at once; with 0, none.
    pub replicas: u32,
    /// What the operator states of a server that does not tell its settings, as managed ones do not.
    pub stated_durability: Option<Durability>,
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
    /// How long the archive keeps a match.
    pub finished_keep: Duration,
    /// How long a match stays among the live ones after its outbox entry is done.
    pub live_keep: Duration,
}

impl RedisConfig {
    /// The usual configuration: prefix `rk`, 1 s to connect, 2 s to answer, a check of the settings every 10
    /// s, [`FINISHED_KEEP`].
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            login: RedisLogin::default(),
            sentinel_login: RedisLogin::default(),
            tls: RedisTls::default(),
            replicas: 0,
            stated_durability: None,
            prefix: "rk".to_owned(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
            durable_only: false,
            survey_every: Duration::from_secs(10),
            finished_keep: FINISHED_KEEP,
            live_keep: LIVE_KEEP,
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
        RedisTarget::parse(&config.url)?;
        Ok(config)
    }

    /// Whether it can be used as a whole: reads the files that it names, and connects to nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] names what is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        let plan = self.plan()?;
        for access in [&plan.access, &plan.sentinel_access] {
            access.login.read_password()?;
            if let Some(tls) = &access.tls {
                tls.client_config()?;
            }
        }
        Ok(())
    }

    /// What it leads to.
    pub(super) fn plan(&self) -> Result<Plan, StoreError> {
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            let text = "the prefix of the Redis keys must not be empty or hold braces";
            return Err(unfit(text));
        }
        let named = RedisTarget::parse(&self.url)?;
        if !named.is_tls && !self.tls.is_default() {
            return Err(unfit(
                "there are options for TLS, and the URL of Redis does not ask for it: it must begin with \
                 rediss://, or rediss+sentinel:// or rediss+cluster://",
            ));
        }
        let is_watched = matches!(named.target, Target::Sentinel { .. });
        if !is_watched && self.sentinel_login != RedisLogin::default() {
            return Err(unfit(
                "there is a login for Sentinels, and the URL of Redis names none: it must begin with \
                 redis+sentinel:// or rediss+sentinel://",
            ));
        }
        let tls = named.is_tls.then(|| self.tls.clone());
        let access = |login, database| {
            Arc::new(Access {
                tls: tls.clone(),
                login,
                database,
                connect_timeout: self.connect_timeout,
                response_timeout: self.response_timeout,
            })
        };
        Ok(Plan {
            access: access(self.merged_login(&named)?, named.database),
            sentinel_access: access(with_password(self.sentinel_login.clone())?, 0),
            target: named.target,
        })
    }

    fn merged_login(&self, named: &RedisTarget) -> Result<RedisLogin, StoreError> {
        let twice = |what: &str| {
            unfit(&format!(
                "the URL of Redis has a {what}, and so has an option: leave one of them out"
            ))
        };
        let user = match (&named.user, &self.login.user) {
            (Some(_), Some(_)) => return Err(twice("user")),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        let password = match (&named.password, &self.login.password) {
            (Some(_), Some(_)) => return Err(twice("password")),
            (Some(text), None) => Some(RedisPassword::Text(text.clone())),
            (None, given) => given.clone(),
        };
        with_password(RedisLogin { user, password })
    }
}

/// A user without a password would not be logged in, silently.
fn with_password(login: RedisLogin) -> Result<RedisLogin, StoreError> {
    if login.user.is_some() && login.password.is_none() {
        return Err(unfit(
            "there is a user for Redis and no password: give it in a file, --store-password-file \
             (ROOKERY_STORE_PASSWORD_FILE), or as ROOKERY_STORE_PASSWORD",
        ));
    }
    Ok(login)
}

/// A configuration that was found to fit together.
pub(super) struct Plan {
    pub(super) target: Target,
    /// How the servers are spoken to.
    pub(super) access: Arc<Access>,
    /// How the Sentinels are spoken to.
    pub(super) sentinel_access: Arc<Access>,
}

impl Plan {
    /// The server at an address.
    pub(super) fn server(&self, address: Address) -> Endpoint {
        let access = Arc::clone(&self.access);
        Endpoint { address, access }
    }
}

/// Leaves the URL out: it may hold a password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("login", &self.login)
            .field("tls", &self.tls)
            .field("replicas", &self.replicas)
            .field("stated_durability", &self.stated_durability)
            .field("prefix", &self.prefix)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("durable_only", &self.durable_only)
            .field("finished_keep", &self.finished_keep)
            .field("live_keep", &self.live_keep)
            .finish_non_exhaustive()
    }
}

fn unfit(text: &str) -> StoreError {
    StoreError::Unfit(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(config: RedisConfig) -> Result<RedisLogin, String> {
        let plan = config.plan().map_err(|error| error.to_string())?;
        Ok(plan.access.login.clone())
    }

    fn login(user: Option<&str>, password: Option<&str>) -> RedisLogin {
        RedisLogin {
            user: user.map(str::to_owned),
            password: password.map(|text| RedisPassword::Text(text.to_owned())),
        }
    }

    #[test]
    fn user_and_password_come_from_the_url_or_from_options() {
        for (url, given, expected) in [
            ("redis://h", login(None, None), Ok(login(None, None))),
            (
                "redis://h",
                login(Some("me"), Some("pw")),
                Ok(login(Some("me"), Some("pw"))),
            ),
            (
                "redis://me@h",
                login(None, Some("pw")),
                Ok(login(Some("me"), Some("pw"))),
            ),
            (
                "redis://me:pw@h",
                login(None, None),
                Ok(login(Some("me"), Some("pw"))),
            ),
            ("redis://me@h", login(None, None), Err("no password")),
            (
                "redis://me:pw@h",
                login(Some("me"), None),
                Err("has a user, and so has an option"),
            ),
            (
                "redis://:pw@h",
                login(None, Some("pw")),
                Err("has a password, and so has an option"),
            ),
        ] {
            let config = RedisConfig {
                login: given,
                ..RedisConfig::new(url)
            };
            match (plan(config), expected) {
                (Ok(login), Ok(expected)) => assert_eq!(login, expected, "{url}"),
                (Err(text), Err(part)) => assert!(text.contains(part), "{url}: {text}"),
                (other, _) => panic!("{url}: {other:?}"),
            }
        }
    }

    #[test]
    fn options_that_would_have_no_effect_are_refused() {
        let tls = RedisConfig {
            tls: RedisTls {
                server_name: Some("redis.example".to_owned()),
                ..RedisTls::default()
            },
            ..RedisConfig::new("redis://h")
        };
        assert!(plan(tls).unwrap_err().contains("rediss://"));
        let sentinel = RedisConfig {
            sentinel_login: login(Some("me"), Some("pw")),
            ..RedisConfig::new("redis://h")
        };
        assert!(plan(sentinel).unwrap_err().contains("redis+sentinel://"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_before_anything_is_connected() {
        let missing = || std::path::PathBuf::from("/nowhere/file");
        let password = RedisConfig {
            login: RedisLogin {
                user: None,
                password: Some(RedisPassword::File(missing())),
            },
            ..RedisConfig::new("redis://h")
        };
        let ca = RedisConfig {
            tls: RedisTls {
                ca: Some(missing()),
                ..RedisTls::default()
            },
            ..RedisConfig::new("rediss://h")
        };
        for config in [password, ca] {
            let refused = config.check().unwrap_err();
            assert!(matches!(refused, StoreError::Unfit(_)), "{refused:?}");
            assert!(refused.to_string().contains("/nowhere/file"), "{refused}");
        }
    }
}
