//! Bulk pairings: games for others, whose tokens come with the request.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use game_core::{ClockStart, ColorChoice, UnixMillis};
use protocol::http::{NewChallenge, Terms};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Answered;
use super::terms::{clock, terms};
use crate::acts::Act;
use crate::fields::Fields;
use crate::hold::held;
use crate::identity::{Caller, PAIRS_OTHERS};
use crate::refusal::Refusal;
use crate::seat;
use crate::seats::Ask;
use crate::shapes::names::Rules;
use crate::shapes::user::user_id;
use crate::state::Gateway;

/// Upper bound on games in one request, as clients know it.
const GAMES_MAX: usize = 500;
/// All of them are made within this, or none.
const WITHIN: Duration = Duration::from_secs(60);

/// A game that was made.
struct Made {
    id: String,
    white: Caller,
    black: Caller,
}

/// Makes games for others. If one cannot be made, those before it are aborted.
pub(crate) async fn pair(
    State(gateway): State<Arc<Gateway>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let fields = Fields::of(&uri, &headers, &body)?;
    held(gateway.identities.caller(&headers, PAIRS_OTHERS)).await?;
    let mut terms = terms(&fields, clock(&fields)?)?;
    let pairs = pairs(fields.text("players").unwrap_or_default())?;
    let now = now_ms();
    let pair_at = fields.number("pairAt")?.map_or(now, |at| at as u64);
    if pair_at > now {
        terms.start_at = Some(UnixMillis(pair_at));
    }
    if fields.text("startClocksAt").is_some() {
        terms.clock_start = ClockStart::AtOnce;
    }
    let mut made = Vec::with_capacity(pairs.len());
    let making = async {
        for (white, black) in &pairs {
            made.push(make(&gateway, white, black, &terms).await?);
        }
        Ok(())
    };
    let done = timeout(WITHIN, making).await;
    if let Err(refusal) = done.unwrap_or(Err(Refusal::unavailable())) {
        undo(&gateway, &made).await;
        return Err(refusal);
    }
    let games = made.iter().map(|game| {
        json!({
            "id": game.id,
            "white": user_id(&game.white.name),
            "black": user_id(&game.black.name),
        })
    });
    let control = terms.controls.white;
    Ok(Json(json!({
        "id": made.first().map(|game| game.id.clone()),
        "games": games.collect::<Value>(),
        "variant": Rules::new(terms.variant, None).key(),
        "clock": {"limit": control.initial().as_secs(), "increment": control.increment().as_secs()},
        "pairAt": pair_at,
        "pairedAt": now,
        "rated": terms.rated,
        "startClocksAt": Value::Null,
        "scheduledAt": now,
    })))
}

/// Pairs of tokens, `white:black,white:black`.
fn pairs(list: &str) -> Result<Vec<(String, String)>, Refusal> {
    let pair = |pair: &str| {
        let (white, black) = pair.trim().split_once(':')?;
        Some((white.to_owned(), black.to_owned()))
    };
    let pairs: Option<Vec<_>> = list.split(',').map(pair).collect();
    let pairs = pairs.filter(|pairs| pairs.len() <= GAMES_MAX);
    pairs.ok_or_else(|| Refusal::bad("players is a list like token1:token2,token3:token4"))
}

async fn make(
    gateway: &Arc<Gateway>,
    white: &str,
    black: &str,
    terms: &Terms,
) -> Result<Made, Refusal> {
    let (white, black) = (
        gateway.identities.owner(white).await?,
        gateway.identities.owner(black).await?,
    );
    let challenge = NewChallenge {
        color: ColorChoice::White,
        opponent: Some(black.player.clone()),
        ..NewChallenge::new(terms.clone())
    };
    let matchmaker = &gateway.patient;
    let made = matchmaker
        .create_challenge(&white.token, &challenge)
        .await?;
    let accepted = matchmaker.accept_challenge(&black.token, &made.id).await;
    if let Err(error) = accepted {
        let _ = matchmaker.cancel_challenge(&white.token, &made.id).await;
        return Err(error.into());
    }
    Ok(Made {
        id: made.id,
        white,
        black,
    })
}

async fn undo(gateway: &Arc<Gateway>, made: &[Made]) {
    for game in made {
        let Ok(id) = game.id.parse() else { continue };
        let abort = |answer| Ask::Act {
            act: Act::Resign,
            answer,
        };
        let undone = seat::ask(gateway, &game.white, id, abort);
        if let Ok(Err(refusal)) = timeout(WITHIN, undone).await {
            tracing::warn!(id = game.id, error = %refusal.error, "a game of a bulk pairing stays");
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
