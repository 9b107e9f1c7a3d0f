//! The command line of `soak`, and what it comes to.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use client::Transport;
use game_core::{ClockStart, TimeControl};
use supervisor::RedisKind;

use super::oracle::Promise;
use super::think::Think;
use crate::cluster::{Failing, LocalPlan, server_beside};
use crate::command::{Failure, ServerArgs};
use crate::duration::duration;
use crate::engine::EngineKind;
use crate::faults::FaultKind;

/// Matches that are given up a second when a soak ends.
const CLOSES_PER_S: u32 = 200;

/// Play thousands of matches and check every promise from the outside.
///
/// Every bot keeps its own board and clocks and is an oracle: events are legal and numbered without
/// gaps, clocks lose no more than the time thought (within --clock-tolerance), both sides and the
/// records agree on moves and result, the PGN is the game that was played, and whatever was ever
/// acknowledged stands in the store at the end. The first broken promise ends the soak with exit code
/// 1 and all that is needed to reproduce it.
///
/// Without --local, --chaos or --storm it plays on the server that --matchmaker names.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bot-client soak --matches 50 --duration 1m
      against the server at http://127.0.0.1:7000
  bot-client soak --chaos --matches 2000 --duration 1h --arrivals 100 --loss 0.02 --think exp:3s \\
      --clock-tolerance 5s --html soak.html
      on a cluster of its own whose shards are killed, stopped and drained, over a bad network
  bot-client soak --local --matches 10000 --duration 10m --think exp:30s --time-control 60+30 \\
      --arrivals 200 --keep-alive 10s
      20,000 players who play slowly
  bot-client soak --storm 5000 --duration 3m --think exp:10s --arrivals 200 --clock-tolerance 5s
      one shard of three, with 5,000 players, is killed once

