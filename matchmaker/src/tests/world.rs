//! A matchmaker on a listener of its own, a store beneath it, shards as the test says, and players.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use game_core::{
    Command, CommandId, CommandKind, Epoch, Event, Match, MatchId, MatchTime, PlayerId, Seat,
    ShardId, TimeControl, WithMove,
};
use protocol::http::{
    NewTicket, PlayerReply, Problem, SeatReply, Terms, TicketReply, TicketStatus,
};
use reqwest::{Client, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::{
    Append, Appended, Claim, Liveness, MemoryStore, Registered, ShardRecord, Store, TicketId,
};
use tokens::{PlayerClaims, SigningKey};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::now;
use crate::config::Config;
use crate::lobby::hearing::{announce_online, hear_hints};
use crate::registry::{Observer, RegistryView};
use crate::router::router;
use crate::serve::accept_all;
use crate::service::{Resources, Service};
use crate::waves::run_waves;

/// No test waits for longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct World {
    pub(super) store: Arc<dyn Store>,
    pub(super) key: SigningKey,
    pub(super) base: String,
    pub(super) views: watch::Sender<Arc<RegistryView>>,
    pub(super) shutdown: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) service: Arc<Service>,
    client: Client,
    _end: DropGuard,
}

impl World {
    /// A matchmaker on an empty store, with shard 1 alive.
    pub(super) async fn new() -> Self {
        let store = MemoryStore::default();
        Self::on(Arc::new(store), new_key(), Config::default()).await
    }

    /// The same with a wave at each look at a pool.
    pub(super) async fn with_waves_at_once() -> Self {
        Self::on(Arc::new(MemoryStore::default()), new_key(), waves_at_once()).await
    }

    /// A matchmaker on this store, with shard 1 alive.
    pub(super) async fn on(store: Arc<dyn Store>, key: SigningKey, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let (views, receiver) = watch::channel(Arc::new(view(&[shard(1)])));
        let service = Service::new(
            config,
            key.clone(),
            Resources {
                store: store.clone(),
                archive: store.clone(),
                views: receiver,
                metrics: Default::default(),
                shards: Default::default(),
                new_round: Default::default(),
            },
            shutdown.clone(),
        );
        let tasks = TaskTracker::new();
        tasks.spawn(run_waves(service.clone()));
        tasks.spawn(hear_hints(service.clone()));
        tasks.spawn(announce_online(service.clone()));
        let (server, connections) = (service.clone(), tasks.clone());
        tasks.spawn(async move {
            {
                let router = router(&server, Router::new());
                accept_all(listener, &server, router, None, &connections).await;
            }
        });
        Self {
            store,
            key,
            base,
            views,
            _end: shutdown.clone().drop_guard(),
            shutdown,
            tasks,
            service,
            client: client(),
        }
    }

    /// Another matchmaker of the same installation.
    pub(super) async fn another(&self) -> Self {
        let config = Config {
            wave_interval_max: self.service.config.wave_interval_max,
            ..Config::default()
        };
        Self::on(self.store.clone(), self.key.clone(), config).await
    }

    /// Lets the matchmaker see these shards, and no others, from now on.
    pub(super) fn see(&self, registry: &[ShardRecord]) {
        self.views.send_replace(Arc::new(view(registry)));
    }

    /// The same with shards that have no record.
    pub(super) fn see_registry(&self, registry: &[Registered]) {
        let view = Observer::default().observe(registry, Duration::ZERO);
        self.views.send_replace(Arc::new(view));
    }

    /// Lets the matchmaker see these shards, of which `silent` has missed so many beats of its own.
    pub(super) fn see_silent(&self, registry: &[ShardRecord], silent: ShardId, beats: u32) {
        let mut observer = Observer::default();
        let mut registry = registry.to_vec();
        let registered = |records: &[ShardRecord]| {
            let records = records.iter().cloned();
            records.map(Registered::from).collect::<Vec<_>>()
        };
        let mut view = observer.observe(&registered(&registry), Duration::ZERO);
        for beat in 1..=beats {
            for shard in registry.iter_mut().filter(|shard| shard.id != silent) {
                shard.heartbeat += 1;
            }
            view = observer.observe(&registered(&registry), Liveness::HEARTBEAT_EVERY * beat);
        }
        self.views.send_replace(Arc::new(view));
    }

