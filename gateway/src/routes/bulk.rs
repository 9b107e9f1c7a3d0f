//! Bulk pairings: games for others, whose tokens come with the request.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use game_core::{ColorChoice, Rule, UnixMillis};
use protocol::http::{NewChallenge, Terms};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Answered;
use super::terms::{clock, terms};
use crate::acts::Act;
use crate::clock::now;
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
    let now = now().0;
    let pair_at = fields.number("pairAt")?.map_or(now, |at| at as u64);
    if pair_at > now {
        terms.start_at = Some(UnixMillis(pair_at));
    }
    if terms.rules.has(Rule::NoAbort) {
        return Err(Refusal::bad(
            "Games in bulk can be aborted: leave noAbort out",
        ));
    }
    let pairs = callers(&gateway, &pairs).await?;
    // In a task, which comes to its end if the client goes away.
    let (working, all) = (Arc::clone(&gateway), terms.clone());
    let made = gateway.tasks.spawn(async move {
        let mut made = Vec::with_capacity(pairs.len());
        let making = async {
            for (white, black) in pairs {
                make(&working, white, black, &all, &mut made).await?;
            }
            Ok(())
        };
        let done = timeout(WITHIN, making).await;
        match done.unwrap_or(Err(Refusal::unavailable())) {
            Ok(()) => Ok(made),
            Err(refusal) => {
                undo(&working, &made).await;
                Err(refusal)
            }
        }
    });
    let made = made.await.map_err(|_| Refusal::unavailable())??;
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

/// The owners of the tokens of pairs, all of them good.
async fn callers(
    gateway: &Gateway,
    pairs: &[(String, String)],
) -> Result<Vec<(Caller, Caller)>, Refusal> {
    let mut callers = Vec::with_capacity(pairs.len());
    for (place, (white, black)) in (1..).zip(pairs) {
        let bad = |refusal: Refusal| match refusal.status {
            StatusCode::UNAUTHORIZED => {
                Refusal::bad(format!("A token of pair {place} is not known"))
            }
            _ => refusal,
        };
        let white = gateway.identities.owner(white).await.map_err(bad)?;
        let black = gateway.identities.owner(black).await.map_err(bad)?;
        callers.push((white, black));
    }
    Ok(callers)
}

/// Makes a game, which is then one of those that were made, or may have been.
async fn make(
    gateway: &Arc<Gateway>,
    white: Caller,
    black: Caller,
    terms: &Terms,
    made: &mut Vec<Made>,
) -> Result<(), Refusal> {
    let challenge = NewChallenge {
        color: ColorChoice::White,
        opponent: Some(black.player.clone()),
        ..NewChallenge::new(terms.clone())
    };
    let matchmaker = &gateway.patient;
    let key = format!("gateway-{:032x}", rand::random::<u128>());
    let id = matchmaker
        .create_challenge_once(&key, &white.token, &challenge)
        .await?
        .id;
    let accepted = matchmaker.accept_challenge(&black.token, &id).await;
    if accepted.is_err() {
        let _ = matchmaker.cancel_challenge(&white.token, &id).await;
    }
    made.push(Made { id, white, black });
    accepted?;
    Ok(())
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
