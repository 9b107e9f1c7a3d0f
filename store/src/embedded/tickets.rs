//! Tickets in the file.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::tables::{EXPIRIES, LISTS, POOLS, TICKETS};
use crate::codec;
use crate::contract::Tickets;
use crate::error::StoreError;
use crate::ticket::{
    Assignment, POOLS_MAX, Ticket, TicketId, TicketList, TicketState, stays_since,
};
use crate::wave::Paired;

/// Above every id, whose characters are ASCII.
const ID_END: &str = "\u{7f}";
/// Old entries that are removed when a ticket is added or requested: more than one, so that their number
/// falls.
const REMOVED_AT_ONCE: usize = 4;

#[async_trait]
impl Tickets for EmbeddedStore {
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let ticket = ticket.clone();
        self.writer.write(move |txn| put(txn, ticket)).await
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        self.writer.read(move |txn| ticket(txn, id)).await
    }

    async fn waiting(&self, list: &TicketList, limit: usize) -> Result<Vec<Ticket>, StoreError> {
        let list = list.clone();
        self.writer
            .read(move |txn| waiting(txn, &list, limit))
            .await
    }

    async fn pools(
        &self,
        now: UnixMillis,
        least: usize,
    ) -> Result<Vec<(Box<str>, usize)>, StoreError> {
        self.writer.read(move |txn| pools(txn, now, least)).await
    }

    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        self.writer.write(move |txn| touch(txn, id, now)).await
    }

    async fn end_ticket(&self, id: TicketId, end: &TicketState) -> Result<bool, StoreError> {
        assert!(
            matches!(end, TicketState::Cancelled | TicketState::Declined(_)),
            "a wait that ends without a match"
        );
        let end = end.clone();
        self.writer
            .write(move |txn| end_without(txn, id, end))
            .await
    }

    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        let (tickets, assignment) = (tickets.to_vec(), assignment.clone());
        self.writer
            .write(move |txn| assign(txn, &tickets, &assignment))
            .await
    }
}

fn put(txn: &WriteTransaction, mut ticket: Ticket) -> Result<(), WriteFault> {
    let mut tickets = txn.open_table(TICKETS)?;
    let id = ticket.id.to_string();
    if tickets.get(id.as_str())?.is_some() {
        return Ok(());
    }
    ticket.state = TicketState::Waiting;
    tickets.insert(id.as_str(), codec::encode_ticket(&ticket).as_ref())?;
    enter_lists(txn, &ticket)?;
    txn.open_table(EXPIRIES)?
        .insert((ticket.waits_until(), id.as_str()), ())?;
    remove_old(txn, &mut tickets, ticket.created_at, REMOVED_AT_ONCE)
}

/// Adds a ticket to its lists, and removes some from its pool that are no longer requested.
fn enter_lists(txn: &WriteTransaction, ticket: &Ticket) -> Result<(), WriteFault> {
    let id = ticket.id.to_string();
    let mut lists = txn.open_table(LISTS)?;
    for list in ticket.lists() {
        let list = list.to_string();
        lists.insert((list.as_str(), ticket.waits_until(), id.as_str()), ())?;
    }
    let Some(pool) = ticket.pool.as_deref() else {
        return Ok(());
    };
    let mut pools = txn.open_table(POOLS)?;
    pools.insert((pool, ticket.seen_at.0, id.as_str()), ())?;
    let left = pools
        .range((pool, 0, "")..(pool, stays_since(ticket.seen_at).0, ""))?
        .take(REMOVED_AT_ONCE)
        .map(|entry| entry.map(|(key, _)| (key.value().1, key.value().2.to_owned())))
        .collect::<Result<Vec<_>, _>>()?;
    for (seen_at, id) in left {
        pools.remove((pool, seen_at, id.as_str()))?;
    }
    Ok(())
}

/// Removes a ticket from the lists that it is in.
fn leave_lists(txn: &WriteTransaction, ticket: &Ticket) -> Result<(), WriteFault> {
    let id = ticket.id.to_string();
    let mut lists = txn.open_table(LISTS)?;
    for list in ticket.lists() {
        let list = list.to_string();
        lists.remove((list.as_str(), ticket.waits_until(), id.as_str()))?;
    }
    if let Some(pool) = ticket.pool.as_deref() {
        txn.open_table(POOLS)?
            .remove((pool, ticket.seen_at.0, id.as_str()))?;
    }
    Ok(())
}

