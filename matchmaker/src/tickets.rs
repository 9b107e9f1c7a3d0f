//! `/v1/tickets`: a match against a player who waits in the same pool.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use game_core::{BySeat, ColorChoice, Player};
use protocol::http::{NewTicket, TicketReply, TicketStatus};
use store::{Assignment, Holding, Terms, Ticket, TicketId, TicketState};
use tokio::time::{Instant, sleep_until};
use web::{Body, PathId};

use crate::allowances::Client;
use crate::assign;
use crate::bounds::full;
use crate::described::{CallerProblems, ChangeProblems, Problems};
use crate::extract::{Caller, Wait, WaitQuery};
use crate::pairing::{partner_of, replaced_by};
use crate::problem::{Kind, Problem};
use crate::service::{Service, now};
use crate::terms;

/// Interval at which a waiting reply reads its ticket: nobody notices a quarter of a second, and each waiting player
/// costs the store four reads a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Interval at which a waiting reply refreshes its ticket in the store; far below the age at which a ticket counts as
/// abandoned.
const TOUCH_EVERY: Duration = Duration::from_secs(3);

/// Upper bound on attempts to pair in one request, as other requests may take its partners.
const PAIRING_ATTEMPTS: u32 = 3;

/// Makes a ticket: a request for a match against any player who waits in the same pool.
#[utoipa::path(post, path = "/v1/tickets", tag = "tickets", security(("player" = [])), request_body = NewTicket,
    responses((status = 201, description = "It waits or has a match", body = TicketReply), Problems, CallerProblems,
        ChangeProblems))]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    client: Client,
    Caller(player): Caller,
    Body(request): Body<NewTicket>,
) -> Result<(StatusCode, Json<TicketReply>), Problem> {
    let terms = terms::agree(&request.terms, now())?;
    let ticket = Ticket {
        pool: Some(terms::pool(&request.terms, &terms)),
        ..new_ticket(TicketId::from_random(rand::random()), player, terms)
    };
    service.check_store_room()?;
    service.allowances.creation(client)?;
    let who = &ticket.player.id;
    service.check_room(who, client).await?;
    let id = ticket.id.to_string();
    if !service.hold(who, Holding::Ticket, &id, client).await? {
        return Err(full(Holding::Ticket));
    }
    let ticket = service.rated_ticket(ticket).await?;
    service.store.put_ticket(&ticket).await?;
    let ticket = service.settle(ticket, client).await?;
    Ok((StatusCode::CREATED, Json(reply(&ticket))))
}

/// A ticket. `wait_ms` delays the reply while it waits for an opponent.
#[utoipa::path(get, path = "/v1/tickets/{ticket}", tag = "tickets", security(("player" = [])),
    params(("ticket" = String, Path, pattern = "^[0-9A-Za-z]{12}$"), WaitQuery),
    responses((status = 200, description = "The ticket", body = TicketReply), Problems, CallerProblems))]
pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    client: Client,
    Caller(player): Caller,
    PathId(id): PathId<TicketId>,
    Wait(wait): Wait,
) -> Result<Json<TicketReply>, Problem> {
    let mut waits = waits_until(&service, wait);
    let mut touched = None;
    loop {
        let ticket = service.pool_ticket(id).await?;
        check_owner(&ticket, &player)?;
        service.touch(&ticket, &mut touched).await?;
        let ticket = service.settle(ticket, client).await?;
        if ticket.state != TicketState::Waiting || !waits.again().await {
            return Ok(Json(reply(&ticket)));
        }
    }
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
    };
    TicketReply {
        id: ticket.id.to_string(),
        status,
        match_id,
        terms: terms::of_ticket(ticket),
    }
}

fn check_owner(ticket: &Ticket, player: &Player) -> Result<(), Problem> {
    if ticket.player.id == player.id {
        Ok(())
    } else {
        Err(Problem::new(Kind::NotYours, "It is another player's."))
    }
}

