//! The tickets of the model.

use std::collections::{BTreeSet, HashMap};

use game_core::{PlayerId, UnixMillis};

use crate::ticket::{
    Assignment, POOLS_MAX, Ticket, TicketId, TicketList, TicketState, stays_since,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Tickets {
    by_id: HashMap<TicketId, Ticket>,
    /// Waiting tickets: pool, time of the last request, and id.
    pools: BTreeSet<(Box<str>, UnixMillis, TicketId)>,
    /// Waiting tickets of the other lists: list, when the ticket expires, and id.
    lists: BTreeSet<(String, u64, TicketId)>,
    /// From when on a ticket may be removed.
    expiries: BTreeSet<(u64, TicketId)>,
}

impl Tickets {
    pub(super) fn put(&mut self, ticket: &Ticket) {
        if self.by_id.contains_key(&ticket.id) {
            return;
        }
        let ticket = Ticket {
            state: TicketState::Waiting,
            ..ticket.clone()
        };
        self.enter_lists(&ticket);
        self.expiries.insert((ticket.waits_until(), ticket.id));
        let now = ticket.created_at;
        self.by_id.insert(ticket.id, ticket);
        self.remove_old(now);
    }

    /// Adds a ticket to its lists, and removes those from its pool that are no longer requested.
    fn enter_lists(&mut self, ticket: &Ticket) {
        for list in ticket.lists() {
            self.lists
                .insert((list.to_string(), ticket.waits_until(), ticket.id));
        }
        let Some(pool) = &ticket.pool else { return };
        self.pools.insert((pool.clone(), ticket.seen_at, ticket.id));
        let stays_since = stays_since(ticket.seen_at);
        self.pools
            .retain(|(other, seen_at, _)| other != pool || *seen_at >= stays_since);
    }

    fn leave_lists(&mut self, ticket: &Ticket) {
        for list in ticket.lists() {
            self.lists
                .remove(&(list.to_string(), ticket.waits_until(), ticket.id));
        }
        if let Some(pool) = &ticket.pool {
            self.pools
                .remove(&(pool.clone(), ticket.seen_at, ticket.id));
        }
    }

    pub(super) fn get(&self, id: TicketId) -> Option<Ticket> {
        self.by_id.get(&id).cloned()
    }

    pub(super) fn waiting(&self, list: &TicketList, limit: usize) -> Vec<Ticket> {
        let ids: Vec<TicketId> = match list {
            TicketList::Pool(pool) => {
                let newest_first = self.pools.iter().rev().filter(|(of, ..)| of == pool);
                newest_first.map(|(.., id)| *id).take(limit).collect()
            }
            list => {
                let list = list.to_string();
                let newest_first = self.lists.iter().rev().filter(|(of, ..)| *of == list);
                newest_first.map(|(.., id)| *id).take(limit).collect()
            }
        };
        let tickets = ids.iter().filter_map(|id| self.by_id.get(id));
        tickets.cloned().collect()
    }

    pub(super) fn pools(&self, now: UnixMillis, least: usize) -> Vec<(Box<str>, usize)> {
        let since = stays_since(now);
        let mut pools: Vec<(Box<str>, usize)> = Vec::new();
        for (pool, seen_at, _) in &self.pools {
            if *seen_at < since {
                continue;
            }
            match pools.last_mut() {
                Some((last, count)) if last == pool => *count += 1,
                _ => pools.push((pool.clone(), 1)),
            }
        }
        pools.retain(|(_, count)| *count >= least);
        pools.truncate(POOLS_MAX);
        pools
    }

    /// Withdraws all tickets that a player has waiting in pools.
    pub(super) fn withdraw_others(&mut self, player: &PlayerId) {
        let theirs = TicketList::By(player.clone());
        for ticket in self.waiting(&theirs, usize::MAX) {
            if ticket.pool.is_some() {
                self.end_wait(ticket.id, TicketState::Cancelled);
            }
        }
    }

    /// Whether all of these tickets have the match.
    pub(super) fn are_given(&self, ids: &[TicketId], assignment: &Assignment) -> bool {
        ids.iter()
            .all(|id| match self.by_id.get(id).map(|ticket| &ticket.state) {
                Some(TicketState::Assigned(given)) => given.match_id == assignment.match_id,
                _ => false,
            })
    }

    pub(super) fn touch(&mut self, id: TicketId, now: UnixMillis) {
        let Some(ticket) = self.waiting_ticket(id).cloned() else {
            return;
        };
        self.leave_lists(&ticket);
        self.expiries.remove(&(ticket.waits_until(), id));
        let ticket = Ticket {
            seen_at: now,
            ..ticket
        };
        self.expiries.insert((ticket.waits_until(), id));
        self.enter_lists(&ticket);
        self.by_id.insert(id, ticket);
    }

    pub(super) fn assign(&mut self, ids: &[TicketId], assignment: &Assignment) -> bool {
        if self.are_given(ids, assignment) {
            return true;
        }
        if !ids.iter().all(|id| self.waiting_ticket(*id).is_some()) {
            return false;
        }
        for id in ids {
            self.end_wait(*id, TicketState::Assigned(assignment.clone()));
        }
        true
    }

    /// Ends a ticket's wait; returns whether it was waiting.
    pub(super) fn end_wait(&mut self, id: TicketId, state: TicketState) -> bool {
        let Some(ticket) = self.waiting_ticket(id).cloned() else {
            return false;
        };
        self.leave_lists(&ticket);
        self.expiries.remove(&(ticket.waits_until(), id));
        self.expiries.insert((ticket.kept_until(), id));
        self.by_id.insert(id, Ticket { state, ..ticket });
        true
    }

    fn waiting_ticket(&self, id: TicketId) -> Option<&Ticket> {
        let ticket = self.by_id.get(&id);
        ticket.filter(|ticket| ticket.state == TicketState::Waiting)
    }

    /// Removes the expired tickets, by the clock of the caller that creates tickets.
    pub(super) fn remove_old(&mut self, now: UnixMillis) {
        while let Some(&(expires_at, id)) = self.expiries.first()
            && expires_at < now.0
        {
            self.expiries.pop_first();
            if let Some(ticket) = self.by_id.remove(&id) {
                self.leave_lists(&ticket);
            }
        }
    }
}
