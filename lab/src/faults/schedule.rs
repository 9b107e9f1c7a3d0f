//! Which fault comes next, and to whom: a pure choice from a seed and from what is faulty now.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

/// Shards of the cluster under test.
pub const SHARDS: usize = 3;
/// Matchmakers of the cluster under test.
pub const MATCHMAKERS: usize = 2;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// `kill -9` of a shard, and another process in its place.
    ShardKill,
    /// SIGSTOP of a shard for 1 to 60 s, from well below to far beyond the takeover; then SIGCONT.
    ShardStop,
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
    /// A shard's connections to Redis are cut.
    TcpCut,
    /// One direction of a shard's connections to Redis is silent.
    TcpHalfOpen,
    /// A shard's connections to Redis are slow.
    TcpDelay,
    /// A shard's connections to Redis break when the answer is due.
    TcpLoseReplies,
    /// 1 to 30 % of the packets between players and a shard vanish.
    UdpLoss,
    /// Packets between players and a shard overtake each other, and some come twice.
    UdpReorder,
    /// The shard sees all its players at new ports.
    UdpRebind,
    /// `kill -9` of everything that stores or plays, at once. Not part of an ordinary campaign,
    /// which keeps a shard alive.
    Blackout,
    /// SIGTERM of every shard, one after the other, each with another process in its place before the
    /// next. Not part of an ordinary campaign, as it is no fault.
    RollingRestart,
}

impl FaultKind {
    /// All kinds of an ordinary campaign.
    pub const ORDINARY: [Self; 18] = [
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
        Self::UdpRebind,
    ];

    /// The name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ShardKill => "shard_kill",
            Self::ShardStop => "shard_stop",
            Self::ShardDrain => "shard_drain",
            Self::DoubleKill => "double_kill",
            Self::KillInOutage => "kill_in_outage",
            Self::MatchmakerKill => "matchmaker_kill",
            Self::RedisKill => "redis_kill",
            Self::RedisStop => "redis_stop",
            Self::RedisDiskFull => "redis_disk_full",
            Self::ScriptFlush => "script_flush",
            Self::RewriteLog => "rewrite_log",
            Self::TcpCut => "tcp_cut",
            Self::TcpHalfOpen => "tcp_half_open",
            Self::TcpDelay => "tcp_delay",
            Self::TcpLoseReplies => "tcp_lose_replies",
            Self::UdpLoss => "udp_loss",
            Self::UdpReorder => "udp_reorder",
            Self::UdpRebind => "udp_rebind",
            Self::Blackout => "blackout",
            Self::RollingRestart => "rolling_restart",
        }
    }

    /// What it makes faulty.
    const fn needs(self) -> Needs {
        let none = Needs {
            shards: 0,
            matchmaker: false,
            redis: false,
            weather: false,
        };
        match self {
            Self::ShardKill
            | Self::ShardStop
            | Self::ShardDrain
            | Self::TcpCut
            | Self::TcpHalfOpen
            | Self::TcpDelay
            | Self::TcpLoseReplies => Needs { shards: 1, ..none },
            Self::DoubleKill => Needs { shards: 2, ..none },
            Self::KillInOutage => Needs {
                shards: 1,
                redis: true,
                ..none
            },
            Self::RollingRestart => Needs {
                shards: SHARDS,
                ..none
            },
            Self::Blackout => Needs {
                shards: SHARDS,
                redis: true,
                ..none
            },
            Self::MatchmakerKill => Needs {
                matchmaker: true,
                ..none
            },
            Self::RedisKill
            | Self::RedisStop
            | Self::RedisDiskFull
            | Self::ScriptFlush
            | Self::RewriteLog => Needs {
                redis: true,
                ..none
            },
            Self::UdpLoss | Self::UdpReorder | Self::UdpRebind => Needs {
                weather: true,
                ..none
            },
        }
    }

    /// How long it lasts, in milliseconds, starting a process anew not included. Short ones are more
    /// common than long ones: doubling the time halves how often it comes about.
    const fn lasts_ms(self) -> (u64, u64) {
        match self {
            Self::ShardKill
            | Self::DoubleKill
            | Self::MatchmakerKill
            | Self::RedisKill
            | Self::RedisDiskFull => (100, 1_500),
            Self::ShardStop => (1_000, 60_000),
            Self::KillInOutage => (300, 1_500),
            Self::RedisStop => (1_000, 10_000),
            Self::TcpCut | Self::TcpLoseReplies => (200, 2_000),
            Self::TcpHalfOpen => (500, 5_000),
            Self::TcpDelay | Self::UdpLoss | Self::UdpReorder => (1_000, 4_000),
            Self::ShardDrain
            | Self::ScriptFlush
            | Self::RewriteLog
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
        let special = [Self::Blackout, Self::RollingRestart];
        let all = Self::ORDINARY.into_iter().chain(special);
        let names: Vec<_> = all.clone().map(Self::name).collect();
        all.into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("no such kind of fault; there are: {}", names.join(", ")))
    }
}

/// What a kind makes faulty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Needs {
    shards: usize,
    matchmaker: bool,
    redis: bool,
    weather: bool,
}

/// One fault, with all that is left to chance decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What is done.
    pub kind: FaultKind,
    /// The shards that it is done to, or to whose connections.
    pub shards: Vec<usize>,
    /// The matchmaker that it is done to.
    pub matchmaker: Option<usize>,
    /// How long it lasts.
    pub lasts: Duration,
    /// How bad it is, from 0 to 1, where that can be more or less.
    pub severity: f64,
    /// Which of two ways, where there are two.
    pub other_way: bool,
}

