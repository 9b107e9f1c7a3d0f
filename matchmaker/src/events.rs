//! A ticket or challenge as it changes: looked at once, or followed as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream};
use game_core::Player;
use protocol::http::TicketReply;
use store::{Ticket, TicketId, TicketState};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::limits::{EVENTS_ALIVE, EVENTS_FOR};
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::waiting::{check_invited, check_owner, reply, waits_until};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A ticket of a pool.
    Pool,
    /// A challenge.
    Challenge,
}

/// Who follows what.
#[derive(Debug, Clone)]
pub(crate) struct Follow {
    pub(crate) of: Of,
    pub(crate) id: TicketId,
    pub(crate) player: Player,
}

impl Service {
    /// Reads a ticket or challenge for a player, and creates its match if that is missing. It counts as a sign of life
    /// if it is the player's own.
    pub(crate) async fn look_at(
        &self,
        of: Of,
        id: TicketId,
        player: &Player,
        touched: &mut Option<Instant>,
    ) -> Result<Ticket, Problem> {
        let ticket = match of {
            Of::Pool => {
                let ticket = self.pool_ticket(id).await?;
                check_owner(&ticket, player)?;
                ticket
            }
            Of::Challenge => {
                let ticket = self.challenge(id).await?;
                check_invited(&ticket, player)?;
                ticket
            }
        };
        if ticket.player.id == player.id {
            self.touch(&ticket, touched).await?;
        }
        if let TicketState::Assigned(assignment) = &ticket.state {
            self.ensure_match(&ticket, assignment).await?;
        }
        Ok(ticket)
    }
}

/// One stream of events.
struct Following {
    service: Arc<Service>,
    follow: Follow,
    touched: Option<Instant>,
    /// What was told last.
    told: Option<TicketReply>,
    /// What is told next without another look: of the first look, which may be refused as any request.
    next: Option<Ticket>,
    ends_at: Instant,
    _place: OwnedSemaphorePermit,
}

/// Whether a reply tells of a change. Its maker's looks put the expiry of a challenge off, which alone is none.
fn is_news(told: &TicketReply, reply: &TicketReply) -> bool {
    let told = TicketReply {
        expires_at: reply.expires_at,
        ..told.clone()
    };
    told != *reply
}

/// The events of a ticket: one at once and one after each change, until it does not wait any more.
pub(crate) async fn stream(
    service: Arc<Service>,
    follow: Follow,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Ok(place) = service.streams.clone().try_acquire_owned() else {
        let detail = "As many streams as may be are open. Ask for the ticket itself.";
        return Err(Problem::new(Kind::Overloaded, detail));
    };
    let mut touched = None;
    let Follow { of, id, ref player } = follow;
    let first = service.look_at(of, id, player, &mut touched).await?;
    let following = Following {
        service,
        follow,
        touched,
        told: None,
        next: Some(first),
        ends_at: Instant::now() + EVENTS_FOR,
        _place: place,
    };
    let events = stream::unfold(following, |mut following| async move {
        let event = following.event().await?;
        Some((Ok(event), following))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(EVENTS_ALIVE)))
}

impl Following {
    /// The next event; `None` if there is none any more, or the client should ask again.
    async fn event(&mut self) -> Option<Event> {
        if self.told.as_ref().is_some_and(is_final) {
            return None;
        }
        let Follow { of, id, player } = self.follow.clone();
        let service = self.service.clone();
        // A change before the first look is seen by that.
        let left = self.ends_at.saturating_duration_since(Instant::now());
        let mut waits = waits_until(&service, id, left);
        loop {
            let ticket = match self.next.take() {
                Some(ticket) => ticket,
                None => service
                    .look_at(of, id, &player, &mut self.touched)
                    .await
                    .ok()?,
            };
            let reply = reply(&ticket);
            if self.told.as_ref().is_none_or(|told| is_news(told, &reply)) {
                let event = Event::default().event("ticket").json_data(&reply).ok();
                self.told = Some(reply);
                return event;
            }
            if !waits.again().await {
                return None;
            }
        }
    }
}

fn is_final(reply: &TicketReply) -> bool {
    reply.status != protocol::http::TicketStatus::Waiting
}
