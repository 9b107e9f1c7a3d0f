//! All that was measured, and what follows from it.

use std::thread::available_parallelism;
use std::time::Duration;

use serde::Serialize;

use super::figures::over;
use super::{
    Audience, Bound, Budget, ByGateway, Doors, Drained, Evened, Figures, Server, Spread, Takeover,
    Tickets, budgets, drain, even,
};

/// A gateway's CPU time for a move over that of matchmaker and shard.
const GATEWAY_MAX: f64 = 1.5;

/// All that was measured; as JSON it is what `--json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The command line.
    pub command: String,
    /// Processors that this process may use.
    pub cpus: usize,
    /// One for each number of matches and each time to think.
    pub cases: Vec<Case>,
    /// One for each number of matches on a shard that was killed.
    pub takeovers: Vec<Takeover>,
    /// One for each number of matches on a shard that was stopped.
    pub drains: Vec<Drained>,
    /// One for each CPU share of shards that others joined.
    pub evened: Vec<Evened>,
    /// One for each rate of tickets.
    pub tickets: Vec<Tickets>,
    /// One for each number of players by each door.
    pub doors: Vec<Doors>,
    /// One for each number of spectators.
    pub audiences: Vec<Audience>,
    /// One for each number of bots by a gateway.
    pub by_gateway: Vec<ByGateway>,
    /// What was to be kept, and whether it was.
    pub budgets: Vec<Budget>,
}

/// The servers under one load.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// Matches at the same time.
    pub matches: u32,
    /// How long each pair waited before a move on average, in milliseconds; 0 in closed loop.
    pub think_ms: u64,
    /// How often each server was measured.
    pub repetitions: usize,
    /// The servers: first what Rookery is compared with, the bare relay before all, then Rookery on each store.
    pub servers: Vec<Measured>,
}

/// A server.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Which one.
    pub server: Server,
    /// The figures; of several repetitions, the median of each.
    #[serde(flatten)]
    pub figures: Figures,
    /// The server's CPU time for a move over the relay's; of several repetitions, the median.
    pub ratio: f64,
    /// The same with the CPU time of Redis.
    pub ratio_with_redis: f64,
    /// The same over every yardstick of the case but itself.
    pub ratios: Vec<Ratio>,
    /// Each repetition.
    pub runs: Vec<Figures>,
}

/// A server's CPU time for a move over that of a yardstick in the same repetition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// The yardstick.
    pub to: Server,
    /// Of the servers' processes.
    pub server: Spread,
    /// With the CPU time of Redis, where there is one, on both sides.
    pub with_redis: Spread,
}

impl Case {
    /// Of servers that were measured equally often.
    pub(super) fn new(
        matches: u32,
        think: Duration,
        measured: Vec<(Server, Vec<Figures>)>,
    ) -> Self {
        let yardsticks = measured.iter().filter(|(server, _)| server.is_yardstick());
        let yardsticks: Vec<_> = yardsticks.cloned().collect();
        let repetitions = measured.first().map_or(0, |(_, runs)| runs.len());
        let servers = measured.into_iter().map(|(server, runs)| {
            let others = yardsticks.iter().filter(|(other, _)| *other != server);
            let ratios: Vec<_> = others
                .filter_map(|(other, theirs)| Ratio::new(&runs, *other, theirs))
                .collect();
            let to_relay = ratios.iter().find(|ratio| ratio.to == Server::Relay);
            Measured {
                server,
                figures: Figures::median(&runs),
                ratio: to_relay.map_or(1.0, |ratio| ratio.server.median),
                ratio_with_redis: to_relay.map_or(1.0, |ratio| ratio.with_redis.median),
                ratios,
                runs,
            }
        });
        Self {
            matches,
            think_ms: think.as_millis() as u64,
            repetitions,
            servers: servers.collect(),
        }
    }

    /// A server's figures, if it was measured.
    pub(super) fn of(&self, server: Server) -> Option<&Measured> {
        self.servers.iter().find(|one| one.server == server)
    }

    /// What comes of the figures of two servers in each repetition.
    pub(super) fn paired(
        &self,
        [one, other]: [Server; 2],
        of: impl Fn(&Figures, &Figures) -> f64,
    ) -> Option<Spread> {
        let pairs = self.of(one)?.runs.iter().zip(&self.of(other)?.runs);
        Spread::of(pairs.map(|(one, other)| of(one, other)))
    }
}

impl Measured {
    /// Its CPU time over that of a yardstick of the case.
    pub(super) fn ratio_to(&self, yardstick: Server) -> Option<&Ratio> {
        self.ratios.iter().find(|ratio| ratio.to == yardstick)
    }
}

impl Ratio {
    /// `None` if there was no repetition.
    fn new(runs: &[Figures], to: Server, theirs: &[Figures]) -> Option<Self> {
        let ratios = |of: fn(&Figures) -> f64| {
            let pairs = runs.iter().zip(theirs);
            Spread::of(pairs.map(|(own, theirs)| over(of(own), of(theirs))))
        };
        Some(Self {
            to,
            server: ratios(|figures| figures.server_us_per_move)?,
            with_redis: ratios(Figures::with_redis_us)?,
        })
    }
}

