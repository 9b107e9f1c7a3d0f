//! A matchmaker that is killed or stopped at any step between the ticket of a match and its place in the feed: one match,
//! one change of each rating, one entry in the archive and one in the feed.
//!
//! A gate before Redis holds the matchmaker at the script of the step, either before Redis has it or before the matchmaker has the
//! answer. Then it is killed or stopped, another matchmaker does the rest, and one that was stopped goes on.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use client::{Matchmaker, MatchmakerError};
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

const PATIENCE: Duration = Duration::from_secs(60);

/// The steps, by the script that does each.
const TICKET: Step = Step {
    name: "ticket",
    script: include_str!("../../store/src/redis/lua/ticket_put.lua"),
};
const ASSIGNMENT: Step = Step {
    name: "assignment",
    script: include_str!("../../store/src/redis/lua/ticket_assign.lua"),
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

/// Each with what it is held at: both happen to both, over all steps.
const FAULTS: [(Fault, Hold); 2] = [(Fault::Kill, Hold::Answer), (Fault::Stop, Hold::Request)];

fn category() -> Category {
    "standard-rapid".parse().unwrap()
}

/// A Redis, a shard, and matchmakers as they come.
struct Club {
    redis: RedisServer,
    store: Arc<RedisStore>,
    gate: RedisGate,
    directory: TempDir,
    _shard: Place,
    players: [PlayerReply; 2],
    /// Rated matches that the players have played.
    played: u32,
}

/// A matchmaker that runs.
struct Running {
    place: Place,
    client: Matchmaker,
}

impl Club {
    async fn start() -> Self {
        let redis = RedisServer::start();
        let directory = tempfile::tempdir().unwrap();
        let (key, pem) = SigningKey::generate().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("signing-key.pem"), pem).unwrap();
        std::fs::write(path("public-key.pem"), key.verifying_key().to_pem()).unwrap();
        let shard = Place::new("shard", directory.path());
        let mut command = Command::new(binary("rookery"));
        command.args(["shard", "--listen", "127.0.0.1:0", "--store", &redis.url()]);
        command.arg("--matchmaker-key").arg(path("public-key.pem"));
        shard.start(&mut command).unwrap();
        let store = RedisStore::connect(RedisConfig::new(redis.url())).await;
        let address = redis.url().replace("redis://", "").parse().unwrap();
        let gate = RedisGate::start(address).await;
        let mut club = Self {
            redis,
            store: Arc::new(store.unwrap()),
            gate,
            directory,
            _shard: shard,
            players: [nobody(), nobody()],
            played: 0,
        };
        let first = club.matchmaker(&club.redis.url()).await;
        for (player, name) in club.players.iter_mut().zip(["Ann", "Bob"]) {
            *player = first.client.new_player(Some(name)).await.unwrap();
        }
        first.place.kill();
        club
    }

    /// Starts a matchmaker on this way to Redis, and returns when it can make a match.
    async fn matchmaker(&self, store: &str) -> Running {
        let port = free_tcp_port();
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
    async fn play(&mut self, matchmaker: &Matchmaker, id: MatchId) {
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
        self.played += 1;
    }

    /// Returns when what follows from the end of a match is done.
    async fn finished(&self, id: MatchId) {
        let head = format!("rk:{{{}}}:{id}:head", id.tag());
        eventually("what follows from the end is done", || async {
            let said = self.redis.command(&["HGET", &head, "entry"]);
            said.contains("done").then_some(())
        })
        .await;
    }

    /// One match, one change of each rating, one entry in the archive and one in the feed.
    async fn check(&self, id: MatchId, what: &str) {
        let archived = self.store.get(id).await.unwrap();
        assert_eq!(archived.map(|archived| archived.id()), Some(id), "{what}");
        for player in &self.players {
            let rating = self.rating(&player.player).await;
            assert_eq!(rating, self.played, "{what}: {}", player.name);
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
        let stored = self.store.matches(None, 1_000).await.unwrap();
        assert_eq!(
            stored.matches.len() as u32,
            self.played,
            "{what}: {stored:?}"
        );
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
    async fn through(&mut self, step: Step, fault: Fault, hold: Hold) {
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
        self.check(id, &what).await;
        if fault == Fault::Stop {
            struck.place.signal(Signal::CONT).unwrap();
            other.place.kill();
            // It ends what it had begun, and does the next match alone.
            eventually("it goes on", || async { struck.client.ready().await.ok() }).await;
            let next = self.challenge(&struck.client).await.unwrap();
            self.accept(&struck.client, next).await.unwrap();
            self.play(&struck.client, next).await;
            self.finished(next).await;
            self.check(id, &what).await;
            self.check(next, &what).await;
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
            Fault::Kill => struck.place.kill(),
            Fault::Stop => struck.place.signal(Signal::STOP).unwrap(),
        }
        self.gate.open();
        self.matchmaker(&self.redis.url()).await
    }
}

/// In the place of a player who is not there yet.
fn nobody() -> PlayerReply {
    serde_json::from_value(serde_json::json!({
        "player": "nobody", "name": "nobody", "token": "", "expires_at": 0
    }))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_matchmaker_may_be_killed_or_stopped_at_every_step_from_ticket_to_feed() {
    let steps = [
        TICKET, ASSIGNMENT, MATCH, RESULT, ARCHIVE, RATING, FEED, DONE,
    ];
    let mut cases: Vec<(Step, Fault, Hold)> = Vec::new();
    for step in steps {
        cases.extend(FAULTS.map(|(fault, hold)| (step, fault, hold)));
    }
    // Most of the time is that of leases which have to end: several installations at once.
    let mut clubs = tokio::task::JoinSet::new();
    let share = cases.len().div_ceil(4);
    for cases in cases.chunks(share).map(<[_]>::to_vec) {
        clubs.spawn(async move {
            let mut club = Club::start().await;
            for (step, fault, hold) in cases {
                club.through(step, fault, hold).await;
            }
        });
    }
    clubs.join_all().await;
}
