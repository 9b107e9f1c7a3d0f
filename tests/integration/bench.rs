//! A bench of a second, of all that there is to measure, and what makes its ratios fair.

use std::time::Duration;

use serde_json::Value;
use tests::process;

/// A bench must come to its end within this, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(180);

#[test]
fn a_short_bench_has_every_figure_of_every_server() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let html = directory.path().join("bench.html");
    let html = html.to_str().expect("a path in UTF-8");
    let args = [
        "bench",
        "--takeover",
        "3",
        "--rounds",
        "1",
        "--operators",
        "--matches",
        "2",
        "--seconds",
        "1",
        "--think",
        "0,50ms",
        "--store",
        "none,embedded,redis",
        "--json",
        "--html",
        html,
    ];
    let output = process::run("bot-client", &args, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");

    let cases = report["cases"].as_array().unwrap();
    let thinks: Vec<_> = cases.iter().map(|case| &case["think_ms"]).collect();
    assert_eq!(thinks, [0, 50], "{report}");
    for case in cases {
        assert_eq!(case["matches"], 2);
        check(&case["relay"]);
        let stores = case["stores"].as_array().unwrap();
        let names: Vec<_> = stores.iter().map(|measured| &measured["store"]).collect();
        assert_eq!(names, ["none", "embedded", "redis"], "{case}");
        for measured in stores {
            check(measured);
            let watched = &measured["watched"];
            assert!(watched["pages"].as_u64() > Some(10), "{watched}");
            assert!(
                watched["ack_us_with"]["p50"].as_u64() > Some(0),
                "{watched}"
            );
            assert!(measured["ratio"].as_f64() > Some(0.0), "{measured}");
            assert!(measured["ratio_with_redis"].as_f64() >= measured["ratio"].as_f64());
            let has_redis = measured["store"] == "redis";
            for figure in ["redis_us_per_move", "aof_bytes_per_move"] {
                assert_eq!(measured[figure].is_f64(), has_redis, "{measured}");
            }
        }
    }
    let takeover = &report["takeovers"][0];
    assert_eq!(takeover["matches"], 3);
    let [first, all] = ["first_ms", "all_ms"].map(|name| takeover[name].as_f64());
    assert!(first > Some(0.0) && first <= all, "{takeover}");
    let next = &takeover["next_acks"];
    assert_eq!(next["rounds"], 1, "{takeover}");
    // None of them is of two matches.
    let budgets = report["budgets"].as_array().unwrap();
    assert!(budgets.len() >= 9 && budgets.iter().all(|budget| budget["met"].is_null()));
    let page = std::fs::read_to_string(html).expect("the page was written");
    assert_eq!(
        page.matches("<svg").count(),
        5,
        "two plots for each load, one of takeovers"
    );
}

/// The figures of any server are there, and are figures.
fn check(figures: &Value) {
    for name in [
        "moves",
        "seconds",
        "moves_per_s",
        "server_us_per_move",
        "client_us_per_move",
        "kb_per_match_played",
        "handshakes_per_s",
        "server_us_per_handshake",
    ] {
        assert!(figures[name].as_f64() > Some(0.0), "{name}: {figures}");
    }
    // A process has its memory in huge pages, and a few matches may find room in those that it has.
    assert!(figures["kb_per_match"].as_f64() >= Some(0.0), "{figures}");
    for times in ["ack_us", "relay_us"] {
        let [p50, p99, p999] = ["p50", "p99", "p999"].map(|part| figures[times][part].as_u64());
        assert!(
            p50 > Some(0) && p50 <= p99 && p99 <= p999,
            "{times}: {figures}"
        );
    }
}
