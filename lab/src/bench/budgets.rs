//! What a move may cost: bounds, and whether a run kept them.

use std::fmt;

use serde::Serialize;

use super::{BenchStore, Case, Measured, NextAcks, Takeover};

/// Numbers of matches at which a move's cost is bounded.
const MATCHES: [u32; 3] = [100, 500, 2_000];
/// The server's CPU time for a move over the bare relay's.
const RATIO_MAX: f64 = 1.5;
/// The same with that of Redis.
const RATIO_WITH_REDIS_MAX: f64 = 2.2;
/// Durable moves a second, with the clients on the same cores.
const MOVES_PER_S_MIN: f64 = 10_000.0;
/// Memory of the server a match with its two connections, in KB of 1,024 bytes.
const MATCH_KB_MAX: f64 = 110.0;
/// The number of matches at which memory is bounded.
const MEMORY_MATCHES: u32 = 2_000;
/// Growth of the append-only file a move, in bytes.
const AOF_BYTES_MAX: f64 = 120.0;

/// The number of matches, with two connections each, at which memory is bounded in all.
const CROWD_MATCHES: u32 = 10_000;
/// Memory of the server then, in MB of 1,048,576 bytes.
const CROWD_MB_MAX: f64 = 1.2 * 1_024.0;
/// The number of matches at which operators may not be felt.
const WATCHED_MATCHES: u32 = 1_000;
/// The time of 99 of 100 answers while operators ask for every page, over that without them.
const WATCHED_RATIO_MAX: f64 = 1.1;

/// The number of matches whose takeover is bounded, and the seconds after its detection.
const TAKEN_OVER: (u32, f64) = (10_000, 0.7);
/// The number of matches whose players' wait after a kill is bounded, and the seconds for half of them and for 99
/// of 100.
const NEXT_ACK: (u32, f64, f64) = (1_000, 0.8, 2.0);

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

/// Every budget, against what was measured in closed loop on a Redis that flushes every write. Where the
/// budget names no number of matches, the worst at the bounded numbers counts.
pub(super) fn budgets(cases: &[Case], takeovers: &[Takeover]) -> Vec<Budget> {
    let at = |matches: u32| measured(cases, matches);
    let all = || MATCHES.into_iter().filter_map(at);
    let mut budgets = Vec::new();
    for (limit, name, ratio) in [
        (RATIO_MAX, "", (|m| m.ratio) as fn(&Measured) -> f64),
        (RATIO_WITH_REDIS_MAX, "with Redis, ", |m| m.ratio_with_redis),
    ] {
        for matches in MATCHES {
            let what = format!("CPU a move over the relay's, {name}{matches} matches");
            budgets.push(Budget::new(
                what,
                Bound::AtMost,
                limit,
                at(matches).map(ratio),
            ));
        }
    }
    budgets.push(Budget::new(
        "durable moves a second",
        Bound::AtLeast,
        MOVES_PER_S_MIN,
        all().map(|m| m.figures.moves_per_s).reduce(f64::min),
    ));
    // With few matches, what a server allocates once would count.
    let many = at(MEMORY_MATCHES);
    budgets.push(Budget::new(
        format!("KB of memory a match, both connections included, {MEMORY_MATCHES} matches"),
        Bound::AtMost,
        MATCH_KB_MAX,
        many.map(|m| m.figures.kb_per_match.max(m.figures.kb_per_match_played)),
    ));
    let aof_bytes = all().filter_map(|m| m.figures.aof_bytes_per_move);
    budgets.push(Budget::new(
        "bytes of the append-only file a move",
        Bound::AtMost,
        AOF_BYTES_MAX,
        aof_bytes.reduce(f64::max),
    ));
    budgets.push(Budget::new(
        format!("MB of memory for {} connections", 2 * CROWD_MATCHES),
        Bound::AtMost,
        CROWD_MB_MAX,
        at(CROWD_MATCHES).map(|m| m.figures.kb_per_match * f64::from(CROWD_MATCHES) / 1_024.0),
    ));
    // In closed loop all times are those of a queue.
    let thinking = |case: &&Case| case.matches == WATCHED_MATCHES && case.think_ms > 0;
    let watched = cases.iter().filter(thinking);
    let watched = watched.flat_map(|case| &case.stores);
    let watched = watched.filter(|measured| measured.store == BenchStore::Redis);
    let ratios = watched.filter_map(|measured| measured.figures.watched.as_ref()?.p99_ratio);
    budgets.push(Budget::new(
        format!(
            "ack p99 with operators over that without, {WATCHED_MATCHES} matches that think (--operators)"
        ),
        Bound::AtMost,
        WATCHED_RATIO_MAX,
        ratios.reduce(f64::max),
    ));
    budgets.extend(takeover_budgets(takeovers));
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

/// What was measured with so many matches, in closed loop, on Redis.
fn measured(cases: &[Case], matches: u32) -> Option<&Measured> {
    let case = cases
        .iter()
        .find(|case| case.matches == matches && case.think_ms == 0)?;
    let mut stores = case.stores.iter();
    stores.find(|measured| measured.store == BenchStore::Redis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Percentiles;
    use crate::bench::report::tests::case;

    #[test]
    fn budgets_are_met_not_met_or_not_measured() {
        // The relay takes 20 µs: ratios of 1.4 and 1.9 at 100 matches, 1.6 and 2.1 at 500.
        let cases = [case(100, 0, 28), case(500, 0, 32), case(2_000, 2_000, 90)];
        let met: Vec<_> = budgets(&cases, &[])
            .iter()
            .map(|budget| budget.met)
            .collect();
        let (yes, no, unknown) = (Some(true), Some(false), None);
        assert_eq!(
            met,
            [
                yes, no, unknown, yes, yes, unknown, yes, unknown, yes, unknown, unknown, unknown,
                unknown, unknown
            ],
            "{:#?}",
            budgets(&cases, &[])
        );
    }

    #[test]
    fn a_takeover_is_judged_after_its_detection_and_by_what_players_waited() {
        let ms = Percentiles {
            p50: 700,
            p99: 2_100,
            p999: 3_000,
        };
        let takeover = |matches, first_ms, all_ms| Takeover {
            matches,
            first_ms,
            all_ms,
            next_acks: Some(NextAcks {
                rounds: 1,
                matches: 300,
                ms,
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
        case.stores.retain(|m| m.store != BenchStore::Redis);
        assert!(
            budgets(&[case], &[])
                .iter()
                .all(|budget| budget.met.is_none())
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
