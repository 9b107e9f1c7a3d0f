//! The options that name a store, the same for every program.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::contract::LIVE_KEEP;
use crate::durability::Durability;
use crate::error::StoreError;
use crate::redis::{RedisConfig, RedisLogin, RedisPassword, RedisTls};

/// The URL of a Redis that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// The words that mean no store.
    pub const NONE: [&str; 2] = ["none", "memory:"];

    /// The URL as it was given, with its password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RedisUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if Self::NONE.contains(&text) {
            let why = "a process that shares its matches with others needs the URL of a Redis; only \
                       `rookery dev` can do without a store, to be measured";
            return Err(StoreError::Unfit(why.to_owned()));
        }
        RedisConfig::parse(text).map(|config| Self(config.url))
    }
}

/// Which Redis a process uses, and how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct StoreArgs {
    /// The Redis that all shards and matchmakers of an installation share, or a Valkey
    ///
    /// The Redis that all shards and matchmakers of an installation share, or a Valkey. One server:
    /// `redis://host:6379`, `redis://host:6379/2` for database 2, `rediss://host:6380` over TLS,
    /// `unix:///run/redis.sock`. Sentinels, which know the primary by a name:
    /// `redis+sentinel://h1:26379,h2:26379,h3:26379/NAME[/2]` (`rediss+sentinel://` over TLS). A Redis Cluster, by some of
    /// its nodes: `redis+cluster://h1:6379,h2:6379` (`rediss+cluster://` over TLS). An IPv6 address stands in brackets; a
    /// host name is resolved anew at each connection. Before the host a URL may have `user:password@`, which other users
    /// of this machine see if it is given here: use ROOKERY_STORE, or the options for a user and a password file.
    #[arg(
        long,
        env = "ROOKERY_STORE",
        value_name = "URL",
        hide_env_values = true
    )]
    pub store: RedisUrl,
    /// How it is used.
    #[command(flatten)]
    pub options: StoreOptions,
}

