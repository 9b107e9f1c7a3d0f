//! The command line of `bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::BenchError;
use super::plan::Planned;
use super::server::{Server, Yardstick};
use crate::cluster::server_beside;
use crate::duration::duration;
use supervisor::Redis;

/// Numbers of matches that are measured unless others are named: those that have budgets.
const MATCHES: [u32; 3] = [100, 500, 2_000];

/// How often servers are measured that are compared.
const REPETITIONS: u32 = 5;
const NO_REDIS: &str = "redis-server is not installed (on Debian: apt install redis-server)";

const EXAMPLES: &str = "\
Examples:
  What a durable move costs, and whether the budgets are met:
    bot-client bench
  Every budget of this project: half an hour or so:
    bot-client bench --budgets
  Beside what else one could run, five times in turn:
    bot-client bench --compare --store redis
  The same for players who think, beside one of them:
    bot-client bench --against relay,plain --repeat 5 --matches 2000 --think 2s --seconds 20
  What a flush, a packet and a system call cost here:
    bot-client bench --physics
  How the cost grows, as a plot, without and with time to think:
    bot-client bench --matches 1,10,100,1000,10000 --think 0,2s --seconds 20 --html bench.html
  What durability itself costs:
    bot-client bench --store none,embedded,redis --matches 500
  What it costs players that operators look on:
    bot-client bench --matches 1000 --think 2s --seconds 60 --store redis --operators
  How long it takes to take over the matches of a dead shard:
    bot-client bench --takeover 10,100,1000,10000 --html takeover.html
  And how long its players wait, over ten kills:
    bot-client bench --takeover 1000 --rounds 10
  How long players wait when a shard of so many matches is stopped:
    bot-client bench --drain 1000
  How two shards that join three full ones take their share:
    bot-client bench --even-load 0.1
  Whether pairing keeps up beside live matches:
    bot-client bench --tickets 500 --beside 1000 --seconds 60
  What a page costs beside a native client:
    bot-client bench --doors 2000 --seconds 20
  What a thousand spectators of one match cost:
    bot-client bench --spectators 1000 --seconds 20
  What a move costs a gateway, and whether its memory stays flat over ten minutes:
    bot-client bench --gateway 500 --seconds 600
  For a script:
    bot-client bench --json | jq '.budgets[] | select(.met == false)'";

