//! What can be made to fail: one list for soaks and for campaigns.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use supervisor::RedisKind;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// `kill -9` of a shard, and another process in its place.
    ShardKill,
    /// SIGSTOP of a shard for 1 to 60 s, from well below to far beyond the takeover; then SIGCONT.
    ShardStop,
    /// SIGSTOP of a shard for less than it takes to be taken for dead, then SIGCONT. Not part of an ordinary campaign:
    /// nothing may come of it.
    ShardPause,
    /// SIGTERM of a shard, and another process in its place.
    ShardDrain,
    /// `kill -9` of two shards of three at once.
    DoubleKill,
    /// `kill -9` of a shard whose store has not answered for a while.
    KillInOutage,
    /// `kill -9` of a matchmaker, and another process in its place.
    MatchmakerKill,
    /// `kill -9` of Redis, and its start on the same data.
    RedisKill,
    /// SIGSTOP of Redis for 1 to 10 s.
    RedisStop,
    /// The disk of Redis is full, which ends it; later it is started again with room on its disk.
    RedisDiskFull,
    /// `SCRIPT FLUSH`.
    ScriptFlush,
    /// `BGREWRITEAOF`.
    RewriteLog,
    /// A replica becomes the primary of Redis, because the primary is killed or is told to go. Only where the kind of
    /// Redis has replicas.
    StoreFailover,
    /// Half of the slots with keys move from one primary of Redis to another, in play. Only in a Cluster.
    StoreReshard,
    /// A shard's connections to Redis are cut.
    TcpCut,
    /// One direction of a shard's connections to Redis is silent.
    TcpHalfOpen,
    /// A shard's connections to Redis are slow.
    TcpDelay,
    /// A shard's connections to Redis are slow by 200 ms at most. Not part of an ordinary campaign: nothing may come of
    /// it.
    TcpLag,
    /// A shard's connections to Redis break when the answer is due.
    TcpLoseReplies,
    /// 1 to 30 % of the packets between players and a shard vanish.
    UdpLoss,
    /// Packets between players and a shard overtake each other, and some come twice.
    UdpReorder,
    /// Packets between players and a shard pass in one direction alone.
    UdpHalfCut,
    /// The shard sees all its players at new ports.
    UdpRebind,
    /// Redis has no memory left for writes (`maxmemory`).
    RedisMemoryFull,
    /// A shard can open no more files and connections, nor accept any (`RLIMIT_NOFILE`).
    ShardFilesFull,
    /// The same of a matchmaker.
    MatchmakerFilesFull,
    /// `kill -9` of everything that stores or plays, at once. Not part of an ordinary campaign,
    /// which keeps a shard alive.
    Blackout,
    /// SIGTERM of every shard, one after the other, each with another process in its place before the
    /// next. Not part of an ordinary campaign, as it is no fault.
    RollingRestart,
}

impl FaultKind {
    /// All kinds of an ordinary campaign on any Redis.
    pub const ORDINARY: [Self; 22] = [
        Self::ShardKill,
        Self::ShardStop,
        Self::ShardDrain,
        Self::DoubleKill,
        Self::KillInOutage,
        Self::MatchmakerKill,
        Self::RedisKill,
        Self::RedisStop,
        Self::RedisDiskFull,
        Self::ScriptFlush,
        Self::RewriteLog,
        Self::TcpCut,
        Self::TcpHalfOpen,
        Self::TcpDelay,
        Self::TcpLoseReplies,
        Self::UdpLoss,
        Self::UdpReorder,
        Self::UdpHalfCut,
        Self::UdpRebind,
        Self::RedisMemoryFull,
        Self::ShardFilesFull,
        Self::MatchmakerFilesFull,
    ];

    /// Those that a soak brings about unless it is told otherwise: they need nothing between the processes.
    pub const ON_A_PLAIN_CLUSTER: [Self; 6] = [
        Self::ShardKill,
        Self::ShardStop,
        Self::ShardDrain,
        Self::KillInOutage,
        Self::RedisKill,
        Self::RedisStop,
    ];

    /// All kinds of an ordinary campaign on a Redis of this kind.
    #[must_use]
    pub fn ordinary_on(store: RedisKind) -> Vec<Self> {
        let own = [Self::StoreFailover, Self::StoreReshard];
        let all = Self::ORDINARY.into_iter().chain(own);
        all.filter(|kind| kind.is_possible_on(store)).collect()
    }

    /// Whether it can be brought about on a Redis of this kind.
    #[must_use]
    pub const fn is_possible_on(self, store: RedisKind) -> bool {
        match self {
            Self::StoreFailover => store.fails_over(),
            Self::StoreReshard => store.reshards(),
            // Proxies carry TCP.
            Self::TcpCut
            | Self::TcpHalfOpen
            | Self::TcpDelay
            | Self::TcpLag
            | Self::TcpLoseReplies => !matches!(store, RedisKind::Unix),
            _ => true,
        }
    }

