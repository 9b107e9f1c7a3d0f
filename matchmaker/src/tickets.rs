//! `/v1/tickets`: a match against a player who waits in the same pool.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use game_core::{BySeat, ColorChoice, Player};
use protocol::http::{NewTicket, TicketReply, TicketStatus};
use store::{Assignment, Holding, Terms, Ticket, TicketId, TicketState};
use tokio::time::{Instant, sleep_until};
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
use crate::wakers::Waker;

/// Interval at which a waiting reply reads its ticket at first, in case another process has given it a match. Nobody
/// notices a quarter of a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The same for one that has waited for [`LOOK_OFTEN_FOR`]: those who wait long are many, and each costs the store as
/// many reads.
const LOOK_SELDOM: Duration = Duration::from_secs(1);

/// For how long a waiting reply reads its ticket often.
const LOOK_OFTEN_FOR: Duration = Duration::from_secs(3);

/// Interval at which a waiting reply refreshes its ticket in the store; far below the age at which a ticket counts as
/// abandoned.
const TOUCH_EVERY: Duration = Duration::from_secs(3);

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

/// A new ticket of `player` on these terms.
pub(crate) fn new_ticket(id: TicketId, player: Player, terms: Terms) -> Ticket {
    let now = now();
    Ticket {
        id,
        player,
        pool: None,
        opponent: None,
        color: ColorChoice::Random,
        terms,
        rating_range: None,
        last_opponent: None,
        is_open: false,
        is_exempt: false,
        expires_at: None,
        created_at: now,
        seen_at: now,
        state: TicketState::Waiting,
    }
}

/// A ticket or challenge as its player sees it.
pub(crate) fn reply(ticket: &Ticket) -> TicketReply {
    let (status, match_id) = match &ticket.state {
        TicketState::Waiting => (TicketStatus::Waiting, None),
        TicketState::Assigned(assignment) => (TicketStatus::Matched, Some(assignment.match_id)),
        TicketState::Cancelled => (TicketStatus::Cancelled, None),
        TicketState::Declined(_) => (TicketStatus::Declined, None),
    };
    let declined = match ticket.state {
        TicketState::Declined(reason) => Some(reason),
        _ => None,
    };
    TicketReply {
        id: ticket.id.to_string(),
        status,
        match_id,
        declined,
        terms: terms::of_ticket(ticket),
    }
}

pub(crate) fn check_owner(ticket: &Ticket, player: &Player) -> Result<(), Problem> {
    if ticket.player.id == player.id {
        Ok(())
    } else {
        Err(Problem::new(Kind::NotYours, "It is another player's."))
    }
}

/// The pauses of a waiting reply.
pub(crate) struct Waits<'a> {
    service: &'a Service,
    waker: Waker,
    began: Instant,
    until: Instant,
}

/// Lets a reply about a ticket wait for this long, or not at all if the matchmaker is overloaded.
pub(crate) fn waits_until(service: &Service, id: TicketId, wait: Duration) -> Waits<'_> {
    let wait = if service.may_wait() {
        wait
    } else {
        Duration::ZERO
    };
    let began = Instant::now();
    Waits {
        service,
        waker: service.wakers.of(id),
        began,
        until: began + wait,
    }
}

impl Waits<'_> {
    /// Pauses before the next read; false when the time is over or the matchmaker shuts down.
    pub(crate) async fn again(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.until || self.service.shutdown.is_cancelled() {
            return false;
        }
        let pause = if now - self.began < LOOK_OFTEN_FOR {
            LOOK_EVERY
        } else {
            LOOK_SELDOM
        };
        tokio::select! {
            () = sleep_until(self.until.min(now + pause)) => {}
            () = self.waker.woken() => {}
            // One last read; the player then asks another matchmaker.
            () = self.service.shutdown.cancelled() => {}
        }
        true
    }
}

impl Service {
    /// Removes a match that is not created after all from both players' lists.
    pub(crate) async fn let_both_go(
        &self,
        assignment: &Assignment,
        client: Client,
    ) -> Result<(), Problem> {
        if client.is_exempt() {
            return Ok(());
        }
        let id = assignment.match_id.to_string();
        let BySeat { white, black } = &assignment.players;
        for player in [white, black] {
            self.let_go(&player.id, Holding::Match, &id).await?;
        }
        Ok(())
    }

    /// Refreshes a waiting ticket in the store, from time to time.
    pub(crate) async fn touch(
        &self,
        ticket: &Ticket,
        touched: &mut Option<Instant>,
    ) -> Result<(), Problem> {
        if ticket.state == TicketState::Waiting
            && touched.is_none_or(|touched| touched.elapsed() >= TOUCH_EVERY)
        {
            self.store.touch_ticket(ticket.id, now()).await?;
            *touched = Some(Instant::now());
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

    /// Withdraws a ticket or challenge for its owner.
    pub(crate) async fn cancel(
        &self,
        ticket: &Ticket,
        player: &Player,
    ) -> Result<StatusCode, Problem> {
        check_owner(ticket, player)?;
        if self.store.cancel_ticket(ticket.id).await? {
            self.wakers.wake(ticket.id);
            return Ok(StatusCode::NO_CONTENT);
        }
        match self
            .store
            .ticket(ticket.id)
            .await?
            .map(|ticket| ticket.state)
        {
            Some(TicketState::Assigned(assignment)) => Err(Problem::new(
                Kind::AlreadyMatched,
                format!(
                    "It has the match {} already; abort that.",
                    assignment.match_id
                ),
            )),
            _ => Ok(StatusCode::NO_CONTENT),
        }
    }
}
