//! Games: their streams, moves, and what else players do in them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use game_core::{MatchId, Uci};
use serde_json::{Value, json};

use super::{Answered, well};
use crate::acts::Act;
use crate::clock::now;
use crate::fields::{Fields, is_yes};
use crate::hold::held;
use crate::identity::{BOARD, BOT, Caller, PLAYS};
use crate::refusal::Refusal;
use crate::seat;
use crate::seats::Ask;
use crate::state::Gateway;

/// The player of a game, by the API that the path is of.
async fn player(gateway: &Gateway, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let is_of_bots = uri.path().starts_with("/api/bot/");
    let needs = if is_of_bots { BOT } else { BOARD };
    let caller = gateway.identities.caller(headers, needs).await;
    let caller = caller.map_err(Refusal::not_later)?;
    if is_of_bots && !caller.is_bot {
        return Err(Refusal::bad(
            "Only accounts of bots play by these requests; people play by /api/board",
        ));
    }
    Ok(caller)
}

fn game(id: &str) -> Result<MatchId, Refusal> {
    id.parse().map_err(|_| Refusal::no_game())
}

/// The stream of a game.
pub(crate) async fn stream(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let id = game(&id)?;
    held(async {
        let caller = player(&gateway, &uri, &headers).await?;
        let made_at = gateway.streams.made_at(&caller.player, id);
        let made_at = made_at.unwrap_or_else(now);
        let lines = seat::stream(&gateway, &caller, id, made_at).await?;
        Ok::<_, Refusal>(lines.into_response())
    })
    .await
}

/// Makes a move, and answers once it is durable.
pub(crate) async fn make_move(
    State(gateway): State<Arc<Gateway>>,
    Path((id, uci)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let id = game(&id)?;
    let uci: Uci = uci
        .parse()
        .map_err(|_| Refusal::bad(format!("Invalid UCI: {uci}")))?;
    let offers_draw = Fields::of(&uri, &headers, &body)?.flag("offeringDraw");
    held(async {
        let caller = player(&gateway, &uri, &headers).await?;
        let ask = |answer| Ask::Move {
            uci,
            offers_draw,
            answer,
        };
        seat::ask(&gateway, &caller, id, ask).await?;
        Ok::<_, Refusal>(well())
    })
    .await
}

async fn act(
    gateway: &Arc<Gateway>,
    id: &str,
    uri: &Uri,
    headers: &HeaderMap,
    act: Act,
) -> Answered {
    let id = game(id)?;
    held(async {
        let caller = player(gateway, uri, headers).await?;
        let ask = |answer| Ask::Act { act, answer };
        seat::ask(gateway, &caller, id, ask).await?;
        Ok::<_, Refusal>(well())
    })
    .await
}

pub(crate) async fn abort(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    act(&gateway, &id, &uri, &headers, Act::Abort).await
}

pub(crate) async fn resign(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    act(&gateway, &id, &uri, &headers, Act::Resign).await
}

pub(crate) async fn draw(
    State(gateway): State<Arc<Gateway>>,
    Path((id, answer)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    act(&gateway, &id, &uri, &headers, Act::Draw(is_yes(&answer))).await
}

pub(crate) async fn takeback(
    State(gateway): State<Arc<Gateway>>,
    Path((id, answer)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    act(
        &gateway,
        &id,
        &uri,
        &headers,
        Act::Takeback(is_yes(&answer)),
    )
    .await
}

pub(crate) async fn claim_win(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    act(&gateway, &id, &uri, &headers, Act::ClaimWin).await
}

pub(crate) async fn claim_draw(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    act(&gateway, &id, &uri, &headers, Act::ClaimDraw).await
}

/// Adds seconds to the opponent's clock.
pub(crate) async fn add_time(
    State(gateway): State<Arc<Gateway>>,
    Path((id, seconds)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answered {
    let id = game(&id)?;
    let seconds = seconds
        .parse()
        .map_err(|_| Refusal::bad("Seconds are 5 to 60"))?;
    held(async {
        let caller = gateway.identities.caller(&headers, PLAYS).await?;
        let act = Act::GiveTime(seconds);
        let ask = |answer| Ask::Act { act, answer };
        seat::ask(&gateway, &caller, id, ask).await?;
        Ok::<_, Refusal>(well())
    })
    .await
}

/// Says a line of chat. Clients do not move if this fails, so it never does, whether or not anybody reads it.
pub(crate) async fn say(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let id = game(&id)?;
    let fields = Fields::of(&uri, &headers, &body).unwrap_or_default();
    let caller = match held(player(&gateway, &uri, &headers)).await {
        Ok(caller) => caller,
        Err(refusal) if refusal.status.is_server_error() => return Ok(well()),
        Err(refusal) => return Err(refusal),
    };
    // Players do not reach the room of spectators.
    let is_for_players = fields.text("room").is_none_or(|room| room == "player");
    if let Some(text) = fields.text("text").filter(|_| is_for_players) {
        let text = text.chars().take(protocol::CHAT_LEN_MAX).collect();
        let _ = seat::send(&gateway, &caller, id, Ask::Say(text));
    }
    Ok(well())
}

/// The last lines of chat.
pub(crate) async fn read_chat(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    let id = game(&id)?;
    held(async {
        let caller = player(&gateway, &uri, &headers).await?;
        let lines = seat::ask(&gateway, &caller, id, Ask::ReadChat).await?;
        let said = lines
            .iter()
            .map(|said| json!({"user": said.name, "text": said.text}));
        Ok::<_, Refusal>(Json(Value::Array(said.collect())))
    })
    .await
}
