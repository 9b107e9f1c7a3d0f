//! `kill -9` of the whole server in the middle of play: nothing acknowledged is lost or doubled.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::connection::ConnectionTimes;
use client::{Connector, Matchmaker, SessionConfig};
use game_core::{CommandId, Event, EventKind, MatchId, Seat, Uci};
use lab::soak::neglected::judge;
use lab::unattended::{Neglect, Neglectful, Neglecting, Unattended};
use serde::Deserialize;
use store::testing::{ReadLog, RedisServer};
use store::{EmbeddedStore, RedisConfig, RedisStore, Store, audit};
use supervisor::Signal;
use tests::installation::eventually;
use tests::process::{self, Server};
use tokio_util::sync::CancellationToken;

/// A line of the replay's log of what it was told.
#[derive(Debug, Deserialize)]
struct Acked {
    #[serde(rename = "match")]
    match_id: MatchId,
    seat: Seat,
    command_id: CommandId,
    event: u32,
    uci: Option<Uci>,
}

fn acked(path: &Path) -> Vec<Acked> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // The last line may be under way.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Plays all games, with the server killed twice on the way; returns what the clients were told.
fn replay_through_crashes(server: &mut Server) -> Vec<Acked> {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("acked.jsonl");
    let games = tests::games_file();
    let url = server.ready.matchmaker.clone();
    let args = [
        "replay",
        "--matchmaker",
        &url,
        "--pgn",
        games.to_str().unwrap(),
        "--concurrency",
        "100",
        "--json",
        "--acked-log",
        log.to_str().unwrap(),
    ];
    let mut replay = process::spawn("bot-client", &args);
    for told in [1_500, 6_000] {
        let end = Instant::now() + Duration::from_secs(120);
        while acked(&log).len() < told {
            assert!(Instant::now() < end, "the replay does not get on");
            assert!(
                replay.try_wait().unwrap().is_none(),
                "the replay ended too early"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        server.kill();
        server.restart();
    }
    let output = process::finish(replay, Duration::from_secs(300));
    let report = crate::replay::check(&output);
    assert!(
        report["resumed"].as_u64() > Some(0),
        "nobody noticed the crashes: {report}"
    );
    acked(&log)
}

/// Matches that nobody attends are made all through the crashes.
struct Neglected {
    neglecting: Neglecting,
    end: CancellationToken,
    matchmaker: Matchmaker,
}

impl Neglected {
    /// Between two matches of each kind.
    const EVERY: Duration = Duration::from_secs(1);
    /// The server is away for a moment now and then.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn begin(server: &Server) -> Self {
        let matchmaker = Matchmaker::new(&server.ready.matchmaker, Self::PATIENCE).unwrap();
        let connector = Connector::bind(1, ConnectionTimes::default()).unwrap();
        let connector = Arc::new(connector);
        let players = |neglect| Neglectful {
            matchmaker: matchmaker.clone(),
            connector: Arc::clone(&connector),
            session: SessionConfig::default(),
            neglect,
            every: Self::EVERY,
        };
        let end = CancellationToken::new();
        Self {
            neglecting: Neglecting::begin(players, &end),
            end,
            matchmaker,
        }
    }

    /// Waits until all of them have ended by themselves.
    async fn all_end(self) -> Vec<Unattended> {
        self.end.cancel();
        let (all, errors) = self.neglecting.finish().await;
        assert!(errors.is_empty(), "{errors:?}");
        for kind in Neglect::ALL {
            let made = all.iter().filter(|one| one.neglect == kind).count();
            // Each of the deserted takes more than ten seconds.
            let least = match kind {
                Neglect::DesertedForWin | Neglect::DesertedForDraw => 1,
                Neglect::Left | Neglect::NeverJoined | Neglect::NeverJoinedAtOnce => 2,
            };
            assert!(made >= least, "{made} {kind}");
        }
        eventually("every match that nobody attends ends", || async {
            for one in &all {
                self.matchmaker.match_reply(one.id).await.ok()?.outcome?;
            }
            Some(())
        })
        .await;
        all
    }
}

fn stop(server: &mut Server) {
    server.signal(Signal::TERM);
    assert!(server.wait(Duration::from_secs(30)));
}

/// Every match that nobody attended ended as the rules say, and one scan finds nothing forgotten.
async fn check_nothing_forgotten(store: &dyn Store, all: &[Unattended]) {
    for one in all {
        let log = store.log(one.id).await.unwrap();
        assert_eq!(judge(*one, &log), []);
    }
    assert_eq!(audit(store, None).await.unwrap(), []);
}

/// What was acknowledged stands in the logs, once and where it was said to stand.
async fn check(store: &dyn Store, acked: &[Acked]) {
    assert!(acked.len() > 13_000, "{} acknowledgements", acked.len());
    let mut logs: HashMap<MatchId, Vec<Event>> = HashMap::new();
    for told in acked {
        let log = match logs.entry(told.match_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let log = store.log(told.match_id).await.unwrap();
                check_log(&log);
                unknown.insert(log)
            }
        };
        let event = told
            .event
            .checked_sub(1)
            .and_then(|index| log.get(index as usize));
        let event = event.unwrap_or_else(|| panic!("lost: {told:?}"));
        assert_eq!(
            event.command_id,
            Some(told.command_id),
            "{told:?} is not {event:?}"
        );
        assert_eq!(event.seat, Some(told.seat), "{told:?} is not {event:?}");
        if let Some(uci) = told.uci {
            assert!(
                matches!(event.kind, EventKind::Moved { uci: stored, .. } if stored == uci),
                "{told:?} is not {event:?}"
            );
        }
    }
    assert_eq!(logs.len(), 200);
}

fn check_log(log: &[Event]) {
    let mut commands = HashSet::new();
    for (event, seq) in log.iter().zip(1..) {
        assert_eq!(event.seq, seq, "the log has a gap");
        if let (Some(seat), Some(id)) = (event.seat, event.command_id) {
            assert!(commands.insert((seat, id)), "doubled: {event:?}");
        }
    }
    assert!(
        matches!(log.last().unwrap().kind, EventKind::Ended { .. }),
        "a match did not end"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_keeps_every_acknowledged_move() {
    let _turn = tests::turns::turn().await;
    let mut server = Server::embedded();
    let neglected = Neglected::begin(&server);
    let acked = replay_through_crashes(&mut server);
    let unattended = neglected.all_end().await;
    stop(&mut server);
    let store = EmbeddedStore::open(server.data_dir()).unwrap();
    check(&store, &acked).await;
    check_nothing_forgotten(&store, &unattended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_keeps_every_acknowledged_move() {
    let _turn = tests::turns::turn().await;
    let mut redis = RedisServer::start();
    let mut server = Server::on_redis(&redis.url());
    let neglected = Neglected::begin(&server);
    let acked = replay_through_crashes(&mut server);
    let unattended = neglected.all_end().await;
    stop(&mut server);
    // What counts is on its disk.
    redis.kill();
    redis.restart();
    let store = RedisStore::connect(RedisConfig::new(redis.url()))
        .await
        .unwrap();
    check(&store, &acked).await;
    check_nothing_forgotten(&store, &unattended).await;
}