/// A password that was given as a text. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl FromStr for Secret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// How a process uses its Redis.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct StoreOptions {
    /// The user of Redis' access control lists; by default that of the URL, or the one called default.
    #[arg(long, env = "ROOKERY_STORE_USER", value_name = "NAME")]
    pub store_user: Option<String>,
    /// A file with the user's password, which is read at each connection. Without a file, the variable
    /// ROOKERY_STORE_PASSWORD may hold the password itself.
    #[arg(
        long,
        env = "ROOKERY_STORE_PASSWORD_FILE",
        value_name = "FILE",
        conflicts_with = "store_password"
    )]
    pub store_password_file: Option<PathBuf>,
    /// The user's password. Refused on the command line, which every user of a machine can read.
    #[arg(
        long,
        env = "ROOKERY_STORE_PASSWORD",
        value_name = "TEXT",
        hide = true,
        hide_env_values = true
    )]
    pub store_password: Option<Secret>,
    /// The user of the Sentinels, if they have users.
    #[arg(long, env = "ROOKERY_STORE_SENTINEL_USER", value_name = "NAME")]
    pub store_sentinel_user: Option<String>,
    /// A file with the password of the Sentinels, if they want one; or the password itself as
    /// ROOKERY_STORE_SENTINEL_PASSWORD.
    #[arg(
        long,
        env = "ROOKERY_STORE_SENTINEL_PASSWORD_FILE",
        value_name = "FILE",
        conflicts_with = "store_sentinel_password"
    )]
    pub store_sentinel_password_file: Option<PathBuf>,
    /// The password of the Sentinels. Refused on the command line.
    #[arg(
        long,
        env = "ROOKERY_STORE_SENTINEL_PASSWORD",
        value_name = "TEXT",
        hide = true,
        hide_env_values = true
    )]
    pub store_sentinel_password: Option<Secret>,
    /// The authorities that sign the certificates of Redis, in PEM; by default, those that this machine trusts. TLS is
    /// of version 1.3, and its files are read at each connection.
    #[arg(long, env = "ROOKERY_STORE_TLS_CA", value_name = "FILE")]
    pub store_tls_ca: Option<PathBuf>,
    /// The certificate to show to Redis, with its chain, in PEM.
    #[arg(
        long,
        env = "ROOKERY_STORE_TLS_CERT",
        value_name = "FILE",
        requires = "store_tls_key"
    )]
    pub store_tls_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(
        long,
        env = "ROOKERY_STORE_TLS_KEY",
        value_name = "FILE",
        requires = "store_tls_cert"
    )]
    pub store_tls_key: Option<PathBuf>,
    /// The name that certificates of Redis must hold; by default, the host that is connected to. For servers that a
    /// Sentinel or a Cluster names by IP address.
    #[arg(long, env = "ROOKERY_STORE_TLS_SERVER_NAME", value_name = "NAME")]
    pub store_tls_server_name: Option<String>,
    /// How many replicas must have an event, a new match, a hand-over or a revocation before it counts as stored. With
    /// fewer, nothing is confirmed and matches freeze.
    #[arg(
        long,
        env = "ROOKERY_STORE_REPLICAS",
        value_name = "N",
        default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=16)
    )]
    pub store_replicas: u32,
    /// What a Redis that does not tell its settings promises, as managed ones do not: `always` (written to a disk, or
    /// to several machines, before it is answered), `everysec` or `none`. What a server tells counts for more.
    #[arg(long, env = "ROOKERY_STORE_DURABILITY", value_name = "MODE")]
    pub store_durability: Option<Durability>,
    /// What all keys in Redis begin with. The shards and matchmakers of one installation have the same
    /// prefix; two installations on one Redis have two.
    #[arg(
        long,
        env = "ROOKERY_STORE_PREFIX",
        value_name = "TEXT",
        default_value = "rk",
        value_parser = prefix
    )]
    pub store_prefix: String,
    /// How long to wait for Redis at the start, in seconds.
    #[arg(
        long,
        env = "ROOKERY_STORE_WAIT",
        value_name = "SECONDS",
        default_value = "30",
        value_parser = clap::value_parser!(u64).range(0..=3600)
    )]
    pub store_wait: Option<u64>,
    /// How many minutes a match stays among the live ones after its end, or after it was archived if that is later. The
    /// shards and matchmakers of one installation have the same value.
    #[arg(
        long,
        env = "ROOKERY_LIVE_KEEP",
        value_name = "MINUTES",
        default_value_t = LIVE_KEEP.as_secs() / 60,
        value_parser = clap::value_parser!(u64).range(10..=10_080)
    )]
    pub live_keep: u64,
}

fn prefix(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.contains(['{', '}']) {
        return Err("a prefix must not be empty or hold braces");
    }
    Ok(text.to_owned())
}

impl StoreArgs {
    /// How Redis is spoken to. In `production` it must flush every write before it answers.
    #[must_use]
    pub fn redis(&self, production: bool) -> RedisConfig {
        self.options.redis(&self.store, production)
    }
}

impl StoreOptions {
    /// The same for a Redis that is named elsewhere.
    #[must_use]
    pub fn redis(&self, url: &RedisUrl, production: bool) -> RedisConfig {
        let identity = self.store_tls_cert.clone().zip(self.store_tls_key.clone());
        RedisConfig {
            login: login(
                &self.store_user,
                &self.store_password,
                &self.store_password_file,
            ),
            sentinel_login: login(
                &self.store_sentinel_user,
                &self.store_sentinel_password,
                &self.store_sentinel_password_file,
            ),
            tls: RedisTls {
                ca: self.store_tls_ca.clone(),
                identity,
                server_name: self.store_tls_server_name.clone(),
            },
            replicas: self.store_replicas,
            stated_durability: self.store_durability,
            prefix: self.store_prefix.clone(),
            durable_only: production,
            live_keep: Duration::from_secs(60 * self.live_keep),
            ..RedisConfig::new(url.as_str())
        }
    }

    /// How long to wait for Redis at the start; `None` for as long as it takes.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.store_wait.map(Duration::from_secs)
    }
}

