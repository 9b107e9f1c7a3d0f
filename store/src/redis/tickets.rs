//! Tickets on Redis.

use async_trait::async_trait;
use game_core::{DeclineReason, UnixMillis};
use redis::{Cmd, Pipeline, Script, Value, cmd};

use super::{RedisStore, reply, script};
use crate::codec::{self, DecodeError};
use crate::contract::Tickets;
use crate::error::StoreError;
use crate::ticket::{
    Assignment, ENDED_KEPT, POOLS_MAX, TICKET_WAITS, Ticket, TicketId, TicketList, TicketState,
    stays_since,
};

#[async_trait]
impl Tickets for RedisStore {
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let lists: Vec<String> = ticket.lists().iter().map(ToString::to_string).collect();
        let mut call = self.ticket_call(&self.scripts.ticket_put, ticket.id, true);
        call.arg(codec::encode_ticket(ticket).as_ref())
            .arg(ticket.seen_at.0)
            .arg(ticket.waits_until().saturating_sub(ticket.seen_at.0).max(1))
            .arg(ticket.waits_until())
            .arg(u8::from(ticket.expires_at.is_some()))
            .arg(ticket.pool.as_deref().unwrap_or_default())
            .arg(lists.join(" "))
            .arg(stays_since(ticket.seen_at).0);
        self.one(call).await.map(|_| ())
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        ticket(&self.one(read(self.keys.ticket(id).as_bytes())).await?)
    }

    /// Two steps; a ticket that stops waiting in between is left out. So is one that cannot be read, with a
    /// warning: it must not prevent the others from being paired.
    async fn waiting(&self, list: &TicketList, limit: usize) -> Result<Vec<Ticket>, StoreError> {
        let Some(last) = limit.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let mut newest = cmd("ZRANGE");
        newest.arg(self.keys.list(list)).arg(0).arg(last).arg("REV");
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

    async fn pools(
        &self,
        _now: UnixMillis,
        least: usize,
    ) -> Result<Vec<(Box<str>, usize)>, StoreError> {
        let keys = [&*self.keys.pools(), &*self.keys.tickets()];
        let mut call = script::call(&self.scripts.pools, &keys);
        call.arg(POOLS_MAX - 1).arg(least.max(1));
        let answer = self.one(call).await?;
        let (pairs, rest) = reply::array(&answer)?.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(reply::strange("a list of pools"));
        }
        pairs
            .iter()
            .map(|[pool, count]| Ok((reply::text(pool)?.into(), reply::parsed(count)?)))
            .collect()
    }

    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        let waits_ms = TICKET_WAITS.as_millis() as u64;
        let mut call = self.ticket_call(&self.scripts.ticket_touch, id, true);
        call.arg(now.0)
            .arg(waits_ms)
            .arg(now.0.saturating_add(waits_ms))
            .arg(stays_since(now).0);
        self.one(call).await.map(|_| ())
    }

    async fn end_ticket(&self, id: TicketId, end: &TicketState) -> Result<bool, StoreError> {
        let (state, reason) = match end {
            TicketState::Cancelled => (CANCELLED, ""),
            TicketState::Declined(reason) => (DECLINED, reason.code()),
            TicketState::Waiting | TicketState::Assigned(_) => {
                panic!("a wait that ends without a match")
            }
        };
        let mut call = self.ticket_call(&self.scripts.ticket_end, id, false);
        call.arg(state).arg(reason).arg(ENDED_KEPT.as_secs());
        Ok(reply::parsed::<u8>(&self.one(call).await?)? == 1)
    }

    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        let base = self.keys.tickets();
        let names: Vec<String> = tickets.iter().map(|id| self.keys.ticket(*id)).collect();
        let keys: Vec<&str> = std::iter::once(&base)
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

/// The stored words for states.
const WAITING: &str = "waiting";
const ASSIGNED: &str = "assigned";
const CANCELLED: &str = "cancelled";
const DECLINED: &str = "declined";

impl RedisStore {
    /// The beginning of a call of a script for one ticket, and for the list of pools beside it.
    fn ticket_call(&self, script: &Script, id: TicketId, with_pools: bool) -> Cmd {
        let (ticket, base, pools) = (self.keys.ticket(id), self.keys.tickets(), self.keys.pools());
        let keys = [&*ticket, &*base, &*pools];
        script::call(script, if with_pools { &keys } else { &keys[..2] })
    }
}

/// Reads the ticket under a key.
fn read(key: &[u8]) -> Cmd {
    let mut read = cmd("HMGET");
    read.arg(key)
        .arg(&["body", "seen", "state", "assignment", "reason"]);
    read
}

/// A ticket from its parts: the body is its initial content, and the other fields its present state.
fn ticket(answer: &Value) -> Result<Option<Ticket>, StoreError> {
    let corrupt = |error: DecodeError| StoreError::Corrupt(format!("a ticket: {error}"));
    let [body, seen, state, assignment, reason] = reply::array(answer)? else {
        return Err(reply::strange("a ticket"));
    };
    if *body == Value::Nil {
        return Ok(None);
    }
    let mut ticket = codec::decode_ticket(reply::bytes(body)?).map_err(corrupt)?;
    ticket.seen_at = UnixMillis(reply::parsed(seen)?);
    ticket.state = match reply::text(state)? {
        WAITING => TicketState::Waiting,
        CANCELLED => TicketState::Cancelled,
        DECLINED => {
            // A reason of a newer program is none in particular here.
            let reason = DeclineReason::from_code(reply::text(reason)?);
            TicketState::Declined(reason.unwrap_or_default())
        }
        ASSIGNED => {
            let assignment = codec::decode_assignment(reply::bytes(assignment)?);
            TicketState::Assigned(assignment.map_err(corrupt)?)
        }
        _ => return Err(reply::strange("a ticket's state")),
    };
    Ok(Some(ticket))
}
