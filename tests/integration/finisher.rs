//! A matchmaker or shard that is killed or stopped at any step between the ticket of a match and its place in the feed: one
//! match, one change of each rating, one entry in the archive and one in the feed.
//!
//! A gate before Redis holds the process at the script of the step, either before Redis has it or before the process has the
//! answer. Then it is killed or stopped, another process does the rest, and only then one that was stopped goes on, with the
//! request that was held.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::connection::ConnectionTimes;
use client::seat::PlayerSeat;
use client::{Connector, MatchView, Matchmaker, MatchmakerError, SeatSession, SessionConfig};
use game_core::{ClockStart, ColorChoice, CommandKind, MatchId, PlayerId};
use protocol::ServerBody;
use protocol::http::{NewChallenge, PlayerReply, Terms};
use store::testing::RedisServer;
use store::{
    Archive, Category, Feed, FeedCursor, Matches, Outbox, Ratings, RedisConfig, RedisStore,
};
use supervisor::{Place, Signal};
use tempfile::TempDir;
use tests::gate::{Hold, RedisGate};
use tests::installation::eventually;
use tests::process::{binary, free_tcp_port};
use tests::wire::RawClient;
use tokens::SigningKey;
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(60);

/// The steps, by the script that does each.
const TICKET: Step = Step {
    name: "ticket",
    script: include_str!("../../store/src/redis/lua/ticket_put.lua"),
};
const ASSIGNMENT: Step = Step {
    name: "assignment",
    script: concat!(
        include_str!("../../store/src/redis/lua/ticket_lists.lua"),
        include_str!("../../store/src/redis/lua/ticket_assign.lua")
    ),
};
const MATCH: Step = Step {
    name: "match",
    script: include_str!("../../store/src/redis/lua/create.lua"),
};
const RESULT: Step = Step {
    name: "result: the lease of its outbox",
    script: include_str!("../../store/src/redis/lua/outbox_take.lua"),
};
const ARCHIVE: Step = Step {
    name: "archive",
    script: include_str!("../../store/src/redis/lua/archive.lua"),
};
const RATING: Step = Step {
    name: "rating",
    script: include_str!("../../store/src/redis/lua/rate.lua"),
};
const FEED: Step = Step {
    name: "feed",
    script: include_str!("../../store/src/redis/lua/publish.lua"),
};
const DONE: Step = Step {
    name: "end of the outbox entry",
    script: include_str!("../../store/src/redis/lua/outbox_done.lua"),
};

/// Those of a shard.
const CLAIM: Step = Step {
    name: "claim of the match",
    script: include_str!("../../store/src/redis/lua/claim.lua"),
};
const APPEND: Step = Step {
    name: "result: the append of the last event",
    script: include_str!("../../store/src/redis/lua/append.lua"),
};

#[derive(Debug, Clone, Copy)]
struct Step {
    name: &'static str,
    script: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// `kill -9`.
    Kill,
    /// SIGSTOP, until another one has done the rest, and SIGCONT.
    Stop,
}

/// What happens to a process at each step. One that is stopped sends its request once everything is done.
const FAULTS: [(Fault, Hold); 2] = [(Fault::Kill, Hold::Answer), (Fault::Stop, Hold::Request)];

fn category() -> Category {
    "standard-rapid".parse().unwrap()
}

/// Clubs at once: most of the time is that of leases which have to end.
const AT_ONCE: usize = 6;

/// The ports of all matchmakers of this test.
static PORTS: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A Redis, shards, and matchmakers as they come.
struct Club {
    redis: RedisServer,
    store: Arc<RedisStore>,
    gate: RedisGate,
    directory: TempDir,
    shard: Place,
    players: [PlayerReply; 2],
}

/// A matchmaker that runs.
struct Running {
    place: Place,
    client: Matchmaker,
}

