//! The events of accounts, live matches of the caller, presence, lookups, and tests of tokens.

use std::sync::Arc;
use std::time::Duration;

use game_core::{DeclineReason, MatchId, Outcome, Seat};
use protocol::http::{
    AccountMatch, AccountMatches, ApiScope, ApiTokenReply, ChallengeEnd, ChallengeEnded,
    OnlinePlayers, PlayerLookupReply, PlayerReply, PublicPlayer, TicketReply, TicketStatus,
    TokenTestReply,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use store::{Assignment, Holding, MemoryStore, Tickets};
use tokio::time::timeout;

use super::world::{Guest, World, blitz, new_key, play, send, ticket_id};
use crate::clock::now;
use crate::config::{Config, Identity};
use crate::identity::SignUp;
use crate::limit_args::LimitArgs;

/// No event is waited for longer.
const SOON: Duration = Duration::from_secs(20);

/// An open stream, and what of it was read beyond the last event.
struct Events {
    response: Response,
    rest: String,
}

/// An event: its name and its data.
#[derive(Debug)]
struct Told(String, Value);

impl Told {
    #[track_caller]
    fn is(self, name: &str) -> Value {
        assert_eq!(self.0, name, "{}", self.1);
        self.1
    }

    #[track_caller]
    fn challenge(self) -> TicketReply {
        serde_json::from_value(self.is("challenge")).unwrap()
    }

    #[track_caller]
    fn ended(self, why: ChallengeEnd) -> TicketReply {
        let ended: ChallengeEnded = serde_json::from_value(self.is("challenge_ended")).unwrap();
        assert_eq!(ended.why, why);
        ended.challenge
    }

    #[track_caller]
    fn found(self, name: &str) -> AccountMatch {
        serde_json::from_value(self.is(name)).unwrap()
    }
}

impl Events {
    async fn open(world: &World, who: &Guest) -> Self {
        let request = world.request(Method::GET, "/v1/account/events");
        let response = request.bearer_auth(&who.token).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let rest = String::new();
        Self { response, rest }
    }

    /// The next event; `None` at the end of the stream.
    async fn read(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.rest = rest;
                // Others only show that the stream is alive.
                if let Some(event) = event.strip_prefix("event: ") {
                    let (name, data) = event.split_once("\ndata: ").unwrap();
                    let data = serde_json::from_str(data).unwrap();
                    return Some(Told(name.to_owned(), data));
                }
                continue;
            }
            let chunk = timeout(SOON, self.response.chunk()).await.unwrap();
            self.rest
                .push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    async fn next(&mut self) -> Told {
        self.read().await.expect("the stream goes on")
    }

    /// Opens a stream at whose opening nothing is told.
    async fn of_nothing(world: &World, who: &Guest) -> Self {
        let mut events = Self::open(world, who).await;
        events.next().await.is("complete");
        events
    }
}

async fn open_to_all(limits: LimitArgs) -> World {
    let config = Config {
        identity: Identity {
            sign_up: SignUp::Open,
            ..Identity::default()
        },
        limits,
        ..Config::default()
    };
    World::on(Arc::new(MemoryStore::new()), new_key(), config).await
}

async fn account(world: &World, name: &str, bot: bool) -> Guest {
    let body = json!({"name": name, "password": "correct horse", "bot": bot});
    let request = world.request(Method::POST, "/v1/accounts").json(&body);
    send(request).await.ok::<PlayerReply>(201).into()
}

async fn accept(world: &World, who: &Guest, id: &str) -> MatchId {
    let path = format!("/v1/challenges/{id}/accept");
    let reply: TicketReply = world.post(who, &path, json!({})).await.ok(200);
    reply.match_id.unwrap()
}

#[tokio::test]
async fn a_challenge_and_its_match_are_told_to_both_from_beginning_to_end() {
    let world = World::new().await;
    let other = world.another().await;
    let [ann, bob] = ["ann", "bob"].map(|id| world.player(id));
    let mut of_ann = Events::of_nothing(&world, &ann).await;
    // At another matchmaker, which hears of it through the store.
    let mut of_bob = Events::of_nothing(&other, &bob).await;
    let asked = json!({"opponent": "bob", "color": "white"});
    let id = world.challenge(&ann, asked).await;
    for events in [&mut of_ann, &mut of_bob] {
        let told = events.next().await.challenge();
        assert_eq!((&told.id, told.status), (&id, TicketStatus::Waiting));
    }
    let game = accept(&other, &bob, &id).await;
    assert_eq!(game.as_str(), id);
    for (events, seat) in [(&mut of_ann, Seat::White), (&mut of_bob, Seat::Black)] {
        let ended = events.next().await.ended(ChallengeEnd::Accepted);
        assert_eq!(ended.match_id, Some(game));
        let began = events.next().await.found("match_started");
        assert_eq!((began.seat, began.game.match_id), (seat, game));
        assert_eq!(began.game.outcome, None);
    }
    let listed: AccountMatches = other.get(&bob, "/v1/account/matches").await.ok(200);
    assert_eq!(listed.matches.len(), 1);
    assert_eq!(listed.matches[0].game.match_id, game);
    // Who comes later is told the same.
    let mut later = Events::open(&other, &ann).await;
    let live = later.next().await.found("match_started");
    assert_eq!((live.seat, live.game.match_id), (Seat::White, game));
    later.next().await.is("complete");
    play(&*world.store, game, &["e2e4", "e7e5"], true).await;
    for events in [&mut of_ann, &mut of_bob, &mut later] {
        let ended = events.next().await.found("match_ended");
        assert_eq!(ended.game.match_id, game);
        assert_eq!(ended.game.outcome, Some(Outcome::BlackWins));
        assert_eq!(ended.game.moves.len(), 2);
    }
    let listed: AccountMatches = world.get(&ann, "/v1/account/matches").await.ok(200);
    assert_eq!(listed.matches, []);
    drop(of_ann);
    Events::of_nothing(&world, &ann).await;
    let held = world.store.held(&ann.id, Holding::Match).await.unwrap();
    assert_eq!(held, [], "what is over is taken out of the list");
}

#[tokio::test]
async fn why_a_challenge_has_ended_is_told() {
    let world = World::new().await;
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|id| world.player(id));
    let mut of_ann = Events::of_nothing(&world, &ann).await;
    let mut of_bob = Events::of_nothing(&world, &bob).await;
    let mut of_cid = Events::of_nothing(&world, &cid).await;

    let id = world.challenge(&ann, json!({"opponent": "bob"})).await;
    let path = format!("/v1/challenges/{id}");
    let refused = world.post(&cid, &format!("{path}/decline"), json!({}));
    refused.await.problem(403, "not_invited");
    let reason = json!({"reason": "too_fast"});
    let declined = world.post(&bob, &format!("{path}/decline"), reason).await;
    declined.ok::<TicketReply>(200);
    for events in [&mut of_ann, &mut of_bob] {
        assert_eq!(events.next().await.challenge().id, id);
        let ended = events.next().await.ended(ChallengeEnd::Declined);
        assert_eq!(ended.declined, Some(DeclineReason::TooFast));
    }

    let id = world.challenge(&ann, json!({"opponent": "bob"})).await;
    let path = format!("/v1/challenges/{id}");
    assert_eq!(world.delete(&ann, &path).await.status, 204);
    for events in [&mut of_ann, &mut of_bob] {
        assert_eq!(events.next().await.challenge().id, id);
        let ended = events.next().await.ended(ChallengeEnd::Cancelled);
        assert_eq!(ended.status, TicketStatus::Cancelled);
    }

    let soon = json!({"opponent": "bob", "expires_in_s": 10});
    let id = world.challenge(&ann, soon).await;
    for events in [&mut of_ann, &mut of_bob] {
        assert_eq!(events.next().await.challenge().id, id);
        assert_eq!(events.next().await.ended(ChallengeEnd::Expired).id, id);
    }

    // A challenge to anyone concerns its maker alone, until it has a match.
    let id = world.challenge(&ann, json!({})).await;
    assert_eq!(of_ann.next().await.challenge().id, id);
    let game = accept(&world, &cid, &id).await;
    of_ann.next().await.ended(ChallengeEnd::Accepted);
    for events in [&mut of_ann, &mut of_cid] {
        assert_eq!(
            events.next().await.found("match_started").game.match_id,
            game
        );
    }
    world.shutdown.cancel();
    assert!(of_bob.read().await.is_none(), "it ends with the matchmaker");
}

