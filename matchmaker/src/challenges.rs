//! `/v1/challenges`: a match against the player who accepts it. The match has the challenge's id.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use game_core::Player;
use protocol::http::{NewChallenge, TicketReply};
use store::{Assignment, Holding, Ticket, TicketId, TicketState};
use web::{Body, PathId};

use crate::allowances::Client;
use crate::assign;
use crate::bounds::full;
use crate::described::{CallerProblems, ChangeProblems, Problems};
use crate::extract::{Caller, Wait, WaitQuery};
use crate::problem::{Kind, Problem};
use crate::service::{Service, now};
use crate::terms;
use crate::tickets::{new_ticket, reply, waits_until};

/// Makes a challenge: a match that another player has to accept.
#[utoipa::path(post, path = "/v1/challenges", tag = "challenges", security(("player" = [])),
    request_body = NewChallenge,
    responses((status = 201, description = "It waits", body = TicketReply), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    client: Client,
    Caller(player): Caller,
    Body(request): Body<NewChallenge>,
) -> Result<(StatusCode, Json<TicketReply>), Problem> {
    if request.opponent.as_ref() == Some(&player.id) {
        return Err(Problem::new(
            Kind::OwnChallenge,
            "The opponent is the challenger: name another player, or none.",
        ));
    }
    let terms = terms::agree(&request.terms, now())?;
    let ticket = Ticket {
        opponent: request.opponent,
        color: request.color,
        ..new_ticket(service.new_match_id().into(), player, terms)
    };
    service.check_store_room()?;
    service.allowances.creation(client)?;
    let who = &ticket.player.id;
    service.check_room(who, client).await?;
    let id = ticket.id.to_string();
    if !service.hold(who, Holding::Challenge, &id, client).await? {
        return Err(full(Holding::Challenge));
    }
    let ticket = service.rated_ticket(ticket).await?;
    service.store.put_ticket(&ticket).await?;
    Ok((StatusCode::CREATED, Json(reply(&ticket))))
}

/// A challenge. `wait_ms` delays the reply while it waits for an opponent.
#[utoipa::path(get, path = "/v1/challenges/{ticket}", tag = "challenges", security(("player" = [])),
    params(("ticket" = String, Path, pattern = "^[0-9A-Za-z]{12}$"), WaitQuery),
    responses((status = 200, description = "The challenge", body = TicketReply), Problems, CallerProblems))]
pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
    PathId(id): PathId<TicketId>,
    Wait(wait): Wait,
) -> Result<Json<TicketReply>, Problem> {
    let mut waits = waits_until(&service, wait);
    let mut touched = None;
    loop {
        let ticket = service.challenge(id).await?;
        check_invited(&ticket, &player)?;
        // Only requests of the challenger keep a challenge alive.
        if ticket.player.id == player.id {
            service.touch(&ticket, &mut touched).await?;
        }
        if let TicketState::Assigned(assignment) = &ticket.state {
            service.ensure_match(&ticket, assignment).await?;
        }
        if ticket.state != TicketState::Waiting || !waits.again().await {
            return Ok(Json(reply(&ticket)));
        }
    }
}

/// Accepts a challenge, whose match is then made.
#[utoipa::path(post, path = "/v1/challenges/{ticket}/accept", tag = "challenges", security(("player" = [])),
    params(("ticket" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "It has its match", body = TicketReply), Problems, CallerProblems,
        ChangeProblems))]
pub(crate) async fn accept(
    State(service): State<Arc<Service>>,
    client: Client,
    Caller(player): Caller,
    PathId(id): PathId<TicketId>,
) -> Result<Json<TicketReply>, Problem> {
    // A ticket that has stopped waiting never waits again, so the second read is final.
    for _ in 0..2 {
        let mut ticket = service.challenge(id).await?;
        check_may_accept(&ticket, &player)?;
        match &ticket.state {
            TicketState::Cancelled => {
                return Err(Problem::new(
                    Kind::ChallengeCancelled,
                    "The challenger has withdrawn the challenge.",
                ));
            }
            TicketState::Assigned(assignment) if assign::is_player(assignment, &player) => {
                service.ensure_match(&ticket, assignment).await?;
                return Ok(Json(reply(&ticket)));
            }
            TicketState::Assigned(_) => {
                return Err(Problem::new(
                    Kind::ChallengeTaken,
                    "Another player has accepted the challenge.",
                ));
            }
            TicketState::Waiting => {
                // Counted before the ticket is bound, so that the challenger need not wait for it.
                service.check_shards()?;
                service.allowances.creation(client)?;
                let player = service.with_rating(player.clone(), &ticket.terms).await?;
                let assignment = assign::draw(id.match_id(), &ticket, &player);
                service
                    .hold_both(&ticket, &player, &assignment, client)
                    .await?;
                if service.store.assign_tickets(&[id], &assignment).await? {
                    service.create_match(&ticket, &assignment).await?;
                    ticket.state = TicketState::Assigned(assignment);
                    return Ok(Json(reply(&ticket)));
                }
                service.let_both_go(&assignment, client).await?;
            }
        }
    }
    Err(Problem::new(
        Kind::StoreUnavailable,
        "The challenge could not be accepted: try again.",
    ))
}

/// Withdraws a challenge.
#[utoipa::path(delete, path = "/v1/challenges/{ticket}", tag = "challenges", security(("player" = [])),
    params(("ticket" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 204, description = "It is withdrawn"), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn cancel(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
    PathId(id): PathId<TicketId>,
) -> Result<StatusCode, Problem> {
    let ticket = service.challenge(id).await?;
    service.cancel(&ticket, &player).await
}

/// A challenge with a named opponent is refused to others; the challenger may always read it.
fn check_invited(ticket: &Ticket, player: &Player) -> Result<(), Problem> {
    match &ticket.opponent {
        Some(opponent) if *opponent != player.id && ticket.player.id != player.id => Err(
            Problem::new(Kind::NotInvited, "The challenge is for another player."),
        ),
        _ => Ok(()),
    }
}

fn check_may_accept(ticket: &Ticket, player: &Player) -> Result<(), Problem> {
    if ticket.player.id == player.id {
        Err(Problem::new(
            Kind::OwnChallenge,
            "The challenger cannot accept it: send its id to another player.",
        ))
    } else {
        check_invited(ticket, player)
    }
}

impl Service {
    /// A ticket that is a challenge.
    async fn challenge(&self, id: TicketId) -> Result<Ticket, Problem> {
        let ticket = self.store.ticket(id).await?;
        ticket
            .filter(|ticket| ticket.pool.is_none() && !ticket.is_abandoned(now()))
            .ok_or_else(|| {
                Problem::new(
                    Kind::ChallengeNotFound,
                    format!("No challenge has the id {id}."),
                )
            })
    }

    /// Counts the match for both players, before it is bound to the challenge.
    async fn hold_both(
        &self,
        ticket: &Ticket,
        acceptor: &Player,
        assignment: &Assignment,
        client: Client,
    ) -> Result<(), Problem> {
        let id = assignment.match_id.to_string();
        if !self.hold(&acceptor.id, Holding::Match, &id, client).await? {
            return Err(full(Holding::Match));
        }
        let challenger = &ticket.player.id;
        if self.hold(challenger, Holding::Match, &id, client).await? {
            return Ok(());
        }
        self.let_go(&acceptor.id, Holding::Match, &id).await?;
        let detail = "The challenger plays in as many matches as one player may.";
        Err(Problem {
            detail: detail.to_owned(),
            ..full(Holding::Match)
        })
    }
}
