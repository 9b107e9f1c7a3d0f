//! Tickets in the file.

use game_core::UnixMillis;
use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};

use super::tables::{SETTLED, TICKETS, WAITING};
use super::writer::Fault;
use crate::codec;
use crate::contract::StoreError;
use crate::ticket::{Assignment, SETTLED_KEPT, Ticket, TicketId, TicketState};

/// Old tickets removed when one is added: more than one, so that they become fewer.
const REMOVED_AT_ONCE: usize = 4;

pub(super) fn put(txn: &WriteTransaction, mut ticket: Ticket) -> Result<(), Fault> {
    let mut tickets = txn.open_table(TICKETS)?;
    let id = ticket.id.to_string();
    if tickets.get(id.as_str())?.is_some() {
        return Ok(());
    }
    ticket.state = TicketState::Waiting;
    tickets.insert(id.as_str(), codec::encode_ticket(&ticket).as_ref())?;
    if let Some(pool) = &ticket.pool {
        txn.open_table(WAITING)?
            .insert((pool.as_ref(), id.as_str()), ())?;
    }
    remove_old(txn, &mut tickets, ticket.created_at)
}

pub(super) fn ticket(txn: &ReadTransaction, id: TicketId) -> Result<Option<Ticket>, Fault> {
    read(&txn.open_table(TICKETS)?, &id.to_string())
}

/// One that cannot be read is left out, with a warning: it must not keep the others from being
/// paired.
pub(super) fn waiting(txn: &ReadTransaction, pool: &str) -> Result<Vec<Ticket>, Fault> {
    let tickets = txn.open_table(TICKETS)?;
    let mut waiting = Vec::new();
    // Above every id, whose characters are ASCII.
    for entry in txn
        .open_table(WAITING)?
        .range((pool, "")..(pool, "\u{7f}"))?
    {
        let (place, _) = entry?;
        match read(&tickets, place.value().1) {
            Ok(ticket) => waiting.extend(ticket),
            Err(Fault::Refused(error)) => {
                tracing::warn!(%error, "a waiting ticket is passed over");
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(waiting)
}

pub(super) fn touch(txn: &WriteTransaction, id: TicketId, now: UnixMillis) -> Result<(), Fault> {
    let mut tickets = txn.open_table(TICKETS)?;
    let id = id.to_string();
    if let Some(ticket) = read(&tickets, &id)?
        && ticket.state == TicketState::Waiting
    {
        let ticket = Ticket {
            seen_at: now,
            ..ticket
        };
        tickets.insert(id.as_str(), codec::encode_ticket(&ticket).as_ref())?;
    }
    Ok(())
}

pub(super) fn cancel(txn: &WriteTransaction, id: TicketId) -> Result<bool, Fault> {
    let mut tickets = txn.open_table(TICKETS)?;
    match read(&tickets, &id.to_string())? {
        Some(ticket) if ticket.state == TicketState::Waiting => {
            settle(txn, &mut tickets, ticket, TicketState::Cancelled)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

pub(super) fn assign(
    txn: &WriteTransaction,
    ids: &[TicketId],
    assignment: &Assignment,
) -> Result<bool, Fault> {
    let mut tickets = txn.open_table(TICKETS)?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        match read(&tickets, &id.to_string())? {
            Some(ticket) => found.push(ticket),
            None => return Ok(false),
        }
    }
    let given = |ticket: &Ticket| match &ticket.state {
        TicketState::Assigned(given) => given.match_id == assignment.match_id,
        TicketState::Waiting | TicketState::Cancelled => false,
    };
    if found.iter().all(given) {
        return Ok(true);
    }
    if found
        .iter()
        .any(|ticket| ticket.state != TicketState::Waiting)
    {
        return Ok(false);
    }
    for ticket in found {
        settle(
            txn,
            &mut tickets,
            ticket,
            TicketState::Assigned(assignment.clone()),
        )?;
    }
    Ok(true)
}

type Tickets<'txn> = Table<'txn, &'static str, &'static [u8]>;

/// Ends a ticket's wait.
fn settle(
    txn: &WriteTransaction,
    tickets: &mut Tickets<'_>,
    ticket: Ticket,
    state: TicketState,
) -> Result<(), Fault> {
    let ticket = Ticket { state, ..ticket };
    let id = ticket.id.to_string();
    tickets.insert(id.as_str(), codec::encode_ticket(&ticket).as_ref())?;
    if let Some(pool) = &ticket.pool {
        txn.open_table(WAITING)?
            .remove((pool.as_ref(), id.as_str()))?;
    }
    txn.open_table(SETTLED)?
        .insert((ticket.seen_at.0, id.as_str()), ())?;
    Ok(())
}

/// Removes some of the tickets that have been settled for long, by the clock of who makes tickets.
fn remove_old(
    txn: &WriteTransaction,
    tickets: &mut Tickets<'_>,
    now: UnixMillis,
) -> Result<(), Fault> {
    let kept_ms = SETTLED_KEPT.as_millis() as u64;
    let mut settled = txn.open_table(SETTLED)?;
    let old = settled
        .range(..(now.0.saturating_sub(kept_ms), ""))?
        .take(REMOVED_AT_ONCE)
        .map(|entry| entry.map(|(key, _)| (key.value().0, key.value().1.to_owned())))
        .collect::<Result<Vec<_>, _>>()?;
    for (seen_at, id) in old {
        settled.remove((seen_at, id.as_str()))?;
        tickets.remove(id.as_str())?;
    }
    Ok(())
}

fn read(
    tickets: &impl ReadableTable<&'static str, &'static [u8]>,
    id: &str,
) -> Result<Option<Ticket>, Fault> {
    let Some(bytes) = tickets.get(id)? else {
        return Ok(None);
    };
    let ticket = codec::decode_ticket(bytes.value())
        .map_err(|error| StoreError::Corrupt(format!("ticket {id}: {error}")))?;
    Ok(Some(ticket))
}
