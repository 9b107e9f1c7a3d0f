//! `POST /v1/players`: guests.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use game_core::{MatchId, PlayerId};
use protocol::http::{NewPlayer, PlayerReply};
use protocol::name;
use web::Body;

use crate::accounts::{GUEST_NAME, random_id};
use crate::allowances::Client;
use crate::clock::now;
use crate::described::{CallerProblems, ChangeProblems, Problems};
use crate::idempotency::NewId;
use crate::identity::Guests;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Characters of the id in the name that a guest without a name gets.
const NAME_SUFFIX_LEN: usize = 4;

/// Makes a guest.
#[utoipa::path(post, path = "/v1/players", tag = "players", request_body = Option<NewPlayer>,
    responses((status = 200, description = "The guest, and the token to act as it", body = PlayerReply), Problems,
        CallerProblems, ChangeProblems))]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    client: Client,
    NewId(id): NewId,
    Body(request): Body<NewPlayer>,
) -> Result<Json<PlayerReply>, Problem> {
    if service.config.identity.guests == Guests::Refuse {
        let why = "Nobody plays as a guest here: log in with POST /v1/login.";
        return Err(Problem::new(Kind::NoGuests, why));
    }
    let player = id.map_or_else(random_id, player_id);
    let chosen = request.name.as_deref().map(name::check).transpose();
    let chosen = chosen.map_err(|why| Problem::new(Kind::InvalidName, format!("{why}.")))?;
    service.allowances.guest(client)?;
    if let Some(name) = &chosen {
        // A guest must not pass for a named player.
        service.check_name(name).await?;
    }
    let made_up = || format!("{GUEST_NAME}{}", &player.as_str()[..NAME_SUFFIX_LEN]);
    let name = chosen.unwrap_or_else(made_up);
    Ok(Json(service.signed(player, name, request.bot, now())))
}

/// Twelve characters, base62, as match ids are made.
fn player_id(id: MatchId) -> PlayerId {
    id.as_str()
        .parse()
        .expect("the characters of a match id may stand in a player id")
}
