//! A bench of a second, of all that there is to measure, and what makes its ratios fair.

use std::time::Duration;

use serde_json::Value;
use tests::process;

/// A bench must come to its end within this, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(240);

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
        assert_eq!(case["repetitions"], 1);
        check_servers(case, &["relay", "none", "embedded", "redis"]);
        for measured in &case["servers"].as_array().unwrap()[1..] {
            let watched = &measured["watched"];
            assert!(watched["pages"].as_u64() > Some(10), "{watched}");
            assert!(
                watched["ack_us_with"]["p50"].as_u64() > Some(0),
                "{watched}"
            );
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
        7,
        "three plots for each load, one of takeovers"
    );
}

/// Bots play by a gateway of its own, whose cost stands beside the server's.
#[test]
fn a_short_bench_of_a_gateway_says_what_a_move_costs_it() {
    let args = [
        "bench",
        "--gateway",
        "4",
        "--seconds",
        "3",
        "--think",
        "50ms",
        "--store",
        "embedded",
        "--json",
    ];
    let output = process::run("bot-client", &args, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    let measured = &report["by_gateway"][0];
    assert_eq!(measured["bots"], 4, "{measured}");
    assert!(measured["moves"].as_u64() > Some(10), "{measured}");
    for figure in ["gateway_us", "server_us", "ratio"] {
        assert!(
            measured[figure].as_f64() > Some(0.0),
            "{figure}: {measured}"
        );
    }
    assert_eq!(
        measured["resident_bytes"].as_array().map(Vec::len),
        Some(10)
    );
    assert!(report["cases"].as_array().is_some_and(Vec::is_empty));
    let budget = &report["budgets"].as_array().unwrap().iter().find(|budget| {
        budget["what"]
            .as_str()
            .is_some_and(|what| what.contains("of a gateway"))
    });
    assert!(
        budget.is_some_and(|budget| !budget["met"].is_null()),
        "{report}"
    );
}

#[test]
fn a_comparison_has_every_yardstick_in_every_repetition() {
    let args = [
        "bench",
        "--compare",
        "--repeat",
        "2",
        "--matches",
        "2",
        "--seconds",
        "1",
        "--store",
        "redis",
        "--json",
    ];
    let output = process::run("bot-client", &args, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    let case = &report["cases"][0];
    assert_eq!(case["repetitions"], 2);
    let servers = [
        "relay",
        "stored_relay",
        "plain_everysec",
        "plain_always",
        "redis",
    ];
    check_servers(case, &servers);
    // In turns: no server is measured twice before each was measured once.
    let turns: Vec<_> = said
        .lines()
        .filter(|line| line.contains(" of 2, "))
        .collect();
    let repetition = |number| {
        turns
            .iter()
            .filter(move |line| line.contains(number))
            .count()
    };
    assert_eq!(
        (repetition("1 of 2"), repetition("2 of 2")),
        (5, 5),
        "{said}"
    );
    assert!(
        turns[..5].iter().all(|line| line.contains("1 of 2")),
        "{said}"
    );
}

/// The case has these servers, what is compared with first, with all figures that they have.
fn check_servers(case: &Value, names: &[&str]) {
    let servers = case["servers"].as_array().unwrap();
    let measured: Vec<_> = servers.iter().map(|measured| &measured["server"]).collect();
    assert_eq!(measured, names, "{case}");
    for measured in servers {
        check(measured);
        let runs = measured["runs"].as_array().unwrap();
        assert_eq!(Some(runs.len() as u64), case["repetitions"].as_u64());
        runs.iter().for_each(check);
        check_ratios(measured, names);
        check_counts(measured);
        let server = measured["server"].as_str().unwrap();
        let has_redis = !["relay", "none", "embedded"].contains(&server);
        for figure in ["redis_us_per_move", "aof_bytes_per_move"] {
            assert_eq!(measured[figure].is_f64(), has_redis, "{measured}");
        }
    }
}

/// Every server has its ratios to all yardsticks but itself.
fn check_ratios(measured: &Value, names: &[&str]) {
    let ratios = measured["ratios"].as_array().unwrap();
    let to: Vec<_> = ratios
        .iter()
        .map(|ratio| ratio["to"].as_str().unwrap())
        .collect();
    let is_yardstick = |name: &&str| !["none", "embedded", "redis"].contains(name);
    let others = names.iter().copied().filter(is_yardstick);
    let others: Vec<_> = others.filter(|name| measured["server"] != *name).collect();
    assert_eq!(to, others, "{measured}");
    for ratio in ratios {
        for side in ["server", "with_redis"] {
            let [least, median, most] =
                ["least", "median", "most"].map(|part| ratio[side][part].as_f64().unwrap());
            assert!(0.0 < least && least <= median && median <= most, "{ratio}");
        }
    }
}

/// Over QUIC, a move takes at least the datagram that brings it and those that answer and relay it.
fn check_counts(measured: &Value) {
    let counts = &measured["counts"];
    let is_quic = !measured["server"].as_str().unwrap().starts_with("plain");
    assert_eq!(counts["datagrams_received"].is_f64(), is_quic, "{measured}");
    if is_quic {
        assert!(
            counts["datagrams_received"].as_f64() >= Some(1.0),
            "{measured}"
        );
        assert!(counts["datagrams_sent"].as_f64() >= Some(1.0), "{measured}");
    }
    assert!(
        counts["switches_voluntary"].as_f64() > Some(0.0),
        "{measured}"
    );
    assert!(counts["system_calls"].is_null(), "nobody asked for them");
}

#[test]
fn what_the_machine_takes_is_printed_by_itself() {
    let output = process::run("bot-client", &["bench", "--physics", "--json"], LIMIT);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let physics: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let parts = physics["parts"].as_array().unwrap();
    for name in [
        "system call",
        "thread",
        "sendmmsg",
        "fdatasync",
        "everysec",
        "TCP",
        "unix",
    ] {
        let named = |part: &&Value| part["what"].as_str().unwrap().contains(name);
        let part = parts.iter().find(named).expect(name);
        assert!(part["times"].as_u64() > Some(0), "{part}");
        assert!(part["p50_us"].as_f64() > Some(0.0), "{part}");
        assert!(part["p50_us"].as_f64() <= part["p99_us"].as_f64(), "{part}");
    }
}

/// The figures of any server are there, and are figures.
fn check(figures: &Value) {
    for name in [
        "moves",
        "seconds",
        "moves_per_s",
        "server_us_per_move",
        "client_us_per_move",
        "handshakes_per_s",
        "server_us_per_handshake",
    ] {
        assert!(figures[name].as_f64() > Some(0.0), "{name}: {figures}");
    }
    // A process has its memory in huge pages, and a few matches may find room in those that it has, or that it gives back
    // between two rounds.
    for name in ["kb_per_match", "kb_per_match_played"] {
        assert!(figures[name].as_f64() >= Some(0.0), "{name}: {figures}");
    }
    for times in ["ack_us", "relay_us"] {
        let [p50, p99, p999] = ["p50", "p99", "p999"].map(|part| figures[times][part].as_u64());
        assert!(
            p50 > Some(0) && p50 <= p99 && p99 <= p999,
            "{times}: {figures}"
        );
    }
}