fn login(user: &Option<String>, text: &Option<Secret>, file: &Option<PathBuf>) -> RedisLogin {
    let text = text
        .as_ref()
        .map(|Secret(text)| RedisPassword::Text(text.clone()));
    RedisLogin {
        user: user.clone(),
        password: text.or_else(|| file.clone().map(RedisPassword::File)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        store: StoreArgs,
    }

    fn parsed(words: &[&str]) -> Result<StoreArgs, clap::Error> {
        let base = ["program", "--store", "redis://me:secret@h"];
        let words = base.iter().chain(words);
        Program::try_parse_from(words).map(|program| program.store)
    }

    #[test]
    fn the_prefix_and_the_wait_reach_the_configuration() {
        let usual = parsed(&[]).unwrap();
        let url = "redis://me:secret@h";
        assert_eq!(usual.redis(false), RedisConfig::new(url));
        assert_eq!(usual.options.wait(), Some(Duration::from_secs(30)));
        let own = parsed(&["--store-prefix", "club", "--store-wait", "7"]).unwrap();
        let expected = RedisConfig {
            prefix: "club".to_owned(),
            durable_only: true,
            ..RedisConfig::new(url)
        };
        assert_eq!(own.redis(true), expected);
        assert_eq!(own.options.wait(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn every_option_reaches_the_configuration() {
        let words = [
            "--store-user=app",
            "--store-password-file=/pw",
            "--store-sentinel-user=watcher",
            "--store-sentinel-password-file=/spw",
            "--store-tls-ca=/ca",
            "--store-tls-cert=/cert",
            "--store-tls-key=/key",
            "--store-tls-server-name=redis.example",
            "--store-replicas=2",
            "--store-durability=always",
            "--live-keep=60",
        ];
        let login = |user: &str, file: &str| RedisLogin {
            user: Some(user.to_owned()),
            password: Some(RedisPassword::File(file.into())),
        };
        let expected = RedisConfig {
            login: login("app", "/pw"),
            sentinel_login: login("watcher", "/spw"),
            tls: RedisTls {
                ca: Some("/ca".into()),
                identity: Some(("/cert".into(), "/key".into())),
                server_name: Some("redis.example".to_owned()),
            },
            replicas: 2,
            stated_durability: Some(Durability::Always),
            live_keep: Duration::from_secs(3_600),
            ..RedisConfig::new("redis://me:secret@h")
        };
        assert_eq!(parsed(&words).unwrap().redis(false), expected);
        let text = parsed(&["--store-password=pw"]).unwrap();
        assert!(!format!("{text:?}").contains("pw\""), "{text:?}");
        let password = Some(RedisPassword::Text("pw".to_owned()));
        assert_eq!(text.redis(false).login.password, password);
    }

    #[test]
    fn options_that_do_not_fit_together_are_refused() {
        for (words, part) in [
            (&["--store-tls-cert=/cert"][..], "--store-tls-key"),
            (&["--store-tls-key=/key"], "--store-tls-cert"),
            (
                &["--store-password=pw", "--store-password-file=/pw"],
                "cannot be used with",
            ),
            (&["--store-durability=sometimes"], "everysec"),
            (&["--store-replicas=17"], "0..=16"),
        ] {
            let refused = parsed(words).unwrap_err().to_string();
            assert!(refused.contains(part), "{words:?}: {refused}");
        }
    }

    #[test]
    fn a_prefix_that_breaks_the_names_of_keys_is_refused() {
        for prefix in ["", "{", "a}b"] {
            let refused = parsed(&["--store-prefix", prefix]).unwrap_err().to_string();
            assert!(refused.contains("--store-prefix"), "{refused}");
            assert!(refused.contains("empty or hold braces"), "{refused}");
        }
    }

    #[test]
    fn no_store_is_no_url() {
        for none in RedisUrl::NONE {
            let refused = none.parse::<RedisUrl>().unwrap_err().to_string();
            assert!(refused.contains("rookery dev"), "{refused}");
        }
    }
}