impl Club {
    /// Starts one, whose shard reaches Redis by the gate if faults are to happen to it.
    async fn start(is_shard_struck: bool) -> Self {
        let redis = RedisServer::start();
        let directory = tempfile::tempdir().unwrap();
        let (key, pem) = SigningKey::generate().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("signing-key.pem"), pem).unwrap();
        std::fs::write(path("public-key.pem"), key.verifying_key().to_pem()).unwrap();
        // A busy disk may keep a Redis that has just started.
        let store = eventually("Redis answers", || async {
            let config = RedisConfig::new(redis.url());
            RedisStore::connect(config).await.ok()
        })
        .await;
        let address = redis.url().replace("redis://", "").parse().unwrap();
        let gate = RedisGate::start(address).await;
        let mut club = Self {
            redis,
            store: Arc::new(store),
            gate,
            directory,
            shard: Place::new("shard", Path::new("/")),
            players: [nobody(), nobody()],
        };
        let way = [club.redis.url(), club.gate.url()];
        club.shard = club.start_shard("shard", &way[usize::from(is_shard_struck)]);
        let first = club.matchmaker(&club.redis.url()).await;
        for (player, name) in club.players.iter_mut().zip(["Ann", "Bob"]) {
            *player = first.client.new_player(Some(name)).await.unwrap();
        }
        first.place.kill();
        club
    }

    /// Starts a shard on this way to Redis.
    fn start_shard(&self, name: &str, store: &str) -> Place {
        let shard = Place::new(name, self.directory.path());
        let mut command = Command::new(binary("rookery"));
        command.args(["shard", "--listen", "127.0.0.1:0", "--store", store]);
        command.arg("--matchmaker-key");
        command.arg(self.directory.path().join("public-key.pem"));
        shard.start(&mut command).unwrap();
        shard
    }

    /// Starts a matchmaker on this way to Redis, and returns when it can make a match.
    async fn matchmaker(&self, store: &str) -> Running {
        let port = loop {
            // Another club of this test may have been given the same one a moment ago.
            let port = free_tcp_port();
            if PORTS.lock().unwrap().insert(port) {
                break port;
            }
        };
        let listen = format!("127.0.0.1:{port}");
        let key = self.directory.path().join("signing-key.pem");
        let mut command = Command::new(binary("rookery"));
        command.args(["matchmaker", "--listen", &listen, "--store", store]);
        command.args(["--limit-exempt", "127.0.0.0/8"]);
        command.arg("--signing-key").arg(key);
        let place = Place::new(&format!("matchmaker-{port}"), self.directory.path());
        place.start(&mut command).unwrap();
        let client = Matchmaker::new(&format!("http://{listen}"), PATIENCE).unwrap();
        eventually("a matchmaker is ready", || async {
            client.ready().await.ok()
        })
        .await;
        Running { place, client }
    }

    async fn challenge(&self, matchmaker: &Matchmaker) -> Result<MatchId, MatchmakerError> {
        let challenge = NewChallenge {
            terms: Terms {
                clock_start: ClockStart::AtOnce,
                rated: true,
                ..Terms::usual("600+5".parse().unwrap())
            },
            color: ColorChoice::White,
            opponent: None,
            opponent_name: None,
            open: false,
            expires_in_s: None,
        };
        let token = &self.players[0].token;
        let made = matchmaker.create_challenge(token, &challenge).await?;
        Ok(made.id.parse().unwrap())
    }

    async fn accept(
        &self,
        matchmaker: &Matchmaker,
        id: MatchId,
    ) -> Result<MatchId, MatchmakerError> {
        let token = &self.players[1].token;
        let accepted = matchmaker.accept_challenge(token, id.as_str()).await?;
        Ok(accepted.match_id.unwrap())
    }

    /// Plays a match to its end: White resigns.
    async fn play(&self, matchmaker: &Matchmaker, id: MatchId) {
        let mut seats = Vec::new();
        for player in &self.players {
            let seat = matchmaker.seat(&player.token, id).await.unwrap();
            seats.push(RawClient::join(&seat.shard, id, seat.token, None).await.0);
        }
        let is_ack = |body: &ServerBody| matches!(body, ServerBody::Ack { .. });
        for (ply, uci) in (0_u16..).zip(["e2e4", "e7e5"]) {
            let mover = &mut seats[usize::from(ply)];
            mover.play(ply, uci).await;
            mover.until(is_ack).await;
        }
        seats[0].command(7, CommandKind::Resign).await;
        seats[0].until(is_ack).await;
    }

    /// Plays a match to its end, with clients that come back from wherever they are thrown. The gate is armed for a step of a
    /// shard before the shard gets there.
    async fn play_through(&self, matchmaker: &Matchmaker, id: MatchId, step: Step, hold: Hold) {
        if step.name == CLAIM.name {
            self.gate.arm(step.script, hold);
        }
        let (white, black) = tokio::join!(self.sit(0, matchmaker, id), self.sit(1, matchmaker, id));
        let mut seats = [white, black];
        for (ply, uci) in (0_u16..).zip(["e2e4", "e7e5"]) {
            seats[usize::from(ply)].play(uci.parse().unwrap()).unwrap();
            drive(&mut seats, |view| view.ply() > ply).await;
        }
        if step.name == APPEND.name {
            self.gate.arm(step.script, hold);
        }
        seats[0].command(CommandKind::Resign).unwrap();
        drive(&mut seats, |view| view.result().is_some()).await;
    }

    async fn sit(&self, index: usize, matchmaker: &Matchmaker, id: MatchId) -> SeatSession {
        let times = ConnectionTimes::default();
        let connector = Connector::bind_to(Ipv4Addr::LOCALHOST, 1, times).unwrap();
        let source = PlayerSeat {
            matchmaker: matchmaker.clone(),
            token: self.players[index].token.clone(),
        };
        let config = SessionConfig {
            patience: PATIENCE,
            ..SessionConfig::default()
        };
        let session = SeatSession::join(Arc::new(connector), Arc::new(source), id, config).await;
        session.unwrap()
    }

    /// Returns when what follows from the end of a match is done.
    async fn finished(&self, id: MatchId) {
        eventually("what follows from the end is done", || async {
            let left = self.store.outbox_after(id.tag(), None, 100).await.ok()?;
            left.iter().all(|entry| entry.match_id != id).then_some(())
        })
        .await;
    }

    /// One match, one change of each rating, one entry in the archive and one in the feed, of so many matches that were
    /// played.
    async fn check(&self, id: MatchId, played: u32, what: &str) {
        let archived = self.store.get(id).await.unwrap();
        assert_eq!(archived.map(|archived| archived.id()), Some(id), "{what}");
        for player in &self.players {
            let rating = self.rating(&player.player).await;
            assert_eq!(rating, played, "{what}: {}", player.name);
        }
        assert!(self.store.rated(id).await.unwrap().is_some(), "{what}");
        let (mut named, mut after) = (0, FeedCursor::START);
        loop {
            let page = self.store.feed_after(after, 100).await.unwrap();
            named += page
                .entries
                .iter()
                .filter(|(_, entry)| entry.match_id == id)
                .count();
            let Some((last, _)) = page.entries.last() else {
                break;
            };
            after = *last;
        }
        assert_eq!(named, 1, "{what}: entries of the feed");
        let tags = self.store.outbox_tags().await.unwrap();
        assert!(tags.iter().all(|tag| tag.waiting == 0), "{what}: {tags:?}");
        let head = format!("rk:{{{}}}:{id}:head", id.tag());
        let left_ms = self.redis.command(&["PTTL", &head]);
        let left_ms: i64 = left_ms.trim_start_matches(':').parse().unwrap();
        assert!(left_ms > 0, "{what}: the live keys have an age: {left_ms}");
        let stored = self.store.matches(None, 1_000).await.unwrap();
        assert_eq!(stored.matches.len() as u32, played, "{what}: {stored:?}");
    }

    async fn rating(&self, player: &PlayerId) -> u32 {
        let rating = self.store.rating(player, category()).await.unwrap();
        let history = self
            .store
            .rating_history(player, category(), None, 100)
            .await;
        let games = rating.map_or(0, |rating| rating.games);
        assert_eq!(history.unwrap().len() as u32, games);
        games
    }

    /// Brings a matchmaker to `step`, lets the fault happen to it there, and has another one do the rest.
    async fn through(&self, step: Step, fault: Fault, hold: Hold) {
        let what = format!("{}: {fault:?}, held at the {hold:?}", step.name);
        let struck = self.matchmaker(&self.gate.url()).await;
        let (id, other) = match step.name {
            "ticket" => {
                self.gate.arm(step.script, hold);
                let asked = self.challenge(&struck.client);
                let other = self.strike(&struck, fault, asked).await;
                let id = self.challenge(&other.client).await.unwrap();
                self.accept(&other.client, id).await.unwrap();
                (id, other)
            }
            "assignment" | "match" => {
                let id = self.challenge(&struck.client).await.unwrap();
                self.gate.arm(step.script, hold);
                let asked = self.accept(&struck.client, id);
                let other = self.strike(&struck, fault, asked).await;
                assert_eq!(self.accept(&other.client, id).await.unwrap(), id, "{what}");
                (id, other)
            }
            _ => {
                let id = self.challenge(&struck.client).await.unwrap();
                self.accept(&struck.client, id).await.unwrap();
                self.gate.arm(step.script, hold);
                self.play(&struck.client, id).await;
                let other = self
                    .strike(&struck, fault, std::future::pending::<()>())
                    .await;
                (id, other)
            }
        };
        if ["ticket", "assignment", "match"].contains(&step.name) {
            self.play(&other.client, id).await;
        }
        self.finished(id).await;
        self.check(id, 1, &what).await;
        if fault == Fault::Stop {
            self.gate.open();
            struck.place.signal(Signal::CONT).unwrap();
            other.place.kill();
            // It ends what it had begun, and does the next match alone.
            eventually("it goes on", || async { struck.client.ready().await.ok() }).await;
            let next = self.challenge(&struck.client).await.unwrap();
            self.accept(&struck.client, next).await.unwrap();
            self.play(&struck.client, next).await;
            self.finished(next).await;
            self.check(id, 2, &what).await;
            self.check(next, 2, &what).await;
        }
    }

    /// Lets the fault happen to a matchmaker once it is held, while it is `asked` something. Returns another one.
    async fn strike<T>(
        &self,
        struck: &Running,
        fault: Fault,
        asked: impl Future<Output = T>,
    ) -> Running {
        tokio::select! {
            _ = asked => panic!("it was not held"),
            () = self.gate.held() => {}
        }
        match fault {
            Fault::Kill => {
                struck.place.kill();
                self.gate.open();
            }
            Fault::Stop => struck.place.signal(Signal::STOP).unwrap(),
        }
        self.matchmaker(&self.redis.url()).await
    }

    /// Brings the shard to `step`, lets the fault happen to it there, and has another one do the rest.
    async fn through_shard(&self, step: Step, fault: Fault, hold: Hold) {
        let what = format!("shard, {}: {fault:?}, held at the {hold:?}", step.name);
        let matchmaker = self.matchmaker(&self.redis.url()).await;
        let id = self.challenge(&matchmaker.client).await.unwrap();
        self.accept(&matchmaker.client, id).await.unwrap();
        let mut players = pin!(self.play_through(&matchmaker.client, id, step, hold));
        tokio::select! {
            () = &mut players => panic!("{what}: it was not held"),
            () = self.gate.held() => {}
        }
        match fault {
            Fault::Kill => {
                self.shard.kill();
                self.gate.open();
            }
            Fault::Stop => self.shard.signal(Signal::STOP).unwrap(),
        }
        // It is not there before, so that the match is the other one's at first.
        let _heir = self.start_shard("heir", &self.redis.url());
        players.await;
        self.finished(id).await;
        self.check(id, 1, &what).await;
        if fault == Fault::Stop {
            // Its late write is refused, and it plays on.
            self.gate.open();
            self.shard.signal(Signal::CONT).unwrap();
            let next = self.challenge(&matchmaker.client).await.unwrap();
            self.accept(&matchmaker.client, next).await.unwrap();
            let nothing = Step { name: "", ..step };
            self.play_through(&matchmaker.client, next, nothing, hold)
                .await;
            self.finished(next).await;
            self.check(id, 2, &what).await;
            self.check(next, 2, &what).await;
        }
    }
}

