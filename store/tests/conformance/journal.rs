//! The journal of the embedded store: torn, damaged, full, and away.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use game_core::{Epoch, UnixMillis};
use store::testing::ReadLog;
use store::{
    Appended, Backup, Claim, EmbeddedStore, MatchLog, Matches, Registry, Store, StoreError,
};

use crate::disk::Disk;
use crate::samples::{Line, by, match_id, runtime, shard_id, shard_record};

const STORED: Appended = Appended::Stored { duplicate: false };

async fn claimed(store: &dyn Store, line: &Line) {
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    let claim = store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
}

fn lines(count: u8, len: usize) -> Vec<Line> {
    let line = |n| Line::new(match_id(n), u64::from(n), len);
    (1..=count).map(line).collect()
}

/// The next event of a line, now and then with a snapshot.
fn next(line: &Line, after: usize) -> store::Append {
    if (after + 1).is_multiple_of(16) {
        line.append_with_snapshot(Epoch(1), after, 1)
    } else {
        line.append(Epoch(1), after, 1)
    }
}

/// Plays all lines, an event of each in turn and everything else that a store does in between, until the power is off;
/// returns how many events of each were confirmed.
async fn play(store: &EmbeddedStore, lines: &[Line]) -> Vec<usize> {
    let mut confirmed = vec![0; lines.len()];
    for after in 0..lines[0].events.len() {
        for (n, line) in lines.iter().enumerate() {
            let Ok(answers) = store.append(&[next(line, after)]).await else {
                return confirmed;
            };
            assert_eq!(answers, [STORED]);
            confirmed[n] = after + 1;
        }
        // A transaction, in which old tails may be brought up.
        if after % 8 == 7 && store.heartbeat(&shard_record(1, 1)).await.is_err() {
            return confirmed;
        }
    }
    confirmed
}

/// The matches are as they were confirmed, or one event further each, and go on under a new owner.
async fn check(store: &EmbeddedStore, lines: &[Line], confirmed: &[usize], trial: &str) {
    for (line, &confirmed) in lines.iter().zip(confirmed) {
        let log = store.log(line.id).await.unwrap();
        let lens = confirmed..=confirmed + 1;
        assert!(
            lens.contains(&log.len()),
            "{trial}: {} of {confirmed}",
            log.len()
        );
        assert_eq!(log, line.events[..log.len()], "{trial}");
        let found = store.load(line.id).await.unwrap().unwrap();
        let seq = found.snapshot.seq() as usize;
        assert_eq!(seq, log.len() / 16 * 16, "{trial}");
        assert_eq!(found.snapshot, line.snapshots[seq], "{trial}");
        assert_eq!(found.tail, line.events[seq..log.len()], "{trial}");
        let claim = store.claim(line.id, shard_id(2), Epoch(1)).await.unwrap();
        assert!(matches!(claim, Claim::Claimed(_)), "{trial}: {claim:?}");
        if log.len() < line.events.len() {
            let more = by(2, line.append(Epoch(2), log.len(), 1));
            assert_eq!(store.append(&[more]).await.unwrap(), [STORED], "{trial}");
        }
    }
}

/// Small halves: the journal is turned several times, and the matches are brought up step by step meanwhile.
#[test]
fn what_was_confirmed_is_there_wherever_the_power_fails() {
    let lines = lines(8, 80);
    let runtime = runtime();
    let (mut whole, mut cut) = (0, 0);
    for seed in 0..60 {
        let disk = Disk::default();
        let trial = format!("seed {seed}");
        let store = disk.open().unwrap();
        let confirmed = runtime.block_on(async {
            for line in &lines {
                claimed(&store, line).await;
            }
            disk.cut_power_after_writes(seed * seed * 3);
            play(&store, &lines).await
        });
        let all = confirmed.iter().all(|&len| len == 80);
        *(if all { &mut whole } else { &mut cut }) += 1;
        drop(store);
        let found = disk.after_power_cut(seed);
        // The power fails again while the store is completed.
        found.cut_power_after_writes(seed * 2);
        drop(found.open());
        let found = found.after_power_cut(seed + 1);
        let store = found.open().unwrap();
        runtime.block_on(check(&store, &lines, &confirmed, &trial));
        drop(store);
        let again = found.after_power_cut(seed).open().unwrap();
        runtime.block_on(async {
            for (line, confirmed) in lines.iter().zip(confirmed) {
                assert!(again.log(line.id).await.unwrap().len() >= confirmed);
            }
        });
    }
    assert!(cut > 30, "{cut} cuts, and {whole} games to the end");
}

/// A store whose journal has several rows, as a crash leaves it, and the number of bytes that its rows take.
fn crashed(lines: &[Line]) -> Disk {
    let disk = Disk::default();
    runtime().block_on(async {
        let store = disk.open().unwrap();
        for line in lines {
            claimed(&store, line).await;
        }
        for after in 0..10 {
            for line in lines {
                let answer = store.append(&[line.append(Epoch(1), after, 1)]).await;
                assert_eq!(answer.unwrap(), [STORED]);
            }
        }
        // What was flushed, without a clean end.
        disk.after_power_cut(0)
    })
}

