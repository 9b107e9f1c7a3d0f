//! What tickets and challenges have in common while they wait: who may see one, what is told of it, and how a reply waits.

use std::time::Duration;

use axum::http::StatusCode;
use game_core::{ColorChoice, Player, UnixMillis};
use protocol::SeatView;
use protocol::http::{TicketReply, TicketStatus};
use store::{TICKET_WAITS, Terms, Ticket, TicketId, TicketState};
use tokio::time::{Instant, sleep_until};

use crate::clock::now;
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
    let is_challenge = ticket.pool.is_none();
    TicketReply {
        id: ticket.id.to_string(),
        status,
        match_id,
        declined,
        challenger: is_challenge.then(|| SeatView::from(&ticket.player)),
        color: is_challenge.then_some(ticket.color),
        opponent: ticket.opponent.clone(),
        expires_at: is_challenge.then(|| ends_at(ticket)),
        terms: terms::of_ticket(ticket),
    }
}

/// When a challenge expires, unless its player requests it again before.
pub(crate) fn ends_at(ticket: &Ticket) -> UnixMillis {
    let waits_ms = u64::try_from(TICKET_WAITS.as_millis()).unwrap_or(u64::MAX);
    let unless_seen = || UnixMillis(ticket.seen_at.0.saturating_add(waits_ms));
    ticket.expires_at.unwrap_or_else(unless_seen)
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

/// A challenge with a named opponent is refused to others; the challenger may always read it.
pub(crate) fn check_invited(ticket: &Ticket, player: &Player) -> Result<(), Problem> {
    match &ticket.opponent {
        Some(opponent) if *opponent != player.id && ticket.player.id != player.id => Err(
            Problem::new(Kind::NotInvited, "The challenge is for another player."),
        ),
        _ => Ok(()),
    }
}

impl Service {
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

    /// Withdraws a ticket or challenge for its owner.
    pub(crate) async fn cancel(
        &self,
        ticket: &Ticket,
        player: &Player,
    ) -> Result<StatusCode, Problem> {
        check_owner(ticket, player)?;
        if self.store.cancel_ticket(ticket.id).await? {
            self.wakers.wake(ticket.id);
            if ticket.pool.is_none() {
                self.tell_of_challenge(ticket).await;
            }
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
