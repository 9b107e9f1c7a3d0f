//! What servers do when they are told to end, and told again, or hung up on; also while they wait for a store.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use lab::cluster::{LocalCluster, LocalPlan};
use store::testing::RedisServer;
use supervisor::{Place, Signal};
use tempfile::TempDir;
use tests::installation::eventually;
use tests::process::{Server, binary, finish, free_tcp_port};
use tokens::SigningKey;

/// A shard that drains waits longer than this for a store that does not answer.
const PATIENT: Duration = Duration::from_millis(1_500);
/// A process that ends at once has ended by then.
const AT_ONCE: Duration = Duration::from_secs(2);

async fn cluster() -> LocalCluster {
    let plan = LocalPlan::for_faults(binary("rookery"), 0);
    LocalCluster::start(plan).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_told_to_end_ends_in_good_order() {
    let cluster = cluster().await;
    let shard = cluster.shards()[0].place();
    shard.signal(Signal::TERM).unwrap();
    let status = shard.ended(Duration::from_secs(15)).await;
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_a_shard_at_once() {
    let cluster = cluster().await;
    let shard = cluster.shards()[0].place();
    cluster.redis().place().signal(Signal::STOP).unwrap();
    shard.signal(Signal::TERM).unwrap();
    let status = shard.ended(PATIENT).await;
    assert!(status.is_none(), "it waits for the store: {status:?}");
    shard.signal(Signal::TERM).unwrap();
    let status = shard.ended(AT_ONCE).await;
    assert!(!status.unwrap().success(), "nothing was put in order");
}

/// A shard, and a matchmaker, that a test signals.
struct Started {
    place: Place,
    admin: String,
    _directory: TempDir,
}

impl Started {
    /// Starts `rookery shard` or `rookery matchmaker` on a store, with its log in a file.
    fn start(command: &str, store: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (key, pem) = SigningKey::generate().unwrap();
        let (option, text) = match command {
            "shard" => ("--matchmaker-key", key.verifying_key().to_pem()),
            _ => ("--signing-key", pem),
        };
        let path = directory.path().join("key.pem");
        std::fs::write(&path, text).unwrap();
        let admin = format!("127.0.0.1:{}", free_tcp_port());
        let place = Place::new(command, directory.path());
        let mut process = Command::new(binary("rookery"));
        process.args([command, "--store", store, "--listen", "127.0.0.1:0"]);
        process.args(["--admin-listen", &admin, option]).arg(path);
        place.start(&mut process).unwrap();
        Self {
            place,
            admin,
            _directory: directory,
        }
    }

    fn signal(&self, signal: Signal) {
        self.place.signal(signal).unwrap();
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.place.log()).unwrap()
    }

    /// What a probe answers, once there is an answer.
    async fn probe(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.admin);
        eventually("a probe is answered", || async {
            let answer = reqwest::get(&url).await.ok()?;
            Some((answer.status().as_u16(), answer.text().await.ok()?))
        })
        .await
    }

    async fn logs(&self, text: &str) {
        eventually(text, || async { self.log().contains(text).then_some(()) }).await;
    }

    fn ends_within(&self, limit: Duration) -> ExitStatus {
        let ended = self.place.wait_ended(limit);
        ended.unwrap_or_else(|| panic!("it goes on: {}", self.log()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_store_answers_probes_and_obeys_signals() {
    let nowhere = format!("redis://127.0.0.1:{}", free_tcp_port());
    for (command, signal) in [
        ("shard", Signal::TERM),
        ("shard", Signal::INT),
        ("matchmaker", Signal::TERM),
        ("matchmaker", Signal::INT),
    ] {
        let waiting = Started::start(command, &nowhere);
        let (status, _) = waiting.probe("/livez").await;
        assert_eq!(status, 200, "{command}");
        let (status, why) = waiting.probe("/readyz").await;
        assert_eq!(status, 503, "{command}: {why}");
        assert!(why.contains("store"), "{command}: {why}");
        waiting.signal(Signal::HUP);
        waiting.logs("SIGHUP").await;
        waiting.signal(signal);
        let status = waiting.ends_within(AT_ONCE + AT_ONCE);
        assert!(status.success(), "{command}, {signal:?}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_comes_late_makes_a_waiting_shard_ready() {
    let mut redis = RedisServer::start();
    redis.kill();
    let shard = Started::start("shard", &redis.url());
    let (status, why) = shard.probe("/readyz").await;
    assert_eq!(status, 503, "{why}");
    redis.restart();
    eventually("the shard is ready", || async {
        (shard.probe("/readyz").await.0 == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_kills_no_server() {
    let redis = RedisServer::start();
    for command in ["shard", "matchmaker"] {
        let server = Started::start(command, &redis.url());
        eventually("it is ready", || async {
            (server.probe("/readyz").await.0 == 200).then_some(())
        })
        .await;
        server.signal(Signal::HUP);
        server.logs("SIGHUP").await;
        // It has no certificate of files.
        server.logs("SIGHUP is ignored").await;
        let (status, why) = server.probe("/readyz").await;
        assert_eq!(status, 200, "{command}: {why}");
        server.signal(Signal::TERM);
        let status = server.ends_within(Duration::from_secs(15));
        assert!(status.success(), "{command}: {status}");
    }
}

#[test]
fn dev_stops_in_good_order_when_its_terminal_is_gone() {
    let mut server = Server::embedded();
    server.signal(Signal::HUP);
    assert!(server.wait(Duration::from_secs(30)), "{}", server.log());
    assert!(server.log().contains("stopping"), "{}", server.log());
}

#[test]
fn dev_that_waits_for_redis_obeys_signals() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = format!("redis://127.0.0.1:{}", free_tcp_port());
    let mut child = Command::new(binary("rookery"))
        .args(["dev", "--store", &nowhere, "--store-wait", "3600"])
        .args(["--matchmaker-port", "0", "--shard-port", "0"])
        .arg("--data-dir")
        .arg(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("waiting for the store") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it has ended");
    }
    supervisor::signal(child.id(), Signal::TERM).unwrap();
    let drain = std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    let output = finish(child, AT_ONCE + AT_ONCE);
    assert!(output.status.success(), "{}", output.status);
    drain.join().unwrap().unwrap();
}