/// Lets both play on until both see what is wanted.
async fn drive(seats: &mut [SeatSession; 2], is_there: impl Fn(&MatchView) -> bool) {
    let [white, black] = seats;
    while !(is_there(white.view()) && is_there(black.view())) {
        let update = tokio::select! {
            update = white.next() => update,
            update = black.next() => update,
        };
        update.unwrap();
    }
}

/// In the place of a player who is not there yet.
fn nobody() -> PlayerReply {
    serde_json::from_value(serde_json::json!({
        "player": "nobody", "name": "nobody", "token": "", "expires_at": 0
    }))
    .unwrap()
}

impl Drop for Club {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let files = std::fs::read_dir(self.directory.path());
        for file in files.into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|end| end == "log") {
                let log = std::fs::read_to_string(file.path()).unwrap_or_default();
                eprintln!("{}:\n{log}", file.path().display());
            }
        }
    }
}

/// Runs each case in a club of its own, some at once.
async fn run(cases: Vec<(Step, Fault, Hold)>, is_shard_struck: bool) {
    let _turn = tests::turns::patient_turn().await;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut clubs = tokio::task::JoinSet::new();
    for (step, fault, hold) in cases {
        let places = Arc::clone(&places);
        clubs.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            let began = Instant::now();
            let club = Club::start(is_shard_struck).await;
            if is_shard_struck {
                club.through_shard(step, fault, hold).await;
            } else {
                club.through(step, fault, hold).await;
            }
            let seconds = began.elapsed().as_secs_f64();
            eprintln!("{}, {fault:?} at the {hold:?}: {seconds:.1} s", step.name);
        });
    }
    while let Some(club) = clubs.join_next().await {
        club.unwrap();
    }
}

fn cases(steps: &[Step]) -> Vec<(Step, Fault, Hold)> {
    let faults = |step: &Step| FAULTS.map(|(fault, hold)| (*step, fault, hold));
    steps.iter().flat_map(faults).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_matchmaker_may_be_killed_or_stopped_at_every_step_from_ticket_to_feed() {
    let steps = [
        TICKET, ASSIGNMENT, MATCH, RESULT, ARCHIVE, RATING, FEED, DONE,
    ];
    run(cases(&steps), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_may_be_killed_or_stopped_when_it_gets_a_match_and_when_it_writes_the_result() {
    run(cases(&[CLAIM, APPEND]), true).await;
}
