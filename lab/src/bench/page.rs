//! The report as an HTML page: how costs and times grow with the number of matches.

use super::{BenchStore, Case, Figures, Measured, Report, Takeover};
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
        Series { name, points }
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
        redis_us.map(|us| us + measured.figures.server_us_per_move)
    };
    let points = points(&cases, BenchStore::Redis, with_redis);
    if !points.is_empty() {
        let name = "Redis always, Redis counted";
        costs.push(Series { name, points });
    }
    let acks = series(&cases, |figures| figures.ack_us.p99 as f64 / 1_000.0);
    plot("CPU time of the server for a move, µs", false, costs)
        + &plot("99 of 100 acknowledgements within, ms", true, acks)
}

/// One line for each server.
fn series(cases: &[&Case], of: fn(&Figures) -> f64) -> Vec<Series> {
    let relay = cases
        .iter()
        .map(|case| (case.matches.into(), of(&case.relay)));
    let mut series = vec![Series {
        name: "bare relay",
        points: relay.collect(),
    }];
    for store in [BenchStore::None, BenchStore::Embedded, BenchStore::Redis] {
        let points = points(cases, store, |measured| Some(of(&measured.figures)));
        if !points.is_empty() {
            let name = store.name();
            series.push(Series { name, points });
        }
    }
    series
}

fn points(
    cases: &[&Case],
    store: BenchStore,
    of: impl Fn(&Measured) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let point = |case: &&Case| {
        let measured = case
            .stores
            .iter()
            .find(|measured| measured.store == store)?;
        Some((f64::from(case.matches), of(measured)?))
    };
    cases.iter().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::tests::case;

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
        assert_eq!(page.matches("<svg").count(), 5);
        // Relay, embedded, Redis, Redis counted; acknowledgements without the last; and two of takeovers.
        assert_eq!(page.matches("class=\"line").count(), 16);
        // The lines go from few matches to many, in whatever order those were measured.
        assert!(page.contains("M56.0 121.6L888.0 121.6"), "{page}");
        assert!(page.contains("<pre>From kill -9") && page.contains("CPU time for a move"));
        assert!(!page.contains("<script") && !page.contains("href="));
    }
}
