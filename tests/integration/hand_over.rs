//! Planned changes of owner, among real processes: they keep the clocks.

use std::time::Duration;

use game_core::{Epoch, Seat};
use protocol::{CloseCode, ServerBody};
use serde_json::json;
use store::testing::ReadLog;
use store::{Matches, RedisConfig, RedisStore};
use tests::installation::{Installation, PlayedMatch};
use tokio::time::Instant;

/// What each side has in a [`PlayedMatch`].
const INITIAL_MS: u32 = 600_000;

async fn clock_ms(game: &mut PlayedMatch) -> u32 {
    let is_clock = |body: &ServerBody| matches!(body, ServerBody::Clock(_));
    match game.black.until(is_clock).await.body {
        ServerBody::Clock(clock) => clock.black_ms,
        _ => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_keeps_the_thinking_time_of_the_move_under_way() {
    let mut installation = Installation::start(2).await;
    let config = RedisConfig::new(installation.redis_url());
    let store = RedisStore::connect(config).await.unwrap();
    let mut game = PlayedMatch::begin(&installation.matchmaker).await;
    let path = format!("/v1/matches/{}", game.id);
    game.play(0, "e2e4").await;
    let began = Instant::now();
    let mut thought = Duration::ZERO;
    // An operator moves the match to the other shard; then that one is restarted.
    for (number, drained) in [(1, false), (2, true)] {
        // Black thinks, and is told two seconds later what is left.
        let left_ms = clock_ms(&mut game).await;
        let owner = installation.admin.get(&path).await["owner"].clone();
        let (url, body) = if drained {
            ("/v1/drain".to_owned(), json!({ "shard": owner }))
        } else {
            (format!("{path}/handoff"), json!({}))
        };
        let (status, answer) = installation.admin.post(&url, &body).await;
        assert_eq!(status, 202, "{answer}");
        assert_eq!(game.black.closed().await, Some(CloseCode::ShuttingDown));
        let most = began.elapsed();
        let stored = store.load(game.id).await.unwrap().unwrap();
        assert!(stored.ownership.epoch >= Epoch(1 + number));
        // What the old owner had told is not given back, and no more is charged than was thought.
        assert!(stored.move_time >= thought + Duration::from_secs(1));
        assert!(
            stored.move_time <= most,
            "{:?} of {most:?}",
            stored.move_time
        );
        let least = Duration::from_millis(u64::from(INITIAL_MS - left_ms));
        assert!(stored.move_time >= least, "{:?}", stored.move_time);
        thought = stored.move_time;
        if drained {
            assert!(installation.ends_well(owner.as_str().unwrap()).await);
        }
        // The new owner goes on with what the old one had, to the millisecond, once Black is back.
        game.sit_again(Seat::White).await;
        game.sit_again(Seat::Black).await;
        let goes_on_ms = clock_ms(&mut game).await;
        let kept_ms = (Duration::from_millis(INITIAL_MS.into()) - thought).as_millis();
        assert_eq!(u128::from(goes_on_ms), kept_ms);
    }
    game.play(1, "e7e5").await;
    let log = store.log(game.id).await.unwrap();
    // An increment of five seconds.
    let charged = Duration::from_millis(INITIAL_MS.into()) + Duration::from_secs(5);
    let charged = charged - log.last().unwrap().clocks.remaining.black;
    assert!(
        charged >= thought && charged <= began.elapsed(),
        "{charged:?}"
    );
}

/// Matches of the test below, which two shards share.
const MATCHES: usize = 40;

/// A drain hands its matches over at a bounded rate, and each goes on with the clocks that it was handed over with.
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_of_tens_of_matches_keeps_every_clock_to_the_millisecond() {
    let mut installation = Installation::start(2).await;
    let config = RedisConfig::new(installation.redis_url());
    let store = RedisStore::connect(config).await.unwrap();
    let mut games = Vec::new();
    for _ in 0..MATCHES {
        let mut game = PlayedMatch::begin(&installation.matchmaker).await;
        game.play(0, "e2e4").await;
        games.push((game, Instant::now()));
    }
    let victim = installation.shards[0].id.clone();
    installation.shard(&victim).signal(supervisor::Signal::TERM);
    let (mut moved, stopped) = (0, Instant::now());
    for (game, began) in &mut games {
        let owner = store.ownership(game.id).await.unwrap().unwrap().owner;
        let epoch = store.ownership(game.id).await.unwrap().unwrap().epoch;
        if owner.to_string() != victim && epoch == Epoch(1) {
            continue;
        }
        assert_eq!(game.black.closed().await, Some(CloseCode::ShuttingDown));
        let most = began.elapsed();
        let stored = store.load(game.id).await.unwrap().unwrap();
        assert_ne!(stored.ownership.owner.to_string(), victim);
        let thought = stored.move_time;
        assert!(
            Duration::ZERO < thought && thought <= most,
            "{thought:?} of {most:?}"
        );
        game.sit_again(Seat::White).await;
        game.sit_again(Seat::Black).await;
        let kept_ms = (Duration::from_millis(INITIAL_MS.into()) - thought).as_millis();
        assert_eq!(u128::from(clock_ms(game).await), kept_ms);
        moved += 1;
    }
    assert!(moved >= MATCHES / 5, "{moved} of {MATCHES} moved");
    assert!(installation.ends_well(&victim).await);
    assert!(stopped.elapsed() < Duration::from_secs(30));
    // Play goes on under the next owner.
    for (game, _) in &mut games {
        game.play(1, "e7e5").await;
    }
}
