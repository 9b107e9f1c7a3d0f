//! Tickets on Redis.

use async_trait::async_trait;
use game_core::UnixMillis;
use redis::{Cmd, Pipeline, Script, Value, cmd};

use super::{RedisStore, reply, script};
use crate::codec::{self, DecodeError};
use crate::contract::Tickets;
use crate::error::StoreError;
use crate::ticket::{
    Assignment, ENDED_KEPT, TICKET_WAITS, Ticket, TicketId, TicketState, WAITING_MAX, stays_since,
};

#[async_trait]
impl Tickets for RedisStore {
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let mut call = self.ticket_call(&self.scripts.ticket_put, ticket.id);
        call.arg(codec::encode_ticket(ticket).as_ref())
            .arg(ticket.seen_at.0)
            .arg(TICKET_WAITS.as_secs())
            .arg(ticket.pool.as_deref().unwrap_or_default())
            .arg(stays_since(ticket.seen_at).0);
        self.one(call).await.map(|_| ())
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        ticket(&self.one(read(self.keys.ticket(id).as_bytes())).await?)
    }

    /// Two steps; a ticket that stops waiting in between is left out. So is one that cannot be read, with a
    /// warning: it must not prevent the others from being paired.
    async fn waiting(&self, pool: &str) -> Result<Vec<Ticket>, StoreError> {
        let mut newest = cmd("ZRANGE");
        newest
            .arg(format!("{}{pool}", self.keys.pools()))
            .arg(0)
            .arg(WAITING_MAX - 1)
            .arg("REV");
        let names = self.one(newest).await?;
        let names = reply::all_bytes(&names)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(names.len());
        for name in names {
            pipeline.add_command(read(name));
        }
        let mut waiting = Vec::with_capacity(pipeline.len());
        for answer in self.control.run(&pipeline).await? {
            match ticket(&answer) {
                Ok(ticket) => waiting.extend(ticket.filter(|t| t.state == TicketState::Waiting)),
                Err(error) => tracing::warn!(%error, "a waiting ticket is skipped"),
            }
        }
        Ok(waiting)
    }

    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        let mut call = self.ticket_call(&self.scripts.ticket_touch, id);
        call.arg(now.0)
            .arg(TICKET_WAITS.as_secs())
            .arg(stays_since(now).0);
        self.one(call).await.map(|_| ())
    }

    async fn cancel_ticket(&self, id: TicketId) -> Result<bool, StoreError> {
        let mut call = self.ticket_call(&self.scripts.ticket_cancel, id);
        call.arg(ENDED_KEPT.as_secs());
        Ok(reply::parsed::<u8>(&self.one(call).await?)? == 1)
    }

    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        let pools = self.keys.pools();
        let names: Vec<String> = tickets.iter().map(|id| self.keys.ticket(*id)).collect();
        let keys: Vec<&str> = std::iter::once(&pools)
            .chain(&names)
            .map(String::as_str)
            .collect();
        let mut call = script::call(&self.scripts.ticket_assign, &keys);
        call.arg(assignment.match_id.as_str())
            .arg(codec::encode_assignment(assignment).as_ref())
            .arg(ENDED_KEPT.as_secs());
        Ok(reply::parsed::<u8>(&self.one_kept(call).await?)? == 1)
    }
}

impl RedisStore {
    /// The beginning of a call of a script for one ticket.
    fn ticket_call(&self, script: &Script, id: TicketId) -> Cmd {
        script::call(script, &[&self.keys.ticket(id), &self.keys.pools()])
    }
}

/// Reads the ticket under a key.
fn read(key: &[u8]) -> Cmd {
    let mut read = cmd("HMGET");
    read.arg(key).arg(&["body", "seen", "state", "assignment"]);
    read
}

/// A ticket from its parts: the body is its initial content, and the other fields its present state.
fn ticket(answer: &Value) -> Result<Option<Ticket>, StoreError> {
    let corrupt = |error: DecodeError| StoreError::Corrupt(format!("a ticket: {error}"));
    let [body, seen, state, assignment] = reply::array(answer)? else {
        return Err(reply::strange("a ticket"));
    };
    if *body == Value::Nil {
        return Ok(None);
    }
    let mut ticket = codec::decode_ticket(reply::bytes(body)?).map_err(corrupt)?;
    ticket.seen_at = UnixMillis(reply::parsed(seen)?);
    ticket.state = match reply::text(state)? {
        "waiting" => TicketState::Waiting,
        "cancelled" => TicketState::Cancelled,
        "assigned" => {
            let assignment = codec::decode_assignment(reply::bytes(assignment)?);
            TicketState::Assigned(assignment.map_err(corrupt)?)
        }
        _ => return Err(reply::strange("a ticket's state")),
    };
    Ok(Some(ticket))
}
