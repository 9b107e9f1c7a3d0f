//! The report as an HTML page: how costs and times grow with the number of matches.

use super::{Case, Figures, Measured, Report, Server, Spread, Takeover};
use crate::html::{self, Across, Escaped, Plot, Series};

/// The page.
pub(super) fn page(report: &Report) -> String {
    let mut thinks: Vec<String> = report.cases.iter().map(Case::think).collect();
    thinks.dedup();
    let plots: String = thinks.iter().map(|think| plots(report, think)).collect();
    let table = report.to_string();
    let takeovers = takeover_plot(&report.takeovers);
    let body = format!("{plots}{takeovers}\n<pre>{}</pre>", Escaped(&table));
    html::page("Speed", &report.command, &body)
}

/// How long takeovers took; nothing if there were none.
fn takeover_plot(takeovers: &[Takeover]) -> String {
    let counts = takeovers.iter().map(|takeover| f64::from(takeover.matches));
    let (least, most) = (counts.clone().reduce(f64::min), counts.reduce(f64::max));
    let (Some(least), Some(most)) = (least, most) else {
        return String::new();
    };
    let line = |name, of: fn(&Takeover) -> f64| {
        let points = takeovers.iter();
        let mut points: Vec<_> = points.map(|t| (f64::from(t.matches), of(t))).collect();
        points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Series::of(name, points)
    };
    let plot = Plot {
        title: "From kill -9 of a shard until another has its matches, s, over their number",
        is_logarithmic: false,
        series: vec![
            line("the first", |takeover| takeover.first_ms / 1e3),
            line("all of them", |takeover| takeover.all_ms / 1e3),
        ],
        bands: &[],
        across: Across::Count(least, most),
    };
    plot.to_string()
}

/// The plots of the cases in which pairs think for so long.
fn plots(report: &Report, think: &str) -> String {
    let cases = report.cases.iter().filter(|case| case.think() == think);
    let mut cases: Vec<&Case> = cases.collect();
    cases.sort_by_key(|case| case.matches);
    let load = match think {
        "0" => "in closed loop".to_owned(),
        think => format!("{think} to think"),
    };
    let plot = |title: &str, is_logarithmic, series| {
        let ends = [cases.first(), cases.last()];
        let [least, most] = ends.map(|case| case.map_or(1.0, |case| f64::from(case.matches)));
        let plot = Plot {
            title: &format!("{title}, over the number of matches, {load}"),
            is_logarithmic,
            series,
            bands: &[],
            across: Across::Count(least, most),
        };
        plot.to_string()
    };
    let mut costs = series(&cases, |figures| figures.server_us_per_move);
    let with_redis = |measured: &Measured| {
        let redis_us = measured.figures.redis_us_per_move;
        redis_us.map(|_| spread(measured, Figures::with_redis_us))
    };
    for (server, name) in COUNTED {
        costs.extend(line(&cases, server, name, with_redis));
    }
    let acks = series(&cases, |figures| figures.ack_us.p99 as f64 / 1_000.0);
    let ratios: Vec<_> = RATIOS
        .iter()
        .filter_map(|ratio| ratio_line(&cases, ratio))
        .collect();
    let ratios = match ratios.is_empty() {
        true => String::new(),
        false => plot(
            "CPU time for a move over that of a yardstick",
            false,
            ratios,
        ),
    };
    ratios
        + &plot("CPU time of the server for a move, µs", false, costs)
        + &plot("99 of 100 acknowledgements within, ms", true, acks)
}

/// Whose cost is also shown with that of its Redis.
const COUNTED: [(Server, &str); 2] = [
    (Server::PlainAlways, "plain always, Redis counted"),
    (Server::Redis, "Redis always, Redis counted"),
];