fn ticket(txn: &ReadTransaction, id: TicketId) -> Result<Option<Ticket>, WriteFault> {
    read(&txn.open_table(TICKETS)?, &id.to_string())
}

/// One that cannot be read is left out, with a warning: it must not prevent the others from being paired.
fn waiting(
    txn: &ReadTransaction,
    list: &TicketList,
    limit: usize,
) -> Result<Vec<Ticket>, WriteFault> {
    // Both tables have the time of the newest entry last.
    let (name, table) = match list {
        TicketList::Pool(pool) => (pool.to_string(), txn.open_table(POOLS)?),
        list => (list.to_string(), txn.open_table(LISTS)?),
    };
    let tickets = txn.open_table(TICKETS)?;
    let mut waiting = Vec::new();
    let name = name.as_str();
    let newest_first = table.range((name, 0, "")..=(name, u64::MAX, ID_END))?.rev();
    for entry in newest_first.take(limit) {
        let (place, _) = entry?;
        match read(&tickets, place.value().2) {
            Ok(ticket) => waiting.extend(ticket),
            Err(WriteFault::Refused(error)) => {
                tracing::warn!(%error, "a waiting ticket is skipped");
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(waiting)
}

/// By one read for each pool, and one for each ticket in it.
fn pools(
    txn: &ReadTransaction,
    now: UnixMillis,
    least: usize,
) -> Result<Vec<(Box<str>, usize)>, WriteFault> {
    let table = txn.open_table(POOLS)?;
    let since = stays_since(now).0;
    let mut found: Vec<(Box<str>, usize)> = Vec::new();
    let mut after = String::new();
    for _ in 0..POOLS_MAX {
        let Some(entry) = table.range((after.as_str(), u64::MAX, ID_END)..)?.next() else {
            break;
        };
        after = entry?.0.value().0.to_owned();
        let pool = after.as_str();
        let here = table.range((pool, since, "")..=(pool, u64::MAX, ID_END))?;
        let count = here.count();
        if count >= least.max(1) {
            found.push((pool.into(), count));
        }
    }
    Ok(found)
}

fn touch(txn: &WriteTransaction, id: TicketId, now: UnixMillis) -> Result<(), WriteFault> {
    let mut tickets = txn.open_table(TICKETS)?;
    let id = id.to_string();
    if let Some(ticket) = read(&tickets, &id)?
        && ticket.state == TicketState::Waiting
    {
        leave_lists(txn, &ticket)?;
        let mut expiries = txn.open_table(EXPIRIES)?;
        expiries.remove((ticket.waits_until(), id.as_str()))?;
        let ticket = Ticket {
            seen_at: now,
            ..ticket
        };
        expiries.insert((ticket.waits_until(), id.as_str()), ())?;
        tickets.insert(id.as_str(), codec::encode_ticket(&ticket).as_ref())?;
        enter_lists(txn, &ticket)?;
    }
    Ok(())
}

fn end_without(txn: &WriteTransaction, id: TicketId, end: TicketState) -> Result<bool, WriteFault> {
    let mut tickets = txn.open_table(TICKETS)?;
    match read(&tickets, &id.to_string())? {
        Some(ticket) if ticket.state == TicketState::Waiting => {
            end_wait(txn, &mut tickets, ticket, end)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn assign(
    txn: &WriteTransaction,
    ids: &[TicketId],
    assignment: &Assignment,
) -> Result<bool, WriteFault> {
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
        TicketState::Waiting | TicketState::Cancelled | TicketState::Declined(_) => false,
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
        end_wait(
            txn,
            &mut tickets,
            ticket,
            TicketState::Assigned(assignment.clone()),
        )?;
    }
    Ok(true)
}

/// Gives a match to two tickets, if the wave that it is from `is_held`, and withdraws the other tickets that the players
/// have waiting in pools.
pub(super) fn assign_pair(
    txn: &WriteTransaction,
    pair: [TicketId; 2],
    assignment: &Assignment,
    is_held: impl FnOnce() -> bool,
) -> Result<Paired, WriteFault> {
    let already = {
        let tickets = txn.open_table(TICKETS)?;
        let mut given = true;
        for id in pair {
            let found = read(&tickets, &id.to_string())?;
            given &= matches!(
                found.map(|ticket| ticket.state),
                Some(TicketState::Assigned(has)) if has.match_id == assignment.match_id
            );
        }
        given
    };
    if already {
        return Ok(Paired::Done);
    }
    if !is_held() {
        return Ok(Paired::Fenced);
    }
    if !assign(txn, &pair, assignment)? {
        return Ok(Paired::Taken);
    }
    for player in [&assignment.players.white.id, &assignment.players.black.id] {
        withdraw_others(txn, player)?;
    }
    Ok(Paired::Done)
}

/// Withdraws all tickets that a player has waiting in pools.
fn withdraw_others(txn: &WriteTransaction, player: &PlayerId) -> Result<(), WriteFault> {
    let list = TicketList::By(player.clone()).to_string();
    let ids = txn
        .open_table(LISTS)?
        .range((list.as_str(), 0, "")..=(list.as_str(), u64::MAX, ID_END))?
        .map(|entry| entry.map(|(key, _)| key.value().2.to_owned()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut tickets = txn.open_table(TICKETS)?;
    for id in ids {
        match read(&tickets, &id) {
            Ok(Some(ticket)) if ticket.pool.is_some() && ticket.state == TicketState::Waiting => {
                end_wait(txn, &mut tickets, ticket, TicketState::Cancelled)?;
            }
            Ok(_) | Err(WriteFault::Refused(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

pub(super) type TicketTable<'txn> = Table<'txn, &'static str, &'static [u8]>;

/// Ends a ticket's wait.
fn end_wait(
    txn: &WriteTransaction,
    tickets: &mut TicketTable<'_>,
    ticket: Ticket,
    state: TicketState,
) -> Result<(), WriteFault> {
    let ticket = Ticket { state, ..ticket };
    let id = ticket.id.to_string();
    tickets.insert(id.as_str(), codec::encode_ticket(&ticket).as_ref())?;
    leave_lists(txn, &ticket)?;
    let mut expiries = txn.open_table(EXPIRIES)?;
    expiries.remove((ticket.waits_until(), id.as_str()))?;
    expiries.insert((ticket.kept_until(), id.as_str()), ())?;
    Ok(())
}

/// Whether there are expired tickets.
pub(super) fn has_old(txn: &WriteTransaction, now: UnixMillis) -> Result<bool, WriteFault> {
    let expiries = txn.open_table(EXPIRIES)?;
    let oldest = expiries.first()?.map(|(key, _)| key.value().0);
    Ok(oldest.is_some_and(|expires_at| expires_at < now.0))
}

/// Removes some of the expired tickets, by the clock of the caller that creates tickets.
pub(super) fn remove_old(
    txn: &WriteTransaction,
    tickets: &mut TicketTable<'_>,
    now: UnixMillis,
    limit: usize,
) -> Result<(), WriteFault> {
    let mut expiries = txn.open_table(EXPIRIES)?;
    let old = expiries
        .range(..(now.0, ""))?
        .take(limit)
        .map(|entry| entry.map(|(key, _)| (key.value().0, key.value().1.to_owned())))
        .collect::<Result<Vec<_>, _>>()?;
    for (expires_at, id) in old {
        match read(tickets, &id) {
            Ok(Some(ticket)) => leave_lists(txn, &ticket)?,
            // The pool of an unreadable ticket is unknown.
            Ok(None) | Err(WriteFault::Refused(_)) => {}
            Err(fault) => return Err(fault),
        }
        expiries.remove((expires_at, id.as_str()))?;
        tickets.remove(id.as_str())?;
    }
    Ok(())
}

fn read(
    tickets: &impl ReadableTable<&'static str, &'static [u8]>,
    id: &str,
) -> Result<Option<Ticket>, WriteFault> {
    let Some(bytes) = tickets.get(id)? else {
        return Ok(None);
    };
    let ticket = codec::decode_ticket(bytes.value())
        .map_err(|error| StoreError::Corrupt(format!("ticket {id}: {error}")))?;
    Ok(Some(ticket))
}
