//! Tournaments, on every store.

use std::time::Duration;

use game_core::{MatchId, UnixMillis};
use store::{
    EmbeddedStore, MemoryStore, RESULT_LEN_MAX, Store, StoreError, TOURNAMENT_KEPT,
    TOURNAMENT_LEN_MAX, Tournament, TournamentChange, TournamentChanged, TournamentId,
};

use crate::accounts::NOW;
use crate::samples::{match_id, on_all, runtime};

fn id(text: &str) -> TournamentId {
    text.parse().unwrap()
}

fn after(time: Duration) -> UnixMillis {
    UnixMillis(NOW.0 + u64::try_from(time.as_millis()).unwrap())
}

/// A change of a tournament, a second after the one before.
pub(crate) fn change(of: &str, expected: u64, matches: &[MatchId]) -> TournamentChange {
    TournamentChange {
        id: id(of),
        expected,
        body: format!(r#"{{"of":"{of}","after":{expected},"name":"Öpen"}}"#).into(),
        matches: matches.to_vec(),
        is_pending: !matches.is_empty(),
        at: after(Duration::from_secs(expected)),
    }
}

#[test]
fn a_document_changes_only_from_the_expected_revision() {
    on_all(|store| async move {
        let put = async |change: &TournamentChange| store.change_tournament(change).await.unwrap();
        assert_eq!(store.tournament(&id("open")).await.unwrap(), None);
        let [first, second] = [0, 1].map(|expected| change("open", expected, &[]));
        assert_eq!(put(&second).await, TournamentChanged::Stale(0));
        for _ in 0..2 {
            assert_eq!(put(&first).await, TournamentChanged::Done, "also repeated");
        }
        let other = TournamentChange {
            body: "{}".into(),
            ..first.clone()
        };
        assert_eq!(
            put(&other).await,
            TournamentChanged::Stale(1),
            "another one"
        );
        assert_eq!(put(&second).await, TournamentChanged::Done);
        assert_eq!(put(&first).await, TournamentChanged::Stale(2), "late");
        let found = store.tournament(&id("open")).await.unwrap();
        let expected = Tournament {
            revision: 2,
            body: second.body,
            results: Vec::new(),
        };
        assert_eq!(found, Some(expected));
    });
}

#[test]
fn of_many_who_change_a_document_at_once_one_does() {
    on_all(|store| async move {
        let store = &store;
        let changes = [1, 2, 3].map(|n| TournamentChange {
            body: format!("{{\"n\":{n}}}").into(),
            matches: vec![match_id(n)],
            ..change("open", 0, &[])
        });
        let [one, two, three] = &changes;
        let (one, two, three) = tokio::join!(
            store.change_tournament(one),
            store.change_tournament(two),
            store.change_tournament(three),
        );
        let answers = [one.unwrap(), two.unwrap(), three.unwrap()];
        let done = answers
            .iter()
            .filter(|&&answer| answer == TournamentChanged::Done);
        assert_eq!(done.count(), 1, "{answers:?}");
        let mut matches = 0;
        for n in 1..=3 {
            matches += usize::from(store.tournament_of(match_id(n)).await.unwrap().is_some());
        }
        assert_eq!(matches, 1, "those of the one change");
    });
}

#[test]
fn matches_belong_to_the_tournament_that_named_them_first() {
    on_all(|store| async move {
        let of = async |n| store.tournament_of(match_id(n)).await.unwrap();
        assert_eq!(of(1).await, None);
        let matches = [match_id(1), match_id(2)];
        store
            .change_tournament(&change("a", 0, &matches))
            .await
            .unwrap();
        store
            .change_tournament(&change("b", 0, &[match_id(2), match_id(3)]))
            .await
            .unwrap();
        store.change_tournament(&change("a", 1, &[])).await.unwrap();
        let found = [of(1).await, of(2).await, of(3).await];
        assert_eq!(found, [Some(id("a")), Some(id("a")), Some(id("b"))]);
        // A change that did not happen names none.
        let stale = change("a", 7, &[match_id(4)]);
        store.change_tournament(&stale).await.unwrap();
        assert_eq!(of(4).await, None);
    });
}

#[test]
fn the_tournaments_with_matches_to_be_created_are_named_until_they_are() {
    on_all(|store| async move {
        let pending = async || store.pending_tournaments().await.unwrap();
        for of in ["b", "a", "none"] {
            let matches: &[MatchId] = if of == "none" { &[] } else { &[match_id(1)] };
            store
                .change_tournament(&change(of, 0, matches))
                .await
                .unwrap();
        }
        assert_eq!(pending().await, [id("a"), id("b")]);
        store.change_tournament(&change("a", 1, &[])).await.unwrap();
        assert_eq!(pending().await, [id("b")]);
        // A change that did not happen removes nothing.
        store.change_tournament(&change("b", 5, &[])).await.unwrap();
        assert_eq!(pending().await, [id("b")]);
    });
}

#[test]
fn the_first_result_of_a_match_stays() {
    on_all(|store| async move {
        let put = async |of: &str, n, result: &str| {
            store
                .put_result(&id(of), match_id(n), result)
                .await
                .unwrap();
        };
        put("open", 1, "too early").await;
        let matches = [match_id(1), match_id(2), match_id(3)];
        store
            .change_tournament(&change("open", 0, &matches))
            .await
            .unwrap();
        put("open", 2, "1-0").await;
        put("open", 2, "0-1").await;
        put("open", 1, r#"{"half":"½"}"#).await;
        store
            .change_tournament(&change("open", 1, &[]))
            .await
            .unwrap();
        let found = store.tournament(&id("open")).await.unwrap().unwrap();
        let mut expected = [
            (match_id(1), r#"{"half":"½"}"#.into()),
            (match_id(2), "1-0".into()),
        ];
        expected.sort_by_key(|(id, _)| *id);
        assert_eq!((found.revision, &*found.results), (2, &expected[..]));
    });
}

#[test]
fn the_last_changed_tournaments_are_listed_first() {
    on_all(|store| async move {
        for (of, times) in [("a", 3), ("b", 1), ("c", 2)] {
            for expected in 0..times {
                store
                    .change_tournament(&change(of, expected, &[]))
                    .await
                    .unwrap();
            }
        }
        let all = store.tournaments(10).await.unwrap();
        let second = |n| after(Duration::from_secs(n));
        assert_eq!(
            all,
            [
                (id("a"), second(2)),
                (id("c"), second(1)),
                (id("b"), second(0))
            ]
        );
        assert_eq!(store.tournaments(2).await.unwrap(), all[..2]);
        assert_eq!(store.tournaments(0).await.unwrap(), []);
    });
}

#[test]
fn what_is_too_long_is_refused_and_changes_nothing() {
    on_all(|store| async move {
        let long = TournamentChange {
            body: "x".repeat(TOURNAMENT_LEN_MAX + 1).into(),
            ..change("open", 0, &[])
        };
        let answer = store.change_tournament(&long).await;
        assert!(matches!(answer, Err(StoreError::Unfit(_))), "{answer:?}");
        let longest = TournamentChange {
            body: "x".repeat(TOURNAMENT_LEN_MAX).into(),
            ..change("open", 0, &[])
        };
        let answer = store.change_tournament(&longest).await.unwrap();
        assert_eq!(answer, TournamentChanged::Done);
        for result in [String::new(), "x".repeat(RESULT_LEN_MAX + 1)] {
            let answer = store.put_result(&id("open"), match_id(1), &result).await;
            assert!(matches!(answer, Err(StoreError::Unfit(_))), "{answer:?}");
        }
        let found = store.tournament(&id("open")).await.unwrap().unwrap();
        assert!(found.results.is_empty());
    });
}

/// On Redis these keys have an expiry, which the test of the ages of all keys checks.
#[test]
fn a_tournament_goes_with_all_of_it_two_years_after_its_last_change() {
    let check = async |store: &dyn Store| {
        for (of, n) in [("old", 1), ("changed", 2)] {
            let matches = [match_id(n)];
            store
                .change_tournament(&change(of, 0, &matches))
                .await
                .unwrap();
            store.put_result(&id(of), match_id(n), "1-0").await.unwrap();
        }
        store
            .change_tournament(&change("changed", 1, &[]))
            .await
            .unwrap();
        let early = UnixMillis(after(TOURNAMENT_KEPT).0 - 1);
        store.sweep(early).await.unwrap();
        assert_eq!(store.tournaments(9).await.unwrap().len(), 2);
        store.sweep(after(TOURNAMENT_KEPT)).await.unwrap();
        let left = store.tournaments(9).await.unwrap();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(store.tournament(&id("old")).await.unwrap(), None);
        assert_eq!(store.tournament_of(match_id(1)).await.unwrap(), None);
        assert_eq!(store.pending_tournaments().await.unwrap(), []);
        let kept = store.tournament(&id("changed")).await.unwrap().unwrap();
        assert_eq!(kept.results.len(), 1);
        // Nothing is left of the former one of that id.
        store
            .change_tournament(&change("old", 0, &[]))
            .await
            .unwrap();
        let again = store.tournament(&id("old")).await.unwrap().unwrap();
        assert_eq!(again.results, []);
    };
    runtime().block_on(async {
        check(&MemoryStore::new()).await;
        check(&EmbeddedStore::in_memory().unwrap()).await;
    });
}
