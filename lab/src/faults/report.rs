//! What a campaign found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::checker::{Breach, Class};

/// Broken promises that a report quotes.
const QUOTED_MAX: usize = 40;

/// The figures of a campaign.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Decides everything that was left to chance, but the machine's timing.
    pub seed: u64,
    /// How long it took.
    pub seconds: f64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u32>,
    /// Matches played.
    pub matches: usize,
    /// Commands that were acknowledged.
    pub acked: usize,
    /// Commands that were never answered.
    pub unknown: usize,
    /// What somebody was told and is not stored.
    pub lost: usize,
    /// What took effect twice.
    pub duplicated: usize,
    /// What stands elsewhere than it was said to.
    pub reordered: usize,
    /// Where two say different things that should say the same.
    pub disagreements: usize,
    /// Matches without an end, and players that never learnt it.
    pub unfinished: usize,
    /// Matches that nobody attends by what became of their players.
    pub unattended: BTreeMap<&'static str, usize>,
    /// Of these, those that did not end; and what one scan of the store found without an owner that knows
    /// of it.
    pub forgotten: usize,
    /// Matches that a clock ended.
    pub overcharged: usize,
    /// Processes that died or did not start or stop, panics, and logged errors.
    pub alarms: usize,
    /// How often a match changed its owner.
    pub owner_changes: u64,
    /// Sessions that a client gave up before the end of its match.
    pub sessions_lost: u64,
    /// From `kill -9` of an owner to the next acknowledgement in each of its matches.
    pub takeover_ms: Times,
    /// Between the last acknowledgement of a drained owner and the first of the next one.
    pub drain_ms: Times,
    /// From SIGTERM to the end of the process.
    pub drain_exit_ms: Times,
    /// What the clock of each player of each match lost beyond the player's own thinking.
    pub excess_ms: Times,
    /// What was wrong, in words; the first of each.
    pub breaches: Vec<String>,
}

/// Durations in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Times {
    /// How many.
    pub n: usize,
    /// The median.
    pub p50: u64,
    /// What 99 % do not exceed.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

impl Times {
    /// Of these durations.
    #[must_use]
    pub fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let at = |part: f64| {
            // The nearest rank.
            let rank = (part * durations.len() as f64).ceil() as usize;
            let index = rank.saturating_sub(1);
            durations
                .get(index)
                .map_or(0, |time| time.as_millis() as u64)
        };
        Self {
            n: durations.len(),
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n, p50, p99, max } = self;
        write!(f, "p50 {p50} ms, p99 {p99} ms, longest {max} ms (of {n})")
    }
}

impl Report {
    /// Counts broken promises.
    pub fn count(&mut self, breaches: &[Breach]) {
        for breach in breaches {
            *match breach.class {
                Class::Lost => &mut self.lost,
                Class::Duplicated => &mut self.duplicated,
                Class::Reordered => &mut self.reordered,
                Class::Disagreement => &mut self.disagreements,
                Class::Unfinished => &mut self.unfinished,
                Class::Forgotten => &mut self.forgotten,
                Class::Overcharged => &mut self.overcharged,
            } += 1;
            self.quote(breach.to_string());
        }
    }

    /// Counts what is wrong with the processes.
    pub fn alarm(&mut self, alarm: String) {
        self.alarms += 1;
        self.quote(format!("alarm: {alarm}"));
    }

    fn quote(&mut self, text: String) {
        if self.breaches.len() < QUOTED_MAX {
            self.breaches.push(text);
        }
    }

    /// Whether every promise was kept and nothing had to be explained.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.broken() == 0 && self.alarms == 0
    }

    /// Promises broken, of all classes.
    #[must_use]
    pub const fn broken(&self) -> usize {
        self.lost
            + self.duplicated
            + self.reordered
            + self.disagreements
            + self.unfinished
            + self.forgotten
            + self.overcharged
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: u32 = self.faults.values().sum();
        writeln!(
            f,
            "{faults} faults in {:.0} s (seed {}), {} matches, {} commands acknowledged, {} unknown",
            self.seconds, self.seed, self.matches, self.acked, self.unknown
        )?;
        for (kind, count) in &self.faults {
            writeln!(f, "  {kind:<17} {count}")?;
        }
        writeln!(
            f,
            "lost {}, duplicated {}, reordered {}, disagreements {}, unfinished {}, forgotten {}, \
             overcharged {}, alarms {}",
            self.lost,
            self.duplicated,
            self.reordered,
            self.disagreements,
            self.unfinished,
            self.forgotten,
            self.overcharged,
            self.alarms
        )?;
        let unattended: Vec<String> = self
            .unattended
            .iter()
            .map(|(neglect, count)| format!("{count} {neglect}"))
            .collect();
        writeln!(f, "unattended matches: {}", unattended.join(", "))?;
        writeln!(
            f,
            "owner changes {}, sessions given up {}",
            self.owner_changes, self.sessions_lost
        )?;
        writeln!(f, "takeover after kill -9: {}", self.takeover_ms)?;
        writeln!(f, "pause at a drain: {}", self.drain_ms)?;
        writeln!(f, "SIGTERM to exit: {}", self.drain_exit_ms)?;
        write!(f, "charged beyond thinking: {}", self.excess_ms)?;
        for breach in &self.breaches {
            write!(f, "\n  {breach}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let times = |n: u64| Times::of((1..=n).rev().map(Duration::from_millis).collect());
        let all = |times: Times| (times.n, times.p50, times.p99, times.max);
        assert_eq!(all(times(0)), (0, 0, 0, 0));
        assert_eq!(all(times(1)), (1, 1, 1, 1));
        assert_eq!(all(times(200)), (200, 100, 198, 200));
    }

    #[test]
    fn any_breach_or_alarm_spoils_a_report() {
        let mut report = Report::default();
        assert!(report.is_clean());
        report.alarm("a panic".to_owned());
        assert!(!report.is_clean());
        for class in [Class::Lost, Class::Forgotten] {
            let mut report = Report::default();
            report.count(&[Breach {
                class,
                text: String::new(),
            }]);
            assert!(!report.is_clean(), "{class:?}");
        }
    }
}
