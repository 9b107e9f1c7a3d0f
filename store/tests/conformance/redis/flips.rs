//! One bit of what Redis keeps on its disk is another one when it starts again.
//!
//! What Rookery stores in a value has a checksum, but for owner and epoch. Redis has one over the file that a rewrite makes, and
//! none over the commands that it appends: there a flipped bit may change the name of a key. A record that is missing between
//! others is noticed by their positions. Of the last one of a match only a shard that has the match in memory knows, which
//! writes it again, and the players who were shown it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::testing::Redis;

use super::*;

/// Flips in a run of the tests; `ROOKERY_FLIPS` has it do more.
const FLIPS: u64 = 100;

/// Files by their path below the directory.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(below: &Path, at: &Path, found: &mut Files) {
    for entry in fs::read_dir(at).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() {
            files(below, &entry, found);
        } else {
            let name = entry.strip_prefix(below).unwrap().to_owned();
            found.insert(name, fs::read(&entry).unwrap());
        }
    }
}

/// Eight matches of 40 events, as they are on the disk, some before and some after a rewrite.
async fn played() -> (Files, Vec<Line>) {
    let mut server = RedisServer::start();
    let store = redis_store(&server).await;
    let lines: Vec<_> = (1..=8)
        .map(|n| Line::new(match_id(n), u64::from(n), 40))
        .collect();
    for (n, line) in lines.iter().enumerate() {
        claimed(&store, line).await;
        let first = line.append_with_snapshot(Epoch(1), 0, 30);
        store.append(&[first]).await.unwrap();
        for after in 30..40 {
            store
                .append(&[line.append(Epoch(1), after, 1)])
                .await
                .unwrap();
        }
        if n == 3 {
            server.command(&["BGREWRITEAOF"]);
        }
    }
    let directory = server.directory().to_owned();
    server.kill();
    let mut found = Files::new();
    let logs = directory.join("appendonlydir");
    files(&directory, &logs, &mut found);
    (found, lines)
}

/// What came of a flipped bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// Everything reads as it was written.
    Nothing,
    /// A match has another owner or epoch: it is claimed like that of a dead shard, and goes on.
    Claimed,
    /// The last record of a match went to a key of another name.
    LastRecordAway,
    /// A match cannot be read, and that is said.
    Corrupt,
    /// Redis does not start.
    Refused,
}

async fn came_of(store: &RedisStore, line: &Line) -> Came {
    let log = match store.log(line.id).await {
        Err(StoreError::Corrupt(_)) => return Came::Corrupt,
        log => log.unwrap(),
    };
    let found = match store.load(line.id).await {
        Err(StoreError::Corrupt(_)) => return Came::Corrupt,
        found => found.unwrap().expect("no match is gone"),
    };
    let prefix = line.events.get(..log.len());
    assert_eq!(Some(log.as_slice()), prefix, "another game than was played");
    let seq = found.snapshot.seq() as usize;
    assert_eq!(found.snapshot, line.snapshots[seq]);
    assert_eq!(found.tail, line.events[seq..log.len()]);
    if log.len() < line.events.len() {
        assert_eq!(log.len() + 1, line.events.len());
        return Came::LastRecordAway;
    }
    let found = found.ownership;
    if (found.epoch, found.owner, found.status) == (Epoch(1), shard_id(1), Status::Live) {
        return Came::Nothing;
    }
    assert_eq!(found.status, Status::Live);
    let claim = store.claim(line.id, shard_id(2), found.epoch).await;
    let claim = claim.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
    Came::Claimed
}

/// Writes the files with one bit flipped; says where.
fn write_flipped(whole: &Files, into: &Path, seed: u64) -> String {
    let mut dice = StdRng::seed_from_u64(seed);
    let bytes: usize = whole.values().map(Vec::len).sum();
    let (mut at, bit) = (dice.random_range(0..bytes), dice.random_range(0..8));
    let mut place = String::new();
    for (name, content) in whole {
        let mut content = content.clone();
        if place.is_empty() && at < content.len() {
            content[at] ^= 1 << bit;
            place = format!("bit {bit} of byte {at} of {}", name.display());
        } else {
            at = at.saturating_sub(content.len());
        }
        let path = into.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    place
}

#[test]
fn a_flipped_bit_makes_no_other_game() {
    let flips = std::env::var("ROOKERY_FLIPS").map_or(FLIPS, |text| text.parse().unwrap());
    runtime().block_on(async {
        let (whole, lines) = played().await;
        let mut counts: BTreeMap<Came, u64> = BTreeMap::new();
        for seed in 0..flips {
            let directory = tempfile::tempdir().unwrap();
            let place = write_flipped(&whole, directory.path(), seed);
            let mut came = Came::Refused;
            if let Ok(redis) = Redis::start(directory.path(), &[]) {
                let store = RedisStore::connect(RedisConfig::new(redis.url())).await;
                let store = store.unwrap();
                came = Came::Nothing;
                for line in &lines {
                    came = came.max(came_of(&store, line).await);
                }
            }
            eprintln!("seed {seed}: {came:?} by {place}");
            *counts.entry(came).or_default() += 1;
        }
        eprintln!("{flips} flips: {counts:?}");
        let of = |came| counts.get(&came).copied().unwrap_or_default();
        let noticed = of(Came::Refused) + of(Came::Corrupt);
        assert!(noticed > flips / 2, "damage is noticed: {counts:?}");
        // Names of keys of last records and numbers of owners are few bytes.
        let quiet = of(Came::LastRecordAway) + of(Came::Claimed);
        assert!(quiet < flips / 20, "{counts:?}");
    });
}
