//! `/v1/tickets`: a match against a player who waits in the same pool.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use game_core::BySeat;
use protocol::http::{NewTicket, TicketReply};
use store::{Assignment, Holding, Ticket, TicketId, TicketState};
use web::{Body, PathId};

use crate::allowances::Client;
use crate::bounds::full;
use crate::clock::now;
use crate::described::{CallerProblems, ChangeProblems, Problems};
use crate::events::{Follow, Of, stream};
use crate::extract::{Caller, Wait, WaitQuery};
use crate::idempotency::NewId;
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::terms;
use crate::waiting::{new_ticket, reply, waits_until};

/// Makes a ticket: a request for a match against any player who waits in the same pool.
#[utoipa::path(post, path = "/v1/tickets", tag = "tickets", security(("player" = [])), request_body = NewTicket,
    responses((status = 201, description = "It waits", body = TicketReply), Problems, CallerProblems,
        ChangeProblems))]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    client: Client,
    NewId(id): NewId,
    Caller(player): Caller,
    Body(request): Body<NewTicket>,
) -> Result<(StatusCode, Json<TicketReply>), Problem> {
    let terms = terms::agree(&request.terms, now())?;
    let rating_range = terms::rating_range(request.rating_range)?;
    let ticket = Ticket {
        pool: Some(terms::pool(&request.terms, &terms)),
        color: request.color,
        rating_range,
        is_exempt: client.is_exempt(),
        ..new_ticket(
            id.map_or_else(|| TicketId::from_random(rand::random()), TicketId::from),
            player,
            terms,
        )
    };
    service.check_store_room()?;
    service.allowances.creation(client)?;
    let who = &ticket.player.id;
    service.check_room(who, client).await?;
    let held = ticket.id.to_string();
    if !service.hold(who, Holding::Ticket, &held, client).await? {
        return Err(full(Holding::Ticket));
    }
    let ticket = Ticket {
        last_opponent: service.store.last_opponent(who).await?,
        ..ticket
    };
    let ticket = service.rated_ticket(ticket).await?;
    service.store.put_ticket(&ticket).await?;
    // A player has one waiting ticket in a pool, however often they ask.
    service.replace_older(&ticket).await?;
    service.new_ticket.notify_one();
    // One that was made before under this id may have a match by now.
    let ticket = match id {
        Some(_) => service.pool_ticket(ticket.id).await?,
        None => ticket,
    };
    Ok((StatusCode::CREATED, Json(reply(&ticket))))
}

/// A ticket. `wait_ms` delays the reply while it waits for an opponent.
#[utoipa::path(get, path = "/v1/tickets/{ticket}", tag = "tickets", security(("player" = [])),
    params(("ticket" = String, Path, pattern = "^[0-9A-Za-z]{12}$"), WaitQuery),
    responses((status = 200, description = "The ticket", body = TicketReply), Problems, CallerProblems))]
pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
    PathId(id): PathId<TicketId>,
    Wait(wait): Wait,
) -> Result<Json<TicketReply>, Problem> {
    let mut waits = waits_until(&service, id, wait);
    let mut touched = None;
    loop {
        let ticket = service.look_at(Of::Pool, id, &player, &mut touched).await?;
        if ticket.state != TicketState::Waiting || !waits.again().await {
            return Ok(Json(reply(&ticket)));
        }
    }
}

/// A ticket as server-sent events: one at once and one after each change, until it does not wait any more.
#[utoipa::path(get, path = "/v1/tickets/{ticket}/events", tag = "tickets", security(("player" = [])),
    params(("ticket" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "Events named `ticket`, each a TicketReply", body = String,
        content_type = "text/event-stream"), Problems, CallerProblems))]
pub(crate) async fn events(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
    PathId(id): PathId<TicketId>,
) -> Result<Response, Problem> {
    let follow = Follow {
        of: Of::Pool,
        id,
        player,
    };
    Ok(stream(service, follow).await?.into_response())
}

/// Withdraws a ticket.
#[utoipa::path(delete, path = "/v1/tickets/{ticket}", tag = "tickets", security(("player" = [])),
    params(("ticket" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 204, description = "It is withdrawn"), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn cancel(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
    PathId(id): PathId<TicketId>,
) -> Result<StatusCode, Problem> {
    let ticket = service.pool_ticket(id).await?;
    service.cancel(&ticket, &player).await
}

impl Service {
    /// Removes a match that is not created after all from both players' lists.
    pub(crate) async fn let_both_go(
        &self,
        assignment: &Assignment,
        client: Client,
    ) -> Result<(), Problem> {
        let kind = if client.is_exempt() {
            Holding::Uncounted
        } else {
            Holding::Match
        };
        let id = assignment.match_id.to_string();
        let BySeat { white, black } = &assignment.players;
        for player in [white, black] {
            self.let_go(&player.id, kind, &id).await?;
        }
        Ok(())
    }

    /// A ticket of a pool.
    pub(crate) async fn pool_ticket(&self, id: TicketId) -> Result<Ticket, Problem> {
        let ticket = self.store.ticket(id).await?;
        ticket
            .filter(|ticket| ticket.pool.is_some() && !ticket.is_abandoned(now()))
            .ok_or_else(|| {
                Problem::new(Kind::TicketNotFound, format!("No ticket has the id {id}."))
            })
    }
}
