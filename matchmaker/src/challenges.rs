//! `/v1/challenges`: a match against the player who accepts it. The match has the challenge's id.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use game_core::{Player, PlayerId, UnixMillis};
use protocol::SeatView;
use protocol::http::{
    ChallengeView, ChallengesReply, Decline, NewChallenge, OpenChallengesReply, TicketReply,
};
use store::{Assignment, Holding, Ticket, TicketId, TicketList, TicketState};
use web::{Body, PathId};

use crate::allowances::Client;
use crate::assign;
use crate::bounds::full;
use crate::clock::now;
use crate::described::{CallerProblems, ChangeProblems, Problems};
use crate::events::{Follow, Of, stream};
use crate::extract::{Caller, Wait, WaitQuery};
use crate::idempotency::NewId;
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::terms;
use crate::waiting::{check_invited, ends_at, new_ticket, reply, waits_until};

/// Bounds of `expires_in_s`, in seconds: a challenge that expires sooner cannot be accepted, and one that stays longer
/// would outlive the interest in it.
const EXPIRES_IN_S: std::ops::RangeInclusive<u32> = 10..=24 * 60 * 60;

/// Upper bound on the challenges of a list, the last ones.
const LISTED_MAX: usize = 100;

/// Makes a challenge: a match that another player has to accept.
#[utoipa::path(post, path = "/v1/challenges", tag = "challenges", security(("player" = [])),
    request_body = NewChallenge,
    responses((status = 201, description = "It waits", body = TicketReply), Problems, CallerProblems, ChangeProblems))]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    client: Client,
    NewId(id): NewId,
    Caller(player): Caller,
    Body(request): Body<NewChallenge>,
) -> Result<(StatusCode, Json<TicketReply>), Problem> {
    let opponent = service.opponent(&request).await?;
    if opponent.as_ref() == Some(&player.id) {
        return Err(Problem::new(
            Kind::OwnChallenge,
            "The opponent is the challenger: name another player, or none.",
        ));
    }
    let terms = terms::agree(&request.terms, now())?;
    let id = id.unwrap_or_else(|| service.new_match_id());
    let ticket = Ticket {
        opponent,
        color: request.color,
        is_open: request.open,
        expires_at: expires_at(request.expires_in_s)?,
        ..new_ticket(id.into(), player, terms)
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
    service.tell_of_challenge(&ticket).await;
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
    let mut waits = waits_until(&service, id, wait);
    let mut touched = None;
    loop {
        let ticket = service
            .look_at(Of::Challenge, id, &player, &mut touched)
            .await?;
        if ticket.state != TicketState::Waiting || !waits.again().await {
            return Ok(Json(reply(&ticket)));
        }
    }
}

/// A challenge as server-sent events: one at once and one after each change, until it does not wait any more.
#[utoipa::path(get, path = "/v1/challenges/{ticket}/events", tag = "challenges", security(("player" = [])),
    params(("ticket" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "Events named `ticket`, each a TicketReply", body = String,
        content_type = "text/event-stream"), Problems, CallerProblems))]
pub(crate) async fn events(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
    PathId(id): PathId<TicketId>,
) -> Result<Response, Problem> {
    let follow = Follow {
        of: Of::Challenge,
        id,
        player,
    };
    Ok(stream(service, follow).await?.into_response())
}

/// The caller's own open challenges, and those that are for the caller.
#[utoipa::path(get, path = "/v1/challenges", tag = "challenges", security(("player" = [])),
    responses((status = 200, description = "The challenges", body = ChallengesReply), Problems, CallerProblems))]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
) -> Result<Json<ChallengesReply>, Problem> {
    let made = TicketList::By(player.id.clone());
    Ok(Json(ChallengesReply {
        made: service.challenges(made).await?,
        received: service.challenges(TicketList::To(player.id)).await?,
    }))
}

/// The challenges that everyone may accept.
#[utoipa::path(get, path = "/v1/challenges/open", tag = "challenges",
    responses((status = 200, description = "The challenges", body = OpenChallengesReply), Problems))]
pub(crate) async fn list_open(
    State(service): State<Arc<Service>>,
) -> Result<Json<OpenChallengesReply>, Problem> {
    let open = service.challenges(TicketList::Open).await?;
    Ok(Json(OpenChallengesReply { open }))
}