/// The pauses of a waiting reply.
pub(crate) struct Waits<'a> {
    service: &'a Service,
    until: Instant,
}

/// Lets a reply wait for this long, or not at all if the matchmaker is overloaded.
pub(crate) fn waits_until(service: &Service, wait: Duration) -> Waits<'_> {
    let wait = if service.may_wait() {
        wait
    } else {
        Duration::ZERO
    };
    Waits {
        service,
        until: Instant::now() + wait,
    }
}

impl Waits<'_> {
    /// Pauses before the next read; false when the time is over or the matchmaker shuts down.
    pub(crate) async fn again(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.until || self.service.shutdown.is_cancelled() {
            return false;
        }
        tokio::select! {
            () = sleep_until(self.until.min(now + LOOK_EVERY)) => {}
            // One last read; the player then asks another matchmaker.
            () = self.service.shutdown.cancelled() => {}
        }
        true
    }
}

impl Service {
    /// Advances a pool's ticket: pairs it if it waits, and creates its match if it has one that is missing.
    async fn settle(&self, mut ticket: Ticket, client: Client) -> Result<Ticket, Problem> {
        for _ in 0..PAIRING_ATTEMPTS {
            match &ticket.state {
                TicketState::Waiting => {}
                TicketState::Cancelled => return Ok(ticket),
                TicketState::Assigned(assignment) => {
                    self.ensure_match(&ticket, assignment).await?;
                    return Ok(ticket);
                }
            }
            match self.pair(&ticket, client).await? {
                PairAttempt::Alone => return Ok(ticket),
                PairAttempt::Paired(state) => {
                    ticket.state = state;
                    return Ok(ticket);
                }
                PairAttempt::Overtaken => ticket = self.pool_ticket(ticket.id).await?,
            }
        }
        Ok(ticket)
    }

    /// Pairs a waiting ticket with its partner, if it has one.
    async fn pair(&self, ticket: &Ticket, client: Client) -> Result<PairAttempt, Problem> {
        let pool = ticket.pool.as_deref().unwrap_or_default();
        let waiting = self.store.waiting(pool).await?;
        // A player has one waiting ticket in a pool, however often they ask.
        for older in replaced_by(ticket, &waiting) {
            self.store.cancel_ticket(older.id).await?;
        }
        // Without a shard, players keep waiting: a match that nobody can play helps none of them.
        if self.check_shards().is_err() {
            return Ok(PairAttempt::Alone);
        }
        if !waiting.iter().any(|other| other.id == ticket.id) {
            return Ok(PairAttempt::Overtaken);
        }
        let Some(partner) = partner_of(ticket.id, &waiting, now()) else {
            return Ok(PairAttempt::Alone);
        };
        let assignment = assign::draw(self.new_match_id(), ticket, &partner.player);
        let id = assignment.match_id.to_string();
        for who in [ticket, partner] {
            let player = &who.player.id;
            if !self.hold(player, Holding::Match, &id, client).await? {
                // Otherwise later requests would find its player's list full again and again.
                self.store.cancel_ticket(who.id).await?;
                self.let_both_go(&assignment, client).await?;
                return Ok(PairAttempt::Overtaken);
            }
        }
        let both = [ticket.id, partner.id];
        if self.store.assign_tickets(&both, &assignment).await? {
            self.create_match(ticket, &assignment).await?;
            Ok(PairAttempt::Paired(TicketState::Assigned(assignment)))
        } else {
            self.let_both_go(&assignment, client).await?;
            Ok(PairAttempt::Overtaken)
        }
    }

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
    async fn pool_ticket(&self, id: TicketId) -> Result<Ticket, Problem> {
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

/// The result of an attempt to pair.
enum PairAttempt {
    /// No partner is waiting.
    Alone,
    /// The ticket has a match.
    Paired(TicketState),
    /// This ticket or its partner has got a match or was withdrawn meanwhile.
    Overtaken,
}