    /// A player with a token of this installation.
    pub(super) fn player(&self, id: &str) -> Guest {
        let id: PlayerId = id.parse().unwrap();
        let token = self.key.player_token(&PlayerClaims {
            player: id.clone(),
            name: format!("Name of {id}"),
            bot: false,
            made_at: None,
            exp: now().0 / 1_000 + 60,
        });
        Guest { id, token }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(super) async fn get(&self, who: &Guest, path: &str) -> Answer {
        send(self.request(Method::GET, path).bearer_auth(&who.token)).await
    }

    pub(super) async fn post(&self, who: &Guest, path: &str, body: Value) -> Answer {
        send(
            self.request(Method::POST, path)
                .bearer_auth(&who.token)
                .json(&body),
        )
        .await
    }

    pub(super) async fn delete(&self, who: &Guest, path: &str) -> Answer {
        send(self.request(Method::DELETE, path).bearer_auth(&who.token)).await
    }

    /// The ticket once it has a match or is over; as it waits if that takes too long.
    pub(super) async fn settled(&self, who: &Guest, ticket: &TicketReply) -> TicketReply {
        let path = format!("/v1/tickets/{}?wait_ms=20000", ticket.id);
        self.get(who, &path).await.ok(200)
    }

    /// Makes a challenge that `terms` add to, and returns its id.
    pub(super) async fn challenge(&self, who: &Guest, terms: Value) -> String {
        let mut body = json!({"control": blitz()});
        body.as_object_mut()
            .unwrap()
            .extend(terms.as_object().unwrap().clone());
        let reply: TicketReply = self.post(who, "/v1/challenges", body).await.ok(201);
        assert_eq!(reply.status, TicketStatus::Waiting);
        reply.id
    }

    /// A match of `white` against `black`, as players make one.
    pub(super) async fn make_match(&self, white: &Guest, black: &Guest) -> MatchId {
        let id = self.challenge(white, json!({"color": "white"})).await;
        let path = format!("/v1/challenges/{id}/accept");
        let reply: TicketReply = self.post(black, &path, json!({})).await.ok(200);
        reply.match_id.unwrap()
    }

    pub(super) async fn seat(&self, who: &Guest, id: MatchId) -> SeatReply {
        self.post(who, &format!("/v1/matches/{id}/seat"), json!({}))
            .await
            .ok(200)
    }

    pub(super) fn new_ticket(&self) -> Value {
        json!(NewTicket::new(Terms::usual(blitz())))
    }
}

/// A player in a test.
#[derive(Clone)]
pub(super) struct Guest {
    pub(super) id: PlayerId,
    pub(super) token: String,
}

impl From<PlayerReply> for Guest {
    fn from(reply: PlayerReply) -> Self {
        Self {
            id: reply.player,
            token: reply.token,
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) text: String,
}

pub(super) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

impl Answer {
    /// The reply of a request that went well.
    #[track_caller]
    pub(super) fn ok<T: DeserializeOwned>(&self, status: u16) -> T {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_str(&self.text).unwrap()
    }

    /// Checks the problem that a request ran into, and gives its detail.
    #[track_caller]
    pub(super) fn problem(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem: Problem = serde_json::from_str(&self.text).unwrap();
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (status, code),
            "{}",
            self.text
        );
        assert!(
            problem.detail.ends_with('.'),
            "a sentence: {}",
            problem.detail
        );
        if status == 503 {
            assert_eq!(self.headers["retry-after"], "1");
        }
        problem.detail
    }
}

/// Settings with a wave at each look at a pool, for tests in which many wait.
pub(super) fn waves_at_once() -> Config {
    Config {
        wave_interval_max: Duration::ZERO,
        ..Config::default()
    }
}

/// A client that asks the matchmaker itself, whatever the environment says of proxies.
pub(super) fn client() -> Client {
    Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

pub(super) fn new_key() -> SigningKey {
    SigningKey::generate().unwrap().0
}

pub(super) fn blitz() -> TimeControl {
    TimeControl::from_millis(180_000, 2_000).unwrap()
}

/// Shard `number`, alive and empty.
pub(super) fn shard(number: u16) -> ShardRecord {
    ShardRecord {
        id: shard_id(number),
        heartbeat: 1,
        address: ([127, 0, 0, 1], 4_000 + number).into(),
        certificate_sha256: Some([number as u8; 32]),
        capacity: 100,
        live: 0,
        load: 0,
        cpu_share: 1_000,
        draining: false,
        admin: None,
        clock: MatchTime::default(),
        liveness: None,
        connections: Vec::new(),
        web: store::WebDoors::default(),
    }
}

pub(super) fn shard_id(number: u16) -> ShardId {
    ShardId::from_random(number.into())
}

fn view(records: &[ShardRecord]) -> RegistryView {
    let registry: Vec<_> = records.iter().cloned().map(Registered::from).collect();
    Observer::default().observe(&registry, Duration::ZERO)
}

pub(super) fn ticket_id(text: &str) -> TicketId {
    text.parse().unwrap()
}

/// Plays moves in turn as the match's owner would, and lets White resign if `ends`.
pub(super) async fn play(store: &dyn Store, id: MatchId, moves: &[&str], ends: bool) {
    let Claim::Claimed(checkpoint) = store.claim(id, shard_id(1), Epoch(0)).await.unwrap() else {
        panic!("the match has an owner already");
    };
    let mut game = Match::restore(checkpoint.snapshot, &checkpoint.tail).unwrap();
    let mut events: Vec<Event> = vec![];
    let resigns = ends.then_some("resign");
    for (number, what) in (0..).zip(moves.iter().copied().chain(resigns)) {
        let is_move = number < moves.len() as u64;
        let (seat, kind) = if is_move {
            let kind = CommandKind::Move {
                position_seq: game.position_seq(),
                uci: what.parse().unwrap(),
                with: WithMove::Nothing,
            };
            (game.turn(), kind)
        } else {
            (Seat::White, CommandKind::Resign)
        };
        let id = CommandId(number);
        let command = Command { id, kind };
        game.apply(seat, &command, MatchTime::default(), &mut events)
            .unwrap();
    }
    let snapshot = game.snapshot();
    let snapshot = ends.then_some(&snapshot);
    let append = Append::new(id, shard_id(1), Epoch(1), &events, snapshot);
    let stored = store.append(&[append]).await.unwrap();
    assert_eq!(stored, [Appended::Stored { duplicate: false }]);
}