#[tokio::test]
async fn a_match_from_a_pool_is_told_and_so_is_one_of_whom_no_limit_counts() {
    let limits = LimitArgs {
        limit_exempt: vec!["127.0.0.0/8".parse().unwrap()],
        ..LimitArgs::default()
    };
    let config = Config {
        limits,
        wave_interval_max: Duration::ZERO,
        ..Config::default()
    };
    let world = World::on(Arc::new(MemoryStore::new()), new_key(), config).await;
    let [ann, bob] = ["ann", "bob"].map(|id| world.player(id));
    let mut of_ann = Events::of_nothing(&world, &ann).await;
    let mut of_bob = Events::of_nothing(&world, &bob).await;
    for who in [&ann, &bob] {
        let made = world.post(who, "/v1/tickets", world.new_ticket()).await;
        made.ok::<TicketReply>(201);
    }
    let game = of_ann.next().await.found("match_started").game.match_id;
    assert_eq!(
        of_bob.next().await.found("match_started").game.match_id,
        game
    );
    let next = world.make_match(&ann, &bob).await;
    of_ann.next().await.challenge();
    of_ann.next().await.ended(ChallengeEnd::Accepted);
    for events in [&mut of_ann, &mut of_bob] {
        assert_eq!(
            events.next().await.found("match_started").game.match_id,
            next
        );
    }
    let listed: AccountMatches = world.get(&ann, "/v1/account/matches").await.ok(200);
    let ids: Vec<_> = listed.matches.iter().map(|one| one.game.match_id).collect();
    assert!(
        ids.len() == 2 && ids.contains(&game) && ids.contains(&next),
        "{ids:?}"
    );
    for kind in [Holding::Match, Holding::Ticket, Holding::Challenge] {
        assert_eq!(world.store.held(&ann.id, kind).await.unwrap(), []);
    }
}

