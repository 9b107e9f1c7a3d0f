//! The servers that are measured: what Rookery is compared with, and Rookery on each of its stores.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

use super::args::{BenchConfig, BenchStore};
use super::plain::Plain;
use super::relay::Relay;
use super::rookery::Rookery;
use super::rounds::{self, Load};
use super::{BenchError, Figures};

/// What Rookery is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Yardstick {
    /// Passes 24 bytes on and acknowledges them, over QUIC: the floor of any server on it. Always measured.
    Relay,
    /// The same, and stores each message in a Redis that flushes every write: the floor of a durable one.
    Stored,
    /// WebSocket without TLS, rules by shakmaty, one awaited SET a move in Redis, which flushes once a second.
    PlainEverysec,
    /// The same with a Redis that flushes every write.
    Plain,
}

impl Yardstick {
    /// All, in the order in which they are measured.
    pub(super) const ALL: [Self; 4] = [Self::Relay, Self::Stored, Self::PlainEverysec, Self::Plain];
}

/// A server that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Server {
    /// The bare relay.
    Relay,
    /// The relay that stores what it passes on.
    StoredRelay,
    /// The plain competitor, on a Redis that flushes once a second.
    PlainEverysec,
    /// The same on a Redis that flushes every write.
    PlainAlways,
    /// Rookery with matches in memory.
    None,
    /// Rookery on its embedded store.
    Embedded,
    /// Rookery on a Redis that flushes every write.
    Redis,
}

impl From<Yardstick> for Server {
    fn from(yardstick: Yardstick) -> Self {
        match yardstick {
            Yardstick::Relay => Self::Relay,
            Yardstick::Stored => Self::StoredRelay,
            Yardstick::PlainEverysec => Self::PlainEverysec,
            Yardstick::Plain => Self::PlainAlways,
        }
    }
}

impl From<BenchStore> for Server {
    fn from(store: BenchStore) -> Self {
        match store {
            BenchStore::None => Self::None,
            BenchStore::Embedded => Self::Embedded,
            BenchStore::Redis => Self::Redis,
        }
    }
}

impl Server {
    /// The yardsticks, in the order in which they are measured.
    pub(super) const YARDSTICKS: [Self; 4] = [
        Self::Relay,
        Self::StoredRelay,
        Self::PlainEverysec,
        Self::PlainAlways,
    ];

    /// In a word or two, as in a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relay => "bare relay",
            Self::StoredRelay => "stored relay",
            Self::PlainEverysec => "plain everysec",
            Self::PlainAlways => "plain always",
            Self::None => "in memory",
            Self::Embedded => "embedded",
            Self::Redis => "Redis always",
        }
    }

    /// Whether it is compared with, and not Rookery.
    #[must_use]
    pub fn is_yardstick(self) -> bool {
        Self::YARDSTICKS.contains(&self)
    }

    /// Starts it, measures it, and stops it.
    pub(super) async fn measure(
        self,
        config: &BenchConfig,
        load: Load,
    ) -> Result<Figures, BenchError> {
        let plain = |is_flushed| Plain::start(is_flushed, config.seed);
        let rookery = |store| Rookery::start(config, store);
        match self {
            Self::Relay => rounds::measure(&Relay::start(false).await?, load).await,
            Self::StoredRelay => rounds::measure(&Relay::start(true).await?, load).await,
            Self::PlainEverysec => rounds::measure(&plain(false).await?, load).await,
            Self::PlainAlways => rounds::measure(&plain(true).await?, load).await,
            Self::None => rounds::measure(&rookery(BenchStore::None).await?, load).await,
            Self::Embedded => rounds::measure(&rookery(BenchStore::Embedded).await?, load).await,
            Self::Redis => rounds::measure(&rookery(BenchStore::Redis).await?, load).await,
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
