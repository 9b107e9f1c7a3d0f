//! Accounts: sign-up, log-in, names, API tokens, and the end of all of them.

use std::sync::Arc;
use std::time::Duration;

use game_core::UnixMillis;
use protocol::http::{
    AccountReply, ApiScope, ApiTokenList, ApiTokenReply, MatchReply, PlayerReply, PublicPlayer,
};
use reqwest::Method;
use serde_json::{Value, json};
use store::{Invitation, LoginCode, MemoryStore};

use super::world::{Answer, Guest, World, new_key, send};
use crate::accounts::new_account;
use crate::clock::now;
use crate::config::{Config, Identity};
use crate::identity::{Guests, Secret, SignUp, name_key};

const PASSWORD: &str = "correct horse";

async fn world_where(identity: Identity) -> World {
    let config = Config {
        identity,
        ..Config::default()
    };
    World::on(Arc::new(MemoryStore::new()), new_key(), config).await
}

async fn open() -> World {
    world_where(Identity {
        sign_up: SignUp::Open,
        ..Identity::default()
    })
    .await
}

/// A request without a token.
async fn post(world: &World, path: &str, body: Value) -> Answer {
    send(world.request(Method::POST, path).json(&body)).await
}

async fn sign_up(world: &World, name: &str) -> Answer {
    let body = json!({"name": name, "password": PASSWORD});
    post(world, "/v1/accounts", body).await
}

async fn log_in(world: &World, name: &str, password: &str) -> Answer {
    let body = json!({"name": name, "password": password});
    post(world, "/v1/login", body).await
}

async fn account(world: &World, name: &str) -> Guest {
    sign_up(world, name).await.ok::<PlayerReply>(201).into()
}

fn guest(token: &str) -> Guest {
    Guest {
        id: "whoever".parse().unwrap(),
        token: token.to_owned(),
    }
}

async fn api_token(world: &World, who: &Guest, scopes: Value) -> ApiTokenReply {
    let body = json!({"label": "laptop", "scopes": scopes});
    world.post(who, "/v1/account/tokens", body).await.ok(201)
}

#[tokio::test]
async fn who_signs_up_can_log_in_and_play_under_the_name() {
    let world = open().await;
    let made: PlayerReply = sign_up(&world, " Ann  Ä ").await.ok(201);
    assert_eq!(made.name, "Ann Ä");
    for name in ["Ann Ä", "ann ä", "ANN A\u{308}"] {
        let reply: PlayerReply = log_in(&world, name, PASSWORD).await.ok(200);
        assert_eq!((&reply.player, &reply.name), (&made.player, &made.name));
        let id = world.make_match(&reply.into(), &world.player("bob")).await;
        let path = format!("/v1/matches/{id}");
        let shown: MatchReply = world.get(&world.player("bob"), &path).await.ok(200);
        assert_eq!(shown.players.white.name, "Ann Ä");
        assert!(!shown.players.white.is_bot);
    }
    let ann = Guest::from(made);
    let own: AccountReply = world.get(&ann, "/v1/account").await.ok(200);
    assert!(own.has_password && !own.player.bot);
    assert_eq!(
        (own.player.name.as_str(), &own.player.player),
        ("Ann Ä", &ann.id)
    );
}

#[tokio::test]
async fn a_bot_account_is_shown_as_one() {
    let world = open().await;
    let body = json!({"name": "Deep", "password": PASSWORD, "bot": true});
    let bot: PlayerReply = post(&world, "/v1/accounts", body).await.ok(201);
    let bot = Guest::from(bot);
    let token = api_token(&world, &bot, json!(["play"])).await.token;
    for token in [&bot.token, &token] {
        let id = world.make_match(&guest(token), &world.player("bob")).await;
        let path = format!("/v1/matches/{id}");
        let shown: MatchReply = world.get(&world.player("bob"), &path).await.ok(200);
        assert!(shown.players.white.is_bot);
    }
}

