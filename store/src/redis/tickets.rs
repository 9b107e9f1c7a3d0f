//! Tickets on Redis.

use game_core::UnixMillis;
use redis::{Cmd, Pipeline, Value, cmd};

use super::{RedisStore, reply, script};
use crate::codec::{self, DecodeError};
use crate::contract::StoreError;
use crate::ticket::{Assignment, SETTLED_KEPT, Ticket, TicketId, TicketState};

/// Tickets asked for in one pipeline, so that its answer stays below some hundred KB.
const CHUNK: usize = 500;
/// Between pool and ticket id; no pool's name holds it.
const SEPARATOR: char = '\0';

impl RedisStore {
    pub(super) async fn add_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let place = ticket
            .pool
            .as_deref()
            .map(|pool| format!("{pool}{SEPARATOR}{}", ticket.id));
        let keys = [self.keys.ticket(ticket.id), self.keys.waiting()];
        let mut call = script::call(
            &self.scripts.ticket_put,
            &keys.each_ref().map(String::as_str),
        );
        call.arg(codec::encode_ticket(ticket).as_ref())
            .arg(ticket.seen_at.0)
            .arg(place.unwrap_or_default());
        self.one(call).await.map(|_| ())
    }

    pub(super) async fn read_ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        ticket(&self.one(self.ticket_read(id)).await?)
    }

    /// Two steps; a ticket that stops waiting in between is left out. So is one that cannot be
    /// read, with a warning: it must not keep the others from being paired.
    pub(super) async fn read_waiting(&self, pool: &str) -> Result<Vec<Ticket>, StoreError> {
        let mut read = cmd("ZRANGE");
        read.arg(self.keys.waiting())
            .arg(format!("[{pool}{SEPARATOR}"))
            // The character after the separator: excluded, it ends the names that begin so.
            .arg(format!("({pool}\u{1}"))
            .arg("BYLEX");
        let places = self.one(read).await?;
        let ids = reply::array(&places)?
            .iter()
            .filter_map(|place| {
                reply::text(place)
                    .ok()?
                    .rsplit(SEPARATOR)
                    .next()?
                    .parse()
                    .ok()
            })
            .collect::<Vec<TicketId>>();
        let mut waiting = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let mut pipeline = Pipeline::with_capacity(chunk.len());
            for id in chunk {
                pipeline.add_command(self.ticket_read(*id));
            }
            for answer in self.control.run(&pipeline).await? {
                match ticket(&answer) {
                    Ok(ticket) => {
                        waiting.extend(ticket.filter(|t| t.state == TicketState::Waiting))
                    }
                    Err(error) => tracing::warn!(%error, "a waiting ticket is passed over"),
                }
            }
        }
        Ok(waiting)
    }

    pub(super) async fn note_seen(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        let mut call = script::call(&self.scripts.ticket_touch, &[&self.keys.ticket(id)]);
        call.arg(now.0);
        self.one(call).await.map(|_| ())
    }

    pub(super) async fn withdraw_ticket(&self, id: TicketId) -> Result<bool, StoreError> {
        let keys = [self.keys.ticket(id), self.keys.waiting()];
        let mut call = script::call(
            &self.scripts.ticket_cancel,
            &keys.each_ref().map(String::as_str),
        );
        call.arg(SETTLED_KEPT.as_secs());
        Ok(reply::parsed::<u8>(&self.one(call).await?)? == 1)
    }

    pub(super) async fn give_match(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        let waiting = self.keys.waiting();
        let names: Vec<String> = tickets.iter().map(|id| self.keys.ticket(*id)).collect();
        let keys: Vec<&str> = std::iter::once(&waiting)
            .chain(&names)
            .map(String::as_str)
            .collect();
        let mut call = script::call(&self.scripts.ticket_assign, &keys);
        call.arg(assignment.match_id.as_str())
            .arg(codec::encode_assignment(assignment).as_ref())
            .arg(SETTLED_KEPT.as_secs());
        Ok(reply::parsed::<u8>(&self.one(call).await?)? == 1)
    }

    fn ticket_read(&self, id: TicketId) -> Cmd {
        let mut read = cmd("HMGET");
        read.arg(self.keys.ticket(id))
            .arg(&["body", "seen", "state", "assignment"]);
        read
    }
}

/// A ticket from its parts: the body is what was put, the other fields what became of it.
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