Moves, thinking, faults and lost packets follow from --seed; the machine's timing does not.")]
pub struct SoakArgs {
    /// Matches in play at a time; two players each.
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=50_000))]
    matches: u32,
    /// How long to play, for example 30s, 10m or 1h; then the matches in play are given up.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration)]
    duration: Duration,
    /// How long bots think: 500ms, 100ms..2s (uniform) or exp:1s (exponential, by its mean).
    #[arg(long, value_name = "DIST", default_value = "exp:1s")]
    think: Think,
    /// What chooses the moves: `random`, or `uci:PATH` for a few processes of a UCI engine.
    #[arg(long, value_name = "ENGINE", default_value = "random")]
    players: EngineKind,
    /// Matches that begin a second at the most, at random.
    #[arg(long, value_name = "R", default_value_t = 50.0, value_parser = rate)]
    arrivals: f64,
    /// Spectators in all, spread over the matches.
    #[arg(long, value_name = "K", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=50_000))]
    spectators: u32,
    /// Connections a second that bots drop on purpose, to take their seats again.
    #[arg(long, value_name = "R", default_value_t = 0.0, value_parser = rate)]
    reconnects: f64,
    /// How long a packet is under way in each direction, through a UDP proxy of its own.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = duration)]
    latency: Duration,
    /// The part of the packets that is lost in each direction, from 0 to 0.5, by the same proxy.
    #[arg(long, value_name = "PART", default_value_t = 0.0, value_parser = loss)]
    loss: f64,
    /// How much time each side has, as minutes + seconds: 5+3, or 300s+3 for seconds.
    #[arg(long, value_name = "CONTROL", default_value = "10+5",
          value_parser = TimeControl::from_spoken)]
    time_control: TimeControl,
    /// A player resigns at a ply between a quarter of this and this, if the match has not ended.
    #[arg(long, value_name = "N", default_value_t = 160,
          value_parser = clap::value_parser!(u16).range(4..=1_200))]
    plies: u16,
    /// Start a cluster on this machine: a redis-server that flushes every write, a matchmaker, and
    /// shards, all processes of their own on free ports.
    #[arg(long)]
    local: bool,
    /// Start such a cluster, and kill, stop and drain its parts.
    #[arg(long)]
    chaos: bool,
    /// Between two faults, on average.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    chaos_every: Duration,
    /// Only faults of these kinds, separated by commas: shard_kill, shard_stop, shard_drain (or kill, stop,
    /// drain), kill_in_outage, redis_kill, redis_stop, or any other of a fault campaign.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    chaos_only: Vec<FaultKind>,
    /// Start such a cluster with so many players on each shard (which sets --matches), and kill one
    /// of the shards once.
    #[arg(long, value_name = "PLAYERS", conflicts_with_all = ["chaos", "matches"],
          value_parser = clap::value_parser!(u32).range(2..=25_000))]
    storm: Option<u32>,
    /// How the Redis of the cluster is run: redis, unix, tls, valkey, sentinel or cluster.
    #[arg(long, value_name = "KIND", default_value_t = RedisKind::Single)]
    store_kind: RedisKind,
    /// Replicas that must have a write before it counts as stored; by default one where a replica can take over.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1))]
    store_replicas: Option<u32>,
    /// Shards of the cluster.
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: u16,
    /// The server's program; by default `rookery` beside this one.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// What runs as `FILE shard …` instead, to try shards of another build.
    #[arg(long, value_name = "FILE")]
    shard_program: Option<PathBuf>,
    /// Where the cluster keeps its data and logs, in a directory of its own that goes with it, unless a
    /// promise is broken; by default where temporary files go.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// How much more than was thought a clock may be charged, beside the lateness of this process and
    /// of the network that --latency and --loss make: what a busy machine adds.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    clock_tolerance: Duration,
    /// Silence after which a client sends a ping; three times it, and the connection is lost.
    #[arg(long, value_name = "TIME", default_value = "4s", value_parser = duration)]
    keep_alive: Duration,
    /// By which transport bots and spectators reach shards; mixed is each stream by the next.
    #[arg(long, value_enum, value_name = "TRANSPORT", default_value_t = SoakTransport::Quic)]
    transport: SoakTransport,
    /// Decides moves, thinking, faults and lost packets.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Go on after a broken promise, and count them.
    #[arg(long)]
    keep_going: bool,
    /// Only standard matches of one control, with nothing but moves, draws and resignations; so it is too with
    /// an engine, and in a storm.
    #[arg(long)]
    plain: bool,
    /// Where to write every client's operations, a JSON object a line, for a checker of linearizability
    /// (docs/histories.md).
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Where to write the figures, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where to write the report with plots, as one HTML file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// By which transport the bots of a soak reach shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub(super) enum SoakTransport {
    /// QUIC, as programs do.
    Quic,
    /// WebSocket, as pages do where UDP is blocked.
    WebSocket,
    /// WebTransport, as pages do.
    WebTransport,
    /// All of them.
    Mixed,
}

impl SoakTransport {
    /// The transports that streams take in turns.
    pub(super) const fn transports(self) -> &'static [Transport] {
        match self {
            Self::Quic => &[Transport::Quic],
            Self::WebSocket => &[Transport::WebSocket],
            Self::WebTransport => &[Transport::WebTransport],
            Self::Mixed => &[
                Transport::Quic,
                Transport::WebTransport,
                Transport::WebSocket,
            ],
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok();
    let rate = rate.filter(|rate| *rate == 0.0 || (0.001..=100_000.0).contains(rate));
    rate.ok_or_else(|| "a rate is 0, or a number from 0.001 to 100000".to_owned())
}

fn loss(text: &str) -> Result<f64, String> {
    let part = text.parse::<f64>().ok();
    let part = part.filter(|part| (0.0..=0.5).contains(part));
    part.ok_or_else(|| "a loss is a part from 0 to 0.5, for example 0.02".to_owned())
}

/// Where a soak plays.
#[derive(Debug, Clone)]
pub(super) enum Venue {
    /// On a server that runs.
    Matchmaker {
        /// Its matchmaker.
        url: String,
        /// The authorities to trust instead of the system's.
        ca: Option<PathBuf>,
    },
    /// On a cluster of its own.
    Local(LocalPlan),
}

/// What happens to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// Faults of these kinds, with so much between their beginnings on average.
    Chaos(Vec<FaultKind>, Duration),
    Storm,
}

