//! Reasons to compare the owners and logs of the matches in memory with the store.
//!
//! Other shards may have considered this one dead without its notice: its heartbeats went unanswered while
//! its writes got through, or the whole machine was suspended. And a store that failed may have come back
//! without all that it had confirmed.

use std::time::Duration;

use super::Now;
use crate::Uptime;

/// One moment on two clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockReadings {
    /// Stands still while the machine is suspended.
    uptime: Uptime,
    /// Counts then too; only differences count.
    since_boot: Duration,
}

impl ClockReadings {
    pub(super) fn new(now: Now, since_boot: Duration) -> Self {
        let uptime = now.uptime;
        Self { uptime, since_boot }
    }

    /// The time since an earlier moment, by whichever clock tells more.
    fn since(self, before: Self) -> Duration {
        let awake = self.uptime.since(before.uptime);
        awake.max(self.since_boot.saturating_sub(before.since_boot))
    }
}

/// Whether there is such a reason.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    raised: bool,
    /// When the heartbeat under way was sent.
    under_way: Option<ClockReadings>,
    /// When the last heartbeat was sent that is known to have reached the store.
    reached: Option<ClockReadings>,
    /// This shard's newest own beat that came back, and when.
    own_beat: Option<(u64, ClockReadings)>,
}

impl Doubt {
    /// Others consider a shard dead whose stored counter is unchanged for three seconds of theirs, which include
    /// the time of their own reads. So this shard starts to doubt earlier.
    const SILENT_MAX: Duration = Duration::from_secs(2);
    /// The same for a shard whose beats others do not hear for a second.
    const UNHEARD_MAX: Duration = Duration::from_millis(900);

    /// There is a reason to ask.
    pub(super) fn raise(&mut self) {
        self.raised = true;
    }

    /// Whether there was one; there is none from now on.
    pub(super) fn take(&mut self) -> bool {
        std::mem::take(&mut self.raised)
    }

    /// A heartbeat goes to the store.
    pub(super) fn heartbeat_sent(&mut self, now: ClockReadings) {
        self.under_way = Some(now);
    }

    /// The heartbeat under way has reached the store: others may have missed its counter since the one
    /// before was sent.
    pub(super) fn heartbeat_reached(&mut self, now: ClockReadings) {
        let Some(sent) = self.under_way.take() else {
            return;
        };
        let silent_for = self
            .reached
            .map_or(Duration::ZERO, |before| now.since(before));
        self.reached = Some(sent);
        self.raised |= silent_for >= Self::SILENT_MAX;
    }

    /// The heartbeat under way came to nothing, as far as this shard knows.
    pub(super) fn heartbeat_failed(&mut self) {
        self.under_way = None;
    }

    /// This process did not run for `gap`.
    pub(super) fn was_away(&mut self, gap: Duration) {
        self.raised |= gap >= Self::UNHEARD_MAX;
    }

    /// This shard's own beats have come back up to `count`.
    pub(super) fn own_beat_heard(&mut self, count: u64, now: ClockReadings) {
        if self.own_beat.is_some_and(|(known, _)| known >= count) {
            return;
        }
        let before = self.own_beat.replace((count, now));
        let gap = before.map_or(Duration::ZERO, |(_, before)| now.since(before));
        self.raised |= gap >= Self::UNHEARD_MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heartbeats: when each was sent and reached the store (`None`: never), in milliseconds; and how
    /// long the machine was suspended before it was sent. Says after which of them there was doubt.
    fn doubted(beats: &[(u64, Option<u64>, u64)]) -> Vec<usize> {
        let mut doubt = Doubt::default();
        let mut suspended = 0;
        let mut doubted = Vec::new();
        for (n, &(sent, reached, suspended_before)) in beats.iter().enumerate() {
            suspended += suspended_before;
            let now = |ms| ClockReadings {
                uptime: Uptime::from_start(Duration::from_millis(ms)),
                since_boot: Duration::from_millis(ms + suspended),
            };
            doubt.heartbeat_sent(now(sent));
            match reached {
                Some(reached) => doubt.heartbeat_reached(now(reached)),
                None => doubt.heartbeat_failed(),
            }
            if doubt.take() {
                doubted.push(n);
            }
        }
        doubted
    }

    #[test]
    fn heartbeats_in_time_raise_no_doubt() {
        assert!(doubted(&[(0, Some(2), 0), (500, Some(502), 0)]).is_empty());
        // A store that takes 300 ms for each of two round trips.
        let slow: Vec<_> = (0..20)
            .map(|n| (n * 1_000, Some(n * 1_000 + 300), 0))
            .collect();
        assert!(doubted(&slow).is_empty());
        // The first is nobody's to miss.
        assert!(doubted(&[(60_000, Some(63_000), 0)]).is_empty());
    }

    #[test]
    fn heartbeats_that_went_unanswered_raise_doubt_whatever_else_was_answered() {
        let lost = [
            (0, Some(2), 0),
            (500, None, 0),
            (2_500, Some(2_502), 0),
            (3_000, Some(3_002), 0),
        ];
        assert_eq!(doubted(&lost), [2]);
        assert_eq!(doubted(&[(0, Some(2), 0), (500, Some(2_400), 0)]), [1]);
    }

    #[test]
    fn beats_that_do_not_come_back_for_almost_a_second_raise_doubt() {
        let mut doubt = Doubt::default();
        let at = |ms| ClockReadings {
            uptime: Uptime::from_start(Duration::from_millis(ms)),
            since_boot: Duration::from_millis(ms),
        };
        for n in 0..20 {
            doubt.own_beat_heard(n, at(n * 100));
            doubt.own_beat_heard(n, at(n * 100 + 50));
        }
        doubt.own_beat_heard(20, at(2_750));
        assert!(!doubt.take());
        doubt.own_beat_heard(21, at(3_700));
        assert!(doubt.take());
    }

    #[test]
    fn a_machine_that_was_suspended_doubts_though_its_uptime_stood_still() {
        let suspended = [
            (0, Some(2), 0),
            (500, Some(502), 10_000),
            (1_000, Some(1_002), 0),
        ];
        assert_eq!(doubted(&suspended), [1]);
    }
}