/// Measure the server's CPU time for a durable move beside a bare QUIC relay's.
///
/// Starts all that it measures itself, one after the other, on free ports of the loopback, and stops
/// it. CPU time is that of the processes as Linux accounts for it. A ratio is the server's time for a
/// move over that of the relay, or of another yardstick (--against), with as many matches, from the same
/// repetition: judge by it, as absolute figures vary with the neighbours of a shared machine.
///
/// Budgets are printed below the table. They do not change the exit code.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = EXAMPLES)]
pub struct BenchArgs {
    /// Matches at the same time, 1 to 10000; several numbers make several rows. By default 100, 500 and
    /// 2000, or none with --takeover, --drain, --even-load, --tickets, --doors, --spectators and --gateway.
    #[arg(long, value_name = "N", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub matches: Vec<u32>,
    /// Kill a shard that has so many matches, in which 40 plies were played, and say how long it takes
    /// until two other shards have them; several numbers make several rows. Needs redis-server.
    #[arg(long, value_name = "N", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub takeover: Vec<u32>,
    /// With --takeover: also have as many matches played on three shards, kill one of them so often, and say
    /// how long its players wait for the answer to a move that they make at that moment.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "takeover",
          value_parser = clap::value_parser!(u32).range(0..=20))]
    pub rounds: u32,
    /// Stop a shard that has so many matches, whose players think for 2 s on average, and say how long each
    /// match pauses and whether its clocks are kept; several numbers make several rows. Needs redis-server.
    #[arg(long, value_name = "N", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub drain: Vec<u32>,
    /// Fill three shards that may use so many cores each (--cpu-share) to 90 %, let two more join, and say how
    /// their loads get even; takes some minutes. Needs redis-server.
    #[arg(long, value_name = "CORES", value_delimiter = ',')]
    pub even_load: Vec<f64>,
    /// Make so many tickets a second in eleven pools (for --seconds) beside live matches (--beside), and say how
    /// long they wait for a match, and for what; several numbers make several rows. Needs redis-server.
    #[arg(long, value_name = "PER SECOND", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub tickets: Vec<u32>,
    /// With --tickets: live matches, whose players think for 2 s on average.
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "tickets",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub beside: u32,
    /// Have this number of players come by each door of one shard (QUIC, WebTransport, WebSocket), and say what memory a
    /// connection and what CPU time a move costs the server by each: for --seconds nobody plays, then those of
    /// each door by themselves, then all. They think for --think, or 1 s. Several numbers make several rows.
    #[arg(long, value_name = "N", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(2..=5_000))]
    pub doors: Vec<u32>,
    /// Have one match played for --seconds by itself and then before this number of spectators, and say what a spectator
    /// costs the server, and when the last of them has a move. Players wait for --think before a move, or 200 ms.
    /// Several numbers make several rows.
    #[arg(long, value_name = "N", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub spectators: Vec<u32>,
    /// Have this number of bots play by a gateway for --seconds, and say what CPU time a move costs the gateway beside
    /// the server, and its memory at ten moments. Pairs think for --think, or 1 s. Several numbers make several rows.
    #[arg(long, value_name = "N", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(2..=5_000))]
    pub gateway: Vec<u32>,
    /// What else Rookery is compared with: its CPU time for a move is divided by that of each of these. All but relay
    /// need redis-server.
    #[arg(
        long,
        value_enum,
        value_name = "YARDSTICK",
        value_delimiter = ',',
        default_value = "relay"
    )]
    pub against: Vec<Yardstick>,
    /// Compare with every yardstick of --against, five times (--repeat).
    #[arg(long, conflicts_with = "against")]
    pub compare: bool,
    /// Measure every server so often: each of them once, one after the other, and then all again. Ratios are taken
    /// within a repetition; printed are the median and the range. 1 by default, 5 with --compare and --budgets.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    pub repeat: Option<u32>,
    /// Also count system calls, in one more repetition that counts nothing else, as it is slower for that. Needs
    /// perf, and the right to use it.
    #[arg(long)]
    pub system_calls: bool,
    /// Measure all that has a budget, and print whether it is kept. Needs redis-server, and half an hour or so.
    #[arg(long, conflicts_with_all = ["matches", "takeover", "drain", "even_load", "tickets", "doors", "spectators", "gateway", "store",
          "against", "compare", "think", "operators", "system_calls"])]
    pub budgets: bool,
    /// Measure what this machine takes for a flush, a round trip to Redis, a packet, a system call and a switch to
    /// another thread, and nothing else.
    #[arg(long, conflicts_with_all = ["matches", "takeover", "drain", "even_load", "tickets", "doors", "spectators", "gateway", "store",
          "against", "compare", "think", "operators", "system_calls", "budgets", "repeat", "html"])]
    pub physics: bool,
    /// Where the server keeps its matches; several are measured one after the other. By default
    /// embedded and, where redis-server is installed, redis.
    #[arg(long, value_enum, value_name = "STORE", value_delimiter = ',')]
    pub store: Vec<BenchStore>,
    /// How long each pair waits before a move, for example 2s; from half of it to one and a half times
    /// as long, drawn each time. 0 is as fast as moves are answered, which saturates the machine.
    /// Several values make several rows.
    #[arg(long, value_name = "TIME", value_delimiter = ',', default_value = "0",
          value_parser = duration)]
    pub think: Vec<Duration>,
    /// How long to measure each server, in seconds. Where games are played out sooner, new ones are
    /// begun; the time that takes does not count.
    #[arg(long, value_name = "SECONDS", default_value_t = 5,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Let operators ask for every page of the server's admin endpoints once a second, in every second
    /// five seconds, and say how long answers to moves took with and without them. Says something where
    /// pairs think (--think), and over 20 seconds at least.
    #[arg(long)]
    pub operators: bool,
    /// The server's binary; by default `rookery` beside this program.
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,
    /// Seed of the games that are played, and of the times that pairs wait.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Also write a page with plots over the number of matches to this file.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// The store beneath a server that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchStore {
    /// Matches are in memory and end with the process: only to be measured.
    None,
    /// The embedded store, in a temporary directory.
    Embedded,
    /// A redis-server of its own that flushes every write, in a temporary directory.
    Redis,
}

