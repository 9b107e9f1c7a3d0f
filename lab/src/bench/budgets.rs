//! What a move may cost: bounds, and whether a run kept them.

use std::fmt;

use serde::Serialize;

use super::{Case, Figures, Measured, NextAcks, Server, Takeover};

/// Numbers of matches at which a move's cost is bounded.
pub(super) const MATCHES: [u32; 3] = [100, 500, 2_000];
/// The number of matches, with two connections each, at which memory is bounded in all, and a move's cost once.
pub(super) const CROWD_MATCHES: u32 = 10_000;
/// The number of matches, beside the least of [`MATCHES`], at which durable moves a second are bounded.
pub(super) const BUSY_MATCHES: u32 = 1_000;
/// The number of matches at which operators may not be felt.
pub(super) const WATCHED_MATCHES: u32 = 1_000;

/// The server's CPU time for a move on Redis over the bare relay's: by number of matches, without Redis' own and with
/// it.
const OVER_RELAY_MAX: [(u32, f64, f64); 4] = [
    (100, 1.4, 2.0),
    (500, 1.3, 1.6),
    (2_000, 1.25, 1.5),
    (CROWD_MATCHES, 1.2, 1.4),
];
/// The same on the embedded store, which is in the same process.
const EMBEDDED_OVER_RELAY_MAX: f64 = 1.6;
/// Server and Redis over relay and Redis that store each message.
const OVER_STORED_MAX: f64 = 1.25;
/// Server and Redis over the plain competitor and its Redis, which flushes every write too.
const OVER_PLAIN_MAX: [(u32, f64); 3] = [(100, 1.1), (500, 1.0), (2_000, 1.0)];
/// Durable moves a second, with clients and Redis on the same two cores.
const MOVES_PER_S_MIN: [(u32, f64); 2] = [(100, 20_000.0), (BUSY_MATCHES, 16_000.0)];
/// Of one match alone: half of the acknowledgements come as much later than from the stored relay, which has the same
/// way and the same flush, in milliseconds.
const ALONE_MS_MAX: f64 = 0.15;
/// The number of matches, and within how many milliseconds 99 of 100 of their acknowledgements come.
const ACK_P99_MS_MAX: (u32, f64) = (100, 8.0);
/// Memory of the server a match with its two connections, in KB of 1,024 bytes.
const MATCH_KB_MAX: f64 = 90.0;
/// The same of a match to which nobody is connected.
const MATCH_ALONE_KB_MAX: f64 = 4.0;
/// The number of matches at which memory a match is bounded.
const MEMORY_MATCHES: u32 = 2_000;
/// Growth of the append-only file a move, in bytes.
const AOF_BYTES_MAX: [(u32, f64); 3] = [(100, 120.0), (500, 100.0), (2_000, 100.0)];
/// Memory of the server with [`CROWD_MATCHES`], in MB of 1,048,576 bytes.
const CROWD_MB_MAX: f64 = 0.8 * 1_024.0;
/// The time of 99 of 100 answers while operators ask for every page, over that without them.
const WATCHED_RATIO_MAX: f64 = 1.1;

/// The number of matches whose takeover is bounded, and the seconds after its detection.
pub(super) const TAKEN_OVER: (u32, f64) = (10_000, 0.7);
/// The number of matches whose players' wait after a kill is bounded, and the seconds for half of them and for 99
/// of 100.
pub(super) const NEXT_ACK: (u32, f64, f64) = (1_000, 0.8, 2.0);

/// On which side of its limit a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// At the limit or below it.
    AtMost,
    /// At the limit or above it.
    AtLeast,
}

/// A bound, and what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Budget {
    /// What is bounded, with its unit.
    pub what: String,
    /// On which side of the limit the figure must be.
    pub bound: Bound,
    /// The limit.
    pub limit: f64,
    /// What was measured; absent where the run did not measure it.
    pub figure: Option<f64>,
    /// Whether the bound was kept; absent as the figure is.
    pub met: Option<bool>,
}

