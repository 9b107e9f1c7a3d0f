//! When a pool's next wave is due: a pure decision.

use std::time::Duration;

/// Up to this many waiting players, a wave is due at once: on a small server nobody waits for a crowd.
const FEW: usize = 8;

/// Pause between two waves that are due because many wait: those whom the first could not pair, the next cannot either.
const PAUSE: Duration = Duration::from_secs(1);

/// The pools of the usual controls: how often a wave is due, in seconds, and how many make one due before.
const POOLS: [(&str, u64, usize); 11] = [
    ("60+0", 12, 40),
    ("120+1", 18, 30),
    ("180+0", 12, 40),
    ("180+2", 22, 30),
    ("300+0", 14, 40),
    ("300+3", 25, 26),
    ("600+0", 13, 30),
    ("600+5", 20, 30),
    ("900+10", 30, 20),
    ("1800+0", 40, 20),
    ("1800+20", 60, 20),
];

/// The usual controls, and the word for all others.
pub(crate) const CONTROLS: [&str; POOLS.len() + 1] = {
    let mut controls = [OTHER; POOLS.len() + 1];
    let mut at = 0;
    while at < POOLS.len() {
        controls[at] = POOLS[at].0;
        at += 1;
    }
    controls
};

/// The word for controls that are not usual.
const OTHER: &str = "other";

/// The control of a pool, if it is a usual one, else [`OTHER`].
pub(crate) fn control_of(pool: &str) -> &'static str {
    let control = pool.split('.').next().unwrap_or_default();
    let known = POOLS.into_iter().find(|(name, ..)| *name == control);
    known.map_or(OTHER, |(name, ..)| name)
}

/// The same for a pool of another control.
const OTHER_POOL: (u64, usize) = (20, 30);

/// When the waves of a pool are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Interval of waves.
    every: Duration,
    /// The usual interval of such a pool, by which missed waves are counted.
    pub(crate) usual: Duration,
    /// So many waiting players make a wave due before.
    enough: usize,
}

impl Schedule {
    /// That of a pool, whose name begins with its control; no interval is longer than `every_max`.
    pub(crate) fn of(pool: &str, every_max: Duration) -> Self {
        let control = pool.split('.').next().unwrap_or_default();
        let known = POOLS.into_iter().find(|(name, ..)| *name == control);
        let (every_s, enough) = known.map_or(OTHER_POOL, |(_, every_s, enough)| (every_s, enough));
        let usual = Duration::from_secs(every_s);
        Self {
            every: usual.min(every_max),
            usual,
            enough,
        }
    }

    /// Whether a wave is due. `since` is the time since the last one that was due by this, if one is known: that of
    /// few players does not count.
    pub(crate) fn is_due(self, waiting: usize, since: Option<Duration>) -> bool {
        if waiting < 2 {
            return false;
        }
        let is_over = |time: Duration| since.is_none_or(|since| since >= time);
        is_few(waiting) || is_over(self.every) || (waiting >= self.enough && is_over(PAUSE))
    }
}

/// Whether a wave is due for so few at any time.
pub(crate) const fn is_few(waiting: usize) -> bool {
    waiting <= FEW
}

#[cfg(test)]
mod tests {
    use game_core::TimeControl;

    use super::*;

    fn s(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    /// MATCH.md, "Pools".
    #[test]
    fn each_usual_pool_has_its_interval_and_its_number() {
        for (minutes, increment_s, every_s, enough) in [
            (1, 0, 12, 40),
            (2, 1, 18, 30),
            (3, 0, 12, 40),
            (3, 2, 22, 30),
            (5, 0, 14, 40),
            (5, 3, 25, 26),
            (10, 0, 13, 30),
            (10, 5, 20, 30),
            (15, 10, 30, 20),
            (30, 0, 40, 20),
            (30, 20, 60, 20),
        ] {
            let control = TimeControl::from_millis(minutes * 60_000, increment_s * 1_000).unwrap();
            for pool in [control.to_string(), format!("{control}.0123456789abcdef")] {
                let schedule = Schedule::of(&pool, Duration::MAX);
                let every = Duration::from_secs(every_s);
                let expected = Schedule {
                    every,
                    usual: every,
                    enough,
                };
                assert_eq!(schedule, expected, "{pool}");
            }
        }
        let custom = Schedule::of("61+0", Duration::MAX);
        assert_eq!(custom.every, Duration::from_secs(20));
        let sooner = Schedule::of("1800+20", Duration::from_secs(5));
        assert_eq!(sooner.every, Duration::from_secs(5));
        assert_eq!(sooner.usual, Duration::from_secs(60));
    }

    #[test]
    fn a_wave_is_due_for_few_at_once_for_many_soon_and_for_others_in_time() {
        let schedule = Schedule::of("180+0", Duration::MAX);
        for (waiting, since, expected) in [
            (0, None, false),
            (1, None, false),
            (2, s(0), true),
            (8, s(0), true),
            (9, s(0), false),
            (9, s(11), false),
            (9, s(12), true),
            (9, None, true),
            (39, s(11), false),
            (40, s(1), true),
            (40, s(0), false),
        ] {
            assert_eq!(
                schedule.is_due(waiting, since),
                expected,
                "{waiting} {since:?}"
            );
        }
    }
}