/// A matchmaker that dies between the assignment of a challenge and the creation of its match.
#[tokio::test]
async fn the_match_of_an_acceptance_that_was_cut_short_is_made_by_who_is_told_of_it() {
    let world = World::new().await;
    let [ann, bob] = ["ann", "bob"].map(|id| world.player(id));
    let id = world.challenge(&ann, json!({"opponent": "bob"})).await;
    let ticket = Tickets::ticket(&*world.store, ticket_id(&id))
        .await
        .unwrap();
    let ticket = ticket.unwrap();
    let assignment = Assignment {
        match_id: ticket.id.match_id(),
        players: game_core::BySeat {
            white: ticket.player.clone(),
            black: game_core::Player {
                id: bob.id.clone(),
                ..ticket.player.clone()
            },
        },
        at: now(),
    };
    for who in [&ann, &bob] {
        let held = world.store.hold(&who.id, Holding::Match, &id, 9, now());
        assert!(held.await.unwrap());
    }
    let assigned = world.store.assign_tickets(&[ticket.id], &assignment).await;
    assert!(assigned.unwrap());
    let mut events = Events::open(&world, &bob).await;
    let began = events.next().await.found("match_started");
    assert_eq!(began.game.match_id, assignment.match_id);
    assert_eq!(began.seat, Seat::Black);
    let listed: AccountMatches = world.get(&ann, "/v1/account/matches").await.ok(200);
    assert_eq!(listed.matches.len(), 1);
}

#[tokio::test]
async fn an_account_is_online_while_its_events_are_open_and_a_guest_is_never_listed() {
    let world = open_to_all(LimitArgs::default()).await;
    let other = world.another().await;
    let deep = account(&world, "Deep", true).await;
    let ann = account(&world, "Ann", false).await;
    let guest = world.player("passer-by");
    let shown = async |who: &Guest| {
        let path = format!("/v1/players/{}", who.id);
        let shown: PublicPlayer = other.get(&guest, &path).await.ok(200);
        shown.online
    };
    assert!(!shown(&deep).await);
    let _open = [
        Events::of_nothing(&world, &deep).await,
        Events::of_nothing(&world, &ann).await,
        Events::of_nothing(&world, &guest).await,
    ];
    assert!(shown(&deep).await && shown(&ann).await);
    let list = async |query: &str| {
        let path = format!("/v1/players/online{query}");
        let listed: OnlinePlayers = send(other.request(Method::GET, &path)).await.ok(200);
        let mut names: Vec<_> = listed.players.into_iter().map(|one| one.name).collect();
        names.sort();
        names
    };
    assert_eq!(list("").await, ["Ann", "Deep"]);
    assert_eq!(list("?bots=true&limit=5").await, ["Deep"]);
    assert_eq!(list("?bots=false").await, ["Ann"]);
    assert_eq!(list("?limit=1").await.len(), 1);
    for query in ["limit=0", "limit=513", "bots=x", "what=1"] {
        let path = format!("/v1/players/online?{query}");
        let refused = send(other.request(Method::GET, &path)).await;
        refused.problem(400, "invalid_request");
    }
    let asked = json!({"players": [guest.id, deep.id], "names": ["aNN", "nobody", "\u{200b}"]});
    let path = "/v1/players/lookup";
    let look_up = async |asked: Value| send(other.request(Method::POST, path).json(&asked)).await;
    let found: PlayerLookupReply = look_up(asked).await.ok(200);
    let [None, Some(bot)] = &found.players[..] else {
        panic!("{found:?}");
    };
    assert!(bot.name == "Deep" && bot.bot && bot.online);
    let [Some(person), None, None] = &found.names[..] else {
        panic!("{found:?}");
    };
    assert!(person.player == ann.id && !person.bot && person.online);
    let many = json!({ "names": vec!["x"; 101] });
    look_up(many).await.problem(400, "invalid_request");
}