impl Budget {
    pub(super) fn new(
        what: impl Into<String>,
        bound: Bound,
        limit: f64,
        figure: Option<f64>,
    ) -> Self {
        let met = figure.map(|figure| match bound {
            Bound::AtMost => figure <= limit,
            Bound::AtLeast => figure >= limit,
        });
        Self {
            what: what.into(),
            bound,
            limit,
            figure,
            met,
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = match self.met {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "not measured",
        };
        let figure = self.figure.map_or("–".to_owned(), shown);
        let sign = match self.bound {
            Bound::AtMost => '≤',
            Bound::AtLeast => '≥',
        };
        let limit = shown(self.limit);
        write!(f, "{met:<13}{figure:>8} {sign} {limit:<7}{}", self.what)
    }
}

/// A number with as many places as mean something.
fn shown(number: f64) -> String {
    match number.abs() {
        large if large >= 1_000.0 => format!("{number:.0}"),
        medium if medium >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// Every budget, against what was measured in closed loop; of several repetitions, the median.
pub(super) fn budgets(cases: &[Case], takeovers: &[Takeover]) -> Vec<Budget> {
    let cases = Cases(cases);
    let mut budgets = over_relay(cases);
    budgets.extend(over_others(cases));
    budgets.extend(rates_and_times(cases));
    budgets.extend(memory(cases));
    budgets.extend(takeover_budgets(takeovers));
    budgets
}

/// What was measured, by load.
#[derive(Clone, Copy)]
struct Cases<'a>(&'a [Case]);

impl<'a> Cases<'a> {
    /// With this number of matches, in closed loop.
    fn case(self, matches: u32) -> Option<&'a Case> {
        let mut cases = self.0.iter();
        cases.find(|case| case.matches == matches && case.think_ms == 0)
    }

    /// The same, of one server.
    fn of(self, server: Server, matches: u32) -> Option<&'a Measured> {
        self.case(matches)?.of(server)
    }

    fn figure(self, matches: u32, of: impl Fn(&Figures) -> f64) -> Option<f64> {
        self.of(Server::Redis, matches).map(|m| of(&m.figures))
    }
}

/// CPU time over the bare relay's.
fn over_relay(cases: Cases<'_>) -> Vec<Budget> {
    let at_most = |what: &str, matches, limit, figure| {
        let what = format!("CPU a move over the relay's, {what}{matches} matches");
        Budget::new(what, Bound::AtMost, limit, figure)
    };
    // Without the relay, a ratio to it says nothing.
    let of = |server, matches| {
        let case = cases.case(matches)?;
        case.of(Server::Relay).and(case.of(server))
    };
    let alone = OVER_RELAY_MAX.map(|(matches, limit, _)| {
        let figure = of(Server::Redis, matches).map(|m| m.ratio);
        at_most("", matches, limit, figure)
    });
    let with_redis = OVER_RELAY_MAX.map(|(matches, _, limit)| {
        let figure = of(Server::Redis, matches).map(|m| m.ratio_with_redis);
        at_most("with Redis, ", matches, limit, figure)
    });
    let embedded = OVER_RELAY_MAX.map(|(matches, ..)| {
        let figure = of(Server::Embedded, matches).map(|m| m.ratio);
        at_most("embedded, ", matches, EMBEDDED_OVER_RELAY_MAX, figure)
    });
    alone
        .into_iter()
        .chain(with_redis)
        .chain(embedded)
        .collect()
}

/// CPU time over that of others that store, Redis counted on both sides.
fn over_others(cases: Cases<'_>) -> Vec<Budget> {
    let over = |matches, limit, server: Server| {
        let ratio = cases.of(Server::Redis, matches);
        let ratio = ratio.and_then(|m| m.ratio_to(server));
        let what = format!("CPU a move over {server}'s, both with Redis, {matches} matches");
        Budget::new(
            what,
            Bound::AtMost,
            limit,
            ratio.map(|r| r.with_redis.median),
        )
    };
    let stored = OVER_RELAY_MAX.map(|(matches, ..)| (matches, OVER_STORED_MAX));
    let stored = stored.map(|(matches, limit)| over(matches, limit, Server::StoredRelay));
    let plain = OVER_PLAIN_MAX.map(|(matches, limit)| over(matches, limit, Server::PlainAlways));
    stored.into_iter().chain(plain).collect()
}

fn rates_and_times(cases: Cases<'_>) -> Vec<Budget> {
    let mut budgets = Vec::new();
    for (matches, limit) in MOVES_PER_S_MIN {
        let what = format!("durable moves a second, {matches} matches");
        let figure = cases.figure(matches, |figures| figures.moves_per_s);
        budgets.push(Budget::new(what, Bound::AtLeast, limit, figure));
    }
    let later = cases.case(1).and_then(|case| {
        case.paired([Server::Redis, Server::StoredRelay], |own, stored| {
            (own.ack_us.p50 as f64 - stored.ack_us.p50 as f64) / 1e3
        })
    });
    budgets.push(Budget::new(
        "ms to the ack of one match alone, p50, less the stored relay's",
        Bound::AtMost,
        ALONE_MS_MAX,
        later.map(|later| later.median),
    ));
    let (matches, limit) = ACK_P99_MS_MAX;
    budgets.push(Budget::new(
        format!("ms to the ack, p99, {matches} matches"),
        Bound::AtMost,
        limit,
        cases.figure(matches, |figures| figures.ack_us.p99 as f64 / 1e3),
    ));
    // In closed loop all times are those of a queue.
    let thinking = |case: &&Case| case.matches == WATCHED_MATCHES && case.think_ms > 0;
    let watched = cases.0.iter().filter(thinking);
    let watched = watched.filter_map(|case| case.of(Server::Redis));
    let ratios = watched.filter_map(|measured| measured.figures.watched.as_ref()?.p99_ratio);
    budgets.push(Budget::new(
        format!(
            "ack p99 with operators over that without, {WATCHED_MATCHES} matches that think (--operators)"
        ),
        Bound::AtMost,
        WATCHED_RATIO_MAX,
        ratios.reduce(f64::max),
    ));
    budgets
}

