//! Admission of connections: limits in total and by address, proof of address under load, and the order of
//! service. A plain state machine: addresses and the time are arguments, and decisions are returned.
//!
//! A handshake costs its sender one packet and occupies a slot here for seconds. So that no address occupies
//! all slots, the address with the fewest handshakes in progress is served first; a share of each kind of
//! slot is reserved for addresses that have none or few; and under load an address must prove itself before
//! it occupies a slot (RFC 9000 section 8.1.2).

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use settings::AddressGroup;

use crate::NetLimits;

/// Divisor of the share of connections, handshakes and waiting attempts that is reserved for addresses that
/// have none or few.
const KEPT_SHARE: usize = 4;
/// Divisor of the part of the remaining reserve that one address may use, so that members of a club who
/// arrive together are not admitted one by one.
const FEW_SHARE: usize = 8;

/// Whether an address has proven that it receives what is sent to it. Proven ones are served first: anybody
/// can forge an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    Given,
    Missing,
}

/// An admitted connection, from the beginning of its handshake on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionPlace(u64);

/// What happens to an attempt that may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// It is refused, because the limits are reached.
    Away,
    /// It must come back with a proof of its address.
    Back,
}

/// Counts connections, handshakes and waiting attempts. `T` is the payload with which an attempt is
/// continued.
#[derive(Debug)]
pub(crate) struct Door<T> {
    limits: Arc<NetLimits>,
    origins: HashMap<Origin, Held>,
    /// Attempts that wait, oldest first.
    waiting: BTreeMap<u64, Attempt<T>>,
    /// By proof, one entry for each origin that has attempts waiting; the first is served first.
    order: [BTreeSet<ServiceOrder>; 2],
    inside: HashMap<ConnectionPlace, Origin>,
    /// Handshakes in progress, by proof, oldest first.
    handshakes: [BTreeMap<ConnectionPlace, Handshake>; 2],
    /// Attempts so far.
    attempts: u64,
    /// Connections admitted so far.
    admitted: u64,
}

#[derive(Debug)]
struct Attempt<T> {
    origin: Origin,
    proof: Proof,
    came_at: Duration,
    payload: T,
}

/// The origin of peers that share the limits of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Origin {
    group: AddressGroup,
    /// It is exempt from the limits per address.
    exempt: bool,
}

#[derive(Debug, Clone, Copy)]
struct Handshake {
    origin: Origin,
    began_at: Duration,
}

/// The connections, handshakes and attempts of one origin.
#[derive(Debug, Default)]
struct Held {
    connections: usize,
    /// Handshakes in progress, by proof: those that others begin with its forged address do not delay its
    /// own.
    handshakes: [usize; 2],
    /// Numbers of its attempts that wait, by proof.
    waiting: [VecDeque<u64>; 2],
    /// The number of its newest admission.
    served: u64,
}

/// The order of service, which is the order of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ServiceOrder {
    handshakes: usize,
    served: u64,
    origin: Origin,
}

/// Whether an origin that holds `held` of `max` slots may have one more.
fn has_room(taken: usize, max: usize, held: usize) -> bool {
    let left = max.saturating_sub(taken);
    left > max / KEPT_SHARE || held * FEW_SHARE < left
}

impl<T> Door<T> {
    pub(crate) fn new(limits: Arc<NetLimits>) -> Self {
        Self {
            limits,
            origins: HashMap::new(),
            waiting: BTreeMap::new(),
            order: [BTreeSet::new(), BTreeSet::new()],
            inside: HashMap::new(),
            handshakes: [BTreeMap::new(), BTreeMap::new()],
            attempts: 0,
            admitted: 0,
        }
    }

    /// An attempt to connect: it is queued, or returned.
    ///
    /// # Errors
    ///
    /// The payload, and what to do with it.
    pub(crate) fn knock(
        &mut self,
        from: IpAddr,
        proof: Proof,
        payload: T,
        now: Duration,
    ) -> Result<(), (T, Turned)> {
        // This comes first: nothing else may be decided by an address that could be forged.
        if proof == Proof::Missing && self.is_loaded() {
            return Err((payload, Turned::Back));
        }
        let origin = Origin {
            group: AddressGroup::of(from),
            exempt: self.limits.exempt.contains(from),
        };
        if !self.may_wait(origin) {
            return Err((payload, Turned::Away));
        }
        self.attempts += 1;
        let number = self.attempts;
        let attempt = Attempt {
            origin,
            proof,
            came_at: now,
            payload,
        };
        self.waiting.insert(number, attempt);
        self.change(origin, |held| {
            held.waiting[proof as usize].push_back(number)
        });
        Ok(())
    }

    /// Admits the next attempt in the order of service, if the limits allow its handshake.
    pub(crate) fn open(&mut self, now: Duration) -> Option<(ConnectionPlace, T)> {
        let (proof, rank) = [Proof::Given, Proof::Missing]
            .into_iter()
            .filter_map(|proof| Some((proof, self.order[proof as usize].first()?)))
            .find(|(_, rank)| self.may_begin(rank))?;
        let origin = rank.origin;
        let number = *self.origins.get(&origin)?.waiting[proof as usize].front()?;
        let payload = self.waiting.remove(&number)?.payload;
        self.admitted += 1;
        let place = ConnectionPlace(self.admitted);
        self.change(origin, |held| {
            held.waiting[proof as usize].pop_front();
            held.handshakes[proof as usize] += 1;
            held.connections += 1;
            held.served = place.0;
        });
        let handshake = Handshake {
            origin,
            began_at: now,
        };
        self.inside.insert(place, origin);
        self.handshakes[proof as usize].insert(place, handshake);
        Some((place, payload))
    }

