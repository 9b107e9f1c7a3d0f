//! Matches, shards and tickets to store.

use std::sync::Arc;
use std::time::Duration;

use game_core::testing::SetupBuilder;
pub(crate) use game_core::testing::player;
use game_core::{
    BySeat, Command, CommandId, CommandKind, Epoch, Event, Match, MatchId, MatchSetup, MatchTime,
    Receipt, RoundTrip, Seat, ShardId, Snapshot, TimeControl, UnixMillis, WithMove,
};
use store::testing::{RedisKind, RedisServer, fresh_redis};
use store::{
    Append, Assignment, Category, ChatLine, EmbeddedStore, MemoryStore, OutboxTag, RatedMatch,
    RatingChange, RedisConfig, RedisStore, ShardRecord, Store, Strength, Ticket, TicketId,
    TicketList, WorkerId,
};

pub(crate) fn match_id(n: u8) -> MatchId {
    MatchId::from_random(u128::from(n))
}

/// Another match of the same tag as `match_id(tag)`, for `n` from 1.
pub(crate) fn sibling_id(tag: u8, n: u16) -> MatchId {
    // Beyond the characters of the tag.
    MatchId::with_tag(match_id(tag).tag(), u128::from(n) * 62 * 62)
}

pub(crate) fn shard_id(n: u8) -> ShardId {
    ShardId::from_random(u128::from(n) << 64)
}

pub(crate) fn ticket_id(n: u8) -> TicketId {
    TicketId::from_random(u128::from(n) << 32)
}

pub(crate) fn setup(id: MatchId) -> MatchSetup {
    SetupBuilder::new()
        .id(id)
        .named("ada", "bob")
        .people()
        .created_at(1_800_000_000_000)
        .build()
}

/// One way that a match may go: its events, and the snapshots between them.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: MatchId,
    pub(crate) events: Vec<Event>,
    /// `snapshots[n]` is of seq n.
    pub(crate) snapshots: Vec<Snapshot>,
}

impl Line {
    /// `len` moves of match `id`, drawn by `seed`, a second each.
    pub(crate) fn new(id: MatchId, seed: u64, len: usize) -> Self {
        let mut game = Match::new(setup(id));
        let mut line = Self {
            id,
            events: Vec::new(),
            snapshots: vec![game.snapshot()],
        };
        let mut state = seed;
        let mut now = MatchTime::default();
        // As clients number them: from a random start on.
        let mut command = seed << 60;
        while line.events.len() < len {
            // Knuth's MMIX generator: good enough to pick moves, and the same everywhere.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let moves = game.legal_moves();
            let uci = moves[(state >> 33) as usize % moves.len()];
            let kind = CommandKind::Move {
                position_seq: game.position_seq(),
                uci,
                with: WithMove::Nothing,
            };
            game.start_clock(now);
            now = now + Duration::from_millis(1_000);
            command += 1;
            let mut events = Vec::new();
            game.apply(
                game.turn(),
                &Command {
                    id: CommandId(command),
                    kind,
                },
                Receipt {
                    at: now,
                    // Of people in one country or another.
                    round_trip: Some(RoundTrip::from_millis(20 + (state >> 56) as u16)),
                    ..Receipt::default()
                },
                &mut events,
            )
            .unwrap();
            assert_eq!(events.len(), 1, "this seed ends the match too early");
            line.events.append(&mut events);
            line.snapshots.push(game.snapshot());
        }
        line
    }

    /// The write of `count` events after `after` by shard 1.
    pub(crate) fn append(&self, epoch: Epoch, after: usize, count: usize) -> Append {
        let events = &self.events[after..after + count];
        Append::new(self.id, shard_id(1), epoch, events, None)
    }

    /// The same with a snapshot.
    pub(crate) fn append_with_snapshot(&self, epoch: Epoch, after: usize, count: usize) -> Append {
        let snapshot = &self.snapshots[after + count];
        let events = &self.events[after..after + count];
        Append::new(self.id, shard_id(1), epoch, events, Some(snapshot))
    }

    /// The write of a resignation after `after` (at least 2) events.
    pub(crate) fn end(&self, epoch: Epoch, after: usize) -> Append {
        let (events, snapshots) = self.ended(after);
        let snapshot = &snapshots[0];
        Append::new(self.id, shard_id(1), epoch, &events[..1], Some(snapshot))
    }

    /// The write of what follows that resignation: of the offer of a rematch and its acceptance, `count` after
    /// the first `skipped`.
    pub(crate) fn aftermath(
        &self,
        epoch: Epoch,
        after: usize,
        skipped: usize,
        count: usize,
    ) -> Append {
        let (events, _) = self.ended(after);
        let events = &events[1 + skipped..][..count];
        Append::new(self.id, shard_id(1), epoch, events, None)
    }

    /// A resignation after `after` events, the offer of a rematch and its acceptance, and the snapshots after
    /// each.
    pub(crate) fn ended(&self, after: usize) -> (Vec<Event>, Vec<Snapshot>) {
        let mut game = Match::restore(self.snapshots[after].clone(), &[]).unwrap();
        let (mut events, mut snapshots) = (Vec::new(), Vec::new());
        let loser = game.turn();
        for (id, seat, kind) in [
            (1, loser, CommandKind::Resign),
            (2, loser, CommandKind::OfferRematch),
            (1, loser.opponent(), CommandKind::AcceptRematch),
        ] {
            let id = CommandId(id);
            let receipt = Receipt {
                next_match: Some(rematch_id(self.id)),
                ..Receipt::default()
            };
            game.apply(seat, &Command { id, kind }, receipt, &mut events)
                .unwrap();
            snapshots.push(game.snapshot());
        }
        assert_eq!(events.len(), 3);
        (events, snapshots)
    }
}

