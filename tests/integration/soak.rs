//! Short soaks on clusters of real processes: one that passes, and some that must not.

use std::time::Duration;

use serde_json::Value;
use tests::process;

/// A soak must come to its end within this, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs a soak with `more` arguments; its exit code and its figures.
fn soak(more: &[&str]) -> (Option<i32>, Value) {
    let _turn = tests::turns::blocking(tests::turns::shared_turn());
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (json, html) = (
        directory.path().join("soak.json"),
        directory.path().join("soak.html"),
    );
    let mut args = vec![
        "soak",
        "--matches",
        "12",
        "--think",
        "100ms..400ms",
        "--plies",
        "60",
        "--seed",
        "20251121",
        "--directory",
        directory.path().to_str().expect("a path in UTF-8"),
        "--json",
        json.to_str().expect("a path in UTF-8"),
        "--html",
        html.to_str().expect("a path in UTF-8"),
    ];
    args.extend_from_slice(more);
    let output = process::run("bot-client", &args, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr);
    let text = std::fs::read_to_string(json).unwrap_or_else(|_| panic!("no figures: {said}"));
    let page = std::fs::read_to_string(html).unwrap_or_else(|_| panic!("no page: {said}"));
    assert!(page.contains("<svg"), "the page has plots");
    let figures = serde_json::from_str(&text).expect("figures are JSON");
    (output.status.code(), figures)
}

/// What was promised and was not kept, in few words: the figures hold both histories in full.
fn broken_promises(figures: &Value) -> String {
    let all = figures["broken"].as_array().into_iter().flatten();
    let words = |broken: &Value, name: &str| broken[name].to_string();
    all.map(|broken| {
        ["promise", "expected", "got"]
            .map(|name| words(broken, name))
            .join(" ")
    })
    .collect::<Vec<_>>()
    .join("; ")
}

#[test]
fn a_short_soak_with_chaos_finds_every_promise_kept() {
    let (code, figures) = soak(&[
        "--chaos",
        "--chaos-every",
        "2s",
        "--chaos-only",
        "kill,drain,redis_stop",
        "--duration",
        "14s",
        "--spectators",
        "4",
        "--reconnects",
        "1",
        "--loss",
        "0.01",
        "--latency",
        "2ms",
        // Where tests share a few cores.
        "--clock-tolerance",
        "3s",
    ]);
    let broken = broken_promises(&figures);
    assert!(
        code == Some(0) && figures["violations"] == 0,
        "{figures}\nexit code {code:?}: {broken}"
    );
    let number = |name: &str| figures[name].as_u64().unwrap();
    assert!(number("matches_finished") >= 12, "{figures}");
    assert_eq!(number("matches_finished"), number("matches_begun"));
    assert!(number("moves") > 100, "{figures}");
    for kind in ["left", "never_joined", "never_joined_at_once"] {
        assert!(figures["unattended"][kind].as_u64() > Some(0), "{figures}");
    }
    assert_eq!(number("forgotten"), 0, "{figures}");
    assert!(
        !figures["fault_log"].as_array().unwrap().is_empty(),
        "{figures}"
    );
    assert!(
        figures["connections"]["resumed"].as_u64() > Some(0),
        "{figures}"
    );
}

/// With a safeguard taken out, a soak must end with a broken promise.
#[cfg(feature = "sabotage")]
mod sabotaged {
    use super::*;

    fn broken(safeguard: &str, faults: &str) -> Value {
        let shard = env!("CARGO_BIN_EXE_faults");
        // The shards inherit it, and are the only ones to know of it.
        let wrapper = tempfile::tempdir().expect("a temporary directory");
        let program = wrapper.path().join("sabotaged");
        write_program(&program, shard, safeguard);
        let (code, figures) = soak(&[
            "--chaos",
            "--chaos-every",
            "2s",
            "--chaos-only",
            faults,
            "--duration",
            "40s",
            "--shard-program",
            program.to_str().expect("a path in UTF-8"),
        ]);
        assert_eq!(code, Some(1), "the soak has noticed nothing: {figures}");
        let broken = &figures["broken"][0];
        let histories = broken["histories"].as_array().expect("both histories");
        assert!(histories.len() >= 2, "{broken}");
        assert!(figures["command"].as_str().unwrap().contains("--seed"));
        broken.clone()
    }

    /// A program that is the sabotaged shard, whatever it is called with.
    fn write_program(program: &std::path::Path, shard: &str, safeguard: &str) {
        use std::os::unix::fs::PermissionsExt;
        let text = format!("#!/bin/sh\nROOKERY_SABOTAGE={safeguard} exec '{shard}' \"$@\"\n");
        std::fs::write(program, text).expect("a script can be written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(program, executable).expect("it can be made executable");
    }

    #[test]
    fn a_soak_notices_a_missing_gate() {
        let broken = broken("gate", "kill_in_outage");
        let promise = broken["promise"].as_str().unwrap();
        assert!(
            ["protocol", "ack_kept", "same_moves"].contains(&promise),
            "{broken}"
        );
    }

    #[test]
    fn a_soak_notices_that_the_time_of_the_store_is_charged() {
        let broken = broken("store-time", "redis_stop");
        assert_eq!(broken["promise"], "clock_charged", "{broken}");
    }
}