/// The broken promise that ends a soak before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndsAt {
    /// The first one.
    AnyBroken,
    /// The first one of this kind.
    Broken(Promise),
    /// None: they are counted.
    Nothing,
}

/// A soak, validated.
#[derive(Debug, Clone)]
pub(super) struct SoakConfig {
    pub(super) venue: Venue,
    pub(super) trouble: Trouble,
    /// So many faults, after which it ends whatever its duration, and everything is read from the disk.
    pub(super) faults: Option<u32>,
    pub(super) matches: u32,
    pub(super) duration: Duration,
    pub(super) think: Think,
    pub(super) players: EngineKind,
    pub(super) arrivals: f64,
    pub(super) spectators: u32,
    pub(super) reconnects: f64,
    pub(super) latency: Duration,
    pub(super) loss: f64,
    pub(super) time_control: TimeControl,
    pub(super) clock_start: ClockStart,
    /// Every variant, control, term and command, and not only standard matches with draws.
    pub(super) plays_all: bool,
    /// Nobody thinks for more than a part of its time, so that a clock that runs out is a fault's doing.
    pub(super) time_is_plenty: bool,
    pub(super) plies_min: u16,
    pub(super) plies: u16,
    /// A match that takes longer is stuck.
    pub(super) match_max: Option<Duration>,
    /// All that a clock may be charged beyond thinking, but for this process's own lateness.
    pub(super) clock_tolerance: Duration,
    pub(super) keep_alive: Duration,
    pub(super) transport: SoakTransport,
    /// Silence after which a connection is lost.
    pub(super) idle_max: Duration,
    pub(super) patience: Duration,
    /// Upper bound on each wait after the last match has begun, for what may have no end.
    pub(super) last_waits_max: Duration,
    pub(super) seed: u64,
    pub(super) ends_at: EndsAt,
    /// Where every client's operations are written.
    pub(super) history: Option<PathBuf>,
    pub(super) json: Option<PathBuf>,
    pub(super) html: Option<PathBuf>,
}

impl SoakConfig {
    /// Whether anything but the players' own doings happens to the cluster.
    pub(super) fn has_faults(&self) -> bool {
        self.faults.is_some() || self.trouble != Trouble::None
    }
}