/// Declines a challenge that names the caller.
#[utoipa::path(post, path = "/v1/challenges/{ticket}/decline", tag = "challenges", security(("player" = [])),
    params(("ticket" = String, Path, pattern = "^[0-9A-Za-z]{12}$")), request_body = Decline,
    responses((status = 200, description = "It is declined", body = TicketReply), Problems, CallerProblems,
        ChangeProblems))]
pub(crate) async fn decline(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
    PathId(id): PathId<TicketId>,
    Body(request): Body<Decline>,
) -> Result<Json<TicketReply>, Problem> {
    let declined = TicketState::Declined(request.reason);
    for _ in 0..2 {
        let mut ticket = service.challenge(id).await?;
        check_invited(&ticket, &player)?;
        // One that everybody may accept is nobody's to decline.
        if ticket.opponent.as_ref() != Some(&player.id) {
            let why = "Only the player whom a challenge names may decline it.";
            return Err(Problem::new(Kind::NotInvited, why));
        }
        match &ticket.state {
            TicketState::Waiting => {
                if service.store.end_ticket(id, &declined).await? {
                    service.wakers.wake(id);
                    service.tell_of_challenge(&ticket).await;
                    ticket.state = declined;
                    return Ok(Json(reply(&ticket)));
                }
            }
            TicketState::Declined(_) => return Ok(Json(reply(&ticket))),
            TicketState::Cancelled => return Err(cancelled()),
            TicketState::Assigned(assignment) => {
                let why = format!(
                    "It has the match {} already; abort that.",
                    assignment.match_id
                );
                return Err(Problem::new(Kind::AlreadyMatched, why));
            }
        }
    }
    Err(Problem::new(
        Kind::StoreUnavailable,
        "The challenge could not be declined: try again.",
    ))
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
            TicketState::Cancelled => return Err(cancelled()),
            TicketState::Declined(_) => {
                let why = "You have declined the challenge.";
                return Err(Problem::new(Kind::ChallengeDeclined, why));
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
                    service.wakers.wake(id);
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

/// When a challenge expires that is to do so in so many seconds.
fn expires_at(in_s: Option<u32>) -> Result<Option<UnixMillis>, Problem> {
    match in_s {
        Some(in_s) if !EXPIRES_IN_S.contains(&in_s) => Err(Problem::new(
            Kind::InvalidTerms,
            format!(
                "expires_in_s is {} to {} seconds.",
                EXPIRES_IN_S.start(),
                EXPIRES_IN_S.end()
            ),
        )),
        in_s => Ok(in_s.map(|in_s| UnixMillis(now().0.saturating_add(u64::from(in_s) * 1_000)))),
    }
}

fn cancelled() -> Problem {
    Problem::new(
        Kind::ChallengeCancelled,
        "The challenger has withdrawn the challenge.",
    )
}

/// A challenge in a list.
fn view(ticket: &Ticket) -> ChallengeView {
    ChallengeView {
        id: ticket.id.to_string(),
        challenger: SeatView::from(&ticket.player),
        color: ticket.color,
        opponent: ticket.opponent.clone(),
        created_at: ticket.created_at,
        expires_at: ends_at(ticket),
        terms: terms::of_ticket(ticket),
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
    /// The player whom a new challenge names, by id or by name.
    async fn opponent(&self, request: &NewChallenge) -> Result<Option<PlayerId>, Problem> {
        match (&request.opponent, &request.opponent_name) {
            (opponent, None) => Ok(opponent.clone()),
            (None, Some(name)) => self
                .account_named(name)
                .await
                .map(|account| Some(account.id)),
            (Some(_), Some(_)) => Err(Problem::new(
                Kind::InvalidRequest,
                "Name the opponent by opponent or by opponent_name, not by both.",
            )),
        }
    }

    /// A ticket that is a challenge.
    pub(crate) async fn challenge(&self, id: TicketId) -> Result<Ticket, Problem> {
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

    /// The waiting challenges of a list, the last first.
    async fn challenges(&self, list: TicketList) -> Result<Vec<ChallengeView>, Problem> {
        let mut waiting = self.store.waiting(&list, LISTED_MAX).await?;
        waiting.retain(|ticket| ticket.pool.is_none() && !ticket.is_abandoned(now()));
        waiting.sort_by_key(|ticket| std::cmp::Reverse((ticket.created_at, ticket.id)));
        Ok(waiting.iter().map(view).collect())
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
