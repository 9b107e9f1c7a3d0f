//! A short campaign of faults against a cluster of real processes: some of each sort, from one seed.

use std::net::Ipv4Addr;
use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{Epoch, Match, MatchId, ShardId, Snapshot};
use lab::faults::FaultKind;
use lab::soak::campaign::{Campaign, run};
use lab::soak::neglected::forgotten;
use lab::soak::oracle::{Breach, Promise};
use lab::soak::report::Report;
use lab::unattended::Neglect;
use store::testing::{RedisKind, RedisServer};
use store::{Claim, Matches, RedisConfig, RedisStore, Registry, ShardRecord};
use tests::process;

/// A program that reads a small store ends within this.
const PROGRAM_MAX: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_its_promises_through_all_sorts_of_faults() {
    let _turn = tests::turns::shared_turn().await;
    let directory = tempfile::tempdir().unwrap();
    let history = directory.path().join("history.jsonl");
    let campaign = Campaign {
        history: Some(history.clone()),
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
        ..Campaign::of(process::binary("rookery"))
    };
    let report = run(&campaign).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.faults.values().sum::<u64>(), 10);
    assert!(
        report.in_log.acked > 500,
        "hardly anything was played: {report}"
    );
    for kind in Neglect::ALL {
        assert!(report.unattended.contains_key(kind.name()), "{report}");
    }
    for kind in &campaign.kinds {
        let hit = report.faults_on_unattended.get(kind.name()).copied();
        assert!(
            hit > Some(0),
            "no {kind} hit a match that nobody attends: {report}"
        );
    }
    assert!(
        report.takeover_ms.n > 0,
        "nobody took a match over: {report}"
    );
    // Each command is an operation, and each event at each player another.
    tests::history::assert_holds(&history, 1_500);
}

