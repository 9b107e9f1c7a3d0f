//! Admission of an endpoint's connections, as a plain structure: which are open, and which one is evicted.
//!
//! A connection that has shown a token or a certificate is an operator's. All others, probes among them, are
//! strangers', with a limit of their own: a new one is always admitted and evicts the oldest. So connections that
//! send nothing do not keep out a probe, which sends its request at once and is answered in a moment.

use std::collections::BTreeMap;
use std::net::IpAddr;

use settings::AddressGroup;

/// A connection, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionPlace(u64);

/// Upper bounds on open connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlaceLimits {
    /// Operators' connections.
    pub(crate) operators_max: usize,
    /// Strangers' connections.
    pub(crate) strangers_max: usize,
    /// Strangers' connections from one IP address (IPv6: from one /64).
    pub(crate) strangers_per_address_max: usize,
}

/// The open connections. `T` closes the connection of a stranger.
#[derive(Debug)]
pub(crate) struct Places<T> {
    limits: PlaceLimits,
    /// Oldest first.
    strangers: BTreeMap<ConnectionPlace, (AddressGroup, T)>,
    operators: usize,
    /// Number of connections admitted so far.
    came: u64,
}

impl<T> Places<T> {
    pub(crate) fn new(limits: PlaceLimits) -> Self {
        Self {
            limits,
            strangers: BTreeMap::new(),
            operators: 0,
            came: 0,
        }
    }

    /// Admits a connection: its place, and what closes the one that it evicts.
    pub(crate) fn enter(&mut self, from: IpAddr, close: T) -> (ConnectionPlace, Option<T>) {
        let group = AddressGroup::of(from);
        let gives_way = self.who_gives_way(group);
        let evicted = gives_way.and_then(|place| self.strangers.remove(&place));
        self.came += 1;
        let place = ConnectionPlace(self.came);
        self.strangers.insert(place, (group, close));
        (place, evicted.map(|(_, close)| close))
    }

    /// Makes a stranger an operator; `false` if there is no room for one more or it has been evicted, in which case
    /// it stays a stranger.
    pub(crate) fn become_operator(&mut self, place: ConnectionPlace) -> bool {
        let may = self.operators < self.limits.operators_max;
        let becomes = may && self.strangers.remove(&place).is_some();
        self.operators += usize::from(becomes);
        becomes
    }

    /// An operator's connection has ended.
    pub(crate) fn operator_left(&mut self) {
        self.operators -= 1;
    }

    /// A stranger's connection has ended.
    pub(crate) fn stranger_left(&mut self, place: ConnectionPlace) {
        self.strangers.remove(&place);
    }

    /// The stranger to evict: the oldest of this address if that is at its limit, else the oldest of the address with
    /// most connections if there is no room.
    fn who_gives_way(&self, group: AddressGroup) -> Option<ConnectionPlace> {
        let groups = || self.strangers.values().map(|&(group, _)| group);
        let count = |group| groups().filter(|&other| other == group).count();
        let oldest = |group| {
            let mut strangers = self.strangers.iter();
            let oldest = strangers.find(|(_, (other, _))| *other == group);
            oldest.map(|(&place, _)| place)
        };
        if count(group) >= self.limits.strangers_per_address_max {
            return oldest(group);
        }
        if self.strangers.len() < self.limits.strangers_max {
            return None;
        }
        groups().max_by_key(|&group| count(group)).and_then(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places<u32> {
        Places::new(PlaceLimits {
            operators_max: 2,
            strangers_max: 6,
            strangers_per_address_max: 4,
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_newcomer_is_let_in_and_the_longest_there_gives_way() {
        let mut places = places();
        // Who comes, from where, and who gives way: of one's own address first, else of the address that
        // has most.
        for (number, from, gives_way) in [
            (1, "192.0.2.1", None),
            (2, "192.0.2.1", None),
            (3, "192.0.2.1", None),
            (4, "192.0.2.1", None),
            (5, "192.0.2.1", Some(1)),
            (6, "192.0.2.2", None),
            (7, "192.0.2.3", None),
            (8, "192.0.2.4", Some(2)),
            (9, "192.0.2.1", Some(3)),
            (10, "::ffff:192.0.2.1", Some(4)),
        ] {
            assert_eq!(places.enter(ip(from), number).1, gives_way, "{number}");
        }
        let mut places = super::tests::places();
        for number in 0..20 {
            let from = format!("2001:db8::{number:x}");
            let evicted = places.enter(ip(&from), number).1;
            assert_eq!(evicted, number.checked_sub(4), "one /64 is one address");
        }
    }

    #[test]
    fn operators_have_places_of_their_own_and_give_way_to_nobody() {
        let mut places = places();
        let operators: Vec<_> = (0..3).map(|n| places.enter(ip("192.0.2.1"), n).0).collect();
        let let_in: Vec<_> = operators
            .iter()
            .map(|&place| places.become_operator(place))
            .collect();
        assert_eq!(let_in, [true, true, false]);
        // The third is a stranger still, and gives way to the fourth after it.
        for (number, gives_way) in [
            (10, None),
            (11, None),
            (12, None),
            (13, Some(2)),
            (14, Some(10)),
        ] {
            assert_eq!(
                places.enter(ip("192.0.2.1"), number).1,
                gives_way,
                "{number}"
            );
        }
        assert!(!places.become_operator(operators[2]), "it has given way");
        places.operator_left();
        let (place, _) = places.enter(ip("192.0.2.9"), 20);
        assert!(places.become_operator(place));
        places.operator_left();
        places.operator_left();
        let left: Vec<_> = places.strangers.keys().copied().collect();
        left.into_iter()
            .for_each(|place| places.stranger_left(place));
        assert_eq!((places.operators, places.strangers.len()), (0, 0));
    }
}
