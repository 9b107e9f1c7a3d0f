//! What only Redis can do wrong.

mod batches;
mod cluster;
mod data;
mod faults;
mod flips;
mod servers;
mod settings;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use game_core::Epoch;
use store::testing::{ReadLog, RedisServer};
use store::{
    Appended, Claim, Durability, MatchLog, Matches, RedisConfig, RedisStore, Registered, Registry,
    Status, Store, StoreError, TICKET_WAITS, Tickets,
};
use tokio::sync::watch;

use crate::samples::{
    Line, by, match_id, pool, redis_store, runtime, shard_id, shard_record, ticket, ticket_id,
};

const STORED: Appended = Appended::Stored { duplicate: false };
const DUPLICATE: Appended = Appended::Stored { duplicate: true };
/// Generous upper bound on the wait for an event that must happen.
const SOON: Duration = Duration::from_secs(20);

/// A store that does not wait long for answers.
async fn impatient(server: &RedisServer) -> RedisStore {
    let response_timeout = Duration::from_millis(200);
    let config = RedisConfig {
        response_timeout,
        ..RedisConfig::new(server.url())
    };
    RedisStore::connect(config).await.unwrap()
}

/// Creates the match of `line` and has shard 1 claim it, under epoch 1.
async fn claimed(store: &dyn Store, line: &Line) {
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    let claim = store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
}

/// Repeats a write until it is answered, as a shard does.
async fn append_until_answered(store: &dyn Store, write: &store::Append) -> Appended {
    let until = Instant::now() + SOON;
    loop {
        match store.append(std::slice::from_ref(write)).await {
            Ok(mut answers) => return answers.remove(0),
            Err(StoreError::Unavailable(_)) if Instant::now() < until => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Repeats an operation until it is answered, as everybody does.
async fn until_answered<T, F: Future<Output = Result<T, StoreError>>>(ask: impl Fn() -> F) -> T {
    let until = Instant::now() + SOON;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(StoreError::Unavailable(_)) if Instant::now() < until => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[track_caller]
fn unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Unavailable(text)) => text,
        other => panic!("Unavailable expected: {other:?}"),
    }
}

#[track_caller]
fn unfit<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Unfit(text)) => text,
        other => panic!("Unfit expected: {other:?}"),
    }
}