/// Some faults on each other way to run Redis: a failover and a resharding in play where there are any. All at once,
/// as most of the time is spent waiting for matches that nobody attends.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_redis_keeps_the_promises_through_faults() {
    use FaultKind as Kind;
    let _turn = tests::turns::shared_turn().await;
    let common = [Kind::ShardKill, Kind::RedisKill, Kind::TcpLoseReplies];
    let kinds = |own: &[Kind]| [&common[..], own].concat();
    let campaign = |store, kinds| Campaign {
        faults: 10,
        matches: 8,
        seed: 20_261_126,
        kinds,
        every: Duration::from_millis(1_500),
        thinks: (Duration::from_millis(50), Duration::from_millis(400)),
        ..Campaign::on(store, process::binary("rookery"))
    };
    let campaigns = [
        campaign(RedisKind::Tls, kinds(&[])),
        campaign(
            RedisKind::Valkey,
            kinds(&[Kind::RewriteLog, Kind::ScriptFlush]),
        ),
        campaign(RedisKind::Sentinel, kinds(&[Kind::StoreFailover])),
        campaign(
            RedisKind::Cluster,
            kinds(&[Kind::StoreFailover, Kind::StoreReshard]),
        ),
    ];
    let [tls, valkey, sentinel, cluster] = &campaigns;
    let reports = tokio::join!(run(tls), run(valkey), run(sentinel), run(cluster));
    let reports = [reports.0, reports.1, reports.2, reports.3];
    for (campaign, report) in campaigns.iter().zip(reports) {
        let store = campaign.store;
        let report = report.unwrap_or_else(|error| panic!("{store}: {error}"));
        assert!(report.is_clean(), "{store}: {report}");
        assert!(
            report.in_log.acked > 100,
            "{store}: hardly anything was played: {report}"
        );
        for kind in &campaign.kinds {
            let name = kind.name();
            let hit = report.faults_on_unattended.get(name).copied();
            assert!(
                hit > Some(0),
                "{store}: no {name} hit a match that nobody attends: {report}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_all_shards_under_load_loses_nothing_and_nobody() {
    let _turn = tests::turns::shared_turn().await;
    let campaign = Campaign {
        faults: 2,
        matches: 40,
        seed: 20_250_502,
        kinds: vec![FaultKind::RollingRestart],
        ..Campaign::of(process::binary("rookery"))
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
        ..Campaign::of(process::binary("rookery"))
    };
    let report = run(&campaign).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(
        report.in_log.owner_changes, 0,
        "the shards were alive: {report}"
    );
    assert!(
        report.in_log.acked > 500,
        "hardly anything was played: {report}"
    );
    // The store was away for seconds; what is charged beyond thinking are the ways to and fro.
    assert!(report.in_log.excess_ms.max < 1_000.0, "{report}");
}

/// The states that a graceful stop without an heir, a restart and a lost hint once left behind.
#[tokio::test(flavor = "multi_thread")]
async fn the_checker_notices_matches_that_are_forgotten() {
    let (match_id, owner) = (MatchId::from_random(1), ShardId::from_random(1 << 64));
    let (record, set) = (
        format!("rk:{{shards}}:shard:{owner}"),
        format!("rk:{{shards}}:owned:{owner}"),
    );
    let id = owner.to_string();
    for (what, spoil) in [
        (
            "the shard has left, and its set stays under an id that nobody has",
            &[&["DEL", &record][..], &["SREM", "rk:{shards}:all", &id]][..],
        ),
        (
            "the registry was cleared at a restart",
            &[&["DEL", "rk:{shards}:all", &record][..]],
        ),
        (
            "the hint was removed before the claim that it was for",
            &[&["ZREM", &set, match_id.as_str()][..]],
        ),
    ] {
        let server = RedisServer::start();
        let store = RedisStore::connect(RedisConfig::new(server.url()))
            .await
            .unwrap();
        store.heartbeat(&shard_record(owner)).await.unwrap();
        store.create(owner, &new_match(match_id)).await.unwrap();
        let claim = store.claim(match_id, owner, Epoch(0)).await.unwrap();
        assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
        let found = async || forgotten(&store, None, Duration::ZERO).await.unwrap();
        assert_eq!(found().await, [], "{what}: nothing is wrong yet");
        for words in spoil {
            server.command(words);
        }
        let breaches = found().await;
        let is_forgotten = |breach: &Breach| breach.promise == Promise::Forgotten;
        assert!(
            !breaches.is_empty() && breaches.iter().all(is_forgotten),
            "{what}: {breaches:?}"
        );
        assert!(
            breaches[0].got.contains(match_id.as_str()),
            "{what}: {breaches:?}"
        );
        let counted = (Promise::Forgotten, breaches.len() as u64);
        let report = Report {
            promises: [counted].into(),
            ..Report::default()
        };
        assert!(!report.is_clean(), "{what}");
        // The program says the same.
        let arguments = [
            "check",
            "matches",
            "--within",
            "0",
            "--store",
            &server.url(),
        ];
        let output = process::run("rookery", &arguments, PROGRAM_MAX);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{what}: {said}");
        assert!(said.contains(match_id.as_str()), "{what}: {said}");
    }
}

#[test]
fn a_store_without_a_forgotten_match_passes_the_check() {
    let server = RedisServer::start();
    let arguments = [
        "check",
        "matches",
        "--within",
        "0",
        "--store",
        &server.url(),
    ];
    let output = process::run("rookery", &arguments, PROGRAM_MAX);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

fn shard_record(id: ShardId) -> ShardRecord {
    ShardRecord {
        id,
        heartbeat: 1,
        address: (Ipv4Addr::LOCALHOST, 1).into(),
        certificate_sha256: None,
        capacity: 10,
        live: 1,
        load: 0,
        cpu_share: 1_000,
        draining: false,
        admin: None,
        clock: game_core::MatchTime::default(),
        liveness: None,
        connections: Vec::new(),
        web: store::WebDoors::default(),
    }
}

fn new_match(id: MatchId) -> Snapshot {
    let setup = SetupBuilder::new().id(id).named("ada", "bob");
    let setup = setup.timed("60+0").at_once().build();
    Match::new(setup).snapshot()
}

/// The checks of the checker: with a safeguard taken out, it must report what that lets through.
#[cfg(feature = "sabotage")]
mod sabotaged {
    use std::process::Stdio;

    use serde_json::Value;

    /// Runs a campaign in a process of its own, as one of them puts a library into it. What it finds, the checker of
    /// its history must find too.
    fn figures(safeguard: &str, faults: &str) -> Value {
        let _turn = tests::turns::blocking(tests::turns::shared_turn());
        let directory = tempfile::tempdir().expect("a temporary directory");
        let json = directory.path().join("figures.json");
        let history = directory.path().join("history.jsonl");
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
            .arg("--history")
            .arg(&history)
            .stdin(Stdio::null())
            .status()
            .expect("the binary runs");
        assert_eq!(status.code(), Some(1), "the checker has noticed nothing");
        tests::history::assert_violated(&history);
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