#[test]
fn a_damaged_row_is_refused_unless_it_is_the_newest() {
    let lines = lines(2, 10);
    let disk = crashed(&lines);
    // The empty row, and one for each append, each in a sector of its own.
    for row in 0..21 {
        let places: &[usize] = &[0, 5, 9, 17, 21, 25, 30, 45, 60];
        let empty_len = 32;
        let is_of_row = |&&at: &&usize| row > 0 || at < empty_len;
        for &at in places.iter().filter(is_of_row) {
            let found = disk.after_power_cut(0);
            found.spoil_journal(|bytes| bytes[row * 512 + at] ^= 0x10);
            let opened = found.open();
            if row < 20 {
                let Err(StoreError::Corrupt(text)) = opened else {
                    panic!("row {row}, byte {at} is not missed");
                };
                assert!(text.contains("rookery.journal"), "{text}");
                assert!(text.contains("put a copy"), "{text}");
                // It was left as it is.
                found.spoil_journal(|bytes| bytes[row * 512 + at] ^= 0x10);
                let store = found.open().unwrap();
                runtime().block_on(check(&store, &lines, &[10, 10], "repaired"));
            } else {
                let store = opened.unwrap();
                runtime().block_on(check(&store, &lines, &[10, 9], "torn"));
            }
        }
    }
}

#[test]
fn a_journal_that_is_cut_short_or_of_another_store_is_refused() {
    let lines = lines(2, 10);
    let disk = crashed(&lines);
    let other = crashed(&lines);
    let mut others = Vec::new();
    other.spoil_journal(|bytes| others.clone_from(bytes));
    for change in [Vec::new(), vec![0; 20_000], others, vec![0xff; 512]] {
        let found = disk.after_power_cut(0);
        found.spoil_journal(|bytes| *bytes = change);
        let refused = found.open().map(drop);
        assert!(
            matches!(&refused, Err(StoreError::Corrupt(text)) if text.contains("rookery.journal")),
            "{refused:?}"
        );
    }
}

#[test]
fn an_append_that_failed_is_not_there_after_a_claim_that_did_not_see_it() {
    let lines = lines(1, 10);
    let line = &lines[0];
    for seed in 0..20 {
        let disk = Disk::default();
        let store = disk.open().unwrap();
        runtime().block_on(async {
            claimed(&store, line).await;
            store.append(&[line.append(Epoch(1), 0, 2)]).await.unwrap();
            // Written, and perhaps on the disk, but not confirmed.
            disk.set_failing(true);
            let failed = store.append(&[line.append(Epoch(1), 2, 1)]).await;
            assert!(failed.is_err());
            disk.set_failing(false);
            let claim = store.claim(line.id, shard_id(2), Epoch(1)).await.unwrap();
            let Claim::Claimed(found) = claim else {
                panic!("{claim:?}");
            };
            let seen = found.snapshot.seq() as usize + found.tail.len();
            let store = disk.after_power_cut(seed).open().unwrap();
            assert_eq!(store.log(line.id).await.unwrap().len(), seen, "seed {seed}");
        });
    }
}

#[test]
fn a_match_that_was_removed_is_not_found_in_the_journal_again() {
    use store::Retention;
    let line = Line::new(match_id(1), 1, 10);
    let disk = Disk::default();
    let store = disk.open().unwrap().keeping_live(std::time::Duration::ZERO);
    runtime().block_on(async {
        claimed(&store, &line).await;
        for after in 0..9 {
            store
                .append(&[line.append(Epoch(1), after, 1)])
                .await
                .unwrap();
        }
        assert_eq!(
            store.append(&[line.end(Epoch(1), 9)]).await.unwrap(),
            [STORED]
        );
        crate::samples::all_done(&store, UnixMillis(1)).await;
        assert_eq!(store.sweep(UnixMillis(2)).await.unwrap().matches, 1);
        let found = disk.after_power_cut(0).open().unwrap();
        assert_eq!(found.load(line.id).await.unwrap(), None);
        assert_eq!(found.log(line.id).await.unwrap(), []);
    });
}

#[test]
fn a_store_that_was_killed_is_backed_up_with_its_journal_and_what_it_replaces_too() {
    let directory = tempfile::tempdir().unwrap();
    let [open, killed, file] = ["open", "killed", "backup"].map(|n| directory.path().join(n));
    let lines = lines(3, 30);
    let copy = |from: &Path, to: &Path| {
        fs::create_dir_all(to).unwrap();
        for name in ["rookery.redb", "rookery.journal"] {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    };
    runtime().block_on(async {
        let store = Arc::new(EmbeddedStore::open(&open).unwrap());
        for line in &lines {
            claimed(&*store, line).await;
        }
        let confirmed = play(&store, &lines).await;
        copy(&open, &killed);
        EmbeddedStore::back_up_closed(&killed, &file, &[], UnixMillis(1)).unwrap();
        let restored = directory.path().join("restored");
        Backup::open(&file).unwrap().restore(&restored).unwrap();
        let found = EmbeddedStore::open(&restored).unwrap();
        check(&found, &lines, &confirmed, "restored").await;
        drop(found);
        // Over the store that was killed: it is kept with its journal, which the new one does not write into.
        Backup::open(&file).unwrap().restore(&killed).unwrap();
        let found = EmbeddedStore::open(&killed).unwrap();
        check(&found, &lines, &confirmed, "in its place").await;
        drop(found);
        let kept = directory.path().join("kept");
        fs::create_dir(&kept).unwrap();
        for name in ["rookery.redb", "rookery.journal"] {
            let replaced = killed.join(format!("{name}.replaced"));
            fs::rename(replaced, kept.join(name)).unwrap();
        }
        let found = EmbeddedStore::open(&kept).unwrap();
        check(&found, &lines, &confirmed, "kept").await;
    });
}
