//! Who the caller is, who others are, and what concerns the caller.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use game_core::UnixMillis;
use protocol::http::{ApiScope, PublicPlayer, TokenTest, TokenView};
use serde_json::{Value, json};

use super::{Answered, well};
use crate::events;
use crate::fields::Fields;
use crate::hold::held;
use crate::identity::{ANYTHING, Caller, PLAYS, READS_CHALLENGES};
use crate::lines::{line, lines};
use crate::people::LOOKED_UP_MAX;
use crate::refusal::Refusal;
use crate::shapes::game::Seen;
use crate::shapes::user::{title, user, user_id};
use crate::state::Gateway;

/// Upper bound on tokens in one request, as clients know it.
const TOKENS_MAX: usize = 1_000;
/// Tokens in one request to the matchmaker.
const TOKENS_AT_ONCE: usize = 20;
/// Upper bound on users in one request.
const USERS_MAX: usize = 300;
/// Upper bound on bots in a list.
const BOTS_MAX: usize = 512;
/// Games in a list, unless the request says how many.
const GAMES_USUAL: usize = 9;
/// Upper bound on games in a list.
const GAMES_MAX: usize = 50;

/// What tokens are.
pub(crate) async fn test_tokens(State(gateway): State<Arc<Gateway>>, body: Bytes) -> Answered {
    let body = String::from_utf8_lossy(&body);
    let tokens: Vec<String> = body
        .trim()
        .split(',')
        .map(|token| token.trim().to_owned())
        .collect();
    if tokens.len() > TOKENS_MAX {
        return Err(Refusal::bad("1000 tokens may be tested at once"));
    }
    held(async {
        let mut answer = serde_json::Map::new();
        for some in tokens.chunks(TOKENS_AT_ONCE) {
            let test = TokenTest {
                tokens: some.to_vec(),
            };
            let views = gateway.matchmaker.test_tokens(&test).await?.tokens;
            for (token, view) in some.iter().zip(views) {
                answer.insert(
                    token.clone(),
                    view.map_or(Value::Null, |view| tested(&view)),
                );
            }
        }
        Ok::<_, Refusal>(Json(Value::Object(answer)))
    })
    .await
}

fn tested(view: &TokenView) -> Value {
    let scopes: Vec<_> = view.scopes.iter().filter_map(scope_name).collect();
    json!({
        "userId": user_id(&view.name),
        "scopes": scopes.join(","),
        "expires": view.expires_at.map(|at| at.0),
    })
}

fn scope_name(scope: &ApiScope) -> Option<String> {
    let name = serde_json::to_value(scope).ok()?;
    Some(name.as_str()?.to_owned())
}

