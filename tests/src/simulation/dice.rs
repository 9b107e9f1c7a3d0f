//! Chance that a seed decides, whatever the order in which it is asked.

/// A source of chance. Every question has a name and a number, and its answer depends on these and on
/// the seed alone: what one part of the simulation asks changes nothing for another part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(mixed(seed))
    }

    /// The dice of one part of the simulation.
    pub(crate) fn of(self, part: impl std::fmt::Display) -> Self {
        let part = part.to_string();
        let hash = part.bytes().fold(self.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Self(mixed(hash))
    }

    /// Any number.
    pub(crate) const fn roll(self, n: u64) -> u64 {
        mixed(self.0 ^ mixed(n))
    }

    /// A number from `low` to `high`.
    pub(crate) const fn between(self, n: u64, low: u64, high: u64) -> u64 {
        low + self.roll(n) % (high - low + 1)
    }

    /// Whether something happens that does so `per_mille` times in a thousand.
    pub(crate) const fn happens(self, n: u64, per_mille: u64) -> bool {
        self.roll(n) % 1_000 < per_mille
    }
}

/// The finalizer of SplitMix64.
const fn mixed(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
