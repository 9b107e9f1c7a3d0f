//! Challenges: made, listed, answered and withdrawn.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use client::MatchmakerError;
use game_core::{MatchId, PlayerId};
use protocol::http::{ChallengeView, NewChallenge, PublicPlayer, TicketReply, TicketStatus};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::terms::{clock, color, terms};
use super::{Answered, well};
use crate::fields::Fields;
use crate::hold::held;
use crate::identity::{Caller, READS_CHALLENGES, WRITES_CHALLENGES};
use crate::lines::{LineSender, line, lines};
use crate::refusal::Refusal;
use crate::shapes::challenge::{Shown, ended};
use crate::shapes::names::decline_reason;
use crate::state::Gateway;

/// Longest wait of one question for what becomes of a challenge.
const WAIT: Duration = Duration::from_secs(4);
/// Between two questions while the matchmaker does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Challenges somebody.
pub(crate) async fn create(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let fields = Fields::of(&uri, &headers, &body)?;
    let wanted = NewChallenge {
        color: color(&fields),
        ..NewChallenge::new(terms(&fields, clock(&fields)?)?)
    };
    let made = held(async {
        let caller = gateway
            .identities
            .caller(&headers, WRITES_CHALLENGES)
            .await?;
        let mut found = gateway.people.named(vec![name]).await?;
        let opponent = found.pop().flatten().ok_or(Refusal::no_user())?;
        let wanted = NewChallenge {
            opponent: Some(opponent.player.clone()),
            ..wanted
        };
        let made = make(&gateway, &caller, wanted).await?;
        Ok::<_, Refusal>((caller, made, opponent))
    });
    // Clients do not repeat a challenge after an error of the server, but after some time.
    let (caller, challenge, opponent) = made.await.map_err(Refusal::or_later)?;
    let shown = Shown::of_reply(&challenge, Some(opponent), &gateway.config.site).json();
    if !fields.flag("keepAliveStream") {
        return Ok(Json(shown).into_response());
    }
    let (sender, lines) = lines(None);
    let _ = sender.try_send(line(&shown));
    let until = gateway.shutdown.clone();
    gateway.clone().tasks.spawn(async move {
        tokio::select! {
            () = keep_alive(&gateway, &caller, &challenge.id, &sender) => {}
            () = until.cancelled() => {}
        }
    });
    Ok(lines.into_response())
}

/// Makes a challenge. If the client is told to ask again before the matchmaker answers, what was made is withdrawn.
async fn make(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    wanted: NewChallenge,
) -> Result<TicketReply, Refusal> {
    let (answer, answered) = oneshot::channel();
    let (matchmaker, patient) = (gateway.matchmaker.clone(), gateway.patient.clone());
    let token = Arc::clone(&caller.token);
    gateway.tasks.spawn(async move {
        // By a key of its own, so that it is made once however often it is asked for.
        let key = format!("gateway-{:032x}", rand::random::<u128>());
        let mut made = matchmaker.create_challenge_once(&key, &token, &wanted).await;
        let is_unknown = made.as_ref().is_err_and(MatchmakerError::is_retryable);
        if is_unknown && answer.is_closed() {
            // It may have been made all the same, for nobody.
            made = patient.create_challenge_once(&key, &token, &wanted).await;
        }
        if let Err(Ok(unwanted)) = answer.send(made) {
            let withdrawn = matchmaker.cancel_challenge(&token, &unwanted.id).await;
            if let Err(error) = withdrawn {
                tracing::warn!(%error, id = unwanted.id, "a challenge that was answered too late stays");
            }
        }
    });
    let made = answered.await.map_err(|_| Refusal::unavailable())?;
    Ok(made?)
}

/// Follows a challenge until it is answered; one whose client goes away is withdrawn.
async fn keep_alive(gateway: &Gateway, caller: &Caller, id: &str, lines: &LineSender) {
    let (matchmaker, token) = (&gateway.patient, &caller.token);
    let done = loop {
        let look = async {
            match matchmaker.challenge(token, id, WAIT).await {
                Ok(reply) => match reply.status {
                    TicketStatus::Waiting => None,
                    TicketStatus::Matched => Some("accepted"),
                    TicketStatus::Declined => Some("declined"),
                    TicketStatus::Cancelled => Some("canceled"),
                },
                Err(MatchmakerError::Problem(problem)) if problem.status == 404 => Some("canceled"),
                Err(_) => {
                    sleep(PAUSE).await;
                    None
                }
            }
        };
        tokio::select! {
            looked = look => if let Some(done) = looked {
                break done;
            },
            () = lines.closed() => {
                let _ = matchmaker.cancel_challenge(token, id).await;
                return;
            }
        }
    };
    let _ = lines.send(line(&json!({"done": done}))).await;
}