/// UTS 39: case, look-alikes, invisible characters.
#[tokio::test]
async fn no_two_accounts_and_no_guest_have_names_that_are_taken_for_each_other() {
    let world = open().await;
    account(&world, "Magnus").await;
    for name in ["Magnus", "mAGNUS", "Маgnus", " Magnus ", "Ｍagnus"] {
        let answer = sign_up(&world, name).await;
        answer.problem(409, "name_taken");
        let body = json!({ "name": name });
        let answer = post(&world, "/v1/players", body).await;
        answer.problem(409, "name_taken");
    }
    for name in [
        "Mag\u{200b}nus",
        "Magnus\u{202e}",
        "",
        "Guest-1234",
        "gUEST-x",
    ] {
        let answer = sign_up(&world, name).await;
        answer.problem(400, "invalid_name");
    }
    account(&world, "Magnus 2").await;
    let answer = post(&world, "/v1/players", json!({"name": "Magnum"})).await;
    answer.ok::<PlayerReply>(200);
}

#[tokio::test]
async fn a_log_in_needs_the_right_password() {
    let world = open().await;
    account(&world, "Ann").await;
    for (name, password) in [
        ("Ann", "correct horsE"),
        ("Ann", ""),
        ("Bob", PASSWORD),
        ("", PASSWORD),
        ("An\u{200b}n", PASSWORD),
    ] {
        let answer = log_in(&world, name, password).await;
        answer.problem(401, "login_refused");
    }
    for body in [
        json!({}),
        json!({"name": "Ann"}),
        json!({"password": PASSWORD}),
        json!({"name": "Ann", "password": PASSWORD, "code": "0000"}),
        json!({"name": "Ann", "code": "0000"}),
        json!({"token": "x"}),
        json!({"name": 5, "password": PASSWORD}),
    ] {
        let answer = post(&world, "/v1/login", body).await;
        answer.problem(400, "invalid_request");
    }
    for password in ["short", &"x".repeat(129)] {
        let body = json!({"name": "Bob", "password": password});
        let answer = post(&world, "/v1/accounts", body).await;
        answer.problem(400, "invalid_password");
    }
}

#[tokio::test]
async fn a_password_that_is_guessed_is_guessed_slowly() {
    let world = open().await;
    let ann = account(&world, "Ann").await;
    for _ in 0..30 {
        world.service.allowances.password(&ann.id).unwrap();
    }
    let answer = log_in(&world, "Ann", PASSWORD).await;
    answer.problem(429, "rate_limited");
    let seconds: u64 = answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=10).contains(&seconds), "{seconds}");
    account(&world, "Bob").await;
    log_in(&world, "Bob", PASSWORD).await.ok::<PlayerReply>(200);
}

#[tokio::test]
async fn an_address_logs_in_and_signs_up_so_often_at_most() {
    let mut config = Config::default();
    config.identity.sign_up = SignUp::Open;
    config.limits.logins_per_address_max = 3;
    let world = World::on(Arc::new(MemoryStore::new()), new_key(), config).await;
    account(&world, "Ann").await;
    log_in(&world, "Ann", "wrong")
        .await
        .problem(401, "login_refused");
    let code = json!({"code": "0000"});
    post(&world, "/v1/login", code)
        .await
        .problem(401, "login_refused");
    let answer = log_in(&world, "Ann", PASSWORD).await;
    answer.problem(429, "rate_limited");
    assert!(answer.headers.contains_key("retry-after"));
    sign_up(&world, "Bob").await.problem(429, "rate_limited");
}

