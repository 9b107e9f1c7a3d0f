//! What the parts of a durable move cost, one by one: `cargo bench -p tests --bench parts`.
//!
//! Nothing waits for anything here but a store for its disk, so the sum is less than a move costs the
//! server: the rest is QUIC, system calls and hand-overs between tasks, which `bot-client bench` measures.

use std::hint::black_box;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use divan::Bencher;
use game_core::testing::SetupBuilder;
use game_core::{
    Command, CommandId, CommandKind, Epoch, Event, EventKind, Match, MatchId, MatchTime, Seat,
    ShardId, UnixMillis,
};
use protocol::{ClientFrame, ClockView, Role, ServerBody, ServerFrame, WireEvent, codec};
use store::{Append, EmbeddedStore, MemoryStore, Store};
use tokens::{SeatClaims, SigningKey};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// How far the game of these measurements has come, in plies.
const PLIES: usize = 60;
/// Matches in a batch: as many as have moved while the batch before was written, on a busy server.
const BATCH_LEN: usize = 64;
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn match_id(n: usize) -> MatchId {
    MatchId::from_random(n as u128)
}

fn shard() -> ShardId {
    ShardId::from_random(1)
}

fn new_match(n: usize) -> Match {
    let setup = SetupBuilder::new().id(match_id(n));
    Match::new(setup.timed("3600+0").at_once().created_at(NOW.0).build())
}

/// The `n`-th of the moves that are legal now, counted round and round, under a number of its own.
fn command(game: &Match, n: usize) -> Command {
    let legal = game.legal_moves();
    Command {
        id: CommandId(n as u64),
        kind: CommandKind::plain_move(game.position_seq(), legal[n % legal.len()]),
    }
}

fn apply(game: &mut Match, command: &Command, now: MatchTime) -> Event {
    let mut events = Vec::new();
    let applied = game.apply(game.turn(), command, now, &mut events);
    applied.expect("a legal move is taken");
    events.remove(0)
}

/// A match in its middle game, and its last event.
fn middle_game() -> (Match, Event) {
    let (mut game, mut last) = (new_match(0), None);
    let mut now = MatchTime::default();
    for n in 0..PLIES {
        game.start_clock(now);
        now = now + Duration::from_secs(1);
        // A prime, so that the moves look like those of a game.
        let command = command(&game, 7 * n);
        last = Some(apply(&mut game, &command, now));
    }
    game.start_clock(now);
    (game, last.expect("there were moves"))
}

#[divan::bench]
fn decode_a_clients_move(bencher: Bencher<'_, '_>) {
    let (game, _) = middle_game();
    let Command { id, kind } = command(&game, 1);
    let frame = codec::encode_client(&ClientFrame::Command { id, kind });
    bencher
        .with_inputs(|| BytesMut::from(&frame[..]))
        .bench_refs(codec::decode_client);
}

#[divan::bench]
fn apply_a_move(bencher: Bencher<'_, '_>) {
    let (game, _) = middle_game();
    let command = command(&game, 1);
    let now = MatchTime::default() + Duration::from_secs(PLIES as u64 + 1);
    bencher
        .with_inputs(|| game.clone())
        .bench_refs(|game| apply(game, &command, now));
}

#[divan::bench]
fn encode_a_servers_event(bencher: Bencher<'_, '_>) {
    let (game, event) = middle_game();
    let clocks = game.clocks(MatchTime::default());
    let frame = ServerFrame {
        epoch: Epoch(1),
        seq: event.seq,
        body: ServerBody::Event(WireEvent {
            seat: Some(Seat::White),
            kind: Some(event.kind),
            clock: ClockView::new(clocks, game.running(), Duration::ZERO),
        }),
    };
    assert!(matches!(event.kind, EventKind::Moved { .. }));
    bencher.bench(|| codec::encode_server(black_box(&frame)));
}

#[divan::bench]
fn encode_a_record(bencher: Bencher<'_, '_>) {
    let (_, event) = middle_game();
    bencher.bench(|| store::codec::encode_record(black_box(&event)));
}

#[divan::bench]
fn take_and_encode_a_snapshot(bencher: Bencher<'_, '_>) {
    let (game, _) = middle_game();
    bencher.bench(|| store::codec::encode_snapshot(&black_box(&game).snapshot()));
}

#[divan::bench]
fn decode_and_restore_a_snapshot(bencher: Bencher<'_, '_>) {
    let (game, _) = middle_game();
    let bytes = store::codec::encode_snapshot(&game.snapshot());
    bencher.bench(|| {
        let snapshot = store::codec::decode_snapshot(black_box(&bytes)).expect("just encoded");
        Match::restore(snapshot, &[]).expect("a match restores")
    });
}

#[divan::bench]
fn verify_a_seat_token(bencher: Bencher<'_, '_>) {
    let (key, _) = SigningKey::generate().expect("a key can be made");
    let token = key.seat_token(&SeatClaims {
        match_id: match_id(0),
        role: Role::White,
        player: "ada".parse().expect("a short word is an id"),
        exp: NOW.0 / 1_000 + 300,
    });
    let key = key.verifying_key();
    bencher.bench(|| {
        key.seat(black_box(&token), NOW)
            .expect("the token is right")
    });
}

/// One event of each of many matches, in one batch.
#[divan::bench(args = ["in memory", "embedded"], sample_count = 20, sample_size = 20)]
fn append_a_batch_of_64(bencher: Bencher<'_, '_>, kind: &str) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let store: Box<dyn Store> = match kind {
        "embedded" => Box::new(EmbeddedStore::open(directory.path()).expect("a store opens")),
        _ => Box::new(MemoryStore::new()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime can be made");
    let (_, event) = middle_game();
    let record: Bytes = store::codec::encode_record(&event);
    let mut batch: Vec<Append> = runtime.block_on(async {
        let mut batch = Vec::new();
        for n in 0..BATCH_LEN {
            let snapshot = new_match(n).snapshot();
            let created = store.create(shard(), &snapshot).await;
            created.expect("a match is created");
            let claimed = store.claim(match_id(n), shard(), Epoch(0)).await;
            claimed.expect("a match is claimed");
            batch.push(Append {
                match_id: match_id(n),
                owner: shard(),
                epoch: Epoch(1),
                after: 0,
                records: vec![record.clone()],
                snapshot: None,
                ends: false,
                is_aftermath: false,
            });
        }
        batch
    });
    bencher.bench_local(|| {
        let answers = runtime.block_on(store.append(&batch));
        for append in &mut batch {
            append.after += 1;
        }
        answers.expect("a batch is stored")
    });
}