#[tokio::test]
async fn a_challenge_may_name_its_opponent_by_the_name_of_an_account() {
    let world = open_to_all(LimitArgs::default()).await;
    let deep = account(&world, "Deep", true).await;
    let ann = world.player("ann");
    let id = world
        .challenge(&ann, json!({"opponent_name": "dEEP"}))
        .await;
    let shown: TicketReply = world
        .get(&deep, &format!("/v1/challenges/{id}"))
        .await
        .ok(200);
    assert_eq!(shown.opponent, Some(deep.id.clone()));
    let post = async |who: &Guest, mut body: Value| {
        body["control"] = json!(blitz());
        world.post(who, "/v1/challenges", body).await
    };
    let unknown = post(&ann, json!({"opponent_name": "Nobody"})).await;
    unknown.problem(404, "player_not_found");
    let both = json!({"opponent_name": "Deep", "opponent": "bob"});
    post(&ann, both).await.problem(400, "invalid_request");
    let own = post(&deep, json!({"opponent_name": "Deep"})).await;
    own.problem(403, "own_challenge");
}

#[tokio::test]
async fn what_a_token_is_is_told_to_who_has_it() {
    let world = open_to_all(LimitArgs::default()).await;
    let deep = account(&world, "Deep", true).await;
    let token = async |scopes: Value| {
        let body = json!({"label": "engine", "scopes": scopes});
        let made = world.post(&deep, "/v1/account/tokens", body).await;
        made.ok::<ApiTokenReply>(201).token
    };
    let bot = token(json!(["bot:play", "challenge:write"])).await;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    assert!(bot.chars().all(is_plain), "{bot}");
    let all = token(json!(["play", "challenge:bulk"])).await;
    let asked = json!({"tokens": [bot, "rookery_api_no", deep.token, "x.y.z", all]});
    let answer = send(world.request(Method::POST, "/v1/tokens/test").json(&asked)).await;
    let reply: TokenTestReply = answer.ok(200);
    let [Some(bot), None, Some(own), None, Some(all)] = &reply.tokens[..] else {
        panic!("{reply:?}");
    };
    assert!(bot.player == deep.id && bot.name == "Deep" && bot.bot);
    let of_bot = [
        ApiScope::Read,
        ApiScope::BotPlay,
        ApiScope::ChallengeRead,
        ApiScope::ChallengeWrite,
    ];
    assert_eq!((&bot.scopes[..], bot.expires_at), (&of_bot[..], None));
    assert!(!all.scopes.contains(&ApiScope::Account));
    assert_eq!(all.scopes.len(), 7);
    assert!(own.scopes.len() == 8 && own.expires_at.is_some());
    let many = json!({ "tokens": vec!["x"; 21] });
    let refused = send(world.request(Method::POST, "/v1/tokens/test").json(&many)).await;
    refused.problem(400, "invalid_request");
}

#[tokio::test]
async fn a_scope_allows_what_it_names_and_nothing_else() {
    let world = open_to_all(LimitArgs::default()).await;
    let deep = account(&world, "Deep", true).await;
    let with = async |scope: &str| {
        let body = json!({"label": scope, "scopes": [scope]});
        let made = world.post(&deep, "/v1/account/tokens", body).await;
        Guest {
            id: deep.id.clone(),
            token: made.ok::<ApiTokenReply>(201).token,
        }
    };
    for (scope, reads, lists, challenges, plays) in [
        ("read", true, true, false, false),
        ("play", true, true, true, true),
        ("account", false, false, false, false),
        ("bot:play", true, true, true, true),
        ("board:play", true, true, true, true),
        ("challenge:read", false, true, false, false),
        ("challenge:write", false, true, true, false),
        ("challenge:bulk", false, false, false, false),
    ] {
        let who = with(scope).await;
        let is_allowed = |status: u16| status != 403;
        let read = world.get(&who, "/v1/account/matches").await.status;
        let listed = world.get(&who, "/v1/challenges").await.status;
        let path = "/v1/challenges/000000000000/accept";
        let accepted = world.post(&who, path, json!({})).await.status;
        let ticket = world
            .post(&who, "/v1/tickets", world.new_ticket())
            .await
            .status;
        assert_eq!(
            [read, listed, accepted, ticket].map(is_allowed),
            [reads, lists, challenges, plays],
            "{scope}"
        );
    }
}
