//! Admission of connections: a limit in all, one for each address, and a reserve for probes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use settings::AddressGroup;

/// Upper bound on connections beyond all others, for probes: an orchestrator restarts a process that does not
/// answer them. Each is open for seconds only.
pub(crate) const RESERVED_MAX: usize = 64;
/// Upper bound on those of one address: an orchestrator sends one or two probes at once.
const RESERVED_PER_ADDRESS_MAX: usize = 2;
/// No address has more than one in this many of all connections.
const SHARE: usize = 4;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All requests.
    Usual,
    /// Probes alone.
    Reserved,
}

/// The open connections.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    per_address_max: usize,
    usual: Count,
    reserved: Count,
}

#[derive(Debug, Default)]
struct Count {
    all: usize,
    by_address: HashMap<AddressGroup, usize>,
}

impl Count {
    fn of(&self, address: AddressGroup) -> usize {
        self.by_address.get(&address).copied().unwrap_or_default()
    }

    fn add(&mut self, address: AddressGroup) {
        self.all += 1;
        *self.by_address.entry(address).or_default() += 1;
    }

    fn remove(&mut self, address: AddressGroup) {
        self.all -= 1;
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

impl Places {
    /// `max` connections, and `per_address_max` for one address, but no more than a quarter of all.
    pub(crate) fn new(max: usize, per_address_max: usize) -> Self {
        Self {
            max,
            per_address_max: per_address_max.min(max / SHARE).max(1),
            usual: Count::default(),
            reserved: Count::default(),
        }
    }

    /// A place for one more connection of `address`, if there is one. An address that is not `capped` may have all
    /// of them.
    fn take(&mut self, address: AddressGroup, capped: bool) -> Option<Kind> {
        let has_share = !capped || self.usual.of(address) < self.per_address_max;
        if has_share && self.usual.all < self.max {
            self.usual.add(address);
            return Some(Kind::Usual);
        }
        let has_share = self.reserved.of(address) < RESERVED_PER_ADDRESS_MAX;
        if has_share && self.reserved.all < RESERVED_MAX {
            self.reserved.add(address);
            return Some(Kind::Reserved);
        }
        None
    }

    fn leave(&mut self, address: AddressGroup, kind: Kind) {
        match kind {
            Kind::Usual => self.usual.remove(address),
            Kind::Reserved => self.reserved.remove(address),
        }
    }
}

/// The place of one connection, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPlace {
    places: Arc<Mutex<Places>>,
    address: AddressGroup,
    kind: Kind,
}

impl ConnectionPlace {
    /// Takes a place, as [`Places`] says.
    pub(crate) fn take(
        places: &Arc<Mutex<Places>>,
        address: AddressGroup,
        capped: bool,
    ) -> Option<Self> {
        let kind = locked(places).take(address, capped)?;
        Some(Self {
            places: Arc::clone(places),
            address,
            kind,
        })
    }

    /// Whether the connection is for probes alone.
    pub(crate) fn is_reserved(&self) -> bool {
        self.kind == Kind::Reserved
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        locked(&self.places).leave(self.address, self.kind);
    }
}

/// The lock is held for one update, never across a wait.
fn locked(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> AddressGroup {
        AddressGroup::of([192, 0, 2, n].into())
    }

    #[test]
    fn an_address_has_its_share_and_probes_have_places_apart() {
        let places = Arc::new(Mutex::new(Places::new(8, 5)));
        let take = |n, capped| ConnectionPlace::take(&places, address(n), capped);
        let kinds = |taken: &[Option<ConnectionPlace>]| -> Vec<Option<Kind>> {
            taken
                .iter()
                .map(|place| place.as_ref().map(|place| place.kind))
                .collect()
        };
        let (usual, reserved) = (Some(Kind::Usual), Some(Kind::Reserved));
        let ann: Vec<_> = (0..5).map(|_| take(1, true)).collect();
        assert_eq!(
            kinds(&ann),
            [usual, usual, reserved, reserved, None],
            "a quarter of 8"
        );
        let proxy: Vec<_> = (0..9).map(|_| take(2, false)).collect();
        let mut expected = vec![usual; 6];
        expected.extend([reserved, reserved, None]);
        assert_eq!(kinds(&proxy), expected, "a proxy may have all that is left");
        let probe = take(3, true);
        assert_eq!(kinds(&[probe]), [reserved]);
        drop(proxy);
        assert_eq!(kinds(&[take(3, true), take(1, true)]), [usual, None]);
        drop(ann);
        assert_eq!(kinds(&[take(1, true)]), [usual]);
        let left = locked(&places);
        assert_eq!((left.usual.all, left.reserved.all), (0, 0));
        assert!(left.usual.by_address.is_empty() && left.reserved.by_address.is_empty());
    }

    #[test]
    fn the_places_for_probes_are_bounded_too() {
        let places = Arc::new(Mutex::new(Places::new(1, 1)));
        let taken: Vec<_> = (0..=200)
            .map(|n| ConnectionPlace::take(&places, address(n), true))
            .collect();
        assert_eq!(taken.iter().flatten().count(), 1 + RESERVED_MAX);
    }
}