/// Memory of the server, and bytes of the append-only file.
fn memory(cases: Cases<'_>) -> Vec<Budget> {
    let at_most = |what, limit, figure| Budget::new(what, Bound::AtMost, limit, figure);
    // With few matches, what a server allocates once would count.
    let many = cases.of(Server::Redis, MEMORY_MATCHES);
    let crowd = cases.of(Server::Redis, CROWD_MATCHES);
    let mut budgets = vec![
        at_most(
            format!("KB of memory a match, both connections included, {MEMORY_MATCHES} matches"),
            MATCH_KB_MAX,
            many.map(|m| m.figures.kb_per_match.max(m.figures.kb_per_match_played)),
        ),
        at_most(
            format!("KB of memory a match to which nobody is connected, {CROWD_MATCHES} matches"),
            MATCH_ALONE_KB_MAX,
            crowd.and_then(|m| m.figures.kb_per_match_alone),
        ),
        at_most(
            format!("MB of memory for {} connections", 2 * CROWD_MATCHES),
            CROWD_MB_MAX,
            crowd.map(|m| m.figures.kb_per_match * f64::from(CROWD_MATCHES) / 1_024.0),
        ),
    ];
    for (matches, limit) in AOF_BYTES_MAX {
        let measured = cases.of(Server::Redis, matches);
        budgets.push(at_most(
            format!("bytes of the append-only file a move, {matches} matches"),
            limit,
            measured.and_then(|m| m.figures.aof_bytes_per_move),
        ));
    }
    budgets
}