#[tokio::test]
async fn a_new_password_ends_the_earlier_tokens_and_no_later_one() {
    let world = open().await;
    let ann = account(&world, "Ann").await;
    let api = api_token(&world, &ann, json!(["read"])).await.token;
    let change = |current: &str, new: &str| json!({"current": current, "new": new});
    let path = "/v1/account/password";
    let wrong = world
        .post(&ann, path, change("wrong horse", "new password"))
        .await;
    wrong.problem(401, "login_refused");
    let none = world.post(&ann, path, json!({"new": "new password"})).await;
    none.problem(401, "login_refused");
    let short = world.post(&ann, path, change(PASSWORD, "new")).await;
    short.problem(400, "invalid_password");
    world.get(&ann, "/v1/account").await.ok::<AccountReply>(200);

    let reply: PlayerReply = world
        .post(&ann, path, change(PASSWORD, "new password"))
        .await
        .ok(200);
    let again = Guest::from(reply);
    assert_eq!(again.id, ann.id);
    world
        .get(&ann, "/v1/account")
        .await
        .problem(401, "token_revoked");
    world
        .get(&again, "/v1/account")
        .await
        .ok::<AccountReply>(200);
    log_in(&world, "Ann", PASSWORD)
        .await
        .problem(401, "login_refused");
    let later = Guest::from(
        log_in(&world, "Ann", "new password")
            .await
            .ok::<PlayerReply>(200),
    );
    world
        .get(&later, "/v1/account")
        .await
        .ok::<AccountReply>(200);

    let answer = world.post(&later, "/v1/account/logout", json!({})).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    for former in [&again, &later] {
        world
            .get(former, "/v1/account")
            .await
            .problem(401, "token_revoked");
    }
    let last = Guest::from(
        log_in(&world, "Ann", "new password")
            .await
            .ok::<PlayerReply>(200),
    );
    world
        .get(&last, "/v1/account")
        .await
        .ok::<AccountReply>(200);
    // API tokens are removed one by one.
    let path = "/v1/tickets/000000000000";
    world
        .get(&guest(&api), path)
        .await
        .problem(404, "ticket_not_found");
}

/// A matchmaker whose clock is behind must not hand out tokens that are void.
#[tokio::test]
async fn a_log_in_is_good_even_if_the_clock_of_another_matchmaker_is_ahead() {
    let world = open().await;
    let ann = account(&world, "Ann").await;
    let ahead = UnixMillis(now().0 + 30_000);
    world.store.void_tokens(&ann.id, ahead).await.unwrap();
    world
        .get(&ann, "/v1/account")
        .await
        .problem(401, "token_revoked");
    let again = Guest::from(log_in(&world, "Ann", PASSWORD).await.ok::<PlayerReply>(200));
    world
        .get(&again, "/v1/account")
        .await
        .ok::<AccountReply>(200);
}

#[tokio::test]
async fn accounts_are_made_by_whom_the_operator_lets() {
    let closed = world_where(Identity::default()).await;
    sign_up(&closed, "Ann").await.problem(403, "sign_up_closed");

    let world = world_where(Identity {
        sign_up: SignUp::Invitation,
        ..Identity::default()
    })
    .await;
    sign_up(&world, "Ann")
        .await
        .problem(403, "invitation_refused");
    let invited =
        |name: &str, code: &str| json!({"name": name, "password": PASSWORD, "invitation": code});
    let secret = Secret::invitation();
    let invitation = Invitation {
        digest: secret.digest,
        label: "club".to_owned(),
        made_at: now(),
        expires_at: UnixMillis(now().0 + 60_000),
        uses_left: 2,
    };
    world.store.put_invitation(&invitation).await.unwrap();
    let path = "/v1/accounts";
    let wrong = post(&world, path, invited("Ann", "0000-0000")).await;
    wrong.problem(403, "invitation_refused");
    let typed = secret.text.to_lowercase().replace('-', " ");
    post(&world, path, invited("Ann", &typed))
        .await
        .ok::<PlayerReply>(201);
    let taken = post(&world, path, invited("ann", &secret.text)).await;
    taken.problem(409, "name_taken");
    post(&world, path, invited("Bob", &secret.text))
        .await
        .ok::<PlayerReply>(201);
    let used_up = post(&world, path, invited("Cat", &secret.text)).await;
    used_up.problem(403, "invitation_refused");
}

