//! Time in which this observer is known to hear: only that counts as the silence of others.

use std::time::Duration;

/// Counts the time between this observer's own beats as they come back on its subscription.
///
/// Beats that are late because the store, the network or this process stood still are late for all: this
/// observer's own are, too. So a gap in these begins the silence of everyone anew.
#[derive(Debug, Default)]
pub(super) struct Listening {
    /// The count of this observer's newest own beat that came back, and when that was noticed.
    own: Option<(u64, Duration)>,
    last_look: Option<Duration>,
    /// Time during which this observer heard.
    counted: Duration,
    /// The silence of everyone began at this or later.
    floor: Duration,
}

impl Listening {
    /// Longest gap between two of its own beats, or between two of its looks, that this observer takes for
    /// normal: three beats.
    pub(super) const GAP_MAX: Duration = Duration::from_millis(300);

    /// This observer looks at what it has heard, its own newest beat among it.
    pub(super) fn look(&mut self, own: Option<u64>, now: Duration) {
        let is_late = self
            .last_look
            .replace(now)
            .is_some_and(|last| now.saturating_sub(last) > Self::GAP_MAX);
        let newest = own.filter(|count| self.own.is_none_or(|(known, _)| known < *count));
        if let Some(count) = newest {
            let before = self.own.replace((count, now));
            let gap = before.map(|(_, at)| now.saturating_sub(at));
            match gap.filter(|gap| *gap <= Self::GAP_MAX) {
                Some(gap) => self.counted += gap,
                None => self.floor = self.counted,
            }
        }
        if is_late {
            self.floor = self.counted;
        }
    }

    /// Whether its own beats come back now.
    pub(super) fn hears(&self) -> bool {
        let (Some((_, own_at)), Some(look)) = (self.own, self.last_look) else {
            return false;
        };
        look.saturating_sub(own_at) <= Self::GAP_MAX
    }

    /// The last look.
    pub(super) fn last_look(&self) -> Duration {
        self.last_look.unwrap_or_default()
    }

    /// What [`silence_since`](Self::silence_since) counts from, for who is heard now.
    pub(super) fn mark(&self) -> Duration {
        let (Some((_, own_at)), Some(look)) = (self.own, self.last_look) else {
            return self.counted;
        };
        self.counted + look.saturating_sub(own_at).min(Self::GAP_MAX)
    }

    /// For how long nothing was heard of who was last heard at `mark`, while this observer heard.
    pub(super) fn silence_since(&self, mark: Duration) -> Duration {
        self.counted.saturating_sub(mark.max(self.floor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Looks every 50 ms up to `until`; its own beats come back every 100 ms.
    fn listens(listening: &mut Listening, from: u64, until: u64) {
        for at in (from..=until).step_by(50) {
            listening.look(Some(at / 100), ms(at));
        }
    }

    #[test]
    fn silence_is_the_time_in_which_its_own_beats_came_back() {
        let mut listening = Listening::default();
        listens(&mut listening, 100, 1_000);
        let mark = listening.mark();
        listens(&mut listening, 1_050, 2_000);
        assert_eq!(listening.silence_since(mark), ms(1_000));
        assert!(listening.hears());
    }

    #[test]
    fn an_observer_without_beats_of_its_own_hears_no_silence() {
        let mut listening = Listening::default();
        for at in (0..5_000).step_by(50) {
            listening.look(None, ms(at));
        }
        assert_eq!(listening.silence_since(Duration::ZERO), ms(0));
        assert!(!listening.hears());
    }

    #[test]
    fn a_gap_in_its_own_beats_begins_the_silence_of_everyone_anew() {
        let mut listening = Listening::default();
        listens(&mut listening, 100, 1_000);
        let mark = listening.mark();
        listens(&mut listening, 1_050, 1_900);
        for at in (1_950..2_300).step_by(50) {
            listening.look(Some(19), ms(at));
        }
        assert!(!listening.hears());
        listens(&mut listening, 2_300, 2_600);
        assert!(listening.silence_since(mark) <= ms(400));
    }

    #[test]
    fn an_observer_that_was_late_itself_begins_anew() {
        let mut listening = Listening::default();
        listens(&mut listening, 100, 1_000);
        let mark = listening.mark();
        listens(&mut listening, 1_050, 1_900);
        // All that it missed comes back at once, its own beats too.
        listening.look(Some(19), ms(2_201));
        assert_eq!(listening.silence_since(mark), ms(0));
    }
}
