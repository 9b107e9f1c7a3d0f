//! No store, no play: at the start and in the middle of a match.

use std::time::Duration;

use game_core::{ClockStart, Seat};
use protocol::{CloseCode, Role, ServerBody};
use store::testing::RedisServer;
use tests::installation::{Installation, PlayedMatch, eventually};
use tests::process;
use tests::shard::LocalShard;
use tests::wire::RawClient;

#[test]
fn a_redis_that_is_down_at_the_start_is_named_with_what_to_do() {
    let url = format!("redis://127.0.0.1:{}", process::free_tcp_port());
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let args = [
        "dev",
        "--data-dir",
        data_dir,
        "--store",
        &url,
        "--store-wait",
        "1",
    ];
    let output = process::run("rookery", &args, Duration::from_secs(30));
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("waiting for the store"), "{said}");
    assert!(
        said.lines()
            .last()
            .unwrap()
            .starts_with("rookery: the store does not answer"),
        "{said}"
    );
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_store_url_of_no_kind_is_refused() {
    let args = ["dev", "--store", "localhost"];
    let output = process::run("rookery", &args, Duration::from_secs(30));
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("must be redis://"), "{said}");
}

#[tokio::test]
async fn play_freezes_while_the_store_is_down_and_goes_on_after() {
    let shard = LocalShard::start().await;
    let id = shard.create_match_with("60+0", ClockStart::AtOnce).await;
    let token = |role| shard.token(id, role);
    let (mut white, _) = RawClient::join(&shard.address, id, token(Role::White), None).await;
    let (mut black, _) = RawClient::join(&shard.address, id, token(Role::Black), None).await;
    white.play(0, "e2e4").await;
    white
        .until(|body| matches!(body, ServerBody::Ack { .. }))
        .await;
    black
        .until(|body| matches!(body, ServerBody::Event(_)))
        .await;

    shard.faults.set_down(true);
    black.until(|body| *body == ServerBody::Paused).await;
    white.until(|body| *body == ServerBody::Paused).await;
    black.play(1, "e7e5").await;
    let silence = Duration::from_millis(1_500);
    assert_eq!(
        black.next_within(silence).await,
        None,
        "nothing is acknowledged"
    );
    let newcomer = shard.create_match().await;
    let mut other = RawClient::connect(&shard.address).await;
    let token = shard.token(newcomer, Role::White);
    let join = protocol::Join {
        version: protocol::VERSION,
        flags: protocol::JoinFlags::NONE,
        match_id: newcomer,
        token,
        seen: None,
    };
    other.say(&protocol::ClientFrame::Join(join)).await;
    assert_eq!(other.closed().await, Some(CloseCode::StoreUnavailable));

    shard.faults.set_down(false);
    let event = black
        .until(|body| matches!(body, ServerBody::Event(_)))
        .await;
    let ServerBody::Event(event) = event.body else {
        unreachable!()
    };
    // The outage of more than a second and a half was charged to nobody.
    assert!(event.clock.black_ms > 59_000, "{event:?}");
    assert_eq!(event.clock.running, Some(Seat::White));
    black
        .until(|body| matches!(body, ServerBody::Ack { event: 2, .. }))
        .await;
    shard.stop().await;
}

#[test]
fn a_redis_killed_in_play_freezes_it_and_loses_nothing() {
    let mut redis = RedisServer::start();
    let server = process::Server::on_redis(&redis.url());
    let games = tests::games_file();
    let args = [
        "replay",
        "--matchmaker",
        &server.ready.matchmaker,
        "--pgn",
        games.to_str().unwrap(),
        "--concurrency",
        "40",
        "--json",
    ];
    let replay = process::spawn("bot-client", &args);
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(1_500));
        redis.kill();
        std::thread::sleep(Duration::from_millis(1_000));
        redis.restart();
    }
    let output = process::finish(replay, Duration::from_secs(240));
    crate::replay::check(&output);
}

