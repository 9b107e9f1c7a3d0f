//! Seeks: a game against whoever waits for the same.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use client::MatchmakerError;
use protocol::http::{NewTicket, TicketStatus};
use tokio::time::sleep;

use super::terms::{clock_of_seek, color, rating_range, terms};
use crate::fields::Fields;
use crate::hold::held;
use crate::identity::{BOARD, Caller};
use crate::lines::{BLANK, LineSender, lines};
use crate::refusal::Refusal;
use crate::state::Gateway;

/// Longest wait of one question for an opponent: a ticket that is not asked about is not paired.
const WAIT: Duration = Duration::from_secs(4);
/// Between two questions while the matchmaker does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits for an opponent: the answer ends when there is one, and its game is told of in the event stream. A client that
/// goes away does not wait any more.
pub(crate) async fn seek(
    State(gateway): State<Arc<Gateway>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let fields = Fields::of(&uri, &headers, &body)?;
    let ticket = NewTicket {
        color: color(&fields),
        rating_range: rating_range(&fields)?,
        ..NewTicket::new(terms(&fields, clock_of_seek(&fields)?)?)
    };
    let made = held(async {
        let caller = gateway.identities.caller(&headers, BOARD).await?;
        let made = gateway
            .matchmaker
            .create_ticket(&caller.token, &ticket)
            .await?;
        Ok::<_, Refusal>((caller, made))
    });
    let (caller, made) = made.await.map_err(Refusal::or_later)?;
    let (sender, lines) = lines(None);
    let _ = sender.try_send(BLANK);
    let until = gateway.shutdown.clone();
    gateway.clone().tasks.spawn(async move {
        tokio::select! {
            () = wait(&gateway, &caller, &made.id, &sender) => {}
            () = until.cancelled() => {}
        }
    });
    Ok(lines.into_response())
}

async fn wait(gateway: &Gateway, caller: &Caller, id: &str, lines: &LineSender) {
    let (matchmaker, token) = (&gateway.patient, &caller.token);
    loop {
        let look = async {
            match matchmaker.ticket(token, id, WAIT).await {
                Ok(reply) => reply.status == TicketStatus::Waiting,
                Err(MatchmakerError::Problem(problem)) if problem.status < 500 => false,
                Err(_) => {
                    sleep(PAUSE).await;
                    true
                }
            }
        };
        tokio::select! {
            waits = look => if !waits {
                return;
            },
            () = lines.closed() => {
                // Who is paired at this moment has a game.
                let _ = matchmaker.cancel_ticket(token, id).await;
                return;
            }
        }
    }
}
