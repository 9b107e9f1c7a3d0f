//! Requests for matches.

use async_trait::async_trait;
use game_core::UnixMillis;

use crate::error::StoreError;
use crate::ticket::{Assignment, Ticket, TicketId};

/// Players' requests for matches.
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Stores a new ticket, waiting. A ticket of the same id is left as it is. It is removed once its player
    /// has not requested it for [`TICKET_WAITS`](crate::TICKET_WAITS); one that has a match by then, or was
    /// cancelled, an hour later.
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError>;

    /// Reads a ticket.
    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError>;

    /// The waiting tickets of a pool, in no order: at most the 200 last requested. A ticket that was not
    /// requested in the minute before another one was added or requested is not among them, until it is
    /// requested again.
    async fn waiting(&self, pool: &str) -> Result<Vec<Ticket>, StoreError>;

    /// Records that a waiting ticket's player requested it at `now`; no effect if it is not waiting.
    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError>;

    /// Withdraws a ticket if it is waiting; returns whether it was.
    async fn cancel_ticket(&self, id: TicketId) -> Result<bool, StoreError>;

    /// Gives a match to all of these tickets, if every one of them is waiting; else changes nothing. Returns
    /// whether it did, also for a retransmission with the same match.
    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError>;
}
