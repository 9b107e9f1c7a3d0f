//! Who is denied everything, on every store.

use game_core::UnixMillis;
use store::Validity;

use crate::samples::{on_all, player};

#[test]
fn who_was_revoked_is_known_until_no_token_of_then_is_valid() {
    on_all(|store| async move {
        let [ann, bob] = ["ann", "auth0|b.o-b@x"].map(|name| player(name).id);
        let at = |ms| UnixMillis(1_763_712_000_000 + ms);
        assert_eq!(store.revoked_at(&ann).await.unwrap(), None);
        assert!(store.revoked_since(UnixMillis(0)).await.unwrap().is_empty());

        store.revoke(&ann, at(5)).await.unwrap();
        store.revoke(&bob, at(7)).await.unwrap();
        assert_eq!(store.revoked_at(&ann).await.unwrap(), Some(at(5)));
        let since = async |ms| store.revoked_since(at(ms)).await.unwrap();
        assert_eq!(since(0).await.len(), 2);
        assert_eq!(since(7).await, std::slice::from_ref(&bob));
        assert!(since(8).await.is_empty());

        // The latest time counts, whichever comes last.
        store.revoke(&ann, at(9)).await.unwrap();
        store.revoke(&ann, at(6)).await.unwrap();
        assert_eq!(store.revoked_at(&ann).await.unwrap(), Some(at(9)));

        let kept = u64::try_from(store::REVOCATION_KEPT.as_millis()).unwrap();
        store.revoke(&ann, at(7 + kept)).await.unwrap();
        assert_eq!(store.revoked_at(&bob).await.unwrap(), Some(at(7)));
        store.revoke(&ann, at(8 + kept)).await.unwrap();
        assert_eq!(store.revoked_at(&bob).await.unwrap(), None);
        assert_eq!(store.revoked_since(UnixMillis(0)).await.unwrap(), [ann]);
    });
}

#[test]
fn a_revoked_player_is_restored_and_void_tokens_stay_void() {
    on_all(|store| async move {
        let [ann, bob] = ["ann", "auth0|b.o-b@x"].map(|name| player(name).id);
        let at = |ms| UnixMillis(1_763_712_000_000 + ms);
        let validity = async |who| store.validity(who).await.unwrap();
        assert_eq!(validity(&ann).await, Validity::default());
        assert!(!store.restore(&ann).await.unwrap());

        store.void_tokens(&ann, at(3)).await.unwrap();
        store.void_tokens(&ann, at(2)).await.unwrap();
        let void = Validity {
            revoked_at: None,
            void_up_to: Some(at(3)),
        };
        assert_eq!(validity(&ann).await, void, "the latest time counts");
        store.revoke(&ann, at(5)).await.unwrap();
        store.revoke(&bob, at(5)).await.unwrap();
        let revoked = Validity {
            revoked_at: Some(at(5)),
            ..void
        };
        assert_eq!(validity(&ann).await, revoked);
        assert!(store.restore(&ann).await.unwrap());
        assert!(!store.restore(&ann).await.unwrap());
        assert_eq!(validity(&ann).await, void);
        assert_eq!(store.revoked_at(&ann).await.unwrap(), None);
        let revoked = store.revoked_since(UnixMillis(0)).await.unwrap();
        assert_eq!(revoked, std::slice::from_ref(&bob));
        // A later revocation holds.
        store.revoke(&ann, at(4)).await.unwrap();
        assert_eq!(store.revoked_at(&ann).await.unwrap(), Some(at(4)));

        let kept = u64::try_from(store::REVOCATION_KEPT.as_millis()).unwrap();
        store.void_tokens(&bob, at(4 + kept)).await.unwrap();
        assert_eq!(validity(&ann).await.void_up_to, None, "it was too long ago");
    });
}
