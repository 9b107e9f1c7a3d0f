//! Accounts and what gives access to them, on every store.

use std::time::Duration;

use game_core::{PlayerId, UnixMillis};
use store::{
    API_TOKEN_UNUSED_KEPT, Account, AccountCreated, ApiToken, EmbeddedStore, INVITATION_LIFE_MAX,
    Invitation, LoginCode, MemoryStore, PasswordHash, Scope, SecretDigest, Store,
};

use crate::samples::{on_all, player, runtime};

pub(crate) const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn after(time: Duration) -> UnixMillis {
    UnixMillis(NOW.0 + time.as_millis() as u64)
}

fn id(name: &str) -> PlayerId {
    player(name).id
}

pub(crate) fn account(id: &str, name_key: &str) -> Account {
    Account {
        id: player(id).id,
        name: name_key.to_uppercase(),
        name_key: name_key.to_owned(),
        is_bot: id == "bot",
        password: None,
        made_at: NOW,
    }
}

pub(crate) fn digest(n: u8) -> SecretDigest {
    SecretDigest([n; 32])
}

pub(crate) fn token(n: u8, owner: &str) -> ApiToken {
    ApiToken {
        digest: digest(n),
        owner: id(owner),
        label: format!("Tokén {n}"),
        scopes: vec![Scope::Read, Scope::Play],
        made_at: NOW,
        used_at: None,
    }
}

pub(crate) fn invitation(n: u8, uses_left: u32, life: Duration) -> Invitation {
    Invitation {
        digest: digest(n),
        label: "Class 5b".to_owned(),
        made_at: NOW,
        expires_at: after(life),
        uses_left,
    }
}