/// Why the shard says it is not ready, once it names `what`.
async fn is_paused_for(installation: &Installation, what: &str) {
    let shard = &installation.shards[0].admin;
    eventually(what, || async {
        let probe = shard
            .request(reqwest::Method::GET, "/readyz")
            .send()
            .await
            .ok()?;
        let is_refused = probe.status() == 503;
        let problem: serde_json::Value = probe.json().await.ok()?;
        let detail = problem["detail"].as_str()?.to_owned();
        (is_refused && detail.starts_with("Play is paused: ") && detail.contains(what))
            .then_some(())
    })
    .await;
    let shards = shard.get("/v1/shards").await;
    let shown = shards["shards"][0]["pause_reason"]
        .as_str()
        .unwrap_or_default();
    assert!(shown.contains(what), "{shards}");
    eventually("the log has it", || async {
        let log = installation.log();
        let mut lines = log.lines().filter(|line| line.contains("play is paused"));
        lines.any(|line| line.contains(what)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_names_its_present_reason_and_play_stands_still_on_settings_that_may_lose_moves() {
    let installation = Installation::start_with(1, &[]).await;
    let redis = |words: &[&str]| assert_eq!(installation.redis.command(words), "+OK", "{words:?}");
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    game.play(0, "e2e4").await;
    // Each begins while the pause for the one before lasts, but for the first.
    redis(&["CONFIG", "SET", "appendfsync", "everysec"]);
    is_paused_for(&installation, "appendfsync").await;
    redis(&["CONFIG", "SET", "appendfsync", "always"]);
    redis(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    is_paused_for(&installation, "noeviction").await;
    redis(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    redis(&["CONFIG", "SET", "maxmemory", "1"]);
    is_paused_for(&installation, "OOM").await;
    redis(&["CONFIG", "SET", "maxmemory", "0"]);
    redis(&["REPLICAOF", "127.0.0.1", "1"]);
    is_paused_for(&installation, "replica").await;
    redis(&["REPLICAOF", "NO", "ONE"]);
    eventually("play goes on", || async {
        let shards = installation.shards[0].admin.get("/v1/shards").await;
        (shards["shards"][0]["paused"] == false).then_some(())
    })
    .await;
    game.sit_again(Seat::Black).await;
    game.play(1, "e7e5").await;
    // Whoever reaches it from now on needs a password that nobody was given.
    let mut operator = std::net::TcpStream::connect(installation.redis.address()).unwrap();
    let words = b"CONFIG SET requirepass another\r\nCLIENT KILL TYPE normal SKIPME yes\r\n";
    std::io::Write::write_all(&mut operator, words).unwrap();
    is_paused_for(&installation, "password").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_comes_back_empty_is_given_the_matches_again() {
    let installation = Installation::start_with(1, &[]).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    for (ply, uci) in [(0, "e2e4"), (1, "e7e5"), (2, "g1f3")] {
        game.play(ply, uci).await;
    }
    assert_eq!(installation.redis.command(&["FLUSHALL"]), "+OK");
    // The streams that are open go on, and every move is acknowledged.
    for (ply, uci) in [(3, "b8c6"), (4, "f1b5")] {
        game.play(ply, uci).await;
    }
    game.sit_again(Seat::Black).await;
    game.play(5, "a7a6").await;
    let pgn = format!("{}/v1/matches/{}/pgn", installation.matchmaker, game.id);
    let pgn = reqwest::get(pgn).await.unwrap().text().await.unwrap();
    let moves: String = pgn
        .split('{')
        .map(|part| part.rsplit('}').next().unwrap())
        .collect();
    let moves: Vec<_> = moves.split_whitespace().collect();
    for san in ["e4", "e5", "Nf3", "Nc6", "Bb5", "a6"] {
        assert!(moves.contains(&san), "{san} in {pgn}");
    }
    eventually(
        "the metrics count what was restored, and nothing lost",
        || async {
            let (_, scrape) = installation.shards[0].admin.text("/metrics").await;
            let counts = [("rollbacks", 1), ("matches_lost", 0), ("conflicts", 0)];
            let lines = counts.map(|(name, count)| format!("rookery_{name}_total {count}"));
            let are_there = lines
                .iter()
                .all(|line| scrape.lines().any(|found| found == line));
            are_there.then_some(())
        },
    )
    .await;
    assert!(
        installation
            .log()
            .contains("the store lost a match; it is created again")
    );
}
