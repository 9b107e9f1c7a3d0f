//! A machine that is cut off from the others while both sides are alive.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use client::{Matchmaker, SeatSession, Update};
use game_core::{CommandKind, EventKind, MatchId, Uci};
use lab::soak::neglected::forgotten;
use protocol::ServerBody;
use serde::Deserialize;
use store::testing::ReadLog;
use store::{RedisConfig, RedisStore};
use supervisor::{Place, Redis, START_MAX};
use tempfile::TempDir;
use tests::machines::{Machine, Net, is_inside};
use tests::process::binary;
use tokens::SigningKey;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::zombie::{Pair, assert_nothing_new, play, told, wait_for_takeover};

const TEST: &str = "partition::the_matches_of_a_machine_that_is_cut_off_go_on_elsewhere";
const PORT: u16 = 7100;
/// Matches in play on the machine that is cut off.
const MATCHES: usize = 6;
/// How long players think: a match of first moves must not be over before the cut.
const THINK: Duration = Duration::from_millis(50);
/// From the cut to the next acknowledgement, at most, on a busy machine.
const GOES_ON_WITHIN: Duration = Duration::from_secs(20);
/// For the registry to drop what is dead, and sets to be empty.
const AT_REST_WITHIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Ready {
    address: SocketAddr,
}

/// Two shards on machines of their own; store, matchmaker and players on a third one. It ends with the value.
struct Site {
    cut: Machine,
    shards: Vec<(Place, SocketAddr)>,
    _matchmaker: Place,
    url: String,
    store: RedisStore,
    _redis: Redis,
    _directory: TempDir,
}

impl Site {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let own = Net::Store.own_address().to_string();
        let settings = [
            "--bind",
            &format!("127.0.0.1 {own}"),
            "--protected-mode",
            "no",
        ];
        let redis = Redis::start(directory.path(), &settings).unwrap();
        let store_url = format!("redis://{own}:{}", redis.address().port());
        let (key, pem) = SigningKey::generate().unwrap();
        let file = |name: &str| directory.path().join(name);
        program::write_private(&file("signing"), pem.as_bytes()).unwrap();
        std::fs::write(file("public"), key.verifying_key().to_pem()).unwrap();
        program::write_private(&file("reset"), &rand::random::<[u8; 32]>()).unwrap();
        let machines = [Machine::add(1), Machine::add(2)];
        let mut shards = Vec::new();
        for (machine, number) in machines.iter().zip(1..) {
            shards.push(shard(machine, number, &store_url, directory.path()).await);
        }
        let matchmaker = Place::new("matchmaker", directory.path());
        let listen = SocketAddr::from((Net::Store.own_address(), PORT));
        let mut command = std::process::Command::new(binary("rookery"));
        command.args(["matchmaker", "--listen", &listen.to_string()]);
        command.args(["--store", &store_url, "--limit-exempt", "10.0.0.0/8"]);
        command.arg("--signing-key").arg(file("signing"));
        matchmaker.start(&mut command).unwrap();
        let url = format!("http://{listen}");
        let asked = Matchmaker::new(&url, START_MAX).unwrap();
        let is_ready = async || asked.ready().await.ok();
        matchmaker.until(START_MAX, is_ready).await.unwrap();
        let [cut, _] = machines;
        Self {
            cut,
            shards,
            _matchmaker: matchmaker,
            url,
            store: RedisStore::connect(RedisConfig::new(redis.url()))
                .await
                .unwrap(),
            _redis: redis,
            _directory: directory,
        }
    }

    /// A match on the machine that will be cut off.
    async fn match_there(&self) -> Pair {
        loop {
            let pair = Pair::meet(&self.url).await;
            if pair.seat(&pair.white).await.shard.address == self.shards[0].1 {
                return pair;
            }
        }
    }
}

async fn shard(
    machine: &Machine,
    number: u8,
    store: &str,
    directory: &Path,
) -> (Place, SocketAddr) {
    let place = Place::new(&format!("shard-{number}"), directory);
    let ready_file = directory.join(format!("shard-{number}.json"));
    let listen = SocketAddr::from((machine.address(Net::Players), PORT));
    let liveness = SocketAddr::from((machine.address(Net::Store), PORT));
    let mut command = machine.command(&binary("rookery"));
    command.args(["shard", "--store", store, "--listen", &listen.to_string()]);
    command.args(["--liveness-listen", &liveness.to_string()]);
    command.args(["--connections-per-address-max", "1000"]);
    command
        .arg("--matchmaker-key")
        .arg(directory.join("public"));
    command.arg("--reset-secret").arg(directory.join("reset"));
    command.arg("--ready-file").arg(&ready_file);
    place.start(&mut command).unwrap();
    let ready: Ready = place.ready(&ready_file, START_MAX).await.unwrap();
    (place, ready.address)
}

/// What one player was told: the seq of each acknowledged move, the move, and when.
type Acks = Vec<(u32, Uci, Instant)>;

