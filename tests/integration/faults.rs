//! A short campaign of faults against a cluster of real processes: some of each sort, from one seed.

use std::time::Duration;

use tests::faults::{Campaign, FaultKind, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_its_promises_through_all_sorts_of_faults() {
    let _turn = tests::turns::turn().await;
    let campaign = Campaign {
        faults: 10,
        matches: 20,
        seed: 20_250_501,
        kinds: vec![
            FaultKind::ShardKill,
            FaultKind::ShardStop,
            FaultKind::ShardDrain,
            FaultKind::KillInOutage,
            FaultKind::MatchmakerKill,
            FaultKind::RedisKill,
            FaultKind::ScriptFlush,
            FaultKind::TcpLoseReplies,
            FaultKind::UdpLoss,
            FaultKind::UdpRebind,
        ],
        every: Duration::from_millis(1_000),
        ..Campaign::default()
    };
    let report = run(&campaign).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.faults.values().sum::<u32>(), 10);
    assert!(report.acked > 500, "hardly anything was played: {report}");
    assert!(
        report.takeover_ms.n > 0,
        "nobody took a match over: {report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_all_shards_under_load_loses_nothing_and_nobody() {
    let _turn = tests::turns::turn().await;
    let campaign = Campaign {
        faults: 2,
        matches: 40,
        seed: 20_250_502,
        kinds: vec![FaultKind::RollingRestart],
        ..Campaign::default()
    };
    let report = run(&campaign).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.sessions_lost, 0, "{report}");
    assert_eq!(
        report.drain_exit_ms.n,
        2 * 3,
        "every shard, twice: {report}"
    );
    assert!(report.drain_ms.n > 40, "hardly a match has moved: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_freezes_play_and_charges_nobody() {
    let _turn = tests::turns::turn().await;
    let campaign = Campaign {
        faults: 4,
        matches: 20,
        seed: 20_250_503,
        kinds: vec![
            FaultKind::RedisKill,
            FaultKind::RedisStop,
            FaultKind::RedisDiskFull,
            FaultKind::ScriptFlush,
        ],
        every: Duration::from_millis(3_000),
        ..Campaign::default()
    };
    let report = run(&campaign).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.owner_changes, 0, "the shards were alive: {report}");
    assert!(report.acked > 500, "hardly anything was played: {report}");
    // The store was away for seconds; what is charged beyond thinking are the ways to and fro.
    assert!(report.excess_ms.max < 1_000, "{report}");
}

/// The checks of the checker: with a safeguard taken out, it must report what that lets through.
#[cfg(feature = "sabotage")]
mod sabotaged {
    use std::process::Stdio;

    use serde_json::Value;

    /// Runs a campaign in a process of its own, as one of them puts a library into it.
    fn figures(safeguard: &str, faults: &str) -> Value {
        let _turn = tests::turns::blocking_turn();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let json = directory.path().join("figures.json");
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_faults"))
            .args([
                "--sabotage",
                safeguard,
                "--faults",
                faults,
                "--matches",
                "20",
            ])
            .args(["--every-ms", "1500", "--json"])
            .arg(&json)
            .stdin(Stdio::null())
            .status()
            .expect("the binary runs");
        assert_eq!(status.code(), Some(1), "the checker has noticed nothing");
        let text = std::fs::read_to_string(json).expect("figures are written");
        serde_json::from_str(&text).expect("figures are JSON")
    }

    #[test]
    fn the_checker_notices_a_missing_gate() {
        let figures = figures("gate", "6");
        assert!(figures["lost"].as_u64() > Some(0), "{figures}");
    }

    #[test]
    fn the_checker_notices_a_missing_position_check() {
        let figures = figures("position", "12");
        assert!(figures["duplicated"].as_u64() > Some(0), "{figures}");
    }

    #[test]
    fn the_checker_notices_a_flush_after_the_answer() {
        let figures = figures("relaxed-store", "3");
        assert!(figures["lost"].as_u64() > Some(0), "{figures}");
    }
}
