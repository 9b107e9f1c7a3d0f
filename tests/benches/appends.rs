//! Batches of fenced writes to a real Redis, over TCP and over a unix socket: what a move costs this process, Redis and
//! the time between.
//!
//! ```sh
//! cargo bench -p tests --bench appends                            # all of it
//! cargo bench -p tests --bench appends --no-run                   # prints the path of the binary
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null BINARY redis 14 500
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null BINARY redis 14 1500
//! ```
//!
//! The arguments are how Redis is run (`redis`, `unix`), the number of matches and the number of batches. The difference
//! between two counts of instructions over the difference in moves is what a move costs the client, without the start.
//! Redis flushes nothing here: that is the disk's price, and it hides all others.

use std::time::{Duration, Instant};

use game_core::testing::SetupBuilder;
use game_core::{
    Command, CommandId, CommandKind, Epoch, Event, Match, MatchId, MatchTime, ShardId,
};
use store::testing::{RedisKind, RedisServer};
use store::{Append, Appended, MatchLog, Matches, RedisStore, codec};
use supervisor::cpu_time;
use tokio::runtime::Builder;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Matches in a batch: of one that plays alone, on a server with 100 and with 500 matches, and on a very busy one.
const MATCHES: [usize; 4] = [1, 14, 64, 250];
/// Moves of each measurement.
const MOVES: usize = 60_000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [kind, matches, batches] = words.as_slice() {
        let kind = kind.parse().expect("a kind of Redis");
        let number = |word: &String| word.parse().expect("a number");
        measure(kind, number(matches), number(batches));
        return;
    }
    for matches in MATCHES {
        for kind in [RedisKind::Single, RedisKind::Unix] {
            measure(
                kind,
                matches,
                MOVES / matches / if matches == 1 { 4 } else { 1 },
            );
        }
    }
}

/// Prints what a move costs.
fn measure(kind: RedisKind, matches: usize, batches: usize) {
    let server = RedisServer::start_kind(kind, &["--appendfsync", "no"]);
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let shard = ShardId::from_random(1);
    runtime.block_on(async {
        let store = RedisStore::connect(server.config()).await;
        let store = store.expect("the server is there");
        let record = codec::encode_record(&a_move());
        let mut batch = Vec::new();
        for n in 0..matches {
            // All of the shard's own tag, as the matches that are made for it.
            let match_id = MatchId::with_tag(shard.home(), (n as u128) << 32);
            let setup = SetupBuilder::new().id(match_id).build();
            let created = store.create(shard, &Match::new(setup).snapshot()).await;
            created.expect("a match is created");
            let claimed = store.claim(match_id, shard, Epoch(0)).await;
            claimed.expect("a match is claimed");
            batch.push(Append {
                match_id,
                owner: shard,
                epoch: Epoch(1),
                after: 0,
                records: vec![record.clone()],
                snapshot: None,
                ends: false,
                is_aftermath: false,
            });
        }
        let (pid, own) = (server.pid().to_string(), "self");
        let (began, of_redis, of_client) = (Instant::now(), cpu_time(&pid), cpu_time(own));
        for _ in 0..batches {
            let answers = store.append(&batch).await.expect("a batch is stored");
            let stored = Appended::Stored { duplicate: false };
            assert!(answers.iter().all(|answer| *answer == stored));
            for append in &mut batch {
                append.after += 1;
            }
        }
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / (matches * batches) as f64;
        eprintln!(
            "{kind}: {matches} a batch: {:.2} µs of the client's CPU a move, {:.2} of Redis', {:.2} between",
            micros(cpu_time(own) - of_client),
            micros(cpu_time(&pid) - of_redis),
            micros(began.elapsed()),
        );
    });
}

/// The first move of a match.
fn a_move() -> Event {
    let mut game = Match::new(SetupBuilder::new().build());
    let kind = CommandKind::plain_move(game.position_seq(), game.legal_moves()[0]);
    let command = Command {
        id: CommandId(1 << 60),
        kind,
    };
    let mut events = Vec::new();
    let applied = game.apply(game.turn(), &command, MatchTime::default(), &mut events);
    applied.expect("a legal move is taken");
    events.remove(0)
}
