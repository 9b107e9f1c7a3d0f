//! The report as one HTML page: figures, plots as inline SVG, nothing from the network, light and
//! dark.

use super::figures::Percentiles;
use super::oracle::Promise;
use super::report::Report;
use super::samples::Sample;
use crate::html::{self, Across, Band, Escaped, Plot, Series};

/// The page.
pub(super) fn page(report: &Report) -> String {
    let parts = [
        broken(report),
        cards(report),
        plots(report),
        times(report),
        reasons(report),
        faults(report),
    ];
    html::page("Soak", &report.command, &parts.join("\n"))
}

fn broken(report: &Report) -> String {
    if report.broken.is_empty() {
        return String::new();
    }
    let each = report.broken.iter().map(ToString::to_string);
    let each: Vec<String> = each
        .map(|text| format!("<pre>{}</pre>", Escaped(&text)))
        .collect();
    format!(
        "<h2 class=\"bad\">Broken promises</h2>\n{}",
        each.join("\n")
    )
}

fn cards(report: &Report) -> String {
    let card = |value: String, name: &str| {
        format!("<div class=\"card\"><b>{value}</b><span>{name}</span></div>\n")
    };
    let class = if report.is_clean() {
        ""
    } else {
        " class=\"bad\""
    };
    let mut cards = format!(
        "<div class=\"card\"><b{class}>{}</b><span>violations</span></div>\n",
        report.violations
    );
    cards += &card(report.matches_finished.to_string(), "matches finished");
    let unattended: u64 = report.unattended.values().sum();
    let forgotten = format!(
        "{} of {unattended}",
        report.times_broken(Promise::Forgotten)
    );
    cards += &card(forgotten, "forgotten of the matches that nobody attended");
    cards += &card(report.moves.to_string(), "moves acknowledged");
    cards += &card(format!("{:.0}", report.moves_per_s), "moves a second");
    cards += &card(format!("{:.1} ms", report.ack_ms.p99), "ack p99");
    cards += &card(report.connections.max.to_string(), "clients seated at once");
    cards += &card(report.fault_log.len().to_string(), "faults");
    cards += &card(report.sessions_lost.to_string(), "sessions lost");
    if let Some(memory) = report.rss_mb {
        let text = format!("{:.0} → {:.0} MiB", memory.first, memory.last);
        cards += &card(text, "memory of the shards, first and last");
    }
    if let Some(storm) = report.storm {
        let back = storm.all_back_s;
        let back = back.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s"));
        cards += &card(back, "until all players of the storm were back");
        let ratio = storm.others_p99_ratio;
        let ratio = ratio.map_or("unknown".to_owned(), |ratio| format!("× {ratio:.1}"));
        cards += &card(ratio, "ack p99 of the others in the storm");
    }
    format!("<div class=\"cards\">\n{cards}</div>")
}

fn plots(report: &Report) -> String {
    let bands: Vec<Band> = report.fault_log.iter().map(band).collect();
    let series = |name, of: fn(&Sample) -> f64| {
        let points = report.samples.iter().map(|s| (s.at_s, of(s)));
        Series::of(name, points.collect())
    };
    let plot = |title, is_logarithmic, series| {
        let plot = Plot {
            title,
            is_logarithmic,
            series,
            bands: &bands,
            across: Across::Seconds(report.seconds),
        };
        plot.to_string()
    };
    let mut plots = vec![
        plot(
            "Moves acknowledged a second",
            false,
            vec![series("moves/s", |s| s.moves_per_s)],
        ),
        plot(
            "From a command to its acknowledgement, ms",
            true,
            vec![
                series("p50", |s| s.ack_ms.p50),
                series("p99", |s| s.ack_ms.p99),
            ],
        ),
        plot(
            "Matches in play, clients seated",
            false,
            vec![
                series("matches", |s| s.matches as f64),
                series("clients", |s| s.seated as f64),
            ],
        ),
    ];
    let mut memory = vec![series("this process", |s| s.client_mb)];
    if report.rss_mb.is_some() {
        memory.insert(0, series("all shards", |s| s.shards_mb));
        memory.insert(1, series("Redis", |s| s.redis_mb));
    }
    plots.push(plot("Resident memory, MiB", false, memory));
    let note = if bands.is_empty() {
        ""
    } else {
        "<p>The bands are faults; point at one to see which.</p>\n"
    };
    format!("<h2>Over time</h2>\n{note}{}", plots.join("\n"))
}