/// The caller.
pub(crate) async fn own(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Answered {
    held(async {
        let caller = gateway.identities.caller(&headers, ANYTHING).await?;
        let account = gateway.people.account(&caller.player).await?;
        let mut player = account.unwrap_or_else(|| guest(&caller));
        player.online = true;
        Ok::<_, Refusal>(Json(shown(&gateway, &player).await))
    })
    .await
}

/// A player without an account.
fn guest(caller: &Caller) -> PublicPlayer {
    PublicPlayer {
        player: caller.player.clone(),
        name: caller.name.to_string(),
        bot: caller.is_bot,
        made_at: UnixMillis(0),
        online: true,
    }
}

async fn shown(gateway: &Gateway, player: &PublicPlayer) -> Value {
    let ratings = gateway.people.ratings(&player.player).await;
    user(player, &ratings, &gateway.config.site)
}

/// The caller's games in play.
pub(crate) async fn playing(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    uri: Uri,
) -> Answered {
    let fields = Fields::of(&uri, &headers, &Bytes::new())?;
    let limit = fields.number("nb")?.map_or(GAMES_USUAL, |nb| nb as usize);
    held(async {
        let caller = gateway.identities.caller(&headers, ANYTHING).await?;
        let matches = gateway
            .matchmaker
            .account_matches(&caller.token)
            .await?
            .matches;
        let games: Vec<Value> = matches.iter().map(|game| Seen::from(game).json()).collect();
        let of_turn = games.iter().filter(|game| game["isMyTurn"] == true).count();
        let mut games = games;
        // Those that wait for the caller first.
        games.sort_by_key(|game| game["isMyTurn"] != true);
        games.truncate(limit.min(GAMES_MAX));
        Ok::<_, Refusal>(Json(json!({"nbMyTurn": of_turn, "nowPlaying": games})))
    })
    .await
}

/// The caller's challenges and games, as they come and go.
pub(crate) async fn events(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = held(gateway.identities.caller(&headers, READS_CHALLENGES)).await?;
    Ok(events::open(&gateway, caller).into_response())
}

/// Whether users are there.
pub(crate) async fn statuses(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    uri: Uri,
) -> Answered {
    let fields = Fields::of(&uri, &headers, &Bytes::new())?;
    let found = held(found(&gateway, fields.text("ids").unwrap_or_default())).await?;
    let status = |player: PublicPlayer| {
        let is_online = player.online || gateway.streams.is_open(&player.player);
        let mut status = json!({
            "id": user_id(&player.name),
            "name": player.name,
            "online": is_online,
        });
        if let Some(title) = title(player.bot) {
            status["title"] = title.into();
        }
        status
    };
    Ok(Json(found.into_iter().map(status).collect()))
}

/// Several users.
pub(crate) async fn several(State(gateway): State<Arc<Gateway>>, body: Bytes) -> Answered {
    let body = String::from_utf8_lossy(&body).into_owned();
    held(async {
        let mut users = Vec::new();
        for player in found(&gateway, &body).await? {
            users.push(shown(&gateway, &player).await);
        }
        Ok::<_, Refusal>(Json(Value::Array(users)))
    })
    .await
}

/// The users of a list of names or ids, without those that do not exist.
async fn found(gateway: &Gateway, list: &str) -> Result<Vec<PublicPlayer>, Refusal> {
    let names = list.split(',').map(|name| name.trim().to_owned());
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    if names.len() > USERS_MAX {
        return Err(Refusal::bad("300 users may be asked for at once"));
    }
    let mut players = BTreeMap::new();
    for some in names.chunks(LOOKED_UP_MAX) {
        let found = gateway.people.named(some.to_vec()).await?;
        for player in found.into_iter().flatten() {
            players.insert(player.player.as_str().to_owned(), player);
        }
    }
    Ok(players.into_values().collect())
}

/// One user.
pub(crate) async fn show(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Answered {
    held(async {
        let mut found = gateway.people.named(vec![name]).await?;
        let player = found.pop().flatten().ok_or(Refusal::no_user())?;
        Ok::<_, Refusal>(Json(shown(&gateway, &player).await))
    })
    .await
}

/// The bots that are there, a line each.
pub(crate) async fn online_bots(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    let fields = Fields::of(&uri, &headers, &Bytes::new())?;
    let limit = fields.number("nb")?.map_or(100, |nb| nb as usize);
    let limit = limit.clamp(1, BOTS_MAX);
    let online = held(gateway.matchmaker.online(true, limit)).await?;
    let (sender, lines) = lines(None);
    // Their ratings are looked up while the client reads.
    gateway.clone().tasks.spawn(async move {
        for player in online.players {
            let user = shown(&gateway, &player).await;
            if sender.send(line(&user)).await.is_err() {
                return;
            }
        }
    });
    Ok(lines.into_response())
}

/// Whether the account is a bot's. Here that is settled when the account is made.
pub(crate) async fn upgrade(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Answered {
    let caller = held(gateway.identities.caller(&headers, PLAYS)).await?;
    if caller.is_bot {
        Ok(well())
    } else {
        Err(Refusal::bad(
            "This account is a person's: make one with \"bot\": true by POST /v1/accounts",
        ))
    }
}