/// The match that follows a match, of the same tag.
pub(crate) fn rematch_id(id: MatchId) -> MatchId {
    MatchId::with_tag(id.tag(), u128::MAX)
}

/// A line that seat or spectator `name` said.
pub(crate) fn chat_line(seat: Option<Seat>, name: &str, text: &str, at: u64) -> ChatLine {
    ChatLine::new(seat, name, text, UnixMillis(at)).unwrap()
}

/// The same write by shard `n`.
pub(crate) fn by(n: u8, append: Append) -> Append {
    let owner = shard_id(n);
    Append { owner, ..append }
}

pub(crate) fn shard_record(n: u8, heartbeat: u64) -> ShardRecord {
    ShardRecord {
        id: shard_id(n),
        heartbeat,
        address: "192.0.2.1:4433".parse().unwrap(),
        certificate_sha256: n.is_multiple_of(2).then_some([n; 32]),
        capacity: 1000,
        live: u32::from(n),
        load: 0,
        cpu_share: 1_000,
        draining: n == 3,
        admin: None,
        clock: MatchTime::from_micros(heartbeat * 500_000),
        liveness: None,
        connections: Vec::new(),
        web: store::WebDoors::default(),
    }
}

pub(crate) fn ticket(n: u8, pool: Option<&str>) -> Ticket {
    let time_control = TimeControl::from_millis(180_000, 2_000).unwrap();
    let now = UnixMillis(1_800_000_000_000);
    Ticket {
        pool: pool.map(Into::into),
        ..Ticket::new(ticket_id(n), player("ada"), time_control, now)
    }
}

pub(crate) fn assignment(n: u8) -> Assignment {
    Assignment {
        match_id: match_id(n),
        players: BySeat {
            white: player("ada"),
            black: player("bob"),
        },
        at: UnixMillis(1_800_000_000_000),
    }
}

pub(crate) fn pool(name: &str) -> TicketList {
    TicketList::Pool(name.into())
}

pub(crate) async fn redis_store(server: &RedisServer) -> RedisStore {
    RedisStore::connect(RedisConfig::new(server.url()))
        .await
        .unwrap()
}

/// A new store in a Cluster that all tests share.
pub(crate) async fn cluster_store() -> RedisStore {
    let config = fresh_redis(RedisKind::Cluster);
    RedisStore::connect(config).await.unwrap()
}

/// Runs one check on every store, each new.
pub(crate) fn on_all<F: Future<Output = ()>>(check: impl Fn(Arc<dyn Store>) -> F) {
    let runtime = runtime();
    runtime.block_on(check(Arc::new(MemoryStore::new())));
    runtime.block_on(check(Arc::new(EmbeddedStore::in_memory().unwrap())));
    let server = RedisServer::start();
    runtime.block_on(async { check(Arc::new(redis_store(&server).await)).await });
    for kind in KINDS {
        runtime.block_on(async {
            let store = RedisStore::connect(fresh_redis(kind)).await;
            let store = store.unwrap_or_else(|error| panic!("{kind}: {error}"));
            check(Arc::new(store)).await;
        });
    }
}

/// The kinds of Redis beside a single server on a TCP port.
const KINDS: [RedisKind; 5] = [
    RedisKind::Unix,
    RedisKind::Tls,
    RedisKind::Valkey,
    RedisKind::Sentinel,
    RedisKind::Cluster,
];

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// The worker of these tests.
pub(crate) const WORKER: WorkerId = WorkerId(7);

/// Does what a worker does after every entry: all matches that have ended leave the live ones, from `now` on.
pub(crate) async fn all_done(store: &dyn Store, now: UnixMillis) {
    for OutboxTag { tag, .. } in store.outbox_tags().await.unwrap() {
        let lease = Duration::from_secs(10);
        let epoch = store.take_outbox(tag, WORKER, lease, now).await.unwrap();
        let epoch = epoch.expect("no other worker has the lease");
        for entry in store.outbox_after(tag, None, 1_000).await.unwrap() {
            assert!(store.outbox_done(WORKER, epoch, &entry, now).await.unwrap());
        }
    }
}

/// A match of Ada against Bob that was rated, their number of games included.
pub(crate) fn rated(match_id: MatchId, category: Category, white: u32, black: u32) -> RatedMatch {
    let change = |games: u32| RatingChange {
        before: Strength {
            rating: 1_500.0 + f64::from(games - 1),
            deviation: 500.0,
            volatility: 0.09,
        },
        after: Strength {
            rating: 1_500.0 + f64::from(games),
            deviation: 400.0,
            volatility: 0.09,
        },
        games,
    };
    RatedMatch {
        match_id,
        category,
        at: UnixMillis(1_800_000_000_000),
        players: BySeat {
            white: player("ada").id,
            black: player("bob").id,
        },
        changes: BySeat {
            white: change(white),
            black: change(black),
        },
    }
}
