//! A rolling upgrade in play: from the program of an earlier commit with the same formats to this one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lab::faults::FaultKind;
use lab::soak::campaign::{Campaign, run};
use tests::process::binary;

/// The exit code of `tests/earlier` where the history does not go back so far.
const NO_HISTORY: i32 = 3;
const SHARDS: u64 = 3;

/// The program of the earlier commit, built if need be; `None`, said on the terminal, without its history.
fn earlier() -> Option<PathBuf> {
    // Its dependencies are shared with this build, which must be there.
    let _ = binary("rookery");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("earlier");
    let built = Command::new(script).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    if built.status.code() == Some(NO_HISTORY) {
        program::complain!("NOT TESTED: a rolling upgrade: {}", said.trim());
        return None;
    }
    assert!(
        built.status.success(),
        "the earlier commit does not build: {said}"
    );
    let path = String::from_utf8(built.stdout).unwrap();
    Some(path.trim().into())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_from_an_earlier_version_in_play_loses_nothing_and_nobody() {
    let _turn = tests::turns::shared_turn().await;
    let Some(earlier) = tokio::task::spawn_blocking(earlier).await.unwrap() else {
        return;
    };
    let campaign = Campaign {
        upgrade_to: Some(binary("rookery")),
        faults: 1,
        matches: 20,
        seed: 20_261_127,
        kinds: vec![FaultKind::RollingRestart],
        every: Duration::from_secs(2),
        ..Campaign::of(earlier)
    };
    let report = run(&campaign).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.sessions_lost, 0, "{report}");
    assert_eq!(report.drain_exit_ms.n, SHARDS, "every shard: {report}");
    assert!(
        report.drain_ms.n >= 20,
        "hardly a match has moved: {report}"
    );
}
