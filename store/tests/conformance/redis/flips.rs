//! One bit of what Redis keeps on its disk is another one when it starts again.
//!
//! What Rookery stores in a value has a checksum. Redis has one over the file that a rewrite makes, and none over the commands
//! that it appends: there a flipped bit may change the name of a key or a command.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::testing::Redis;

use super::*;

/// Flips in a run of the tests; `ROOKERY_FLIPS` has it do more.
const FLIPS: u64 = 120;

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
    let server = RedisServer::start();
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
    let mut server = server;
    server.kill();
    let mut found = Files::new();
    let logs = directory.join("appendonlydir");
    files(&directory, &logs, &mut found);
    (found, lines)
}

/// What came of a flipped bit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// Redis does not start.
    Refused,
    /// Everything reads as it was written.
    Harmless,
    /// A match cannot be read, and that is said.
    Corrupt,
    /// Something is not as it was written, and reads as if it were.
    Silent(String),
}

async fn judged(store: &RedisStore, line: &Line) -> Came {
    let log = match store.log(line.id).await {
        Err(StoreError::Corrupt(_)) => return Came::Corrupt,
        Err(error) => panic!("{error}"),
        Ok(log) => log,
    };
    let found = match store.load(line.id).await {
        Err(StoreError::Corrupt(_)) => return Came::Corrupt,
        Err(error) => panic!("{error}"),
        Ok(None) => return Came::Silent("no such match".to_owned()),
        Ok(Some(found)) => found,
    };
    let prefix = line.events.get(..log.len());
    assert_eq!(Some(log.as_slice()), prefix, "another game than was played");
    let seq = found.snapshot.seq() as usize;
    assert_eq!(found.snapshot, line.snapshots[seq]);
    assert_eq!(found.tail, line.events[seq..log.len()]);
    let owner = found.ownership;
    if log.len() < line.events.len() {
        return Came::Silent(format!("{} of {} events", log.len(), line.events.len()));
    }
    if (owner.epoch, owner.owner, owner.status) != (Epoch(1), shard_id(1), Status::Live) {
        return Came::Silent(format!("{owner:?}"));
    }
    Came::Harmless
}

#[test]
fn a_flipped_bit_is_noticed() {
    let flips = std::env::var("ROOKERY_FLIPS").map_or(FLIPS, |text| text.parse().unwrap());
    runtime().block_on(async {
        let (whole, lines) = played().await;
        let bytes: usize = whole.values().map(Vec::len).sum();
        let mut came: BTreeMap<Came, u64> = BTreeMap::new();
        for seed in 0..flips {
            let mut dice = StdRng::seed_from_u64(seed);
            let (mut at, bit) = (dice.random_range(0..bytes), dice.random_range(0..8));
            let place = tempfile::tempdir().unwrap();
            let mut what = String::new();
            for (name, content) in &whole {
                let mut content = content.clone();
                if at < content.len() {
                    let around =
                        content[at.saturating_sub(24)..content.len().min(at + 24)].to_vec();
                    content[at] ^= 1 << bit;
                    what = format!(
                        "{} {at} {}",
                        name.display(),
                        String::from_utf8_lossy(&around).escape_debug()
                    );
                    at = usize::MAX;
                } else {
                    at = at.saturating_sub(content.len());
                }
                let path = place.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            let outcome = match Redis::start(place.path(), &[]) {
                Err(_) => Came::Refused,
                Ok(redis) => {
                    let store = RedisStore::connect(RedisConfig::new(redis.url())).await;
                    let store = store.unwrap();
                    let mut worst = Came::Harmless;
                    for line in &lines {
                        worst = worst.max(judged(&store, line).await);
                    }
                    redis.kill();
                    worst
                }
            };
            eprintln!("seed {seed}: {outcome:?} {what}");
            *came.entry(outcome).or_default() += 1;
        }
        eprintln!("{came:?}");
    });
}
