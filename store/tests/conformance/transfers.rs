//! Codes by which players go on at other devices, on every store.

use std::time::Duration;

use game_core::UnixMillis;
use store::{EmbeddedStore, MemoryStore, Store, Transfer};

use crate::accounts::{NOW, digest};
use crate::samples::{on_all, player, runtime};

const LIFE: Duration = Duration::from_secs(5 * 60);

fn after(time: Duration) -> UnixMillis {
    UnixMillis(NOW.0 + time.as_millis() as u64)
}

/// A code for a player, whom the player chose to name.
pub(crate) fn transfer(n: u8, of: &str) -> Transfer {
    Transfer {
        digest: digest(n),
        player: player(of).id,
        name: format!("Nämé of {of}"),
        is_bot: of == "bot",
        made_at: NOW,
        expires_at: after(LIFE),
        used_by: None,
    }
}

#[test]
fn a_transfer_is_used_once_by_one_request_in_its_time() {
    on_all(|store| async move {
        let use_at = async |n, request, at| {
            let used = store.use_transfer(&digest(n), request, at).await;
            used.unwrap()
        };
        assert_eq!(use_at(1, 7, NOW).await, None);
        let (ann, bot) = (transfer(1, "ann"), transfer(2, "bot"));
        store.put_transfer(&ann).await.unwrap();
        store.put_transfer(&bot).await.unwrap();
        for _ in 0..2 {
            assert_eq!(use_at(1, u64::MAX, NOW).await, Some(ann.clone()));
        }
        assert_eq!(use_at(1, 8, NOW).await, None, "another request");
        // A repetition of its making does not make it good again.
        store.put_transfer(&ann).await.unwrap();
        assert_eq!(use_at(1, 8, NOW).await, None);
        assert_eq!(use_at(2, 7, after(LIFE)).await, None, "too late");
        let in_time = UnixMillis(after(LIFE).0 - 1);
        assert_eq!(use_at(2, 7, in_time).await, Some(bot));
    });
}

#[test]
fn a_new_transfer_replaces_the_former_one_of_its_player_alone() {
    on_all(|store| async move {
        for made in [transfer(1, "ann"), transfer(2, "bob"), transfer(3, "ann")] {
            store.put_transfer(&made).await.unwrap();
        }
        let mut good = Vec::new();
        for n in 1..=3 {
            if let Some(used) = store.use_transfer(&digest(n), 7, NOW).await.unwrap() {
                good.push((n, used.player));
            }
        }
        assert_eq!(good, [(2, player("bob").id), (3, player("ann").id)]);
    });
}

#[test]
fn a_transfer_goes_with_its_account() {
    on_all(|store| async move {
        let account = crate::accounts::account("ann", "ann");
        store.create_account(&account, None).await.unwrap();
        for made in [transfer(1, "ann"), transfer(2, "bob")] {
            store.put_transfer(&made).await.unwrap();
        }
        assert!(store.remove_account(&account.id).await.unwrap());
        let used = store.use_transfer(&digest(1), 7, NOW).await.unwrap();
        assert_eq!(used, None);
        let used = store.use_transfer(&digest(2), 7, NOW).await.unwrap();
        assert!(used.is_some());
    });
}

#[test]
fn of_many_who_use_a_transfer_at_once_one_has_it() {
    on_all(|store| async move {
        for round in 1..=5 {
            store.put_transfer(&transfer(round, "ann")).await.unwrap();
            let digest = digest(round);
            let (one, two, three) = tokio::join!(
                store.use_transfer(&digest, 1, NOW),
                store.use_transfer(&digest, 2, NOW),
                store.use_transfer(&digest, 3, NOW),
            );
            let answers = [one.unwrap(), two.unwrap(), three.unwrap()];
            let good = answers.iter().flatten().count();
            assert_eq!(good, 1, "{answers:?}");
        }
    });
}

/// On Redis these keys have an expiry, which the test of the ages of all keys checks.
#[test]
fn a_transfer_goes_when_it_has_expired_and_a_newer_one_stays() {
    let check = async |store: &dyn Store| {
        store.put_transfer(&transfer(1, "ann")).await.unwrap();
        let late = Transfer {
            expires_at: after(2 * LIFE),
            ..transfer(2, "bob")
        };
        store.put_transfer(&late).await.unwrap();
        let swept_at = UnixMillis(after(LIFE).0 + 1);
        store.sweep(swept_at).await.unwrap();
        let gone = store.use_transfer(&digest(1), 1, NOW).await.unwrap();
        assert_eq!(gone, None, "removed, whatever the time of the request");
        // What is left of the former one does not hinder the next.
        store.put_transfer(&transfer(3, "ann")).await.unwrap();
        for n in [2, 3] {
            let used = store.use_transfer(&digest(n), 1, NOW).await.unwrap();
            assert!(used.is_some(), "{n}");
        }
    };
    runtime().block_on(async {
        check(&MemoryStore::new()).await;
        check(&EmbeddedStore::in_memory().unwrap()).await;
    });
}