/// Rookery's server, the yardstick, whether Redis is counted, and the name of the line.
const RATIOS: [(Server, Server, bool, &str); 5] = [
    (Server::Redis, Server::Relay, false, "Redis over bare relay"),
    (
        Server::Redis,
        Server::Relay,
        true,
        "the same, Redis counted",
    ),
    (
        Server::Redis,
        Server::StoredRelay,
        true,
        "over stored relay",
    ),
    (
        Server::Redis,
        Server::PlainAlways,
        true,
        "over plain always",
    ),
    (
        Server::Embedded,
        Server::Relay,
        false,
        "embedded over bare relay",
    ),
];

fn ratio_line(
    cases: &[&Case],
    &(server, to, with_redis, name): &(Server, Server, bool, &'static str),
) -> Option<Series> {
    line(cases, server, name, |measured| {
        let ratio = measured.ratio_to(to)?;
        Some(if with_redis {
            ratio.with_redis
        } else {
            ratio.server
        })
    })
}

/// One line for each server.
fn series(cases: &[&Case], of: fn(&Figures) -> f64) -> Vec<Series> {
    let rookery = [Server::None, Server::Embedded, Server::Redis];
    let servers = Server::YARDSTICKS.into_iter().chain(rookery);
    let lines = servers.map(|server| {
        line(cases, server, server.name(), |measured| {
            Some(spread(measured, of))
        })
    });
    lines.flatten().collect()
}

/// A figure over the repetitions.
fn spread(measured: &Measured, of: impl Fn(&Figures) -> f64) -> Spread {
    let alone = of(&measured.figures);
    Spread::of(measured.runs.iter().map(of)).unwrap_or(Spread {
        median: alone,
        least: alone,
        most: alone,
    })
}

/// A line with the range of repetitions; `None` where the server was not measured.
fn line(
    cases: &[&Case],
    server: Server,
    name: &'static str,
    of: impl Fn(&Measured) -> Option<Spread>,
) -> Option<Series> {
    let spreads: Vec<_> = cases
        .iter()
        .filter_map(|case| Some((f64::from(case.matches), of(case.of(server)?)?)))
        .collect();
    let points = spreads.iter().map(|(at, spread)| (*at, spread.median));
    let ranges = spreads
        .iter()
        .filter(|(_, spread)| spread.least < spread.most);
    let ranges = ranges.map(|(at, spread)| (*at, spread.least, spread.most));
    (!spreads.is_empty()).then(|| Series {
        name,
        points: points.collect(),
        ranges: ranges.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::tests::{case, compared};

    #[test]
    fn every_load_has_plots_with_a_line_for_each_server() {
        let cases = vec![case(2_000, 0, 40), case(100, 0, 28), case(100, 2_000, 30)];
        let takeover = |matches, all_ms| Takeover {
            matches,
            first_ms: 3_000.0,
            all_ms,
            next_acks: None,
        };
        let takeovers = vec![takeover(1_000, 4_000.0), takeover(10, 3_100.0)];
        let page = page(&Report::new(cases, takeovers));
        assert_eq!(page.matches("<svg").count(), 7);
        // For each load, three ratios; relay, embedded, Redis and Redis counted; acknowledgements without the last; and
        // two of takeovers.
        assert_eq!(page.matches("class=\"line").count(), 2 * (3 + 4 + 3) + 2);
        // The lines go from few matches to many, in whatever order those were measured.
        assert!(page.contains("M56.0 121.6L888.0 121.6"), "{page}");
        assert!(page.contains("<pre>From kill -9") && page.contains("CPU time for a move"));
        assert!(!page.contains("<script") && !page.contains("href="));
        assert!(
            !page.contains("class=\"range"),
            "one repetition has no range"
        );
    }

    #[test]
    fn repetitions_are_shown_by_their_range() {
        let page = page(&Report::new(vec![compared(100), compared(500)], Vec::new()));
        // Four ratios; five servers, two of them with Redis too. Times do not differ in these figures.
        assert_eq!(page.matches("class=\"range").count(), 2 * (4 + 7));
        assert!(page.contains("over stored relay"));
    }
}
