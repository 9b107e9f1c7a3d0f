//! Requests with keys of clients' choice, on every store.

use std::time::Duration;

use game_core::UnixMillis;
use store::{Begun, EmbeddedStore, Idempotency, REQUEST_RUNS};

use crate::samples::{match_id, on_all, runtime};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn after(time: Duration) -> UnixMillis {
    UnixMillis(NOW.0 + time.as_millis() as u64)
}

#[test]
fn a_request_is_carried_out_once_and_answered_the_same_each_time() {
    on_all(|store| async move {
        let (digest, other) = ([1; 32], [2; 32]);
        let begin = async |key, digest, id, at| {
            let begun = store.begin_request(key, digest, match_id(id), at).await;
            begun.unwrap()
        };
        assert_eq!(
            begin("ann:k", &digest, 1, NOW).await,
            Begun::New(match_id(1))
        );
        assert_eq!(begin("ann:k", &digest, 2, NOW).await, Begun::Running);
        assert_eq!(begin("ann:k", &other, 3, NOW).await, Begun::Other);
        let another = begin("bob:k", &other, 4, NOW).await;
        assert_eq!(
            another,
            Begun::New(match_id(4)),
            "another key is another request"
        );
        let response = [0, 255, b'\n'];
        store.end_request("ann:k", Some(&response)).await.unwrap();
        for at in [NOW, after(REQUEST_RUNS * 10)] {
            assert_eq!(
                begin("ann:k", &digest, 5, at).await,
                Begun::Done(response.to_vec())
            );
            assert_eq!(begin("ann:k", &other, 6, at).await, Begun::Other);
        }
    });
}

#[test]
fn a_request_whose_process_died_is_begun_again_under_its_first_id() {
    on_all(|store| async move {
        let begin = async |id, at| {
            let begun = store.begin_request("k", &[1; 32], match_id(id), at).await;
            begun.unwrap()
        };
        assert_eq!(begin(1, NOW).await, Begun::New(match_id(1)));
        let still = after(REQUEST_RUNS - Duration::from_millis(1));
        assert_eq!(begin(2, still).await, Begun::Running);
        assert_eq!(begin(2, after(REQUEST_RUNS)).await, Begun::New(match_id(1)));
        assert_eq!(begin(3, after(REQUEST_RUNS)).await, Begun::Running);
        // What became of it is not known: the next one begins it at once.
        store.end_request("k", None).await.unwrap();
        assert_eq!(begin(4, after(REQUEST_RUNS)).await, Begun::New(match_id(1)));
        // It changed nothing.
        store.forget_request("k").await.unwrap();
        store.end_request("k", Some(b"late")).await.unwrap();
        assert_eq!(begin(5, NOW).await, Begun::New(match_id(5)));
    });
}

/// The lock on the file proves that nobody carries it out any more.
#[test]
fn a_file_that_is_opened_again_has_no_running_requests() {
    let directory = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let begin = async |key, id| {
            let store = EmbeddedStore::open(directory.path()).unwrap();
            let begun = store.begin_request(key, &[1; 32], match_id(id), NOW).await;
            (store, begun.unwrap())
        };
        let (store, begun) = begin("k", 1).await;
        assert_eq!(begun, Begun::New(match_id(1)));
        let done = store
            .begin_request("done", &[1; 32], match_id(2), NOW)
            .await;
        assert_eq!(done.unwrap(), Begun::New(match_id(2)));
        store.end_request("done", Some(b"well")).await.unwrap();
        drop(store);
        let (store, begun) = begin("k", 3).await;
        assert_eq!(begun, Begun::New(match_id(1)), "under its first id");
        let done = store
            .begin_request("done", &[1; 32], match_id(4), NOW)
            .await;
        assert_eq!(done.unwrap(), Begun::Done(b"well".to_vec()));
    });
}
