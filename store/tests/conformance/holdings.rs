//! What players may have a limited number of, on every store.

use game_core::UnixMillis;
use store::{HOLDING_KEPT, Holding};

use crate::samples::{on_all, player};

const NOW: UnixMillis = UnixMillis(1_763_712_000_000);

#[test]
fn a_player_holds_no_more_than_the_bound_and_each_kind_is_counted_by_itself() {
    on_all(|store| async move {
        let [ann, bob] = ["ann", "auth0|b.o-b@x"].map(|name| player(name).id);
        for kind in Holding::ALL {
            let hold = async |who, id, max| store.hold(who, kind, id, max, NOW).await.unwrap();
            assert_eq!(store.held(&ann, kind).await.unwrap(), []);
            assert!(!hold(&ann, "one", 0).await);
            assert!(hold(&ann, "one", 2).await);
            assert!(hold(&ann, "two", 2).await);
            assert!(!hold(&ann, "three", 2).await, "{kind:?}: two at most");
            assert!(hold(&ann, "two", 2).await, "a repetition is no third");
            assert!(hold(&bob, "three", 1).await, "others are not counted");
            assert!(hold(&ann, "three", 3).await);

            let mut held = store.held(&ann, kind).await.unwrap();
            held.sort();
            let expected = ["one", "three", "two"].map(|id| (id.to_owned(), NOW));
            assert_eq!(held, expected);

            let gone = ["one", "never", "two"].map(str::to_owned);
            for _ in 0..2 {
                store.let_go(&ann, kind, &gone).await.unwrap();
                store.let_go(&ann, kind, &[]).await.unwrap();
                let held = store.held(&ann, kind).await.unwrap();
                assert_eq!(held, [("three".to_owned(), NOW)]);
            }
            assert_eq!(store.held(&bob, kind).await.unwrap().len(), 1);
        }
    });
}

/// On Redis the list of a player who adds nothing expires; elsewhere additions of anyone remove what is old.
#[test]
fn what_is_held_is_not_kept_for_ever() {
    let kept = u64::try_from(HOLDING_KEPT.as_millis()).unwrap();
    let later = UnixMillis(NOW.0 + kept + 1);
    crate::samples::runtime().block_on(async {
        let in_file = store::EmbeddedStore::in_memory().unwrap();
        let in_memory = store::MemoryStore::new();
        let stores: [&dyn store::Store; 2] = [&in_file, &in_memory];
        for store in stores {
            let [ann, bob] = ["ann", "bob"].map(|name| player(name).id);
            let kind = Holding::Match;
            assert!(store.hold(&ann, kind, "old", 1, NOW).await.unwrap());
            assert!(store.hold(&ann, kind, "gone", 2, NOW).await.unwrap());
            store
                .let_go(&ann, kind, &["gone".to_owned()])
                .await
                .unwrap();
            assert!(store.hold(&bob, kind, "new", 1, later).await.unwrap());
            assert_eq!(store.held(&ann, kind).await.unwrap(), []);
            assert_eq!(store.held(&bob, kind).await.unwrap().len(), 1);
        }
        let server = store::testing::RedisServer::start();
        let store = crate::samples::redis_store(&server).await;
        let ann = player("ann").id;
        store::Holdings::hold(&store, &ann, Holding::Match, "one", 1, NOW)
            .await
            .unwrap();
        let left: u64 = server.command(&["TTL", "rk:held:matches:ann"])[1..]
            .parse()
            .unwrap();
        let kept_s = HOLDING_KEPT.as_secs();
        assert!((kept_s - 400..=kept_s).contains(&left), "{left}");
    });
}
