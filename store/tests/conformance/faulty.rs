//! The store that fails on demand.

use std::sync::Arc;
use std::time::Duration;

use game_core::Epoch;
use store::testing::{AppendFault, Faults, FaultyStore, ReadLog};
use store::{Appended, EmbeddedStore, MatchLog, Matches, Registry, StoreError};

use crate::samples::{Line, match_id, runtime, shard_id};

const STORED: Appended = Appended::Stored { duplicate: false };

async fn faulty() -> (Arc<FaultyStore>, Faults, Line) {
    let store = FaultyStore::new(Arc::new(EmbeddedStore::in_memory().unwrap()));
    let line = Line::new(match_id(1), 1, 4);
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
    let faults = store.faults();
    (Arc::new(store), faults, line)
}

#[test]
fn only_what_was_answered_counts_as_confirmed() {
    runtime().block_on(async {
        let (store, faults, line) = faulty().await;
        let write = [line.append(Epoch(1), 0, 1)];
        for (fault, log_len) in [(AppendFault::Refuse, 0), (AppendFault::LoseAnswers, 1)] {
            faults.set_appends(fault);
            let answer = store.append(&write).await;
            assert!(
                matches!(answer, Err(StoreError::Unavailable(_))),
                "{fault:?}: {answer:?}"
            );
            assert_eq!(
                store.log(line.id).await.unwrap().len(),
                log_len,
                "{fault:?}"
            );
            assert_eq!(faults.confirmed(), []);
        }
        faults.set_appends(AppendFault::None);
        let answer = store.append(&write).await.unwrap();
        assert_eq!(answer, [Appended::Stored { duplicate: true }]);
        // A write under a past epoch is answered, and not confirmed.
        store.append(&[line.append(Epoch(0), 1, 1)]).await.unwrap();
        assert_eq!(faults.confirmed(), write);
        assert_eq!(faults.confirmed_seqs().get(&line.id), Some(&1));
    });
}

#[test]
fn appends_are_held_before_or_after_they_are_done() {
    runtime().block_on(async {
        let (store, faults, line) = faulty().await;
        for (hold, done, after) in [(AppendFault::Hold, 0, 0), (AppendFault::HoldAnswers, 2, 1)] {
            faults.set_appends(hold);
            let (held, write) = (Arc::clone(&store), line.append(Epoch(1), after, 1));
            let append = tokio::spawn(async move { held.append(&[write]).await });
            faults.until_held().await;
            assert_eq!(store.log(line.id).await.unwrap().len(), done, "{hold:?}");
            assert_eq!(faults.confirmed().len(), after);
            faults.set_appends(AppendFault::None);
            assert_eq!(append.await.unwrap().unwrap(), [STORED]);
            assert_eq!(faults.confirmed().len(), after + 1);
        }
    });
}

#[test]
fn a_delay_is_waited_for_and_down_is_everything() {
    runtime().block_on(async {
        let (store, faults, line) = faulty().await;
        faults.set_appends(AppendFault::Delay(Duration::from_millis(30)));
        let began = tokio::time::Instant::now();
        store.append(&[line.append(Epoch(1), 0, 1)]).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(30));
        faults.set_down(true);
        assert!(store.append(&[line.append(Epoch(1), 1, 1)]).await.is_err());
        assert!(store.load(line.id).await.is_err() && store.shards().await.is_err());
        faults.set_down(false);
        assert_eq!(store.log(line.id).await.unwrap().len(), 1);
    });
}
