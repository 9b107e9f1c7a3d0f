//! `POST /v1/players`: guests.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use game_core::{MatchId, PlayerId};
use protocol::http::{NewPlayer, PlayerReply};
use protocol::name;
use tokens::PlayerClaims;
use web::Body;

use crate::allowances::Client;
use crate::described::{ChangeProblems, Problems};
use crate::problem::{Kind, Problem};
use crate::service::{Service, expiry, now};

/// Characters of the id in the name that a guest without a name gets.
const NAME_SUFFIX_LEN: usize = 4;

/// Makes a guest.
#[utoipa::path(post, path = "/v1/players", tag = "players", request_body = Option<NewPlayer>,
    responses((status = 200, description = "The guest, and the token to act as it", body = PlayerReply), Problems,
        ChangeProblems))]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    client: Client,
    Body(request): Body<NewPlayer>,
) -> Result<Json<PlayerReply>, Problem> {
    let player = random_id();
    let name = match &request.name {
        None => format!("Guest-{}", &player.as_str()[..NAME_SUFFIX_LEN]),
        Some(name) => {
            name::check(name).map_err(|why| Problem::new(Kind::InvalidName, format!("{why}.")))?
        }
    };
    service.allowances.guest(client)?;
    let (exp, expires_at) = expiry(now(), service.config.player_token_ttl);
    let claims = PlayerClaims {
        player: player.clone(),
        name: name.clone(),
        bot: request.bot,
        exp,
    };
    Ok(Json(PlayerReply {
        player,
        name,
        token: service.key.player_token(&claims),
        expires_at,
    }))
}

/// Twelve characters, base62, as match ids are made.
fn random_id() -> PlayerId {
    MatchId::from_random(rand::random())
        .as_str()
        .parse()
        .expect("the characters of a match id may stand in a player id")
}
