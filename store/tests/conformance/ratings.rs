//! Ratings change once a match, on every store.

use std::time::Duration;

use game_core::{BySeat, MatchId, Seat, UnixMillis};
use store::testing::RedisServer;
use store::{
    Category, EmbeddedStore, MemoryStore, RATED_KEPT, RATING_HISTORY_MAX, RATING_KEPT,
    RatingApplied, Ratings, Store,
};

use crate::samples::{match_id, on_all, player, rated, redis_store, runtime};

fn blitz() -> Category {
    "standard-blitz".parse().unwrap()
}

#[test]
fn a_match_changes_both_ratings_once() {
    on_all(|store| async move {
        let first = rated(match_id(1), blitz(), 1, 1);
        let (ada, bob) = (&first.players.white, &first.players.black);
        assert_eq!(store.rating(ada, blitz()).await.unwrap(), None);
        assert_eq!(store.rated(match_id(1)).await.unwrap(), None);
        assert_eq!(
            store.apply_rating(&first).await.unwrap(),
            RatingApplied::Applied
        );
        // Again, also with other figures: what was applied first stands.
        let mut other = first.clone();
        other.changes.white.after.rating = 2_000.0;
        other.at = UnixMillis(first.at.0 + 5);
        for again in [&first, &other] {
            let answer = store.apply_rating(again).await.unwrap();
            assert_eq!(answer, RatingApplied::Already(Box::new(first.clone())));
        }
        for (seat, who) in [(Seat::White, ada), (Seat::Black, bob)] {
            let expected = first.rating(seat);
            assert_eq!(expected.opponent, first.players[seat.opponent()]);
            let found = store.rating(who, blitz()).await.unwrap();
            assert_eq!(found.as_ref(), Some(&expected));
            let history = store.rating_history(who, blitz(), None, 10).await.unwrap();
            assert_eq!(history, [expected]);
        }
        assert_eq!(store.rated(match_id(1)).await.unwrap(), Some(first));
    });
}

#[test]
fn a_change_that_was_computed_from_another_version_is_not_applied() {
    on_all(|store| async move {
        let first = rated(match_id(1), blitz(), 1, 1);
        store.apply_rating(&first).await.unwrap();
        let newest = BySeat {
            white: Some(first.rating(Seat::White)),
            black: Some(first.rating(Seat::Black)),
        };
        for (white, black) in [(1, 2), (2, 1), (3, 2), (1, 1)] {
            let stale = rated(match_id(2), blitz(), white, black);
            let answer = store.apply_rating(&stale).await.unwrap();
            assert_eq!(answer, RatingApplied::Stale(Box::new(newest.clone())));
        }
        assert_eq!(store.rated(match_id(2)).await.unwrap(), None);
        let next = rated(match_id(2), blitz(), 2, 2);
        assert_eq!(
            store.apply_rating(&next).await.unwrap(),
            RatingApplied::Applied
        );
        // One of the two is new in another category.
        let bullet = "standard-bullet".parse().unwrap();
        let answer = store.apply_rating(&rated(match_id(3), bullet, 1, 2)).await;
        let none = BySeat {
            white: None,
            black: None,
        };
        assert_eq!(answer.unwrap(), RatingApplied::Stale(Box::new(none)));
    });
}

#[test]
fn two_matches_of_one_player_at_once_are_both_counted() {
    on_all(|store| async move {
        let mut rates = tokio::task::JoinSet::new();
        for n in 0..8 {
            let store = store.clone();
            rates.spawn(async move {
                let (mut white, mut black) = (1, 1);
                loop {
                    let change = rated(match_id(n), blitz(), white, black);
                    match store.apply_rating(&change).await.unwrap() {
                        RatingApplied::Stale(newest) => {
                            let next = |rating: &Option<store::Rating>| {
                                rating.as_ref().map_or(1, |rating| rating.games + 1)
                            };
                            (white, black) = (next(&newest.white), next(&newest.black));
                        }
                        answer => break assert_eq!(answer, RatingApplied::Applied),
                    }
                }
            });
        }
        rates.join_all().await;
        for name in ["ada", "bob"] {
            let rating = store.rating(&player(name).id, blitz()).await.unwrap();
            assert_eq!(rating.unwrap().games, 8);
        }
    });
}