fn band(fault: &super::chaos::FaultRecord) -> Band {
    let shard = fault.shard.map(|shard| format!(" of shard {shard}"));
    Band {
        from_s: fault.at_s,
        to_s: fault.at_s + fault.lasted_s,
        label: format!(
            "{}{} at {:.1} s, for {:.1} s",
            fault.kind,
            shard.unwrap_or_default(),
            fault.at_s,
            fault.lasted_s
        ),
    }
}

fn times(report: &Report) -> String {
    let mut rows = vec![
        ("command to acknowledgement", report.ack_ms),
        (
            "clocks: charged beyond thinking",
            report.clocks.beyond_thinking_ms,
        ),
    ];
    let names = [
        (
            "kill to the next acknowledgement of a match",
            report.next_ack_ms,
        ),
        ("the same without thinking", report.takeover_ms),
        ("kill until a player sits again", report.back_ms),
        ("pause of a match at a drain", report.drain_ms),
        ("SIGTERM to the end of a shard", report.drain_exit_ms),
    ];
    rows.extend(names.into_iter().filter(|(_, times)| times.n > 0));
    if let Some(storm) = report.storm {
        rows.push((
            "acknowledgements of other shards, calm",
            storm.others_calm_ack_ms,
        ));
        rows.push(("the same in the storm", storm.others_storm_ack_ms));
    }
    let row = |(name, times): (&str, Percentiles)| {
        let Percentiles {
            n,
            p50,
            p90,
            p99,
            p999,
            max,
        } = times;
        format!(
            "<tr><td>{name}<td class=\"n\">{p50:.1}<td class=\"n\">{p90:.1}<td class=\"n\">{p99:.1}\
             <td class=\"n\">{p999:.1}<td class=\"n\">{max:.0}<td class=\"n\">{n}</tr>\n"
        )
    };
    let rows: String = rows.into_iter().map(row).collect();
    let heads: String = ["p50", "p90", "p99", "p99.9", "max", "n"]
        .map(|head| format!("<th class=\"n\">{head}"))
        .concat();
    format!("<h2>Times, ms</h2>\n<table><tr><th>{heads}</tr>\n{rows}</table>")
}

fn reasons(report: &Report) -> String {
    let lost = &report.connections.lost_by;
    let rows = lost.iter().chain(&report.errors);
    let rows: String = rows
        .map(|(why, times)| format!("<tr><td class=\"n\">{times}<td>{}</tr>\n", Escaped(why)))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("<h2>Connections lost, and other troubles</h2>\n<table>{rows}</table>")
}

fn faults(report: &Report) -> String {
    if report.faults.is_empty() {
        return String::new();
    }
    let rows = report.faults.iter();
    let rows: String = rows
        .map(|(kind, times)| format!("<tr><td class=\"n\">{times}<td>{kind}</tr>\n"))
        .collect();
    format!("<h2>Faults</h2>\n<table>{rows}</table>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::report::tests::report;

    #[test]
    fn the_page_needs_no_network_and_takes_no_markup_from_the_server() {
        let mut report = report();
        report.errors.insert("<script src=//evil>".to_owned(), 1);
        let page = page(&report);
        assert_eq!(page.matches("<svg").count(), 4);
        for outside in ["<script", "href=", "src=\"", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("&lt;script src=//evil&gt;"));
        assert!(page.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn a_broken_promise_comes_first_with_both_histories() {
        let page = page(&report());
        let broken = page.find("Broken promises").unwrap();
        assert!(broken < page.find("<svg").unwrap());
        assert!(page.contains("command 7 acknowledged") && page.contains("  black:"));
    }
}
