//! Rate limits by address, or by another key: a token bucket for each, in bounded memory.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use settings::AddressGroup;

/// Upper bound on keys that are remembered, about 100 bytes each. The least recently seen is forgotten first
/// and then has its whole allowance again: counting does not bound a peer that commands more addresses than this.
const ADDRESSES_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");

/// A token bucket for each key, kept as the time at which the bucket will be full (the generic cell
/// rate algorithm). It reads no clock: `now` is a point on one monotonic clock.
#[derive(Debug)]
pub struct Rates<K: Hash + Eq = AddressGroup> {
    full_at: LruCache<K, Duration>,
    /// The time in which an empty bucket becomes full.
    window: Duration,
    /// The time in which one use is refilled.
    refill: Duration,
}

impl<K: Hash + Eq> Rates<K> {
    /// Allows every key `burst` uses at once, and as many in each `window`.
    #[must_use]
    pub fn new(burst: u32, window: Duration) -> Self {
        Self {
            full_at: LruCache::new(ADDRESSES_MAX),
            window,
            refill: window / burst.max(1),
        }
    }

    /// Takes one use from the bucket of a key.
    ///
    /// # Errors
    ///
    /// If the bucket is empty: the time until it holds one use.
    pub fn take(&mut self, key: K, now: Duration) -> Result<(), Duration> {
        let full_at = self.full_at.get(&key).copied().unwrap_or_default();
        let next = full_at.max(now) + self.refill;
        match next.checked_sub(now + self.window) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.full_at.put(key, next);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;

    fn at(address: impl Into<IpAddr>) -> AddressGroup {
        AddressGroup::of(address.into())
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_address_has_a_burst_and_then_a_steady_rate() {
        let mut rates = Rates::new(300, s(300));
        for now in [s(0), s(1_000)] {
            for n in 0..300 {
                assert_eq!(rates.take(at([192, 0, 2, 1]), now), Ok(()), "{n}");
            }
            assert_eq!(
                rates.take(at([192, 0, 2, 1]), now),
                Err(s(1)),
                "one is forgiven in a second"
            );
            assert_eq!(
                rates.take(at([192, 0, 2, 1]), now),
                Err(s(1)),
                "a refusal costs nothing"
            );
            assert_eq!(
                rates.take(at([192, 0, 2, 2]), now),
                Ok(()),
                "others have their own"
            );
        }
        for second in 1_001..1_100 {
            assert_eq!(rates.take(at([192, 0, 2, 1]), s(second)), Ok(()));
            assert!(rates.take(at([192, 0, 2, 1]), s(second)).is_err());
        }
        assert_eq!(
            rates.take(at([192, 0, 2, 1]), s(1_099) + s(1) / 4),
            Err(s(1) * 3 / 4)
        );
    }

    #[test]
    fn memory_is_bounded_under_a_flood_of_addresses_and_the_newest_are_remembered() {
        let mut rates = Rates::new(1, s(300));
        assert_eq!(rates.take(at([192, 0, 2, 1]), s(0)), Ok(()));
        for n in 0..100_000 {
            let _ = rates.take(at(Ipv6Addr::from_bits(n << 64)), s(0));
            if n % 1_000 == 0 {
                assert!(
                    rates.take(at([192, 0, 2, 1]), s(0)).is_err(),
                    "who is seen often is not forgotten"
                );
            }
        }
        assert_eq!(rates.full_at.len(), ADDRESSES_MAX.get());
    }
}