fn takeover_budgets(takeovers: &[Takeover]) -> [Budget; 3] {
    let of = |matches| {
        takeovers
            .iter()
            .find(move |takeover| takeover.matches == matches)
    };
    let (matches, limit) = TAKEN_OVER;
    let loaded = of(matches).map(|takeover| takeover.loaded_ms() / 1e3);
    let what = format!("s until {matches} matches of a dead shard are in memory, after the first");
    let loaded = Budget::new(what, Bound::AtMost, limit, loaded);
    let (matches, p50, p99) = NEXT_ACK;
    let next = of(matches).and_then(|takeover| takeover.next_acks.as_ref());
    let waited = |name, limit, of: fn(&NextAcks) -> u64| {
        let what = format!("s from kill -9 to the next ack, {name}, {matches} matches (--rounds)");
        let figure = next.map(|next| of(next) as f64 / 1e3);
        Budget::new(what, Bound::AtMost, limit, figure)
    };
    let half = waited("p50", p50, |next| next.ms.p50);
    let nearly_all = waited("p99", p99, |next| next.ms.p99);
    [loaded, half, nearly_all]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::tests::figures;
    use crate::bench::report::tests::{case, compared};
    use crate::bench::{BenchArgs, Percentiles, drain};

    /// What is bounded, and whether it is kept, of those whose name contains this.
    fn met(budgets: &[Budget], name: &str) -> Vec<Option<bool>> {
        let named = budgets.iter().filter(|budget| budget.what.contains(name));
        named.map(|budget| budget.met).collect()
    }

    #[test]
    fn budgets_are_met_not_met_or_not_measured() {
        // The relay takes 20 µs: ratios of 1.4 and 1.9 at 100 matches, 1.6 and 2.1 at 500.
        let cases = [case(100, 0, 28), case(500, 0, 32), case(2_000, 2_000, 90)];
        let budgets = budgets(&cases, &[]);
        let (yes, no, unknown) = (Some(true), Some(false), None);
        let relay = met(&budgets, "over the relay's");
        assert_eq!(relay[..4], [yes, no, unknown, unknown]);
        assert_eq!(relay[4..8], [yes, no, unknown, unknown], "with Redis");
        assert_eq!(relay[8..], [yes, yes, unknown, unknown], "embedded");
        assert_eq!(met(&budgets, "durable moves a second"), [no, unknown]);
        assert_eq!(met(&budgets, "append-only file"), [yes, yes, unknown]);
        assert_eq!(met(&budgets, "to the ack, p99"), [yes]);
        assert!(met(&budgets, "plain always's").iter().all(Option::is_none));
        assert!(met(&budgets, "stored relay's").iter().all(Option::is_none));
        assert!(met(&budgets, "memory").iter().all(Option::is_none));
    }

    #[test]
    fn the_median_ratio_to_each_yardstick_is_judged() {
        let cases = [compared(100), compared(500)];
        let budgets = budgets(&cases, &[]);
        let (yes, no) = (Some(true), Some(false));
        // 40/35, 45/40, 70/60.
        let stored = met(&budgets, "over stored relay's, both with Redis");
        assert_eq!(stored, [yes, yes, None, None]);
        // 40/34, 45/36, 70/40.
        assert_eq!(met(&budgets, "over plain always's"), [no, no, None]);
        let figure = budgets
            .iter()
            .find(|b| b.what.contains("plain always's, both with Redis, 100"));
        assert_eq!(figure.and_then(|b| b.figure), Some(1.25));
    }

    #[test]
    fn one_match_alone_is_judged_by_what_it_takes_longer_than_the_stored_relay() {
        let budgets = budgets(&[compared(1)], &[]);
        assert_eq!(met(&budgets, "one match alone"), [Some(true)]);
        assert!(
            met(&budgets, "over the relay's")
                .iter()
                .all(Option::is_none)
        );
    }

    #[test]
    fn one_command_measures_all_that_has_a_budget() {
        let args = BenchArgs::for_test(&["--budgets"]);
        let config = args
            .config_on("rookery".into(), true)
            .expect("Redis is there");
        let cases: Vec<Case> = config
            .cases
            .iter()
            .map(|planned| {
                let runs = |server: &Server| {
                    let redis = (*server == Server::Redis).then_some(10);
                    (
                        *server,
                        vec![figures(20, redis); planned.repetitions as usize],
                    )
                };
                Case::new(
                    planned.matches,
                    planned.think,
                    planned.servers.iter().map(runs).collect(),
                )
            })
            .collect();
        let takeovers: Vec<_> = config
            .takeover
            .iter()
            .map(|&(matches, kills)| Takeover {
                matches,
                first_ms: 1.0,
                all_ms: 2.0,
                next_acks: (kills > 0).then_some(NextAcks {
                    rounds: kills,
                    matches: 1,
                    ms: MS,
                }),
            })
            .collect();
        let unknown: Vec<_> = budgets(&cases, &takeovers)
            .into_iter()
            .filter(|budget| budget.met.is_none())
            .collect();
        // Nobody looked on in these figures.
        assert_eq!(unknown.len(), 1, "{unknown:#?}");
        assert!(unknown[0].what.contains("--operators"));
        assert!(config.cases.iter().any(|planned| planned.operators));
        assert_eq!(config.drain, [drain::MATCHES]);
    }

    const MS: Percentiles = Percentiles {
        p50: 700,
        p99: 2_100,
        p999: 3_000,
    };

    #[test]
    fn a_takeover_is_judged_after_its_detection_and_by_what_players_waited() {
        let takeover = |matches, first_ms, all_ms| Takeover {
            matches,
            first_ms,
            all_ms,
            next_acks: Some(NextAcks {
                rounds: 1,
                matches: 300,
                ms: MS,
            }),
        };
        let all = [
            takeover(10_000, 400.0, 1_000.0),
            takeover(1_000, 300.0, 310.0),
        ];
        let met = takeover_budgets(&all).map(|budget| budget.met);
        assert_eq!(met, [Some(true), Some(true), Some(false)]);
    }

    #[test]
    fn without_redis_nothing_is_known() {
        let mut case = case(100, 0, 28);
        case.servers.retain(|m| m.server != Server::Redis);
        let known = budgets(&[case], &[])
            .into_iter()
            .filter(|budget| budget.met.is_some());
        assert!(
            known
                .map(|budget| budget.what)
                .all(|what| what.contains("embedded"))
        );
    }

    #[test]
    fn a_limit_is_within_its_bound() {
        for bound in [Bound::AtMost, Bound::AtLeast] {
            assert_eq!(Budget::new("", bound, 1.5, Some(1.5)).met, Some(true));
        }
        let missed = Budget::new("durable moves", Bound::AtLeast, 10_000.0, Some(9_000.4));
        assert_eq!(
            missed.to_string(),
            "NOT MET          9000 ≥ 10000  durable moves"
        );
    }
}