/// A challenge of the caller that anybody may accept.
pub(crate) async fn open(
    State(gateway): State<Arc<Gateway>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let fields = Fields::of(&uri, &headers, &body)?;
    let wanted = NewChallenge {
        color: color(&fields),
        expires_in_s: Some(24 * 60 * 60),
        ..NewChallenge::new(terms(&fields, clock(&fields)?)?)
    };
    let made = held(async {
        let caller = gateway
            .identities
            .caller(&headers, WRITES_CHALLENGES)
            .await?;
        make(&gateway, &caller, wanted).await
    });
    let challenge = made.await.map_err(Refusal::or_later)?;
    let site = &gateway.config.site;
    let mut shown = Shown::of_reply(&challenge, None, site).json();
    let url = format!("{site}/challenge/{}", challenge.id);
    shown["urlWhite"] = format!("{url}?color=white").into();
    shown["urlBlack"] = format!("{url}?color=black").into();
    shown["open"] = json!({"userIds": []});
    Ok(Json(shown))
}

/// The caller's waiting challenges.
pub(crate) async fn list(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Answered {
    held(async {
        let caller = gateway
            .identities
            .caller(&headers, READS_CHALLENGES)
            .await?;
        let all = gateway.matchmaker.challenges(&caller.token).await?;
        let mut lists = json!({"in": [], "out": []});
        for (key, views) in [("in", all.received), ("out", all.made)] {
            let mut shown = Vec::with_capacity(views.len());
            for view in &views {
                shown.push(listed(&gateway, view).await);
            }
            lists[key] = Value::Array(shown);
        }
        Ok::<_, Refusal>(Json(lists))
    })
    .await
}

async fn listed(gateway: &Gateway, view: &ChallengeView) -> Value {
    let opponent = named(gateway, view.opponent.as_ref()).await;
    Shown::of_view(view, opponent, &gateway.config.site).json()
}

async fn named(gateway: &Gateway, player: Option<&PlayerId>) -> Option<PublicPlayer> {
    gateway.people.account(player?).await.ok().flatten()
}

/// One challenge.
pub(crate) async fn show(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answered {
    held(async {
        let caller = gateway
            .identities
            .caller(&headers, READS_CHALLENGES)
            .await?;
        let challenge = gateway
            .matchmaker
            .challenge(&caller.token, &id, Duration::ZERO)
            .await?;
        let opponent = named(&gateway, challenge.opponent.as_ref()).await;
        let shown = Shown::of_reply(&challenge, opponent, &gateway.config.site);
        Ok::<_, Refusal>(Json(ended(&shown, &challenge)))
    })
    .await
}

/// Accepts a challenge. The game has its id.
pub(crate) async fn accept(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answered {
    held(async {
        let caller = gateway
            .identities
            .caller(&headers, WRITES_CHALLENGES)
            .await?;
        gateway
            .matchmaker
            .accept_challenge(&caller.token, &id)
            .await?;
        Ok::<_, Refusal>(well())
    })
    .await
}

/// Declines a challenge.
pub(crate) async fn decline(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let fields = Fields::of(&uri, &headers, &body)?;
    let reason = decline_reason(fields.text("reason").unwrap_or_default());
    held(async {
        let caller = gateway
            .identities
            .caller(&headers, WRITES_CHALLENGES)
            .await?;
        let matchmaker = &gateway.matchmaker;
        matchmaker
            .decline_challenge(&caller.token, &id, reason)
            .await?;
        Ok::<_, Refusal>(well())
    })
    .await
}

/// Withdraws a challenge.
pub(crate) async fn cancel(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answered {
    held(async {
        let caller = gateway
            .identities
            .caller(&headers, WRITES_CHALLENGES)
            .await?;
        gateway
            .matchmaker
            .cancel_challenge(&caller.token, &id)
            .await?;
        Ok::<_, Refusal>(well())
    })
    .await
}

/// Starts the clocks of a game. Here they start with the first moves, so there is nothing to do for a game that exists.
pub(crate) async fn start_clocks(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answered {
    let id: MatchId = id.parse().map_err(|_| Refusal::no_game())?;
    let game = held(async {
        gateway
            .identities
            .caller(&headers, WRITES_CHALLENGES)
            .await?;
        Ok::<_, Refusal>(gateway.matchmaker.match_reply(id).await?)
    })
    .await?;
    if game.outcome.is_some() {
        return Err(Refusal::bad("The game is over"));
    }
    Ok(well())
}
