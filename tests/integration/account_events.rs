//! The events of an account over real processes: at two matchmakers on one Redis, from shards, through the death of a
//! matchmaker and of Redis.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use client::Matchmaker;
use game_core::{CommandKind, MatchId, Seat};
use protocol::ServerBody;
use protocol::http::{AccountMatch, AccountMatches};
use reqwest::{Method, Response};
use serde_json::Value;
use supervisor::Place;
use tests::installation::{Installation, PlayedMatch, eventually};
use tests::process::{binary, free_tcp_port};
use tests::wire::RawClient;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// A stream of events.
struct Events {
    response: Response,
    rest: String,
}

impl Events {
    async fn open(url: &str, token: &str) -> Self {
        let url = format!("{url}/v1/account/events");
        let request = reqwest::Client::new().request(Method::GET, url);
        let response = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self {
            response,
            rest: String::new(),
        }
    }

    /// The next event, its name and its data; `None` at the end of the stream, however it ends.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.rest = rest;
                if let Some(event) = event.strip_prefix("event: ") {
                    let (name, data) = event.split_once("\ndata: ").unwrap();
                    return Some((name.to_owned(), serde_json::from_str(data).unwrap()));
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.unwrap();
            let chunk = chunk.ok().flatten()?;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event, which has this name and is of this match.
    async fn told(&mut self, expected: &str, id: MatchId) -> AccountMatch {
        let (name, data) = self.next().await.expect("the stream goes on");
        assert_eq!(name, expected, "{data}");
        let told: AccountMatch = serde_json::from_value(data).unwrap();
        assert_eq!(told.game.match_id, id);
        told
    }

    async fn complete(&mut self) {
        let (name, data) = self.next().await.expect("the stream goes on");
        assert_eq!(name, "complete", "{data}");
    }
}

/// Another matchmaker of the installation.
async fn second_matchmaker(
    installation: &Installation,
    directory: &std::path::Path,
) -> (Place, String) {
    let key = directory.join("signing-key.pem");
    std::fs::write(&key, installation.signing_key()).unwrap();
    let listen = format!("127.0.0.1:{}", free_tcp_port());
    let mut command = Command::new(binary("rookery"));
    command.args(["matchmaker", "--listen", &listen, "--store"]);
    command.arg(installation.redis_url());
    command.arg("--signing-key").arg(key);
    let place = Place::new("matchmaker", directory);
    place.start(&mut command).unwrap();
    let url = format!("http://{listen}");
    let client = Matchmaker::new(&url, PATIENCE).unwrap();
    eventually("the other matchmaker is ready", || async {
        client.ready().await.ok()
    })
    .await;
    (place, url)
}

async fn act(seat: &mut RawClient, id: u64, kind: CommandKind) {
    seat.command(id, kind).await;
    seat.until(|body| matches!(body, ServerBody::Ack { .. }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_reaches_a_player_wherever_it_happens_and_whatever_dies() {
    let mut installation = Installation::start(1).await;
    let directory = tempfile::tempdir().unwrap();
    let (_other, elsewhere) = second_matchmaker(&installation, directory.path()).await;
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let [ann, bob] = [Seat::White, Seat::Black].map(|seat| game.token(seat).to_owned());
    let mut of_ann = Events::open(&installation.matchmaker, &ann).await;
    let mut of_bob = Events::open(&elsewhere, &bob).await;
    for (events, seat) in [(&mut of_ann, Seat::White), (&mut of_bob, Seat::Black)] {
        let began = events.told("match_started", game.id).await;
        assert_eq!(began.seat, seat);
        events.complete().await;
    }
    game.play(0, "e2e4").await;
    act(&mut game.black, 7, CommandKind::Resign).await;
    for events in [&mut of_ann, &mut of_bob] {
        let ended = events.told("match_ended", game.id).await;
        assert!(ended.game.outcome.is_some() && ended.game.moves.len() == 1);
    }

    // A rematch is made by the shard.
    act(&mut game.white, 8, CommandKind::OfferRematch).await;
    act(&mut game.black, 9, CommandKind::AcceptRematch).await;
    let (name, data) = of_bob.next().await.unwrap();
    assert_eq!(name, "match_started", "{data}");
    let rematch: AccountMatch = serde_json::from_value(data).unwrap();
    let id = rematch.game.match_id;
    assert_ne!(id, game.id);
    assert_eq!(rematch.seat, Seat::White, "colours change");
    of_ann.told("match_started", id).await;

    // A matchmaker dies: its stream ends, and another one tells the present state.
    installation.kill_matchmaker();
    assert_eq!(of_ann.next().await, None);
    let mut of_ann = Events::open(&elsewhere, &ann).await;
    of_ann.told("match_started", id).await;
    of_ann.complete().await;

    // Redis dies: the streams outlive it.
    let redis = Arc::get_mut(&mut installation.redis).expect("nobody else uses it");
    redis.kill();
    redis.restart();
    let client = Matchmaker::new(&elsewhere, PATIENCE).unwrap();
    let seat = eventually("Redis and the shard are back", || async {
        client.seat(&ann, id).await.ok()
    })
    .await;
    let (mut seat, _) = RawClient::join(&seat.shard, id, seat.token, None).await;
    act(&mut seat, 1, CommandKind::Resign).await;
    for events in [&mut of_ann, &mut of_bob] {
        let ended = events.told("match_ended", id).await;
        assert!(ended.game.outcome.is_some());
    }
    let url = format!("{elsewhere}/v1/account/matches");
    let listed = reqwest::Client::new().get(url).bearer_auth(&ann).send();
    let listed: AccountMatches = listed.await.unwrap().json().await.unwrap();
    assert_eq!(listed.matches, []);
}
