//! The right to pair a pool, and the leases of a store in one process.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use game_core::{Epoch, PlayerId};

/// How long the opponents of a match from a pool are remembered as each other's last.
pub(crate) const LAST_OPPONENT_KEPT: Duration = Duration::from_secs(60 * 60);

/// How long the waits of a pool's players are remembered after the last of them.
pub(crate) const WAITS_KEPT: Duration = Duration::from_secs(60 * 60);
/// Upper bound on the waits that are remembered of a pool.
pub const WAITS_MAX: usize = 50;

/// The right of one process to pair a pool, under an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// Which pool.
    pub pool: Box<str>,
    /// The process.
    pub holder: u64,
    /// Rises with each holder of the pool's wave.
    pub epoch: Epoch,
}

/// What became of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paired {
    /// Both tickets have the match.
    Done,
    /// One of them is not waiting any more: nothing is changed.
    Taken,
    /// The wave is not held any more: nothing is changed.
    Fenced,
}

/// The leases and last opponents of a store whose users are all in this process: they need not outlive it, as every
/// holder ends with it. Times are since any fixed moment of one monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct WaveBoard {
    leases: HashMap<Box<str>, Lease>,
    /// The epoch that was given last, of all pools.
    epoch: u64,
    last_opponents: HashMap<PlayerId, (PlayerId, Duration)>,
    /// At this number of last opponents the old ones are removed.
    remove_at: usize,
    /// By pool: how long its last players waited, the newest first, and when the newest was recorded.
    waits: HashMap<Box<str>, (VecDeque<u32>, Duration)>,
}

#[derive(Debug)]
struct Lease {
    holder: u64,
    epoch: Epoch,
    until: Duration,
}

impl WaveBoard {
    /// The least number of last opponents among which old ones are looked for.
    const REMOVE_AT_MIN: usize = 1_024;

    pub(crate) fn hold(
        &mut self,
        pool: &str,
        holder: u64,
        lease: Duration,
        now: Duration,
    ) -> Option<Wave> {
        self.leases.retain(|_, lease| lease.until > now);
        let until = now + lease;
        let epoch = match self.leases.get_mut(pool) {
            Some(held) if held.holder == holder => {
                held.until = until;
                held.epoch
            }
            Some(_) => return None,
            None => {
                self.epoch += 1;
                let epoch = Epoch(self.epoch);
                let lease = Lease {
                    holder,
                    epoch,
                    until,
                };
                self.leases.insert(pool.into(), lease);
                epoch
            }
        };
        Some(Wave {
            pool: pool.into(),
            holder,
            epoch,
        })
    }

    pub(crate) fn release(&mut self, wave: &Wave) {
        let held = |lease: &Lease| (lease.holder, lease.epoch) == (wave.holder, wave.epoch);
        if self.leases.get(&wave.pool).is_some_and(held) {
            self.leases.remove(&wave.pool);
        }
    }

    pub(crate) fn is_held(&self, wave: &Wave, now: Duration) -> bool {
        self.leases.get(&wave.pool).is_some_and(|lease| {
            (lease.holder, lease.epoch) == (wave.holder, wave.epoch) && lease.until > now
        })
    }

    /// Remembers two players as each other's last opponent.
    pub(crate) fn note_pair(&mut self, one: &PlayerId, other: &PlayerId, now: Duration) {
        for (player, opponent) in [(one, other), (other, one)] {
            self.last_opponents
                .insert(player.clone(), (opponent.clone(), now));
        }
        if self.last_opponents.len() >= self.remove_at.max(Self::REMOVE_AT_MIN) {
            self.last_opponents
                .retain(|_, (_, at)| *at + LAST_OPPONENT_KEPT > now);
            self.remove_at = 2 * self.last_opponents.len();
        }
    }

    pub(crate) fn last_opponent(&self, player: &PlayerId, now: Duration) -> Option<PlayerId> {
        let (opponent, at) = self.last_opponents.get(player)?;
        (*at + LAST_OPPONENT_KEPT > now).then(|| opponent.clone())
    }

    pub(crate) fn note_waits(&mut self, pool: &str, waits_ms: &[u32], now: Duration) {
        if waits_ms.is_empty() {
            return;
        }
        self.waits.retain(|_, (_, at)| *at + WAITS_KEPT > now);
        let (waits, at) = self.waits.entry(pool.into()).or_default();
        for wait in waits_ms {
            waits.push_front(*wait);
        }
        waits.truncate(WAITS_MAX);
        *at = now;
    }

    pub(crate) fn waits(&self, pool: &str, now: Duration) -> Vec<u32> {
        let known = self.waits.get(pool);
        let known = known.filter(|(_, at)| *at + WAITS_KEPT > now);
        known.map_or_else(Vec::new, |(waits, _)| waits.iter().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_opponents_are_not_kept_for_ever() {
        let mut board = WaveBoard::default();
        let player = |n: u32| format!("p{n}").parse::<PlayerId>().unwrap();
        let hours = |n: u32| LAST_OPPONENT_KEPT * n;
        for hour in 0..20 {
            for n in 0..1_000 {
                let n = 1_000 * hour + n;
                board.note_pair(&player(2 * n), &player(2 * n + 1), hours(hour));
            }
        }
        assert!(
            board.last_opponents.len() < 8_000,
            "{}",
            board.last_opponents.len()
        );
        assert_eq!(
            board.last_opponent(&player(39_999), hours(19)),
            Some(player(39_998))
        );
        assert_eq!(board.last_opponent(&player(39_999), hours(20)), None);
    }
}
