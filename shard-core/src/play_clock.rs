//! The time that players are charged for.

use std::time::Duration;

use crate::Uptime;

use game_core::MatchTime;

/// Maps the shard's uptime to the time that its matches see: uptime less every pause that is the
/// server's own fault.
///
/// One such clock serves all matches of a shard, so pausing ten thousand of them costs nothing. It
/// stands still while the store does not answer, and leaps over the moments in which the process did
/// not run. As a pause is noticed only after it began, [`PlayClock::freeze`] may step back to where it
/// began; [`MatchTime`] saturates for that reason.
#[derive(Debug, Default)]
pub(crate) struct PlayClock {
    uncharged: Duration,
    frozen_at: Option<Uptime>,
}

impl PlayClock {
    /// The match time at `uptime`; a stamp from before a pause keeps its distance to the pause.
    pub(crate) fn at(&self, uptime: Uptime) -> MatchTime {
        let uptime = self.frozen_at.map_or(uptime, |frozen| uptime.min(frozen));
        let counted = uptime.since_start().saturating_sub(self.uncharged);
        let micros = counted.as_micros();
        MatchTime::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The uptime at which `time` comes; `None` while the clock stands still.
    pub(crate) fn uptime_of(&self, time: MatchTime) -> Option<Uptime> {
        let counted = Duration::from_micros(time.as_micros());
        let uptime = Uptime::START + counted + self.uncharged;
        self.frozen_at.is_none().then_some(uptime)
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen_at.is_some()
    }

    /// Stands still from `since` on, which may lie in the past; nothing if it does already.
    pub(crate) fn freeze(&mut self, since: Uptime) {
        self.frozen_at.get_or_insert(since);
    }

    /// Goes on at `uptime` from where it stood still, and returns how long it did.
    pub(crate) fn thaw(&mut self, uptime: Uptime) -> Duration {
        let stood = self
            .frozen_at
            .take()
            .map_or(Duration::ZERO, |frozen| uptime.since(frozen));
        self.uncharged += stood;
        stood
    }

    /// Charges a pause after all, so that a test sees whether its checks notice.
    #[cfg(feature = "sabotage")]
    pub(crate) fn charge(&mut self, stood: Duration) {
        self.uncharged = self.uncharged.saturating_sub(stood);
    }

    /// Leaps over `gap`, in which the process did not run.
    pub(crate) fn skip(&mut self, gap: Duration) {
        // While frozen, the thaw will account for all of it.
        if self.frozen_at.is_none() {
            self.uncharged += gap;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const fn at(seconds: u64) -> Uptime {
        Uptime::from_start(s(seconds))
    }

    #[test]
    fn a_freeze_charges_nothing_from_where_it_began() {
        let mut clock = PlayClock::default();
        clock.freeze(at(10));
        assert_eq!(clock.at(at(15)), MatchTime::from_micros(10_000_000));
        assert_eq!(clock.uptime_of(clock.at(at(15))), None);
        clock.thaw(at(20));
        assert_eq!(clock.at(at(21)), MatchTime::from_micros(11_000_000));
        assert_eq!(
            clock.uptime_of(MatchTime::from_micros(11_000_000)),
            Some(at(21))
        );
    }

    #[test]
    fn a_gap_within_a_freeze_counts_once() {
        let mut clock = PlayClock::default();
        clock.freeze(at(10));
        clock.skip(s(5));
        clock.thaw(at(20));
        assert_eq!(clock.at(at(20)), MatchTime::from_micros(10_000_000));
        clock.skip(s(3));
        assert_eq!(clock.at(at(24)), MatchTime::from_micros(11_000_000));
    }

    #[test]
    fn a_second_freeze_keeps_the_first_beginning() {
        let mut clock = PlayClock::default();
        clock.freeze(at(10));
        clock.freeze(at(12));
        clock.thaw(at(13));
        assert_eq!(clock.at(at(13)), MatchTime::from_micros(10_000_000));
    }
}