/// What is to be measured, validated.
#[derive(Debug, Clone)]
pub(super) struct BenchConfig {
    pub(super) cases: Vec<Planned>,
    /// Matches of a shard that is killed, and how often one of three is killed whose matches are played.
    pub(super) takeover: Vec<(u32, u32)>,
    pub(super) drain: Vec<u32>,
    pub(super) even_load: Vec<f64>,
    pub(super) tickets: Vec<u32>,
    pub(super) beside: u32,
    pub(super) doors: Vec<u32>,
    pub(super) spectators: Vec<u32>,
    pub(super) gateway: Vec<u32>,
    pub(super) stores: Vec<BenchStore>,
    pub(super) think: Vec<Duration>,
    pub(super) duration: Duration,
    pub(super) operators: bool,
    pub(super) server: PathBuf,
    pub(super) seed: u64,
    pub(super) html: Option<PathBuf>,
}

impl BenchArgs {
    /// # Errors
    ///
    /// In words, when something that is needed is not installed.
    pub(super) fn config(&self) -> Result<BenchConfig, BenchError> {
        let server = self.server.clone().unwrap_or_else(server_beside);
        if !server.exists() {
            let text = format!(
                "{} is missing: build it in the same profile (cargo build --release -p server), or \
                 name it with --server",
                server.display()
            );
            return Err(text.into());
        }
        self.config_on(server, Redis::is_installed())
    }

    /// The same on a machine that has the server, and a Redis or none.
    pub(super) fn config_on(
        &self,
        server: PathBuf,
        redis_is_installed: bool,
    ) -> Result<BenchConfig, BenchError> {
        if self.budgets && !redis_is_installed {
            return Err(format!("--budgets: {NO_REDIS}").into());
        }
        let stores = stores(&self.store, redis_is_installed)?;
        let takeover = self.takeover.iter().map(|&matches| (matches, self.rounds));
        let config = BenchConfig {
            cases: self.cases(&stores, redis_is_installed)?,
            takeover: takeover.collect(),
            drain: self.drain.clone(),
            even_load: self.even_load.clone(),
            tickets: self.tickets.clone(),
            beside: self.beside,
            doors: self.doors.clone(),
            spectators: self.spectators.clone(),
            gateway: self.gateway.clone(),
            stores,
            think: self.think.clone(),
            duration: Duration::from_secs(self.seconds),
            operators: self.operators,
            server,
            seed: self.seed,
            html: self.html.clone(),
        };
        Ok(match self.budgets {
            true => config.for_budgets(self.repeat.unwrap_or(REPETITIONS)),
            false => config,
        })
    }

    /// The servers to measure, under each load.
    fn cases(
        &self,
        stores: &[BenchStore],
        redis_is_installed: bool,
    ) -> Result<Vec<Planned>, BenchError> {
        let wanted = |yardstick: &Yardstick| match yardstick {
            // What every ratio is to, so that figures of different runs can be compared.
            Yardstick::Relay => true,
            other => self.compare || self.against.contains(other),
        };
        let yardsticks: Vec<_> = Yardstick::ALL.into_iter().filter(wanted).collect();
        if yardsticks.len() > 1 && !redis_is_installed {
            return Err(format!("--against, --compare: {NO_REDIS}; or name only relay").into());
        }
        let servers: Vec<Server> = yardsticks
            .into_iter()
            .map(Server::from)
            .chain(stores.iter().copied().map(Server::from))
            .collect();
        let usual = if self.compare { REPETITIONS } else { 1 };
        let mut cases = Vec::new();
        for &think in &self.think {
            for matches in self.loads() {
                cases.push(Planned {
                    matches,
                    think,
                    duration: Duration::from_secs(self.seconds),
                    repetitions: self.repeat.unwrap_or(usual),
                    servers: servers.clone(),
                    operators: self.operators,
                    system_calls: self.system_calls,
                });
            }
        }
        Ok(cases)
    }
}