impl SoakArgs {
    /// The validated values.
    ///
    /// # Errors
    ///
    /// [`Failure::Setup`] for what does not go together.
    pub(super) fn config(&self, server: &ServerArgs) -> Result<SoakConfig, Failure> {
        if self.arrivals == 0.0 {
            return Err(Failure::setup("--arrivals 0 begins no match"));
        }
        if self.keep_alive.is_zero() {
            return Err(Failure::setup("--keep-alive must be more than 0"));
        }
        let is_far = !self.latency.is_zero() || self.loss > 0.0;
        if is_far && self.transport != SoakTransport::Quic {
            return Err(Failure::setup(
                "--latency and --loss are of UDP, and want --transport quic",
            ));
        }
        if !self.chaos && !self.chaos_only.is_empty() {
            return Err(Failure::setup("--chaos-only wants --chaos"));
        }
        let impossible = |kind: &&FaultKind| !kind.is_possible_on(self.store_kind);
        if let Some(kind) = self.chaos_only.iter().find(impossible) {
            let text = format!(
                "{kind} cannot be brought about on --store-kind {}",
                self.store_kind
            );
            return Err(Failure::setup(text));
        }
        let trouble = match self.storm {
            Some(_) => Trouble::Storm,
            None if self.chaos && self.chaos_only.is_empty() => {
                let mut kinds = FaultKind::ON_A_PLAIN_CLUSTER.to_vec();
                kinds.extend(self.store_faults());
                Trouble::Chaos(kinds, self.chaos_every)
            }
            None if self.chaos => Trouble::Chaos(self.chaos_only.clone(), self.chaos_every),
            None => Trouble::None,
        };
        let venue = if self.local || trouble != Trouble::None {
            Venue::Local(self.plan(&trouble))
        } else {
            Venue::Matchmaker {
                url: server.matchmaker.clone(),
                ca: server.ca.clone(),
            }
        };
        let stormed = self
            .storm
            .map(|players| players / 2 * u32::from(self.shards));
        Ok(SoakConfig {
            venue,
            trouble,
            faults: None,
            matches: stormed.unwrap_or(self.matches),
            duration: self.duration,
            think: self.think,
            players: self.players.clone(),
            arrivals: self.arrivals,
            spectators: self.spectators,
            reconnects: self.reconnects,
            latency: self.latency,
            loss: self.loss,
            time_control: self.time_control,
            clock_start: ClockStart::AfterFirstMoves,
            plays_all: !self.plain && self.storm.is_none() && self.players == EngineKind::Random,
            time_is_plenty: false,
            plies_min: self.plies / 4,
            plies: self.plies,
            match_max: None,
            clock_tolerance: self.clock_tolerance + network_tolerance(self.latency, self.loss),
            keep_alive: self.keep_alive,
            transport: self.transport,
            idle_max: 3 * self.keep_alive,
            patience: server.patience(),
            last_waits_max: Duration::MAX,
            seed: self.seed,
            ends_at: if self.keep_going {
                EndsAt::Nothing
            } else {
                EndsAt::AnyBroken
            },
            history: self.history.clone(),
            json: self.json.clone(),
            html: self.html.clone(),
        })
    }

    /// Faults that this kind of Redis alone has.
    fn store_faults(&self) -> impl Iterator<Item = FaultKind> {
        let own = [FaultKind::StoreFailover, FaultKind::StoreReshard];
        own.into_iter()
            .filter(|kind| kind.is_possible_on(self.store_kind))
    }

    /// The cluster of its own: with what lets networks fail only for faults that need it.
    fn plan(&self, trouble: &Trouble) -> LocalPlan {
        let mut plain = FaultKind::ON_A_PLAIN_CLUSTER.to_vec();
        plain.extend(self.store_faults());
        let is_plain = match trouble {
            Trouble::Chaos(kinds, _) => kinds.iter().all(|kind| plain.contains(kind)),
            _ => true,
        };
        let replicas = self.store_replicas;
        LocalPlan {
            store_kind: self.store_kind,
            store_replicas: replicas.unwrap_or_else(|| self.store_kind.fails_over().into()),
            shard_program: self.shard_program.clone(),
            matchmakers: if is_plain { 1 } else { 2 },
            directory: self.directory.clone(),
            failing: (!is_plain).then_some(Failing {
                seed: self.seed,
                rewrite: None,
            }),
            ..LocalPlan::of(
                self.server.clone().unwrap_or_else(server_beside),
                self.shards,
            )
        }
    }
}

/// How late a move may reach the server over a bad network, where a packet of a hundred million is
/// lost as often in a row as that takes, and is sent again after waits that double.
fn network_tolerance(latency: Duration, loss: f64) -> Duration {
    let way = 2 * latency;
    if loss == 0.0 {
        return way;
    }
    /// QUIC's first wait (RFC 9002, section 6.2) is three round trips or so, and what a peer may
    /// delay its answer.
    const WAIT: Duration = Duration::from_millis(150);
    let in_a_row = (-8.0 / loss.log10()).ceil();
    (WAIT + 3 * way).mul_f64(in_a_row.exp2() - 1.0) + way
}

