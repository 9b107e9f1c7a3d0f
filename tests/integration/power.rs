//! A few power cuts on each store, and that the players notice a store that answers before it flushes.

use std::path::PathBuf;

use lab::power::campaign::{PowerCampaign, PowerReport, PowerStore, run};
use tempfile::TempDir;
use tests::process::binary;
use tests::turns::{blocking, shared_turn};

/// What the oracles of the players say, and the history for the other checker.
fn cuts(store: PowerStore, cuts: u32) -> (PowerReport, TempDir, PathBuf) {
    let _turn = blocking(shared_turn());
    let directory = tempfile::tempdir().unwrap();
    let history = directory.path().join("history.jsonl");
    let report = run(&PowerCampaign {
        server: binary("rookery"),
        players: binary("bot-client"),
        store,
        cuts,
        every: store.calm(),
        matches: 10,
        seed: 20_261_127,
        history: Some(history.clone()),
    });
    let report = report.unwrap_or_else(|error| panic!("{error}"));
    (report, directory, history)
}

#[test]
fn power_cuts_take_nothing_from_the_embedded_store_that_a_player_was_told_of() {
    let (report, _directory, history) = cuts(PowerStore::Embedded, 6);
    assert_eq!(report.violations, 0, "{report}");
    assert!(report.pending > 0, "nothing was ever unflushed: {report}");
    tests::history::assert_holds(&history, 500);
}

#[test]
fn power_cuts_take_nothing_from_redis_that_a_player_was_told_of() {
    let (report, _directory, history) = cuts(PowerStore::Redis { flushes: true }, 3);
    assert_eq!(report.violations, 0, "{report}");
    assert!(report.soak["moves"].as_u64() > Some(200), "{report}");
    tests::history::assert_holds(&history, 500);
}

#[test]
fn the_loss_of_what_a_store_had_not_flushed_is_noticed() {
    let (report, _directory, history) = cuts(PowerStore::Redis { flushes: false }, 3);
    assert!(report.lost > 0, "{report}");
    assert!(report.violations > 0, "{report}");
    tests::history::assert_violated(&history);
}