impl Report {
    pub(super) fn new(cases: Vec<Case>, takeovers: Vec<Takeover>) -> Self {
        Self {
            command: std::env::args().collect::<Vec<_>>().join(" "),
            cpus: available_parallelism().map_or(1, usize::from),
            budgets: budgets::budgets(&cases, &takeovers),
            cases,
            takeovers,
            drains: Vec::new(),
            evened: Vec::new(),
            tickets: Vec::new(),
            doors: Vec::new(),
            audiences: Vec::new(),
            by_gateway: Vec::new(),
        }
    }

    /// The same with what became of matches that moved, and its budgets.
    pub(super) fn with_moves(mut self, drains: Vec<Drained>, evened: Vec<Evened>) -> Self {
        self.budgets.extend(drain::budgets(&drains));
        if !evened.is_empty() {
            self.budgets.extend(even::budgets(&evened));
        }
        (self.drains, self.evened) = (drains, evened);
        self
    }

    /// The same with what bots by a gateway cost, and its budget.
    pub(super) fn with_gateways(mut self, by_gateway: Vec<ByGateway>) -> Self {
        let budgets = by_gateway.iter().map(|measured| {
            let what = format!(
                "CPU a move of a gateway over the server's, {} bots",
                measured.bots
            );
            Budget::new(what, Bound::AtMost, GATEWAY_MAX, Some(measured.ratio))
        });
        self.budgets.extend(budgets);
        self.by_gateway = by_gateway;
        self
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::figures::tests::figures;

    /// Once: a relay that takes 20 µs a move, and Rookery, which takes a given number, on Redis 10 more.
    pub(in crate::bench) fn case(matches: u32, think_ms: u64, server_us: u64) -> Case {
        let servers = vec![
            (Server::Relay, vec![figures(20, None)]),
            (Server::Embedded, vec![figures(server_us, None)]),
            (Server::Redis, vec![figures(server_us, Some(10))]),
        ];
        Case::new(matches, Duration::from_millis(think_ms), servers)
    }

    /// Three times: every yardstick, and Rookery on Redis.
    pub(in crate::bench) fn compared(matches: u32) -> Case {
        let runs = |us: [u64; 3], redis_us: Option<u64>| us.map(|us| figures(us, redis_us)).into();
        let servers = vec![
            (Server::Relay, runs([20, 25, 40], None)),
            (Server::StoredRelay, runs([25, 30, 50], Some(10))),
            (Server::PlainEverysec, runs([22, 24, 28], Some(4))),
            (Server::PlainAlways, runs([26, 28, 32], Some(8))),
            (Server::Redis, runs([30, 35, 60], Some(10))),
        ];
        Case::new(matches, Duration::ZERO, servers)
    }

    #[test]
    fn ratios_are_to_the_relay_of_the_same_case() {
        let case = case(100, 0, 30);
        let ratios = case.servers.iter().map(|m| (m.ratio, m.ratio_with_redis));
        assert_eq!(
            ratios.collect::<Vec<_>>(),
            [(1.0, 1.0), (1.5, 1.5), (1.5, 2.0)]
        );
    }

    #[test]
    fn ratios_are_taken_within_each_repetition() {
        let case = compared(100);
        let redis = case.of(Server::Redis).expect("it was measured");
        let to: Vec<_> = redis.ratios.iter().map(|ratio| ratio.to).collect();
        assert_eq!(to, Server::YARDSTICKS);
        let relay = redis.ratio_to(Server::Relay).expect("it was measured");
        // 30/20, 35/25, 60/40: the repetition that was slow for both is no outlier.
        assert_eq!(relay.server.to_string(), "1.50 (1.40–1.50)");
        assert_eq!(redis.ratio, 1.5);
        let stored = redis
            .ratio_to(Server::StoredRelay)
            .expect("it was measured");
        // 40/35, 45/40, 70/60.
        assert_eq!(stored.with_redis.to_string(), "1.14 (1.12–1.17)");
        let slower = case.paired([Server::Redis, Server::StoredRelay], |one, other| {
            one.server_us_per_move - other.server_us_per_move
        });
        assert_eq!(
            slower.expect("both were measured").to_string(),
            "5.00 (5.00–10.00)"
        );
        assert!(
            case.paired([Server::Redis, Server::None], |_, _| 1.0)
                .is_none()
        );
    }

    #[test]
    fn json_has_the_figures_beside_the_server_and_the_budgets() {
        let json =
            serde_json::to_value(Report::new(vec![case(100, 0, 30)], Vec::new())).expect("JSON");
        let redis = &json["cases"][0]["servers"][2];
        assert_eq!(redis["server"], "redis");
        assert_eq!(redis["ratio_with_redis"], 2.0);
        assert_eq!(redis["ratios"][0]["to"], "relay");
        assert_eq!(redis["relay_us"]["p50"], 400);
        assert_eq!(redis["counts"]["datagrams_received"], 2.5);
        assert!(json["cases"][0]["servers"][0]["redis_us_per_move"].is_null());
        assert_eq!(json["budgets"][0]["bound"], "at_most");
        assert_eq!(json["budgets"][0]["met"], false);
    }
}