#[tokio::test]
async fn where_guests_are_refused_named_players_play() {
    let world = world_where(Identity {
        sign_up: SignUp::Open,
        guests: Guests::Refuse,
        ..Identity::default()
    })
    .await;
    let answer = post(&world, "/v1/players", json!({})).await;
    answer.problem(403, "no_guests");
    let [ann, bob] = [account(&world, "Ann").await, account(&world, "Bob").await];
    world.make_match(&ann, &bob).await;
}

async fn login_code(world: &World, name: &str, life_ms: u64) -> (Guest, String) {
    let account = new_account(name.to_owned(), name_key(name), false, None);
    world.store.create_account(&account, None).await.unwrap();
    let secret = Secret::login_code();
    let code = LoginCode {
        digest: secret.digest,
        player: account.id.clone(),
        made_at: now(),
        expires_at: UnixMillis(now().0 + life_ms),
        used_by: None,
    };
    world.store.put_login_code(&code).await.unwrap();
    let nobody = Guest {
        id: account.id,
        token: String::new(),
    };
    (nobody, secret.text)
}

#[tokio::test]
async fn a_login_code_logs_one_person_in_once_who_may_then_choose_a_password() {
    let world = world_where(Identity::default()).await;
    let (pupil, code) = login_code(&world, "Pupil 1", 60_000).await;
    log_in(&world, "Pupil 1", PASSWORD)
        .await
        .problem(401, "login_refused");
    let typed = json!({"code": code.to_lowercase().replace('-', "")});
    let reply: PlayerReply = post(&world, "/v1/login", typed.clone()).await.ok(200);
    assert_eq!((&reply.player, reply.name.as_str()), (&pupil.id, "Pupil 1"));
    post(&world, "/v1/login", typed)
        .await
        .problem(401, "login_refused");
    let pupil = Guest::from(reply);
    let own: AccountReply = world.get(&pupil, "/v1/account").await.ok(200);
    assert!(!own.has_password);
    let body = json!({"new": PASSWORD});
    let reply = world.post(&pupil, "/v1/account/password", body).await;
    let pupil = Guest::from(reply.ok::<PlayerReply>(200));
    let own: AccountReply = world.get(&pupil, "/v1/account").await.ok(200);
    assert!(own.has_password);
    log_in(&world, "pupil 1", PASSWORD)
        .await
        .ok::<PlayerReply>(200);

    let (_, late) = login_code(&world, "Pupil 2", 0).await;
    let answer = post(&world, "/v1/login", json!({"code": late})).await;
    answer.problem(401, "login_refused");
}

#[tokio::test]
async fn of_many_who_use_one_code_at_once_one_is_logged_in() {
    let world = world_where(Identity::default()).await;
    let (_, code) = login_code(&world, "Pupil", 60_000).await;
    let body = json!({"code": code});
    let tries = (0..8).map(|_| post(&world, "/v1/login", body.clone()));
    let mut answers = Vec::new();
    let tries: Vec<_> = tries.collect();
    for tried in tries {
        answers.push(tried.await.status);
    }
    answers.sort_unstable();
    assert_eq!(answers, [200, 401, 401, 401, 401, 401, 401, 401]);
}