#[test]
fn ratings_are_listed_by_category_and_histories_by_page() {
    on_all(|store| async move {
        let categories: Vec<Category> = Category::all().collect();
        let ada = player("ada").id;
        for (n, category) in (0..).zip(&categories) {
            let first = rated(match_id(n), *category, 1, 1);
            store.apply_rating(&first).await.unwrap();
        }
        let listed = store.ratings(&ada).await.unwrap();
        let named: Vec<Category> = listed.iter().map(|(category, _)| *category).collect();
        let mut expected = categories.clone();
        expected.sort();
        assert_eq!(named, expected);
        assert_eq!(store.ratings(&player("eve").id).await.unwrap(), []);

        for n in 2..=9_u8 {
            let next = rated(match_id(100 + n), blitz(), n.into(), n.into());
            store.apply_rating(&next).await.unwrap();
        }
        let page = async |before, limit| -> Vec<u32> {
            let page = store.rating_history(&ada, blitz(), before, limit).await;
            page.unwrap().iter().map(|rating| rating.games).collect()
        };
        assert_eq!(page(None, 4).await, [9, 8, 7, 6]);
        assert_eq!(page(Some(6), 4).await, [5, 4, 3, 2]);
        assert_eq!(page(Some(2), 4).await, [1]);
        assert_eq!(page(Some(1), 4).await, [0_u32; 0]);
        assert_eq!(page(Some(100), 1).await, [9]);
    });
}

#[test]
fn a_history_is_bounded() {
    let check = async |store: &dyn Store| {
        let last = RATING_HISTORY_MAX as u32 + 3;
        for n in 1..=last {
            let id = MatchId::from_random(u128::from(n) << 30);
            store.apply_rating(&rated(id, blitz(), n, n)).await.unwrap();
        }
        let ada = player("ada").id;
        let rest = store
            .rating_history(&ada, blitz(), Some(6), 10)
            .await
            .unwrap();
        let games: Vec<u32> = rest.iter().map(|rating| rating.games).collect();
        assert_eq!(games, [5, 4]);
        let newest = store.rating(&ada, blitz()).await.unwrap().unwrap();
        assert_eq!(newest.games, last);
    };
    runtime().block_on(async {
        check(&MemoryStore::new()).await;
        check(&EmbeddedStore::in_memory().unwrap()).await;
        let server = RedisServer::start_with(&["--appendonly", "no"]);
        check(&redis_store(&server).await).await;
    });
}

#[test]
fn ratings_go_two_years_after_the_last_match_and_what_was_rated_is_forgotten_before() {
    let check = async |store: &dyn Store| {
        let first = rated(match_id(1), blitz(), 1, 1);
        store.apply_rating(&first).await.unwrap();
        let sweep = async |age: Duration| {
            let now = UnixMillis(first.at.0 + age.as_millis() as u64);
            while store.sweep(now).await.unwrap().more {}
        };
        sweep(RATED_KEPT).await;
        assert!(store.rated(match_id(1)).await.unwrap().is_some());
        sweep(RATED_KEPT + Duration::from_millis(1)).await;
        assert!(store.rated(match_id(1)).await.unwrap().is_none());
        let ada = player("ada").id;
        sweep(RATING_KEPT).await;
        assert!(store.rating(&ada, blitz()).await.unwrap().is_some());
        sweep(RATING_KEPT + Duration::from_millis(1)).await;
        assert_eq!(store.rating(&ada, blitz()).await.unwrap(), None);
        assert_eq!(store.ratings(&ada).await.unwrap(), []);
        let history = store.rating_history(&ada, blitz(), None, 10).await.unwrap();
        assert_eq!(history, []);
    };
    runtime().block_on(async {
        check(&MemoryStore::new()).await;
        check(&EmbeddedStore::in_memory().unwrap()).await;
    });
}

#[test]
fn on_redis_every_key_of_ratings_expires() {
    runtime().block_on(async {
        let server = RedisServer::start();
        let store = redis_store(&server).await;
        let first = rated(match_id(1), blitz(), 1, 1);
        store.apply_rating(&first).await.unwrap();
        let left = |key: &str| {
            let answer = server.command(&["TTL", &format!("rk:{{ratings}}:{key}")]);
            answer.trim_start_matches(':').parse::<u64>().unwrap()
        };
        for name in [
            "is:ada",
            "is:bob",
            "log:standard-blitz:ada",
            "log:standard-blitz:bob",
        ] {
            assert!(left(name).abs_diff(RATING_KEPT.as_secs()) < 60, "{name}");
        }
        let of = format!("of:{}", match_id(1));
        assert!(left(&of).abs_diff(RATED_KEPT.as_secs()) < 60);
    });
}
