//! All that was measured, and what follows from it.

use std::thread::available_parallelism;

use serde::Serialize;

use super::figures::over;
use super::{
    BenchStore, Budget, Doors, Drained, Evened, Figures, Takeover, Tickets, budgets, drain, even,
};

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
    /// What was to be kept, and whether it was.
    pub budgets: Vec<Budget>,
}

/// The bare relay and the servers under one load.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// Matches at the same time.
    pub matches: u32,
    /// How long each pair waited before a move on average, in milliseconds; 0 in closed loop.
    pub think_ms: u64,
    /// The bare relay.
    pub relay: Figures,
    /// The server on each store.
    pub stores: Vec<Measured>,
}

/// The server on one store.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Which store.
    pub store: BenchStore,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// The server's CPU time for a move over the relay's.
    pub ratio: f64,
    /// The same with the CPU time of Redis.
    pub ratio_with_redis: f64,
}

impl Measured {
    pub(super) fn new(store: BenchStore, figures: Figures, relay: &Figures) -> Self {
        let server_us = figures.server_us_per_move;
        let with_redis_us = server_us + figures.redis_us_per_move.unwrap_or_default();
        Self {
            store,
            ratio: over(server_us, relay.server_us_per_move),
            ratio_with_redis: over(with_redis_us, relay.server_us_per_move),
            figures,
        }
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
        }
    }

    /// The same with what became of matches that moved, and its budgets.
    pub(super) fn with_moves(mut self, drains: Vec<Drained>, evened: Vec<Evened>) -> Self {
        if !drains.is_empty() {
            self.budgets.extend(drain::budgets(&drains));
        }
        if !evened.is_empty() {
            self.budgets.extend(even::budgets(&evened));
        }
        (self.drains, self.evened) = (drains, evened);
        self
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::figures::tests::figures;

    /// A relay that takes 20 µs a move, and servers that take so many, on Redis 10 more.
    pub(in crate::bench) fn case(matches: u32, think_ms: u64, server_us: u64) -> Case {
        let relay = figures(20, None);
        let stores = [(BenchStore::Embedded, None), (BenchStore::Redis, Some(10))];
        let stores = stores
            .map(|(store, redis_us)| Measured::new(store, figures(server_us, redis_us), &relay));
        Case {
            matches,
            think_ms,
            stores: stores.into(),
            relay,
        }
    }

    #[test]
    fn ratios_are_to_the_relay_of_the_same_case() {
        let case = case(100, 0, 30);
        let ratios = case.stores.iter().map(|m| (m.ratio, m.ratio_with_redis));
        assert_eq!(ratios.collect::<Vec<_>>(), [(1.5, 1.5), (1.5, 2.0)]);
    }

    #[test]
    fn json_has_the_figures_beside_the_store_and_the_budgets() {
        let json =
            serde_json::to_value(Report::new(vec![case(100, 0, 30)], Vec::new())).expect("JSON");
        let redis = &json["cases"][0]["stores"][1];
        assert_eq!(redis["store"], "redis");
        assert_eq!(redis["ratio_with_redis"], 2.0);
        assert_eq!(redis["relay_us"]["p50"], 400);
        assert!(json["cases"][0]["relay"]["redis_us_per_move"].is_null());
        assert_eq!(json["budgets"][0]["bound"], "at_most");
        assert_eq!(json["budgets"][0]["met"], true);
    }
}