#[tokio::test]
async fn api_tokens_are_listed_and_removed_one_by_one() {
    let world = open().await;
    let [ann, bob] = [account(&world, "Ann").await, account(&world, "Bob").await];
    let path = "/v1/account/tokens";
    let empty: ApiTokenList = world.get(&ann, path).await.ok(200);
    assert_eq!(empty.tokens, []);
    let one = api_token(&world, &ann, json!(["play", "read", "play"])).await;
    assert_eq!(one.view.scopes, [ApiScope::Read, ApiScope::Play]);
    assert_eq!(
        (one.view.label.as_str(), one.view.used_at),
        ("laptop", None)
    );
    let two = api_token(&world, &ann, json!(["account"])).await;

    let ticket = "/v1/tickets/000000000000";
    let by_one = guest(&one.token);
    world
        .get(&by_one, ticket)
        .await
        .problem(404, "ticket_not_found");
    let listed: ApiTokenList = world.get(&ann, path).await.ok(200);
    let ids: Vec<_> = listed.tokens.iter().map(|token| &token.id).collect();
    assert!(ids.contains(&&one.view.id) && ids.contains(&&two.view.id));
    assert_eq!(ids.len(), 2);
    let used = listed.tokens.iter().find(|token| token.id == one.view.id);
    assert!(used.unwrap().used_at.is_some());
    let text = serde_json::to_string(&listed).unwrap();
    assert!(!text.contains(&one.token), "the secret is shown once");

    let of_one = format!("{path}/{}", one.view.id);
    world
        .delete(&bob, &of_one)
        .await
        .problem(404, "api_token_not_found");
    assert_eq!(world.delete(&ann, &of_one).await.status, 204);
    world
        .delete(&ann, &of_one)
        .await
        .problem(404, "api_token_not_found");
    world
        .get(&by_one, ticket)
        .await
        .problem(401, "token_invalid");
    world
        .get(&guest(&two.token), "/v1/account")
        .await
        .ok::<AccountReply>(200);
    world
        .delete(&ann, &format!("{path}/abc"))
        .await
        .problem(400, "invalid_id");
    for body in [
        json!({"label": "x", "scopes": []}),
        json!({"label": "x", "scopes": ["admin"]}),
        json!({"label": "x"}),
    ] {
        world
            .post(&ann, path, body)
            .await
            .problem(400, "invalid_request");
    }
    let unnamed = json!({"label": "\u{200b}", "scopes": ["read"]});
    world
        .post(&ann, path, unnamed)
        .await
        .problem(400, "invalid_name");
    for token in ["rookery_api_", "rookery_api_x", &format!("{}0", two.token)] {
        let answer = world.get(&guest(token), "/v1/account").await;
        answer.problem(401, "token_invalid");
    }
}

