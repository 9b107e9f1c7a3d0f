//! Logs and outputs that cannot be written: a full disk, a reader that is gone, one that does not read. No
//! program dies or hangs of it, and a shard that is told to end still hands its matches over.

use std::fs::File;
use std::io::Read;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use game_core::Seat;
use store::testing::RedisServer;
use supervisor::Signal;
use tempfile::TempDir;
use tests::installation::{Endpoint, PlayedMatch, eventually};
use tests::process::{self, binary, free_tcp_port};
use tokens::SigningKey;

/// A program has ended, or answers, by then, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN: &str = "a-token-that-all-of-the-installation-shares";
/// More than a pipe holds, within seconds.
const VERBOSE: &str = "trace";

/// A matchmaker and shards whose stderr is whatever a test wants.
struct Installation {
    redis: RedisServer,
    directory: TempDir,
    matchmaker: String,
    children: Vec<Child>,
}

impl Drop for Installation {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Installation {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (key, pem) = SigningKey::generate().unwrap();
        for (name, text) in [
            ("signing-key.pem", pem),
            ("public-key.pem", key.verifying_key().to_pem()),
            ("tokens", format!("tester {TOKEN}\n")),
        ] {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        Self {
            redis: RedisServer::start(),
            directory,
            matchmaker: format!("http://127.0.0.1:{}", free_tcp_port()),
            children: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Starts a matchmaker; returns its admin endpoint.
    fn start_matchmaker(&mut self, filter: &str, stderr: Stdio) -> Endpoint {
        let listen = self.matchmaker.trim_start_matches("http://").to_owned();
        let key = self.path("signing-key.pem");
        let args = [
            "matchmaker",
            "--listen",
            &listen,
            "--signing-key",
            &key,
            "--log",
            filter,
        ];
        self.start("rookery", &args, filter, stderr)
    }

    /// Starts a shard; returns its admin endpoint.
    fn start_shard(&mut self, filter: &str, stderr: Stdio) -> Endpoint {
        let key = self.path("public-key.pem");
        let ready = self.path(&format!("shard-{}.json", self.children.len()));
        let args = ["shard", "--listen", "127.0.0.1:0", "--matchmaker-key", &key];
        let args = [&args[..], &["--ready-file", &ready]].concat();
        self.start("rookery", &args, filter, stderr)
    }

    fn start(&mut self, name: &str, args: &[&str], filter: &str, stderr: Stdio) -> Endpoint {
        let admin = format!("127.0.0.1:{}", free_tcp_port());
        let child = Command::new(binary(name))
            .args(args)
            .args(["--store", &self.redis.url(), "--admin-listen", &admin])
            .args(["--admin-token-file", &self.path("tokens")])
            .env("RUST_LOG", filter)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        self.children.push(child);
        Endpoint::new(&format!("http://{admin}"), TOKEN)
    }

    fn stderr(&mut self, number: usize) -> ChildStderr {
        self.children[number].stderr.take().unwrap()
    }

    fn terminate(&self, number: usize) {
        supervisor::signal(self.children[number].id(), Signal::TERM).unwrap();
    }

    async fn ends_well(&mut self, number: usize) {
        let child = std::cell::RefCell::new(&mut self.children[number]);
        let ended = || async { child.borrow_mut().try_wait().unwrap() };
        let status = eventually("the process ends", ended).await;
        assert!(status.success(), "{status}");
    }
}

fn full_disk() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

async fn is_ready(endpoint: &Endpoint) {
    let client = reqwest::Client::new();
    let url = format!("{}/readyz", endpoint.url);
    eventually("it is ready", || async {
        let answer = client.get(&url).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
}

async fn lines_dropped(endpoint: &Endpoint) -> u64 {
    let client = reqwest::Client::new();
    let request = client.get(format!("{}/metrics", endpoint.url));
    let text = request.bearer_auth(TOKEN).send().await.unwrap();
    let text = text.text().await.unwrap();
    let mut lines = text.lines();
    let count = lines.find_map(|line| line.strip_prefix("rookery_log_lines_dropped_total "));
    count.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

/// Waits until lines were dropped.
async fn some_are_dropped(endpoint: &Endpoint) {
    eventually("lines are dropped", || async {
        (lines_dropped(endpoint).await > 0).then_some(())
    })
    .await;
}

/// Two shards and a matchmaker, a match on them, and the shard that owns it told to end: the match is
/// handed over whole, and all of them end well.
async fn plays_hands_over_and_ends(mut installation: Installation) {
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    game.play(0, "e2e4").await;
    let owner = game.seat(Seat::White).await.unwrap().shard.id;
    let is_owner = |number: &usize| {
        let ready = installation.path(&format!("shard-{number}.json"));
        let ready = std::fs::read_to_string(ready).unwrap();
        ready.contains(&owner.to_string())
    };
    let owned = (1..=2).find(is_owner).expect("a shard owns it");
    installation.terminate(owned);
    installation.ends_well(owned).await;
    eventually("the other shard has the match", || async {
        let seat = game.seat(Seat::White).await.ok()?;
        (seat.shard.id != owner).then_some(())
    })
    .await;
    game.sit_again(Seat::White).await;
    game.sit_again(Seat::Black).await;
    game.play(1, "e7e5").await;
    for number in [3 - owned, 0] {
        installation.terminate(number);
        installation.ends_well(number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_programs_start_play_hand_over_and_end() {
    let mut installation = Installation::new();
    let mut endpoints = vec![installation.start_matchmaker("info", full_disk())];
    for _ in 0..2 {
        endpoints.push(installation.start_shard("info", full_disk()));
    }
    for endpoint in &endpoints {
        is_ready(endpoint).await;
        some_are_dropped(endpoint).await;
    }
    plays_hands_over_and_ends(installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_reader_of_a_log_is_gone_programs_play_hand_over_and_end() {
    let mut installation = Installation::new();
    let mut endpoints = vec![installation.start_matchmaker(VERBOSE, Stdio::piped())];
    for _ in 0..2 {
        endpoints.push(installation.start_shard(VERBOSE, Stdio::piped()));
    }
    for (number, endpoint) in endpoints.iter().enumerate() {
        is_ready(endpoint).await;
        let mut first = [0; 1];
        installation.stderr(number).read_exact(&mut first).unwrap();
        // The pipe is closed here; a panic would have to say so on it.
    }
    let url = format!("{}/livez", installation.matchmaker);
    reqwest::get(url).await.unwrap();
    some_are_dropped(&endpoints[0]).await;
    plays_hands_over_and_ends(installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_reads_a_log_programs_play_hand_over_and_end() {
    let mut installation = Installation::new();
    let mut endpoints = vec![installation.start_matchmaker(VERBOSE, Stdio::piped())];
    for _ in 0..2 {
        endpoints.push(installation.start_shard(VERBOSE, Stdio::piped()));
    }
    // Kept open, and not read.
    let pipes: Vec<ChildStderr> = (0..3).map(|number| installation.stderr(number)).collect();
    for endpoint in &endpoints {
        is_ready(endpoint).await;
    }
    plays_hands_over_and_ends(installation).await;
    drop(pipes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_is_said_once_the_log_is_read_again() {
    let mut installation = Installation::new();
    let endpoint = installation.start_matchmaker(VERBOSE, Stdio::piped());
    is_ready(&endpoint).await;
    let client = reqwest::Client::new();
    let url = format!("{}/livez", installation.matchmaker);
    eventually("lines are dropped", || async {
        for _ in 0..200 {
            client.get(&url).send().await.unwrap();
        }
        (lines_dropped(&endpoint).await > 0).then_some(())
    })
    .await;
    let mut stderr = installation.stderr(0);
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    installation.terminate(0);
    installation.ends_well(0).await;
    let text = reading.join().unwrap().unwrap();
    assert!(
        text.contains("log lines were dropped"),
        "{} bytes",
        text.len()
    );
}

/// `rookery dev` with its outputs on something that cannot be written to.
fn dev(directory: &TempDir, stdout: Stdio, stderr: Stdio) -> Child {
    let (data, ready) = (
        directory.path().join("data"),
        directory.path().join("ready"),
    );
    Command::new(binary("rookery"))
        .args(["dev", "--matchmaker-port", "0", "--shard-port", "0"])
        .arg("--data-dir")
        .arg(data)
        .arg("--ready-file")
        .arg(ready)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_on_a_full_log_device_starts_and_stops() {
    let directory = tempfile::tempdir().unwrap();
    let child = dev(&directory, full_disk(), full_disk());
    let ready = directory.path().join("ready");
    eventually("it is ready", || async {
        std::fs::read_to_string(&ready).ok()
    })
    .await;
    supervisor::signal(child.id(), Signal::TERM).unwrap();
    let output = process::finish(child, PATIENCE);
    assert!(output.status.success(), "{}", output.status);
}

#[test]
fn a_reader_that_is_gone_is_no_reason_to_panic() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    for (name, args) in [
        ("rookery", &["check", "dev", "--data-dir", data][..]),
        ("rookery", &["--help"]),
        ("rookery", &["matchmaker", "--help"]),
        ("bot-client", &["--help"]),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = Command::new(binary(name))
            .args(args)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = process::finish(child, PATIENCE);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {args:?}: {said}");
        assert_eq!(said, "", "{name} {args:?}");
    }
    // What a command fails of has no reader either: only the code tells.
    for (name, args) in [
        ("rookery", &["check", "dev", "--host", "0.0.0.0"][..]),
        ("rookery", &["no-such-command"]),
        ("bot-client", &["replay", "--pgn", "missing.pgn"]),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = Command::new(binary(name))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(writer)
            .spawn()
            .unwrap();
        let code = process::finish(child, PATIENCE).status.code();
        assert!(matches!(code, Some(1 | 2)), "{name} {args:?}: {code:?}");
    }
}

#[test]
fn a_product_that_does_not_fit_on_the_disk_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let child = Command::new(binary("rookery"))
        .args([
            "check",
            "dev",
            "--data-dir",
            directory.path().to_str().unwrap(),
        ])
        .stdin(Stdio::null())
        .stdout(full_disk())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = process::finish(child, PATIENCE);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("stdout"), "{said}");
}