/// Decides what comes next. Every kind comes about equally often, in an order drawn from the seed.
///
/// At least one shard is left in peace at any time, except by what touches them all: a fault that would
/// touch the last one waits its turn.
#[derive(Debug)]
pub struct Schedule {
    kinds: Vec<FaultKind>,
    deck: Vec<FaultKind>,
    dice: StdRng,
    shards_faulty: [bool; SHARDS],
    weather_bad: [bool; SHARDS],
    matchmaker_faulty: bool,
    redis_faulty: bool,
}

impl Schedule {
    /// A schedule of these kinds.
    #[must_use]
    pub fn new(kinds: Vec<FaultKind>, seed: u64) -> Self {
        Self {
            kinds,
            deck: Vec::new(),
            dice: StdRng::seed_from_u64(seed),
            shards_faulty: [false; SHARDS],
            weather_bad: [false; SHARDS],
            matchmaker_faulty: false,
            redis_faulty: false,
        }
    }

    /// The time to the next fault: `mean`, half of it more or less.
    pub fn pause(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(self.dice.random_range(0.5..1.5))
    }

    /// The next fault that can begin now; it is under way until it is [`ended`](Self::ended).
    pub fn begin(&mut self) -> Option<Fault> {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.kinds);
            self.deck.shuffle(&mut self.dice);
        }
        let possible = |kind: &FaultKind| self.is_possible(kind.needs());
        let kind = match self.deck.iter().position(possible) {
            Some(index) => self.deck.remove(index),
            None => return None,
        };
        let fault = self.draw(kind);
        self.mark(&fault, true);
        Some(fault)
    }

    /// A fault is over, and what it touched works again.
    pub fn ended(&mut self, fault: &Fault) {
        self.mark(fault, false);
    }

    fn is_possible(&self, needs: Needs) -> bool {
        let sound = self.shards_faulty.iter().filter(|faulty| !**faulty).count();
        let spared = usize::from(needs.shards > 0 && needs.shards < SHARDS);
        sound >= needs.shards + spared
            && !(needs.redis && self.redis_faulty)
            && !(needs.matchmaker && self.matchmaker_faulty)
            && !(needs.weather && self.weather_bad.iter().all(|bad| *bad))
    }

    fn draw(&mut self, kind: FaultKind) -> Fault {
        let needs = kind.needs();
        let free = if needs.weather {
            self.weather_bad
        } else {
            self.shards_faulty
        };
        let free: Vec<usize> = (0..SHARDS).filter(|&shard| !free[shard]).collect();
        let count = needs.shards + usize::from(needs.weather);
        let shards = free.sample(&mut self.dice, count).copied().collect();
        let matchmaker = self.dice.random_range(0..MATCHMAKERS);
        let (least_ms, most_ms) = kind.lasts_ms();
        let lasts_ms =
            least_ms as f64 * (most_ms as f64 / least_ms as f64).powf(self.dice.random());
        Fault {
            kind,
            shards,
            matchmaker: needs.matchmaker.then_some(matchmaker),
            lasts: Duration::from_secs_f64(lasts_ms / 1_000.0),
            severity: self.dice.random(),
            other_way: self.dice.random(),
        }
    }

    fn mark(&mut self, fault: &Fault, faulty: bool) {
        let needs = fault.kind.needs();
        let shards = if needs.weather {
            &mut self.weather_bad
        } else {
            &mut self.shards_faulty
        };
        for &shard in &fault.shards {
            shards[shard] = faulty;
        }
        if needs.redis {
            self.redis_faulty = faulty;
        }
        if needs.matchmaker {
            self.matchmaker_faulty = faulty;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn names_are_read_back() {
        for kind in FaultKind::ORDINARY {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("flood".parse::<FaultKind>().is_err());
    }

    #[test]
    fn a_shard_is_always_left_in_peace_and_every_kind_has_its_turn() {
        for seed in 0..20 {
            let mut schedule = Schedule::new(FaultKind::ORDINARY.to_vec(), seed);
            let mut counts: HashMap<FaultKind, usize> = HashMap::new();
            let mut under_way: Vec<Fault> = Vec::new();
            for n in 0..500 {
                match schedule.begin() {
                    Some(fault) => {
                        *counts.entry(fault.kind).or_default() += 1;
                        under_way.push(fault);
                    }
                    None => assert!(!under_way.is_empty(), "something can always begin"),
                }
                let touched = |fault: &&Fault| !fault.kind.needs().weather;
                let touched = under_way.iter().filter(touched);
                let mut shards: Vec<_> = touched.flat_map(|fault| &fault.shards).collect();
                let all = shards.len();
                shards.sort_unstable();
                shards.dedup();
                assert_eq!(shards.len(), all, "no shard has two faults");
                assert!(all < SHARDS, "{under_way:?}");
                if n % 3 != 0 && !under_way.is_empty() {
                    let fault = under_way.remove(n % under_way.len());
                    schedule.ended(&fault);
                }
            }
            assert_eq!(counts.len(), FaultKind::ORDINARY.len(), "{counts:?}");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        let draw = |seed| {
            let mut schedule = Schedule::new(FaultKind::ORDINARY.to_vec(), seed);
            let next = |_| {
                let fault = schedule.begin();
                fault.iter().for_each(|fault| schedule.ended(fault));
                fault
            };
            (0..50).map(next).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