    /// The name on the command line and in reports. For faults of shards, the name without `shard_` is
    /// read as well.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ShardKill => "shard_kill",
            Self::ShardStop => "shard_stop",
            Self::ShardPause => "shard_pause",
            Self::ShardDrain => "shard_drain",
            Self::DoubleKill => "double_kill",
            Self::KillInOutage => "kill_in_outage",
            Self::MatchmakerKill => "matchmaker_kill",
            Self::RedisKill => "redis_kill",
            Self::RedisStop => "redis_stop",
            Self::RedisDiskFull => "redis_disk_full",
            Self::ScriptFlush => "script_flush",
            Self::RewriteLog => "rewrite_log",
            Self::StoreFailover => "store_failover",
            Self::StoreReshard => "store_reshard",
            Self::TcpCut => "tcp_cut",
            Self::TcpHalfOpen => "tcp_half_open",
            Self::TcpDelay => "tcp_delay",
            Self::TcpLag => "tcp_lag",
            Self::TcpLoseReplies => "tcp_lose_replies",
            Self::UdpLoss => "udp_loss",
            Self::UdpReorder => "udp_reorder",
            Self::UdpHalfCut => "udp_half_cut",
            Self::UdpRebind => "udp_rebind",
            Self::RedisMemoryFull => "redis_memory_full",
            Self::ShardFilesFull => "shard_files_full",
            Self::MatchmakerFilesFull => "matchmaker_files_full",
            Self::Blackout => "blackout",
            Self::RollingRestart => "rolling_restart",
        }
    }

    /// What it makes faulty.
    pub(super) const fn needs(self) -> Needs {
        let none = Needs {
            shards: 0,
            matchmaker: false,
            redis: false,
            weather: false,
        };
        match self {
            Self::ShardKill
            | Self::ShardStop
            | Self::ShardPause
            | Self::ShardDrain
            | Self::ShardFilesFull
            | Self::TcpCut
            | Self::TcpHalfOpen
            | Self::TcpDelay
            | Self::TcpLag
            | Self::TcpLoseReplies => Needs { shards: 1, ..none },
            Self::DoubleKill => Needs { shards: 2, ..none },
            Self::KillInOutage => Needs {
                shards: 1,
                redis: true,
                ..none
            },
            Self::RollingRestart => Needs {
                shards: usize::MAX,
                ..none
            },
            Self::Blackout => Needs {
                shards: usize::MAX,
                redis: true,
                ..none
            },
            Self::MatchmakerKill | Self::MatchmakerFilesFull => Needs {
                matchmaker: true,
                ..none
            },
            Self::RedisKill
            | Self::RedisStop
            | Self::RedisDiskFull
            | Self::RedisMemoryFull
            | Self::ScriptFlush
            | Self::RewriteLog
            | Self::StoreFailover
            | Self::StoreReshard => Needs {
                redis: true,
                ..none
            },
            Self::UdpLoss | Self::UdpReorder | Self::UdpHalfCut | Self::UdpRebind => Needs {
                weather: true,
                ..none
            },
        }
    }

    /// How long it lasts, in milliseconds, starting a process anew not included. Short ones are more
    /// common than long ones: doubling the time halves how often it comes about.
    pub(super) const fn lasts_ms(self) -> (u64, u64) {
        match self {
            Self::ShardKill => (100, 8_000),
            Self::RedisKill => (100, 4_000),
            Self::DoubleKill | Self::MatchmakerKill | Self::RedisDiskFull => (100, 1_500),
            Self::ShardStop => (1_000, 60_000),
            Self::ShardPause => (50, 600),
            Self::KillInOutage => (300, 1_500),
            Self::RedisStop => (1_000, 10_000),
            Self::TcpCut | Self::TcpLoseReplies => (200, 2_000),
            Self::TcpHalfOpen | Self::UdpHalfCut => (500, 5_000),
            Self::RedisMemoryFull => (200, 3_000),
            Self::ShardFilesFull | Self::MatchmakerFilesFull => (500, 4_000),
            Self::TcpDelay | Self::TcpLag | Self::UdpLoss | Self::UdpReorder => (1_000, 4_000),
            Self::ShardDrain
            | Self::ScriptFlush
            | Self::RewriteLog
            | Self::StoreFailover
            | Self::StoreReshard
            | Self::UdpRebind
            | Self::RollingRestart => (1, 1),
            Self::Blackout => (1, 300),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let special = [
            Self::ShardPause,
            Self::TcpLag,
            Self::StoreFailover,
            Self::StoreReshard,
            Self::Blackout,
            Self::RollingRestart,
        ];
        let all = Self::ORDINARY.into_iter().chain(special);
        let names: Vec<_> = all.clone().map(Self::name).collect();
        let short = |kind: Self| kind.name().strip_prefix("shard_");
        all.into_iter()
            .find(|kind| kind.name() == text || short(*kind) == Some(text))
            .ok_or_else(|| format!("no such kind of fault; there are: {}", names.join(", ")))
    }
}

/// What a kind makes faulty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    /// Shards; more than there are for all of them.
    pub(super) shards: usize,
    pub(super) matchmaker: bool,
    pub(super) redis: bool,
    /// The way between players and a shard, which may be faulty while the shard is.
    pub(super) weather: bool,
}

impl Serialize for FaultKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for kind in FaultKind::ordinary_on(RedisKind::Cluster) {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!("kill".parse(), Ok(FaultKind::ShardKill));
        assert_eq!("drain".parse(), Ok(FaultKind::ShardDrain));
        assert!("flood".parse::<FaultKind>().is_err());
    }

    #[test]
    fn a_campaign_has_the_faults_that_its_redis_can_have() {
        let has = |store, kind| FaultKind::ordinary_on(store).contains(&kind);
        for (store, failover, reshard, cut) in [
            (RedisKind::Single, false, false, true),
            (RedisKind::Unix, false, false, false),
            (RedisKind::Tls, false, false, true),
            (RedisKind::Sentinel, true, false, true),
            (RedisKind::Cluster, true, true, true),
        ] {
            assert_eq!(has(store, FaultKind::StoreFailover), failover, "{store}");
            assert_eq!(has(store, FaultKind::StoreReshard), reshard, "{store}");
            assert_eq!(has(store, FaultKind::TcpCut), cut, "{store}");
            assert!(has(store, FaultKind::RedisKill), "{store}");
        }
    }
}
