//! What appends cost the embedded store: `cargo run --release -p store --example appends -- MATCHES BATCH ROUNDS`.
//!
//! Each round appends one record to each of `BATCH` of `MATCHES` matches, as a shard does for the moves that came in while
//! the store wrote the batch before, with a snapshot every 64 records. Count with `perf stat -e instructions:u,instructions:k`,
//! `strace -f -c` or `valgrind --tool=callgrind`; a run with no rounds tells what the preparations take.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that stops at the first surprise"
)]

use std::env;
use std::path::PathBuf;
use std::time::Instant;

use game_core::testing::SetupBuilder;
use game_core::{Epoch, Match, MatchId, ShardId};
use store::{Append, Appended, EmbeddedStore, MatchLog, Matches};

/// Length of the record of an ordinary move, bytes. The store does not read records.
const RECORD_LEN: usize = 37;
/// Length of a snapshot in the middle game, bytes.
const SNAPSHOT_LEN: usize = 700;
/// A shard adds a snapshot after this many records.
const SNAPSHOT_EVERY: u32 = 64;

fn match_id(n: usize) -> MatchId {
    MatchId::from_random(n as u128)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = env::args().skip(1).map(|arg| arg.parse::<usize>().unwrap());
    let mut next = |default| args.next().unwrap_or(default);
    let (matches, batch_len, rounds) = (next(100), next(14), next(2_000));
    let directory = env::var_os("APPENDS_DIRECTORY").map_or_else(env::temp_dir, PathBuf::from);
    let directory = directory.join(format!("appends-{}", std::process::id()));
    let store = EmbeddedStore::open(&directory).unwrap();
    let shard = ShardId::from_random(1);
    for n in 0..matches {
        let setup = SetupBuilder::new().id(match_id(n)).build();
        store
            .create(shard, &Match::new(setup).snapshot())
            .await
            .unwrap();
        store.claim(match_id(n), shard, Epoch(0)).await.unwrap();
    }
    // Lengths that differ, so that snapshots are spread over the rounds as they are in play.
    let mut lens = vec![0_u32; matches];
    let append = |n: usize, lens: &mut [u32], records: usize| {
        let after = lens[n];
        lens[n] += records as u32;
        let has_snapshot = lens[n] / SNAPSHOT_EVERY != after / SNAPSHOT_EVERY;
        Append {
            match_id: match_id(n),
            owner: shard,
            epoch: Epoch(1),
            after,
            records: (0..records)
                .map(|_| vec![n as u8; RECORD_LEN].into())
                .collect(),
            snapshot: has_snapshot.then(|| vec![n as u8; SNAPSHOT_LEN].into()),
            ends: false,
            is_aftermath: false,
        }
    };
    for n in 0..matches {
        let first = append(n, &mut lens, 1 + n * 7 % 63);
        store.append(&[first]).await.unwrap();
    }
    let began = Instant::now();
    let mut at = 0;
    for _ in 0..rounds {
        let batch: Vec<Append> = (0..batch_len)
            .map(|k| append((at + k) % matches, &mut lens, 1))
            .collect();
        at = (at + batch_len) % matches;
        let answers = store.append(&batch).await.unwrap();
        assert!(
            answers
                .iter()
                .all(|answer| *answer == Appended::Stored { duplicate: false })
        );
    }
    let moves = (rounds * batch_len).max(1);
    let micros = began.elapsed().as_secs_f64() * 1e6 / moves as f64;
    drop(store);
    let file = directory.join("rookery.redb");
    println!(
        "{matches} matches, batches of {batch_len}: {moves} moves, {micros:.1} us each, file of {} KB",
        file.metadata().unwrap().len() / 1024
    );
    std::fs::remove_dir_all(directory).unwrap();
}
