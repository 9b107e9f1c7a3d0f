//! A shard in this process, on a store that fails when the test says so.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{ClockStart, Match, MatchId, PlayerId, ShardId};
use protocol::Role;
use protocol::http::{ShardAddress, WebTransportAddress};
use shard::tls::Identity;
use shard::{NetLimits, Origins, ShardConfig, Surroundings, WebListener};
use store::testing::{Faults, FaultyStore};
use store::{MemoryStore, Store, WebDoors};
use tokens::{SeatClaims, SigningKey};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long the tokens of tests are valid.
const TOKEN_VALID_S: u64 = 3_600;

/// A real shard on a real UDP port of the loopback; it stops when this is dropped.
pub struct LocalShard {
    /// Where it answers.
    pub address: ShardAddress,
    /// The store beneath it, without faults.
    pub store: Arc<dyn Store>,
    /// The faults of the store that it sees.
    pub faults: Faults,
    /// The key that it trusts.
    pub key: SigningKey,
    id: ShardId,
    task: Option<JoinHandle<()>>,
    shutdown: Option<DropGuard>,
}

impl LocalShard {
    /// Starts a shard with the usual limits.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a shard whose configuration the test has changed.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub async fn with(change: impl FnOnce(&mut ShardConfig)) -> Self {
        let embedded = MemoryStore::default();
        Self::on(Arc::new(embedded), change).await
    }

    /// Starts a shard on a store that may hold something already.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub async fn on(store: Arc<dyn Store>, change: impl FnOnce(&mut ShardConfig)) -> Self {
        let faulty = FaultyStore::new(Arc::clone(&store));
        let faults = faulty.faults();
        let (key, _) = SigningKey::generate().expect("a key");
        let id = ShardId::from_random(rand::random());
        let loopback = "127.0.0.1:0".parse().expect("an address");
        let now_s = i64::try_from(shard::system_calendar().0 / 1_000).expect("a calendar");
        let identity = Identity::self_signed(now_s).expect("a certificate");
        let pin = identity.pin();
        let mut config = ShardConfig {
            id,
            address: loopback,
            admin: None,
            liveness: None,
            certificate_sha256: Some(pin),
            capacity: 1_000,
            cpu_share: 1.0,
            hand_over_within: Some(Duration::from_secs(5)),
            traces: None,
            web: WebDoors::default(),
            origins: Origins::local(Ipv4Addr::LOCALHOST.into()),
            limits: shard_core::ShardLimits::default(),
            net: NetLimits::default(),
        };
        change(&mut config);
        let endpoint = identity.bind(loopback, None, &config.net).expect("a port");
        config.address = endpoint.local_addr().expect("a bound address");
        let web = shard::bind_web(loopback).expect("a TCP port");
        let web_socket = web.local_addr().expect("a bound address");
        let address = ShardAddress {
            id,
            address: config.address,
            certificate_sha256: Some(protocol::http::hex(&pin)),
            web_transport: Some(WebTransportAddress {
                url: format!("https://{}/", config.address),
                certificate_hashes: vec![protocol::http::hex(&pin)],
            }),
            web_socket: Some(format!("ws://{web_socket}/")),
        };
        let shutdown = CancellationToken::new();
        let surroundings = Surroundings {
            endpoint,
            web: Some(WebListener::new(web, None)),
            liveness: None,
            store: Arc::new(faulty),
            key: key.verifying_key(),
            calendar: shard::system_calendar,
            inspected: shard::inspection().1,
        };
        let task = tokio::spawn(shard::run(config, surroundings, shutdown.clone()));
        let shutdown = Some(shutdown.drop_guard());
        Self {
            address,
            store,
            faults,
            key,
            id,
            task: Some(task),
            shutdown,
        }
    }

    /// Puts a new match into the store, assigned to this shard: a minute a side, counted at once.
    pub async fn create_match(&self) -> MatchId {
        self.create_match_with("60+0", ClockStart::AtOnce).await
    }

    /// Puts a new match into the store, assigned to this shard.
    ///
    /// # Panics
    ///
    /// If the store cannot take it, or the time control is none.
    pub async fn create_match_with(&self, time_control: &str, clock_start: ClockStart) -> MatchId {
        let id = MatchId::from_random(rand::random());
        let setup = SetupBuilder::new()
            .id(id)
            .timed(time_control)
            .clock_start(clock_start)
            .created_at(shard::system_calendar().0)
            .build();
        let snapshot = Match::new(setup).snapshot();
        self.store
            .create(self.id, &snapshot)
            .await
            .expect("the store takes it");
        id
    }

    /// A good token for a role in a match.
    #[must_use]
    pub fn token(&self, match_id: MatchId, role: Role) -> String {
        self.key.seat_token(&claims(match_id, role))
    }

    /// Stops the shard in good order.
    ///
    /// # Panics
    ///
    /// If it failed.
    pub async fn stop(mut self) {
        self.shutdown.take();
        if let Some(task) = self.task.take() {
            task.await.expect("the shard does not panic");
        }
    }

    /// Whether the shard still runs; it ends by itself only if it fails.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.is_finished())
    }
}

/// The claims of a good token.
#[must_use]
pub fn claims(match_id: MatchId, role: Role) -> SeatClaims {
    let name = match role {
        Role::White => "ann",
        Role::Black => "bob",
        Role::Spectator => "eve",
    };
    let exp = shard::system_calendar().0 / 1_000 + TOKEN_VALID_S;
    SeatClaims {
        match_id,
        role,
        player: player(name),
        exp,
    }
}

fn player(name: &str) -> PlayerId {
    name.parse().expect("a player id")
}
