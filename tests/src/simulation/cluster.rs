//! Shards that live and die, and the matchmaker's word on where a match lives.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use client::MatchmakerError;
use client::seat::{SeatFuture, SeatSource};
use game_core::testing::SetupBuilder;
use game_core::{Match, MatchId, PlayerId, ShardId, Snapshot, UnixMillis};
use protocol::Role;
use protocol::http::{SeatReply, ShardAddress};
use shard::{NetLimits, ShardConfig, Surroundings};
use shard_core::ShardLimits;
use tokens::{SeatClaims, SigningKey};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::endpoints;
use super::faulty::{Shared, Way};
use super::network::Network;

/// The calendar stands still: no token expires within a simulation.
const TODAY: UnixMillis = UnixMillis(1_800_000_000_000);

fn calendar() -> UnixMillis {
    TODAY
}

/// A process that serves matches.
struct Shard {
    id: ShardId,
    address: SocketAddr,
    task: JoinHandle<()>,
    way: Arc<Way>,
}

/// All shards, and the store beneath them.
pub(crate) struct Cluster {
    pub(crate) network: Network,
    pub(crate) store: Arc<Shared>,
    dice: Dice,
    key: SigningKey,
    limits: ShardLimits,
    shards: Mutex<Vec<Shard>>,
}

impl Cluster {
    pub(crate) fn new(
        network: Network,
        store: Arc<Shared>,
        dice: Dice,
        limits: ShardLimits,
    ) -> Arc<Self> {
        let (key, _) = SigningKey::generate().expect("a key");
        Arc::new(Self {
            network,
            store,
            dice,
            key,
            limits,
            shards: Mutex::default(),
        })
    }

    fn shards(&self) -> MutexGuard<'_, Vec<Shard>> {
        self.shards.lock().expect("no holder of the lock panics")
    }

    /// Starts the process number `n`, at an address; each `n` is used once.
    pub(crate) fn start(&self, n: u64, address: SocketAddr) {
        let dice = self.dice.of("shard").of(n);
        let bits = u128::from(dice.roll(1)) << 64 | u128::from(dice.roll(2));
        let id = ShardId::from_random(bits);
        let way = Way::new(Arc::clone(&self.store), dice.of("store"));
        let config = ShardConfig {
            id,
            address,
            admin: None,
            liveness: None,
            certificate_sha256: Some(endpoints::pin()),
            capacity: 1_000,
            // What this process really uses is nothing beside it.
            cpu_share: f64::INFINITY,
            hand_over_within: None,
            traces: None,
            web: store::WebDoors::default(),
            origins: shard::Origins::default(),
            limits: self.limits.clone(),
            net: NetLimits::default(),
        };
        let surroundings = Surroundings {
            endpoint: endpoints::of_shard(&self.network, address, dice),
            web: None,
            liveness: None,
            store: Arc::clone(&way) as Arc<dyn store::Store>,
            key: self.key.verifying_key(),
            calendar,
            inspected: shard::inspection().1,
        };
        let run = shard::run(config, surroundings, CancellationToken::new());
        let task = tokio::spawn(to_its_end(run));
        self.shards().push(Shard {
            id,
            address,
            task,
            way,
        });
    }

    /// Kills a process: it says nothing more to anyone. Returns where it was.
    pub(crate) fn crash(&self, chosen: u64) -> Option<SocketAddr> {
        let mut shards = self.shards();
        let index = usize::try_from(chosen).ok()?.checked_rem(shards.len())?;
        let shard = shards.remove(index);
        self.network.unplug(shard.address);
        shard.way.die();
        shard.task.abort();
        self.store.world().deaths.insert(shard.id, Instant::now());
        Some(shard.address)
    }

    /// Takes the store away from one process: it becomes a former owner who does not know it.
    pub(crate) fn isolate(&self, chosen: u64, spell: Duration) {
        let shards = self.shards();
        let index = usize::try_from(chosen)
            .unwrap_or(0)
            .checked_rem(shards.len());
        if let Some(shard) = index.and_then(|index| shards.get(index)) {
            shard.way.cut_for(spell);
        }
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.shards().iter().map(|shard| shard.address).collect()
    }

    /// Whether every process that was not killed still runs.
    pub(crate) fn all_run(&self) -> bool {
        self.shards().iter().all(|shard| !shard.task.is_finished())
    }

    /// Puts a new match into the store, assigned to some shard.
    pub(crate) fn create_match(&self, n: u64) -> MatchId {
        let dice = self.dice.of("match").of(n);
        let bits = u128::from(dice.roll(1)) << 64 | u128::from(dice.roll(2));
        let snapshot = new_match(MatchId::from_random(bits));
        let shards = self.shards();
        let owner = shards[dice.roll(3) as usize % shards.len()].id;
        self.store.world().create(owner, &snapshot);
        snapshot.setup().id
    }

    /// Where a match lives, as far as a matchmaker can know: mostly right.
    fn place(&self, id: MatchId, roll: u64) -> Option<(ShardId, SocketAddr)> {
        let shards = self.shards();
        let owner = self.store.world().model.ownership(id)?.owner;
        let known = shards.iter().find(|shard| shard.id == owner);
        let any = || shards.get(roll as usize % shards.len().max(1));
        let named = if roll.is_multiple_of(10) {
            any()
        } else {
            known.or_else(any)
        };
        named.map(|shard| (shard.id, shard.address))
    }
}

/// The matchmaker, as one player sees it.
pub(crate) struct Source {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) dice: Dice,
    pub(crate) role: Role,
    pub(crate) asked: Mutex<u64>,
}

impl SeatSource for Source {
    fn seat(&self, match_id: MatchId) -> SeatFuture<'_> {
        let n = {
            let mut asked = self.asked.lock().expect("no holder panics");
            *asked += 1;
            *asked
        };
        Box::pin(async move {
            // The wait before another attempt, which the session itself draws at random.
            let longest = 50 << n.min(4);
            sleep(Duration::from_millis(self.dice.between(n, 5, longest))).await;
            let place = self.cluster.place(match_id, self.dice.of("place").roll(n));
            let (id, address) = place.ok_or_else(|| MatchmakerError::Unreachable {
                base: "simulated".to_owned(),
                waited: Duration::ZERO,
                last: "no shard lives".to_owned(),
            })?;
            let name = if self.role == Role::White {
                "ann"
            } else {
                "bob"
            };
            let claims = SeatClaims {
                match_id,
                role: self.role,
                player: player_id(name),
                exp: TODAY.0 / 1_000 + 3_600,
            };
            let pin = protocol::http::hex(&endpoints::pin());
            Ok(SeatReply {
                match_id,
                role: self.role,
                token: self.cluster.key.seat_token(&claims),
                expires_at: TODAY,
                shard: ShardAddress {
                    id,
                    address,
                    certificate_sha256: Some(pin),
                    web_transport: None,
                    web_socket: None,
                },
            })
        })
    }
}

/// A new match: a minute a side without increment, counted at once.
pub(crate) fn new_match(id: MatchId) -> Snapshot {
    let setup = SetupBuilder::new()
        .id(id)
        .timed("60+0")
        .at_once()
        .created_at(TODAY.0)
        .build();
    Match::new(setup).snapshot()
}

/// Whatever it ends with: no shard here ends by itself.
async fn to_its_end<T>(run: impl Future<Output = T>) {
    run.await;
}

fn player_id(name: &str) -> PlayerId {
    name.parse().expect("a player id")
}