    /// A handshake has ended, successfully or not.
    pub(crate) fn handshake_done(&mut self, place: ConnectionPlace) {
        for proof in [Proof::Given, Proof::Missing] {
            if let Some(done) = self.handshakes[proof as usize].remove(&place) {
                self.change(done.origin, |held| held.handshakes[proof as usize] -= 1);
            }
        }
    }

    /// A connection is gone.
    pub(crate) fn left(&mut self, place: ConnectionPlace) {
        self.handshake_done(place);
        if let Some(origin) = self.inside.remove(&place) {
            self.change(origin, |held| held.connections -= 1);
        }
    }

    /// Handshakes that take too long: each is returned once, and no longer occupies a slot.
    pub(crate) fn overdue(&mut self, now: Duration) -> Vec<ConnectionPlace> {
        let mut overdue = Vec::new();
        for proof in [Proof::Given, Proof::Missing] {
            let deadline = self.handshake_deadline(proof);
            while let Some((&place, oldest)) = self.handshakes[proof as usize].first_key_value()
                && oldest.began_at + deadline <= now
            {
                overdue.push(place);
                self.handshake_done(place);
            }
        }
        overdue
    }

    /// An attempt that has waited for too long.
    pub(crate) fn forgotten(&mut self, now: Duration) -> Option<T> {
        let oldest = self.waiting.first_entry()?;
        if oldest.get().came_at + self.limits.attempt_age_max > now {
            return None;
        }
        let Attempt {
            origin,
            proof,
            payload,
            ..
        } = oldest.remove();
        // The oldest of all is the oldest of its origin.
        self.change(origin, |held| {
            held.waiting[proof as usize].pop_front();
        });
        Some(payload)
    }

    /// When [`Door::overdue`] and [`Door::forgotten`] next return something, if nothing happens before.
    pub(crate) fn next_look(&self) -> Option<Duration> {
        let handshakes = [Proof::Given, Proof::Missing]
            .into_iter()
            .filter_map(|proof| {
                let (_, oldest) = self.handshakes[proof as usize].first_key_value()?;
                Some(oldest.began_at + self.handshake_deadline(proof))
            });
        let attempt = self.waiting.first_key_value();
        let attempt = attempt.map(|(_, oldest)| oldest.came_at + self.limits.attempt_age_max);
        handshakes.chain(attempt).min()
    }

    /// Connections, those in their handshake included.
    pub(crate) fn connections(&self) -> usize {
        self.inside.len()
    }

    /// Admits no more; returns the attempts that were waiting.
    pub(crate) fn close(self) -> impl Iterator<Item = T> {
        self.waiting.into_values().map(|attempt| attempt.payload)
    }

    // ---- parts ---------------------------------------------------------------------------------

    fn under_way(&self) -> usize {
        self.handshakes.iter().map(BTreeMap::len).sum()
    }

    /// Whether addresses must prove themselves before they occupy a slot.
    fn is_loaded(&self) -> bool {
        self.under_way() + self.waiting.len() >= self.limits.validate_from
    }

    fn handshake_deadline(&self, proof: Proof) -> Duration {
        if proof == Proof::Missing && self.is_loaded() {
            self.limits.unproven_handshake_deadline
        } else {
            self.limits.handshake_deadline
        }
    }

    fn may_wait(&self, origin: Origin) -> bool {
        let NetLimits {
            connections_max,
            connections_per_address_max,
            attempts_waiting_max,
            ..
        } = *self.limits;
        let held = self.origins.get(&origin).filter(|_| !origin.exempt);
        let waiting = held.map_or(0, |held| held.waiting.iter().map(VecDeque::len).sum());
        let coming = waiting + held.map_or(0, |held| held.connections);
        // If one address may have all connections, nothing is reserved.
        let shared = if connections_per_address_max < connections_max {
            coming
        } else {
            0
        };
        let all = self.inside.len() + self.waiting.len();
        coming < connections_per_address_max
            && has_room(all, connections_max, shared)
            && has_room(self.waiting.len(), attempts_waiting_max, waiting)
    }

    fn may_begin(&self, rank: &ServiceOrder) -> bool {
        rank.handshakes < self.limits.handshakes_per_address_max
            && has_room(
                self.under_way(),
                self.limits.handshakes_max,
                rank.handshakes,
            )
    }

    /// Changes the counts of an origin, and its position in the order of service.
    fn change(&mut self, origin: Origin, change: impl FnOnce(&mut Held)) {
        let held = self.origins.entry(origin).or_default();
        for proof in [Proof::Given, Proof::Missing] {
            if let Some(rank) = held.rank(origin, proof) {
                self.order[proof as usize].remove(&rank);
            }
        }
        change(held);
        for proof in [Proof::Given, Proof::Missing] {
            self.order[proof as usize].extend(held.rank(origin, proof));
        }
        if held.is_empty() {
            self.origins.remove(&origin);
        }
    }
}

impl Held {
    /// Its entry in the order of service of a proof.
    fn rank(&self, origin: Origin, proof: Proof) -> Option<ServiceOrder> {
        let handshakes = self.handshakes[proof as usize];
        let waits = !self.waiting[proof as usize].is_empty();
        waits.then_some(ServiceOrder {
            handshakes: if origin.exempt { 0 } else { handshakes },
            served: self.served,
            origin,
        })
    }

    fn is_empty(&self) -> bool {
        self.connections == 0 && self.waiting.iter().all(VecDeque::is_empty)
    }
}

#[cfg(test)]
mod tests;