/// Plays the first legal move whenever it is the player's turn, and tells of each that is acknowledged.
async fn player(
    mut session: SeatSession,
    match_id: MatchId,
    acks_to: mpsc::UnboundedSender<(MatchId, Instant)>,
    stop: CancellationToken,
) -> Acks {
    let (mut acks, mut asked) = (Vec::new(), None);
    while session.view().result().is_none() {
        let view = session.view();
        if view.is_my_turn() && asked != Some(view.ply()) {
            asked = Some(view.ply());
            // After a mate the end is still to come.
            let legal = view.position().legal_moves();
            if let Some(legal) = legal.first() {
                sleep(THINK).await;
                session.play(legal.uci()).unwrap();
            }
        }
        let update = tokio::select! {
            update = session.next() => update.unwrap(),
            () = stop.cancelled() => break,
        };
        if let Update::Acked { acked, .. } = update
            && let CommandKind::Move { uci, .. } = acked.kind
        {
            let now = Instant::now();
            acks.push((acked.event, uci, now));
            let _ = acks_to.send((match_id, now));
        }
    }
    acks
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matches_of_a_machine_that_is_cut_off_go_on_elsewhere() {
    let _turn = tests::turns::turn().await;
    if !is_inside(TEST) {
        return;
    }
    let site = Site::start().await;
    // One whose players stay with the cut-off machine, and others whose players look for the owner.
    let witness = site.match_there().await;
    let mut raw = [
        witness.raw(&witness.white).await,
        witness.raw(&witness.black).await,
    ];
    raw[0].play(0, "e2e4").await;
    let is_event = |body: &ServerBody| matches!(body, ServerBody::Event(_));
    let old_epoch = raw[1].until(is_event).await.epoch;
    raw[0]
        .until(|body| matches!(body, ServerBody::Ack { .. }))
        .await;
    let stop = CancellationToken::new();
    let mut playing = JoinSet::new();
    let (acks_to, mut acked) = mpsc::unbounded_channel();
    let mut cut_off = HashSet::new();
    for _ in 0..MATCHES {
        let pair = site.match_there().await;
        cut_off.insert(pair.match_id);
        for token in [&pair.white, &pair.black] {
            let session = pair.session(token).await;
            let (id, acks_to, stop) = (pair.match_id, acks_to.clone(), stop.clone());
            playing.spawn(async move { (id, player(session, id, acks_to, stop).await) });
        }
    }

    let cut_at = Instant::now();
    site.cut.connect(Net::Store, false);
    raw[1].play(1, "c7c5").await;
    wait_for_takeover(&site.store, witness.match_id, old_epoch).await;
    let known = cut_at.elapsed();
    let mut white = witness.session(&witness.white).await;
    let mut black = witness.session(&witness.black).await;
    play(&mut black, 1, "e7e5").await;
    play(&mut white, 2, "g1f3").await;
    assert!(!site.shards[0].0.has_died(), "it is alive, and cut off");
    site.cut.connect(Net::Store, true);
    let [to_white, to_black] = &mut raw;
    let (to_white, to_black) = tokio::join!(told(to_white), told(to_black));
    for told in [&to_white, &to_black] {
        assert_nothing_new(told, old_epoch);
    }
    play(&mut black, 3, "b8c6").await;

    let all_go_on = async {
        while !cut_off.is_empty() {
            let (id, at) = acked.recv().await.expect("players play");
            if at > cut_at {
                cut_off.remove(&id);
            }
        }
    };
    let in_time = timeout(GOES_ON_WITHIN, all_go_on).await;
    in_time.expect("a side of every match plays on");
    stop.cancel();
    let mut goes_on = Vec::new();
    while let Some(player) = playing.join_next().await {
        let (id, acks) = player.unwrap();
        assert_kept(&site.store, id, &acks).await;
        let next = acks.iter().map(|(_, _, at)| *at).find(|at| *at > cut_at);
        goes_on.extend(next.map(|at| at - cut_at));
    }
    goes_on.sort_unstable();
    let slowest = *goes_on.last().expect("somebody played on");
    assert!(slowest < GOES_ON_WITHIN, "{goes_on:?}");
    let found = forgotten(&site.store, None, AT_REST_WITHIN).await.unwrap();
    assert_eq!(found, []);
    for (place, _) in &site.shards {
        assert_eq!(place.alarms(), Vec::<String>::new());
    }
    program::complain!(
        "cut off: taken over after {known:?}; next acknowledgement after {:?} (median), {slowest:?} (slowest) of {}",
        goes_on[goes_on.len() / 2],
        goes_on.len()
    );
}

/// Whatever was acknowledged is in the log, there.
async fn assert_kept(store: &RedisStore, id: MatchId, acks: &Acks) {
    let log = store.log(id).await.unwrap();
    for (seq, played, _) in acks {
        let event = log.iter().find(|event| event.seq == *seq);
        let event = event.unwrap_or_else(|| panic!("{id}: {played} at {seq} is not in the log"));
        let is_it = matches!(event.kind, EventKind::Moved { uci, .. } if uci == *played);
        assert!(is_it, "{id}: {played} at {seq} is {event:?}");
    }
}
