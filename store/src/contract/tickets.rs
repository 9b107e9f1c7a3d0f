//! Requests for matches.

use async_trait::async_trait;
use game_core::UnixMillis;

use crate::error::StoreError;
use crate::ticket::{Assignment, Ticket, TicketId};

/// Players' requests for matches.
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Stores a new ticket, waiting. A ticket of the same id is left as it is. It is removed once it was
    /// not asked for during [`TICKET_WAITS`](crate::TICKET_WAITS); one that has a match by then, or was
    /// cancelled, an hour later.
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError>;

    /// Reads a ticket.
    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError>;

    /// The waiting tickets of a pool, in no order: of very many, the 200 last asked for. A ticket
    /// that was not asked for in the minute before another one was put there or asked for is not
    /// among them, until it is asked for again.
    async fn waiting(&self, pool: &str) -> Result<Vec<Ticket>, StoreError>;

    /// Notes that a waiting ticket's player asked for it at `now`; nothing if it does not wait.
    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError>;

    /// Withdraws a ticket if it is waiting; says whether it was.
    async fn cancel_ticket(&self, id: TicketId) -> Result<bool, StoreError>;

    /// Gives a match to all of these tickets, if every one of them is waiting; else changes
    /// nothing. Says whether it did; a repetition with the same match says so too.
    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError>;
}
