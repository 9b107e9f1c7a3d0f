//! Requests for matches.

use async_trait::async_trait;
use game_core::UnixMillis;

use crate::error::StoreError;
use crate::ticket::{Assignment, Ticket, TicketId, TicketList, TicketState};

/// Players' requests for matches.
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Stores a new ticket, waiting. A ticket of the same id is left as it is. It is removed at its
    /// [`expires_at`](Ticket::expires_at) or, without that, once its player has not requested it for
    /// [`TICKET_WAITS`](crate::TICKET_WAITS); one that has a match by then, or whose wait has ended otherwise, an hour
    /// later.
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError>;

    /// Reads a ticket.
    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError>;

    /// The waiting tickets of a list, in no order: at most the `limit` last requested. A ticket that was not
    /// requested in the minute before another one of its pool was added or requested is not in the pool's list, until
    /// it is requested again.
    async fn waiting(&self, list: &TicketList, limit: usize) -> Result<Vec<Ticket>, StoreError>;

    /// The pools in which at least `least` tickets wait (1 or more), each with about how many do: of the 5,000 pools in
    /// which one was last added or requested. The number may include tickets that are not requested any more.
    async fn pools(
        &self,
        now: UnixMillis,
        least: usize,
    ) -> Result<Vec<(Box<str>, usize)>, StoreError>;

    /// Records that a waiting ticket's player requested it at `now`; no effect if it is not waiting.
    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError>;

    /// Ends a ticket's wait without a match, if it is waiting; returns whether it was.
    ///
    /// # Panics
    ///
    /// If `end` is [`TicketState::Waiting`] or [`TicketState::Assigned`].
    async fn end_ticket(&self, id: TicketId, end: &TicketState) -> Result<bool, StoreError>;

    /// Withdraws a ticket if it is waiting; returns whether it was.
    async fn cancel_ticket(&self, id: TicketId) -> Result<bool, StoreError> {
        self.end_ticket(id, &TicketState::Cancelled).await
    }

    /// Gives a match to all of these tickets, if every one of them is waiting; else changes nothing. Returns
    /// whether it did, also for a retransmission with the same match.
    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError>;
}