pub(crate) fn code(n: u8, of: &str, life: Duration) -> LoginCode {
    LoginCode {
        digest: digest(n),
        player: id(of),
        made_at: NOW,
        expires_at: after(life),
        used_by: None,
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn a_name_belongs_to_one_account_whoever_asks_how_often() {
    on_all(|store| async move {
        let make = async |account: &Account| store.create_account(account, None).await.unwrap();
        let ann = account("ann", "anna ä");
        assert_eq!(store.account(&ann.id).await.unwrap(), None);
        assert_eq!(store.account_named("anna ä").await.unwrap(), None);
        for _ in 0..2 {
            assert_eq!(make(&ann).await, AccountCreated::Made);
        }
        let rival = account("rival", "anna ä");
        assert_eq!(make(&rival).await, AccountCreated::NameTaken);
        assert_eq!(store.account(&rival.id).await.unwrap(), None);
        let bot = Account {
            password: Some(PasswordHash("$argon2id$…".to_owned())),
            ..account("bot", "deep")
        };
        assert_eq!(make(&bot).await, AccountCreated::Made);
        assert_eq!(store.account(&ann.id).await.unwrap(), Some(ann.clone()));
        let named = store.account_named("anna ä").await.unwrap();
        assert_eq!(named, Some(ann.clone()));
        assert_eq!(store.account(&bot.id).await.unwrap(), Some(bot.clone()));
    });
}

#[test]
fn of_two_who_want_a_name_at_once_one_gets_it() {
    on_all(|store| async move {
        let mut made = 0;
        for round in 0..5 {
            let key = format!("name {round}");
            let [one, other] = ["one", "other"].map(|who| account(&format!("{who}{round}"), &key));
            let (one, other) = tokio::join!(
                store.create_account(&one, None),
                store.create_account(&other, None)
            );
            let answers = [one.unwrap(), other.unwrap()];
            assert!(answers.contains(&AccountCreated::NameTaken), "{answers:?}");
            made += answers
                .iter()
                .filter(|answer| **answer == AccountCreated::Made)
                .count();
        }
        assert_eq!(made, 5);
    });
}

#[test]
fn a_password_is_replaced_and_an_account_removed_with_all_that_opens_it() {
    on_all(|store| async move {
        let ann = account("ann", "ann");
        let hash = PasswordHash("$argon2id$v=19$new".to_owned());
        assert!(!store.set_password(&ann.id, &hash).await.unwrap());
        assert!(!store.remove_account(&ann.id).await.unwrap());
        store.create_account(&ann, None).await.unwrap();
        for _ in 0..2 {
            assert!(store.set_password(&ann.id, &hash).await.unwrap());
        }
        let known = store.account(&ann.id).await.unwrap().unwrap();
        assert_eq!(known.password, Some(hash));

        store.put_api_token(&token(1, "ann"), 2).await.unwrap();
        store.put_login_code(&code(2, "ann", HOUR)).await.unwrap();
        assert!(store.remove_account(&ann.id).await.unwrap());
        assert!(!store.remove_account(&ann.id).await.unwrap());
        assert_eq!(store.account(&ann.id).await.unwrap(), None);
        assert_eq!(store.account_named("ann").await.unwrap(), None);
        assert_eq!(store.accounts("", None, 10).await.unwrap(), []);
        assert_eq!(store.api_token(&digest(1)).await.unwrap(), None);
        assert_eq!(store.api_tokens(&ann.id).await.unwrap(), []);
        let used = store.use_login_code(&digest(2), 1, NOW).await.unwrap();
        assert_eq!(used, None);
        // The name is free.
        let other = store.create_account(&account("other", "ann"), None).await;
        assert_eq!(other.unwrap(), AccountCreated::Made);
    });
}

#[test]
fn accounts_are_listed_by_page_and_by_the_beginning_of_their_names() {
    on_all(|store| async move {
        let keys = ["a", "an", "ann", "ann a", "anna", "b", "é", "éa", "😀"];
        for (n, key) in keys.iter().enumerate() {
            // Ids in another order than names.
            let id = format!("id{}", 9 - n);
            let made = store.create_account(&account(&id, key), None).await;
            assert_eq!(made.unwrap(), AccountCreated::Made);
        }
        let page = async |prefix: &str, after: Option<&str>, limit| {
            let page = store.accounts(prefix, after, limit).await.unwrap();
            page.into_iter()
                .map(|account| account.name_key)
                .collect::<Vec<_>>()
        };
        assert_eq!(page("", None, 100).await, keys);
        assert_eq!(page("", None, 3).await, keys[..3]);
        assert_eq!(page("", Some("ann"), 3).await, keys[3..6]);
        assert_eq!(page("", Some("ann "), 2).await, keys[3..5], "no such name");
        assert_eq!(page("", Some("😀"), 2).await, [""; 0]);
        assert_eq!(page("ann", None, 100).await, keys[2..5]);
        assert_eq!(page("ann", Some("ann"), 100).await, keys[3..5]);
        assert_eq!(page("ann", Some("a"), 1).await, keys[2..3]);
        assert_eq!(page("ann", Some("b"), 100).await, [""; 0]);
        assert_eq!(page("é", None, 100).await, keys[6..8]);
        assert_eq!(page("c", None, 100).await, [""; 0]);
        assert_eq!(page("", None, 0).await, [""; 0]);
    });
}

#[test]
fn api_tokens_are_made_listed_used_and_removed_one_by_one() {
    on_all(|store| async move {
        let (ann, bob) = (account("ann", "ann"), account("bob", "bob"));
        for account in [&ann, &bob] {
            store.create_account(account, None).await.unwrap();
        }
        let put = async |n, owner, max| store.put_api_token(&token(n, owner), max).await.unwrap();
        assert!(!put(1, "ann", 0).await);
        assert!(put(1, "ann", 2).await);
        assert!(put(2, "ann", 2).await);
        assert!(!put(3, "ann", 2).await, "two at most");
        assert!(put(2, "ann", 2).await, "a repetition is no third");
        assert!(put(4, "bob", 1).await, "others are not counted");

        let found = store.api_token(&digest(1)).await.unwrap();
        assert_eq!(found, Some((token(1, "ann"), ann.clone())));
        assert_eq!(store.api_token(&digest(3)).await.unwrap(), None);
        let listed = store.api_tokens(&ann.id).await.unwrap();
        assert_eq!(listed, [token(1, "ann"), token(2, "ann")]);

        let used = async |n| {
            store
                .api_token(&digest(n))
                .await
                .unwrap()
                .unwrap()
                .0
                .used_at
        };
        for (at, expected) in [(HOUR, HOUR), (2 * HOUR, 2 * HOUR), (HOUR, 2 * HOUR)] {
            let touched = store.touch_api_token(&token(1, "ann"), after(at)).await;
            touched.unwrap();
            assert_eq!(used(1).await, Some(after(expected)), "the latest counts");
        }
        assert_eq!(used(2).await, None);
        // A repeated request does not undo it.
        assert!(put(1, "ann", 2).await);
        assert_eq!(used(1).await, Some(after(2 * HOUR)));

        let remove = async |owner: &Account, n| {
            let removed = store.remove_api_token(&owner.id, &digest(n)).await;
            removed.unwrap()
        };
        assert!(!remove(&bob, 1).await, "only the owner removes it");
        assert!(remove(&ann, 1).await);
        assert!(!remove(&ann, 1).await);
        assert_eq!(store.api_token(&digest(1)).await.unwrap(), None);
        let touched = store.touch_api_token(&token(1, "ann"), NOW).await;
        touched.unwrap();
        assert_eq!(store.api_token(&digest(1)).await.unwrap(), None);
        let listed = store.api_tokens(&ann.id).await.unwrap();
        assert_eq!(listed, [token(2, "ann")]);
        assert!(put(3, "ann", 2).await, "there is room again");
    });
}

#[test]
fn an_invitation_is_good_for_so_many_accounts_until_it_expires() {
    on_all(|store| async move {
        let make = async |name: &str, by: u8, at| {
            let account = Account {
                made_at: at,
                ..account(name, name)
            };
            let made = store.create_account(&account, Some(&digest(by))).await;
            made.unwrap()
        };
        assert_eq!(make("ann", 1, NOW).await, AccountCreated::NotInvited);
        store.put_invitation(&invitation(1, 2, HOUR)).await.unwrap();
        store
            .put_invitation(&invitation(2, 9, 2 * HOUR))
            .await
            .unwrap();
        for _ in 0..2 {
            assert_eq!(make("ann", 1, NOW).await, AccountCreated::Made);
        }
        // Neither a repetition nor a taken name uses it up.
        let rival = account("rival", "ann");
        let taken = store.create_account(&rival, Some(&digest(1))).await;
        assert_eq!(taken.unwrap(), AccountCreated::NameTaken);
        let left = async |now| {
            let listed = store.invitations(now).await.unwrap();
            let left = listed.iter().map(|it| (it.digest, it.uses_left));
            left.collect::<Vec<_>>()
        };
        assert_eq!(left(NOW).await, [(digest(1), 1), (digest(2), 9)]);
        // Nor does a repetition of its making renew it.
        store.put_invitation(&invitation(1, 2, HOUR)).await.unwrap();
        assert_eq!(make("bob", 1, NOW).await, AccountCreated::Made);
        assert_eq!(make("cat", 1, NOW).await, AccountCreated::NotInvited);
        assert_eq!(left(NOW).await, [(digest(1), 0), (digest(2), 9)]);
        assert_eq!(left(after(HOUR)).await, [(digest(2), 9)]);
        let late = after(2 * HOUR);
        assert_eq!(make("cat", 2, late).await, AccountCreated::NotInvited);
        let in_time = UnixMillis(late.0 - 1);
        assert_eq!(make("cat", 2, in_time).await, AccountCreated::Made);

        assert!(store.remove_invitation(&digest(2)).await.unwrap());
        assert!(!store.remove_invitation(&digest(2)).await.unwrap());
        assert_eq!(make("dan", 2, NOW).await, AccountCreated::NotInvited);
        assert_eq!(left(NOW).await, [(digest(1), 0)]);
    });
}

#[test]
fn a_login_code_is_used_once_by_one_request_in_its_time() {
    on_all(|store| async move {
        let use_at = async |n, request, at| {
            let used = store.use_login_code(&digest(n), request, at).await;
            used.unwrap()
        };
        let ann = id("ann");
        assert_eq!(use_at(1, 7, NOW).await, None);
        store.put_login_code(&code(1, "ann", HOUR)).await.unwrap();
        store.put_login_code(&code(2, "bob", HOUR)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(use_at(1, u64::MAX, NOW).await, Some(ann.clone()));
        }
        assert_eq!(use_at(1, 8, NOW).await, None, "another request");
        // A repetition of its making does not make it good again.
        store.put_login_code(&code(1, "ann", HOUR)).await.unwrap();
        assert_eq!(use_at(1, 8, NOW).await, None);
        assert_eq!(use_at(2, 7, after(HOUR)).await, None, "too late");
        let in_time = UnixMillis(after(HOUR).0 - 1);
        assert_eq!(use_at(2, 7, in_time).await, Some(id("bob")));
        // The new code of an account replaces the former one.
        store.put_login_code(&code(3, "ann", HOUR)).await.unwrap();
        store.put_login_code(&code(4, "ann", HOUR)).await.unwrap();
        assert_eq!(use_at(3, 7, NOW).await, None);
        assert_eq!(use_at(4, 7, NOW).await, Some(ann));
    });
}

/// On Redis these keys have an expiry, which the test of the ages of all keys checks.
#[test]
fn what_gives_access_goes_when_it_has_expired_and_accounts_stay() {
    let check = async |store: &dyn Store| {
        let ann = account("ann", "ann");
        store.create_account(&ann, None).await.unwrap();
        for n in 1..=2 {
            store.put_api_token(&token(n, "ann"), 2).await.unwrap();
        }
        store
            .put_invitation(&invitation(3, 1, INVITATION_LIFE_MAX))
            .await
            .unwrap();
        store.put_login_code(&code(4, "ann", HOUR)).await.unwrap();
        let touched = store.touch_api_token(&token(2, "ann"), after(HOUR)).await;
        touched.unwrap();

        let kept = API_TOKEN_UNUSED_KEPT;
        store.sweep(after(kept)).await.unwrap();
        assert_eq!(store.api_tokens(&ann.id).await.unwrap().len(), 2);
        store
            .sweep(after(kept + Duration::from_millis(1)))
            .await
            .unwrap();
        let left = store.api_tokens(&ann.id).await.unwrap();
        assert_eq!(left.len(), 1, "the one that was used");
        assert_eq!(left[0].digest, digest(2));
        assert_eq!(store.invitations(UnixMillis(0)).await.unwrap(), []);
        let code = store.use_login_code(&digest(4), 1, NOW).await.unwrap();
        assert_eq!(code, None, "removed, whatever the time of the request");
        store.sweep(after(2 * kept)).await.unwrap();
        assert_eq!(store.api_tokens(&ann.id).await.unwrap(), []);
        assert_eq!(store.account(&ann.id).await.unwrap(), Some(ann));
    };
    runtime().block_on(async {
        check(&MemoryStore::new()).await;
        check(&EmbeddedStore::in_memory().unwrap()).await;
    });
}
