//! The same moves through the shard's state machine, the codec and a store in memory, again and again:
//! made for counting instructions, which say the same on a noisy machine.
//!
//! ```sh
//! cargo bench -p tests --bench moves --no-run          # prints the path of the binary
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null BINARY 100 20
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null BINARY 100 60
//! ```
//!
//! The arguments are the number of matches and the plies played in each. The difference between two
//! counts of instructions over the difference in moves is what a move costs, without the start. No
//! packet, system call or other thread is in it.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use game_core::testing::SetupBuilder;
use game_core::{
    BySeat, Command, CommandId, CommandKind, Match, MatchId, MatchTime, Seat, ShardId, UnixMillis,
};
use protocol::{ClientFrame, codec};
use shard_core::{Now, Output, PeerKey, Shard, ShardLimits, Uptime};
use store::{MatchLog, Matches, MemoryStore};
use tokio::runtime::{Builder, Runtime};

/// The calendar of all that happens here.
const CALENDAR: UnixMillis = UnixMillis(1_800_000_000_000);

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // `cargo bench` adds an argument of its own.
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let matches = numbers.next().unwrap_or(100);
    let plies = numbers.next().unwrap_or(40);
    let mut world = World::start(matches);
    for ply in 0..plies {
        world.play(ply);
    }
    let confirmed = world.shard.counters().moves_confirmed;
    assert_eq!(confirmed, (matches * plies) as u64, "every move is stored");
    eprintln!("{confirmed} moves in {matches} matches");
}

/// A shard on a store in memory, and the players of its matches.
struct World {
    shard: Shard,
    store: MemoryStore,
    runtime: Runtime,
    uptime: Uptime,
    tables: Vec<Table>,
}

/// A match as its players see it.
struct Table {
    game: Match,
    peers: BySeat<PeerKey>,
}

impl World {
    fn start(matches: usize) -> Self {
        let runtime = Builder::new_current_thread().build();
        let mut world = Self {
            shard: Shard::new(ShardId::from_random(1), ShardLimits::default()),
            store: MemoryStore::new(),
            runtime: runtime.expect("a runtime can be made"),
            uptime: Uptime::from_start(Duration::from_secs(1)),
            tables: Vec::new(),
        };
        for n in 0..matches {
            let game = new_match(n);
            let snapshot = game.snapshot();
            let created = world.store.create(ShardId::from_random(1), &snapshot);
            world.runtime.block_on(created).expect("a match is created");
            let mut join = |seat: Seat| {
                let setup = game.setup();
                let player = &setup.players[seat].id;
                let now = now(world.uptime);
                world.shard.join(setup.id, seat.into(), player, None, now)
            };
            let peers = BySeat {
                white: join(Seat::White),
                black: join(Seat::Black),
            };
            world.tables.push(Table { game, peers });
            world.carry_out();
        }
        world
    }

    /// One move in every match; all of them come in one round, as they do on a busy server.
    fn play(&mut self, ply: usize) {
        self.uptime += Duration::from_millis(50);
        let now = now(self.uptime);
        for table in &mut self.tables {
            let seat = table.game.turn();
            let frame = table.next_move(ply, self.uptime);
            let command = codec::decode_client(&mut BytesMut::from(&frame[..]));
            let Ok(Some(ClientFrame::Command { id, kind })) = command else {
                panic!("a command is decoded as it was encoded");
            };
            let command = Command { id, kind };
            let accepted = self
                .shard
                .command(table.peers[seat], &command, self.uptime, now);
            accepted.expect("a legal move is taken");
        }
        self.shard.advance(now);
        self.carry_out();
    }

    /// Lets the store answer until nothing is asked of it any more.
    fn carry_out(&mut self) {
        let now = now(self.uptime);
        while let Some(output) = self.shard.next_output() {
            match output {
                Output::Load(id) => {
                    let found = self.runtime.block_on(self.store.load(id));
                    self.shard.loaded(id, found, now);
                }
                Output::ReadHeads(ids) => {
                    let heads = self.runtime.block_on(self.store.heads(&ids));
                    self.shard.heads_read(&ids, heads, now);
                }
                Output::Claim(claims) => {
                    let me = ShardId::from_random(1);
                    let answers = self.runtime.block_on(self.store.claim_many(me, &claims));
                    for (claim, answer) in claims.iter().zip(answers) {
                        self.shard.claimed(claim.match_id, answer, now);
                    }
                }
                Output::Append(batch) => {
                    let batch = Arc::clone(&batch);
                    let answer = self.runtime.block_on(self.store.append(&batch));
                    self.shard.appended(answer, now);
                    self.shard.advance(now);
                }
                _ => {}
            }
        }
    }
}

impl Table {
    /// The frame of the next move, which is made on this side's board too.
    fn next_move(&mut self, ply: usize, uptime: Uptime) -> bytes::Bytes {
        let legal = self.game.legal_moves();
        let id = CommandId(ply as u64);
        // A prime, so that the moves look like those of a game.
        let uci = legal[(7 * ply) % legal.len()];
        let kind = CommandKind::plain_move(self.game.position_seq(), uci);
        let command = Command { id, kind };
        let time = MatchTime::default() + uptime.since_start();
        let applied = self
            .game
            .apply(self.game.turn(), &command, time, &mut Vec::new());
        applied.expect("a legal move is taken");
        codec::encode_client(&ClientFrame::Command {
            id,
            kind: command.kind,
        })
    }
}

fn now(uptime: Uptime) -> Now {
    Now {
        uptime,
        calendar: CALENDAR,
    }
}

fn new_match(n: usize) -> Match {
    let setup = SetupBuilder::new().id(MatchId::from_random(n as u128));
    Match::new(
        setup
            .timed("3600+0")
            .at_once()
            .created_at(CALENDAR.0)
            .build(),
    )
}