#[tokio::test]
async fn an_api_token_does_what_its_scopes_allow_and_nothing_else() {
    let world = open().await;
    let ann = account(&world, "Ann").await;
    let mut of_scope = Vec::new();
    for scope in ["read", "play", "account"] {
        let reply = api_token(&world, &ann, json!([scope])).await;
        of_scope.push(guest(&reply.token));
    }
    let [read, play, manage] = &of_scope[..] else {
        unreachable!("three scopes")
    };
    let waiting = world.get(read, "/v1/tickets/000000000000").await;
    waiting.problem(404, "ticket_not_found");
    let ticket = world.new_ticket();
    for who in [read, manage] {
        let answer = world.post(who, "/v1/tickets", ticket.clone()).await;
        answer.problem(403, "scope_missing");
    }
    let made = world.post(play, "/v1/tickets", ticket).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = "/v1/tickets/000000000000";
    world.get(play, path).await.problem(404, "ticket_not_found");
    world.get(manage, path).await.problem(403, "scope_missing");
    for who in [read, play] {
        world
            .get(who, "/v1/account")
            .await
            .problem(403, "scope_missing");
        let body = json!({"label": "x", "scopes": ["account"]});
        let answer = world.post(who, "/v1/account/tokens", body).await;
        answer.problem(403, "scope_missing");
    }
    world
        .get(manage, "/v1/account")
        .await
        .ok::<AccountReply>(200);
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_api_tokens() {
    let world = open().await;
    let ann = account(&world, "Ann").await;
    for _ in 0..20 {
        api_token(&world, &ann, json!(["read"])).await;
    }
    let body = json!({"label": "x", "scopes": ["read"]});
    let answer = world.post(&ann, "/v1/account/tokens", body).await;
    answer.problem(429, "too_many_api_tokens");
}

#[tokio::test]
async fn a_player_without_an_account_has_none_to_manage() {
    let world = open().await;
    let ann = world.player("ann");
    world
        .get(&ann, "/v1/account")
        .await
        .problem(403, "no_account");
    let body = json!({"label": "x", "scopes": ["play"]});
    let answer = world.post(&ann, "/v1/account/tokens", body).await;
    answer.problem(403, "no_account");
    let answer = send(world.request(Method::GET, "/v1/account")).await;
    answer.problem(401, "token_missing");
}

#[tokio::test]
async fn a_player_is_found_by_name_and_by_id() {
    let world = open().await;
    let ann = account(&world, "Ann Ä").await;
    let find = async |path: &str| send(world.request(Method::GET, path)).await;
    for path in [
        "/v1/players?name=ann%20%C3%A4",
        &format!("/v1/players/{}", ann.id),
    ] {
        let found: PublicPlayer = find(path).await.ok(200);
        assert_eq!((&found.player, found.name.as_str()), (&ann.id, "Ann Ä"));
    }
    for path in ["/v1/players?name=bob", "/v1/players/bob"] {
        find(path).await.problem(404, "player_not_found");
    }
    find("/v1/players?name=").await.problem(400, "invalid_name");
    find("/v1/players").await.problem(400, "invalid_request");
    find("/v1/players/%20").await.problem(400, "invalid_id");
}

#[tokio::test]
async fn who_is_shut_out_neither_plays_nor_logs_in_until_restored() {
    let world = open().await;
    let ann = account(&world, "Ann").await;
    let api = guest(&api_token(&world, &ann, json!(["read"])).await.token);
    let other = world.player("guest");
    let path = "/v1/tickets/000000000000";
    for who in [&ann.id, &other.id] {
        world.store.revoke(who, now()).await.unwrap();
    }
    for who in [&ann, &api, &other] {
        world.get(who, path).await.problem(401, "token_revoked");
    }
    log_in(&world, "Ann", PASSWORD)
        .await
        .problem(401, "token_revoked");
    for who in [&ann.id, &other.id] {
        assert!(world.store.restore(who).await.unwrap());
    }
    for who in [&ann, &api, &other] {
        world.get(who, path).await.problem(404, "ticket_not_found");
    }
    log_in(&world, "Ann", PASSWORD).await.ok::<PlayerReply>(200);
}

/// Two matchmakers on one store, which are asked in turn.
#[tokio::test]
async fn any_matchmaker_knows_what_another_one_was_told() {
    let world = open().await;
    let other = world.another().await;
    let ann = account(&world, "Ann").await;
    let reply: PlayerReply = log_in(&other, "ann", PASSWORD).await.ok(200);
    assert_eq!(reply.player, ann.id);
    let token = api_token(&other, &ann, json!(["account"])).await;
    world
        .get(&guest(&token.token), "/v1/account")
        .await
        .ok::<AccountReply>(200);
    let path = format!("/v1/account/tokens/{}", token.view.id);
    assert_eq!(world.delete(&ann, &path).await.status, 204);
    let gone = other.get(&guest(&token.token), "/v1/account").await;
    gone.problem(401, "token_invalid");
    assert_eq!(
        other
            .post(&ann, "/v1/account/logout", json!({}))
            .await
            .status,
        204
    );
    world
        .get(&ann, "/v1/account")
        .await
        .problem(401, "token_revoked");
}

/// A player who waits for a hash does not lose the connection over it.
#[tokio::test]
async fn a_class_logs_in_at_once() {
    let world = open().await;
    for n in 0..4 {
        account(&world, &format!("Pupil {n}")).await;
    }
    let world = Arc::new(world);
    let mut pupils = tokio::task::JoinSet::new();
    for n in 0..4 {
        let world = world.clone();
        pupils.spawn(async move { log_in(&world, &format!("Pupil {n}"), PASSWORD).await.status });
    }
    let answers = tokio::time::timeout(Duration::from_secs(60), pupils.join_all()).await;
    assert_eq!(answers.unwrap(), [200; 4]);
}
