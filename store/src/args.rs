//! The options that name a store, the same for every program.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::error::StoreError;
use crate::redis::RedisConfig;

/// The URL of a Redis that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisUrl(RedisConfig);

impl RedisUrl {
    /// What stands for no store at all.
    pub const NONE: [&str; 2] = ["none", "memory:"];

    /// The URL as it was given, with its password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.url
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
        RedisConfig::parse(text).map(Self)
    }
}

/// Which Redis a process uses, and how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct StoreArgs {
    /// The Redis that all shards and matchmakers of an installation share:
    /// `redis://[user:password@]host[:port][/database]` or `unix:///path`.
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

/// How a process uses its Redis.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct StoreOptions {
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
        RedisConfig {
            prefix: self.store_prefix.clone(),
            durable_only: production,
            ..url.0.clone()
        }
    }

    /// How long to wait for Redis at the start; `None` for as long as it takes.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.store_wait.map(Duration::from_secs)
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