impl SoakConfig {
    /// Players and spectators in all.
    pub(super) const fn clients(&self) -> u32 {
        2 * self.matches + self.spectators
    }

    /// Spectators at the board of a number.
    pub(super) const fn spectators_at(&self, number: u32) -> u32 {
        self.spectators / self.matches + (number < self.spectators % self.matches) as u32
    }

    /// Between two connections that one client drops on purpose, on average.
    pub(super) fn reconnects_mean(&self) -> Option<Duration> {
        let seconds = f64::from(self.clients()) / self.reconnects;
        (self.reconnects > 0.0).then(|| Duration::from_secs_f64(seconds))
    }

    /// The time over which the matches in play are given up at the end.
    pub(super) fn closes_over(&self) -> Duration {
        Duration::from_secs(u64::from(1 + self.matches / CLOSES_PER_S))
    }

    /// What is in play so long after the soak began to close is stuck.
    pub(super) fn overdue_after(&self) -> Duration {
        let overdue = 2 * self.closes_over() + Duration::from_secs(90);
        overdue.min(self.last_waits_max)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        soak: SoakArgs,
        #[command(flatten)]
        server: ServerArgs,
    }

    fn config(words: &str) -> Result<SoakConfig, String> {
        let words = ["soak"].into_iter().chain(words.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.soak
            .config(&line.server)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_soak_plays_on_the_server_that_is_named_or_on_its_own() {
        let named = config("--matchmaker http://h:1").unwrap();
        assert!(matches!(named.venue, Venue::Matchmaker { url, ca: None } if url == "http://h:1"));
        let trusting = config("--matchmaker https://h --ca own.pem").unwrap().venue;
        assert!(matches!(trusting, Venue::Matchmaker { ca: Some(_), .. }));
        for words in ["--local", "--chaos", "--storm 100"] {
            let venue = config(words).unwrap().venue;
            assert!(
                matches!(&venue, Venue::Local(plan) if plan.shards == 3 && plan.failing.is_none()),
                "{words}: {venue:?}"
            );
        }
        let venue = config("--chaos --chaos-only kill,udp_loss").unwrap().venue;
        assert!(
            matches!(&venue, Venue::Local(plan) if plan.failing.is_some()),
            "{venue:?}"
        );
    }

    #[test]
    fn a_storm_fills_every_shard() {
        let storm = config("--storm 5000 --shards 3").unwrap();
        assert_eq!((storm.matches, storm.trouble), (7_500, Trouble::Storm));
    }

    #[test]
    fn spectators_are_spread_over_the_boards() {
        let config = config("--matches 3 --spectators 7").unwrap();
        let at: Vec<u32> = (0..3).map(|number| config.spectators_at(number)).collect();
        assert_eq!(at, [3, 2, 2]);
        assert_eq!(config.clients(), 13);
    }

    #[test]
    fn a_bad_network_is_forgiven_what_it_costs() {
        let clear = config("").unwrap().clock_tolerance;
        assert_eq!(clear, Duration::from_secs(2));
        let lossy = config("--loss 0.02").unwrap().clock_tolerance;
        assert_eq!(lossy, clear + Duration::from_millis(150 * 31));
        let far = config("--latency 50ms").unwrap().clock_tolerance;
        assert_eq!(far, clear + Duration::from_millis(100));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for (words, why) in [
            ("--arrivals 0", "begins no match"),
            ("--keep-alive 0s", "more than 0"),
            ("--chaos-only kill", "wants --chaos"),
            (
                "--chaos --chaos-only fire",
                "there are: shard_kill, shard_stop",
            ),
            ("--loss 2", "from 0 to 0.5"),
            ("--loss 0.1 --transport websocket", "want --transport quic"),
            ("--think soon", "a thinking time is written"),
            ("--duration 5", "with a unit"),
            ("--storm 100 --matches 5", "cannot be used with"),
        ] {
            let said = config(words).unwrap_err();
            assert!(said.contains(why), "{words}: {said}");
        }
    }
}