impl BenchArgs {
    /// Numbers of matches under which moves are measured.
    fn loads(&self) -> Vec<u32> {
        let moves_nothing = self.drain.is_empty() && self.even_load.is_empty();
        let pairs_nobody = self.tickets.is_empty()
            && self.doors.is_empty()
            && self.spectators.is_empty()
            && self.gateway.is_empty();
        if self.matches.is_empty() && self.takeover.is_empty() && moves_nothing && pairs_nobody {
            return MATCHES.into();
        }
        self.matches.clone()
    }
}

/// The stores to measure, each once, in the order in which they were named.
fn stores(named: &[BenchStore], redis_is_installed: bool) -> Result<Vec<BenchStore>, BenchError> {
    if named.is_empty() {
        if redis_is_installed {
            return Ok(vec![BenchStore::Embedded, BenchStore::Redis]);
        }
        program::complain!("bench: {NO_REDIS}: Redis is left out");
        return Ok(vec![BenchStore::Embedded]);
    }
    if named.contains(&BenchStore::Redis) && !redis_is_installed {
        return Err(format!("--store redis: {NO_REDIS}; install it, or leave redis out").into());
    }
    let mut stores = Vec::new();
    for &store in named {
        if !stores.contains(&store) {
            stores.push(store);
        }
    }
    Ok(stores)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: BenchArgs,
    }

    impl BenchArgs {
        /// Of a command line.
        pub(in crate::bench) fn for_test(words: &[&str]) -> Self {
            let line = std::iter::once(&"bench").chain(words);
            Line::try_parse_from(line)
                .expect("the command line is right")
                .args
        }
    }

    fn planned(words: &[&str], redis_is_installed: bool) -> Result<Vec<Planned>, BenchError> {
        let args = BenchArgs::for_test(words);
        Ok(args.config_on("rookery".into(), redis_is_installed)?.cases)
    }

    #[test]
    fn stores_are_those_named_or_those_there_are() {
        use BenchStore::{Embedded, None, Redis};
        let chosen = |named: &[BenchStore], installed| stores(named, installed).ok();
        assert_eq!(chosen(&[], true), Some(vec![Embedded, Redis]));
        assert_eq!(chosen(&[], false), Some(vec![Embedded]));
        assert_eq!(chosen(&[Redis], false), Option::None);
        assert_eq!(chosen(&[Redis, None, Redis], true), Some(vec![Redis, None]));
    }

    #[test]
    fn the_relay_is_always_measured_and_others_when_they_are_named() {
        use Server::{Embedded, PlainAlways, PlainEverysec, Redis, Relay, StoredRelay};
        let servers = |words: &[&str]| {
            planned(words, true).expect("Redis is there")[0]
                .servers
                .clone()
        };
        assert_eq!(servers(&[]), [Relay, Embedded, Redis]);
        let plain = ["--against", "plain", "--store", "redis"];
        assert_eq!(servers(&plain), [Relay, PlainAlways, Redis]);
        let all = [
            Relay,
            StoredRelay,
            PlainEverysec,
            PlainAlways,
            Embedded,
            Redis,
        ];
        assert_eq!(servers(&["--compare"]), all);
        assert!(planned(&["--compare"], false).is_err());
        assert!(planned(&["--budgets"], false).is_err());
    }

    #[test]
    fn what_is_compared_is_repeated() {
        let times = |words: &[&str]| planned(words, true).expect("Redis is there")[0].repetitions;
        assert_eq!(times(&[]), 1);
        assert_eq!(times(&["--compare"]), REPETITIONS);
        assert_eq!(times(&["--compare", "--repeat", "3"]), 3);
        assert_eq!(times(&["--budgets"]), REPETITIONS);
        let loads =
            planned(&["--matches", "1,2", "--think", "0,2s"], true).expect("Redis is there");
        assert_eq!(loads.len(), 4);
    }
}
