//! What is counted and measured while a soak runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::oracle::history::History;
use super::oracle::stored::{Played, Verdict};

/// Reasons that are counted apart; further ones are counted together.
const REASONS_MAX: usize = 64;

/// Times, from a microsecond to ten minutes, to three digits.
#[derive(Debug, Clone)]
pub(crate) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        let histogram = Histogram::new_with_max(600_000_000, 3);
        Self(histogram.expect("the bounds are in order"))
    }
}

impl Times {
    pub(crate) fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    /// Takes what was recorded so far, and begins anew.
    pub(crate) fn take(&mut self) -> Percentiles {
        let percentiles = self.percentiles();
        self.0.reset();
        percentiles
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        // Exact: a time is far below 2⁵³ µs.
        let ms = |micros: u64| micros as f64 / 1_000.0;
        let at = |quantile| ms(self.0.value_at_quantile(quantile));
        if self.0.is_empty() {
            return Percentiles::default();
        }
        Percentiles {
            n: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: ms(self.0.max()),
        }
    }
}

/// How long something took, in milliseconds; all zero where there was nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// How often it was measured.
    pub n: u64,
    /// Half of it was faster.
    pub p50: f64,
    /// 90 % of it.
    pub p90: f64,
    /// 99 % of it.
    pub p99: f64,
    /// 99.9 % of it.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

/// Which acknowledgements a storm compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before everyone is seated, or after the storm: they do not count.
    #[default]
    Uncounted,
    /// Everyone is seated, and nothing happens.
    Calm,
    /// From the kill until all players are back.
    Storm,
}

/// Times to an acknowledgement.
#[derive(Debug, Default)]
struct Acks {
    all: Times,
    /// Since the last sample.
    recent: Times,
    phase: Phase,
    /// Of matches that the storm did not hit.
    calm: Times,
    storm: Times,
}

/// What all bots count together.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) matches_begun: AtomicU64,
    pub(super) matches_finished: AtomicU64,
    /// Matches in play now.
    pub(super) playing: AtomicI64,
    /// Clients whose seat is taken now, spectators included.
    pub(super) seated: AtomicI64,
    pub(super) seated_max: AtomicI64,
    pub(super) moves: AtomicU64,
    /// Draws that were offered.
    pub(super) draw_offers: AtomicU64,
    /// Rematches that were followed.
    pub(super) rematches: AtomicU64,
    /// Rooms that somebody listened to after the end.
    pub(super) rooms: AtomicU64,
    /// Seats taken again after a loss.
    pub(super) resumed: AtomicU64,
    /// Sessions that gave up, or were closed before the end of their match.
    pub(super) sessions_lost: AtomicU64,
    /// Connections dropped on purpose.
    pub(super) dropped: AtomicU64,
    /// Faults brought about.
    pub(super) faults: AtomicU64,
    acks: Mutex<Acks>,
    /// By how much own clocks lost more than was thought.
    beyond: Mutex<Times>,
    /// What the stored logs of matches show, and what clocks lost there beyond what players thought.
    in_log: Mutex<(InLog, Times)>,
    /// From SIGTERM to the end of a shard.
    drain_exits: Mutex<Times>,
    /// Commands that were acknowledged, by kind.
    commands: Mutex<BTreeMap<String, u64>>,
    /// Connections lost, by reason.
    losses: Mutex<BTreeMap<String, u64>>,
    /// What went wrong and breaks no promise, by reason.
    errors: Mutex<BTreeMap<String, u64>>,
}

impl Figures {
    /// A command was acknowledged; `was_hit` says whether a storm hit its match.
    pub(super) fn acked(&self, after: Duration, was_hit: bool) {
        let mut acks = lock(&self.acks);
        acks.all.record(after);
        acks.recent.record(after);
        match acks.phase {
            Phase::Calm if !was_hit => acks.calm.record(after),
            Phase::Storm if !was_hit => acks.storm.record(after),
            _ => {}
        }
    }

    /// From now on acknowledgements belong to `phase`.
    pub(super) fn enter(&self, phase: Phase) {
        lock(&self.acks).phase = phase;
    }

    /// All acknowledgements.
    pub(super) fn ack_ms(&self) -> Percentiles {
        lock(&self.acks).all.percentiles()
    }

    /// Acknowledgements since the last call.
    pub(super) fn take_recent_ack_ms(&self) -> Percentiles {
        lock(&self.acks).recent.take()
    }

    /// Acknowledgements of matches that the storm did not hit: before it, and in it.
    pub(super) fn storm_ack_ms(&self) -> (Percentiles, Percentiles) {
        let acks = lock(&self.acks);
        (acks.calm.percentiles(), acks.storm.percentiles())
    }

    /// An own clock lost so much more than was thought.
    pub(super) fn charged_beyond(&self, by: Duration) {
        lock(&self.beyond).record(by);
    }

    /// What clocks lost beyond what was thought.
    pub(super) fn beyond_ms(&self) -> Percentiles {
        lock(&self.beyond).percentiles()
    }

    /// A match was held against the stored log.
    pub(super) fn held_against_the_log(&self, played: &Played, verdict: &Verdict) {
        let count = |of: fn(&History) -> usize| played.histories.iter().map(of).sum::<usize>();
        let (in_log, excess) = &mut *lock(&self.in_log);
        in_log.matches += 1;
        in_log.acked += count(History::acked) as u64;
        in_log.unknown += count(History::unknown) as u64;
        in_log.owner_changes += verdict.owner_changes;
        verdict.excess.iter().for_each(|&time| excess.record(time));
    }

    /// What the stored logs of matches show.
    pub(super) fn in_log(&self) -> InLog {
        let (in_log, excess) = &*lock(&self.in_log);
        InLog {
            excess_ms: excess.percentiles(),
            ..*in_log
        }
    }

    /// A shard that was told to end has, after so long.
    pub(super) fn drained(&self, after: Duration) {
        lock(&self.drain_exits).record(after);
    }

    /// From SIGTERM to the end of the process.
    pub(super) fn drain_exit_ms(&self) -> Percentiles {
        lock(&self.drain_exits).percentiles()
    }

    /// A command of this kind took effect.
    pub(super) fn took_effect(&self, kind: &str) {
        count(&mut lock(&self.commands), kind);
    }

    /// Commands that took effect, by kind.
    pub(super) fn commands(&self) -> BTreeMap<String, u64> {
        lock(&self.commands).clone()
    }

    /// A connection is lost.
    pub(super) fn lost(&self, why: &str) {
        count(&mut lock(&self.losses), why);
    }

    /// Something went wrong that breaks no promise.
    pub(super) fn error(&self, why: &str) {
        count(&mut lock(&self.errors), why);
    }

    /// Connections lost, by reason.
    pub(super) fn losses(&self) -> BTreeMap<String, u64> {
        lock(&self.losses).clone()
    }

    /// What went wrong and breaks no promise, by reason.
    pub(super) fn errors(&self) -> BTreeMap<String, u64> {
        lock(&self.errors).clone()
    }

    /// A client takes its seat, until what this returns is dropped.
    pub(super) fn sit(&self) -> Seated<'_> {
        let seated = self.seated.fetch_add(1, Ordering::Relaxed) + 1;
        self.seated_max.fetch_max(seated, Ordering::Relaxed);
        Seated(&self.seated)
    }
}

/// What the stored logs of matches show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct InLog {
    /// Matches that were held against their logs.
    pub matches: u64,
    /// Commands that were acknowledged in them.
    pub acked: u64,
    /// Commands that were never answered.
    pub unknown: u64,
    /// How often a match changed its owner.
    pub owner_changes: u64,
    /// What the clock of each player of each match lost beyond the player's own thinking, where time has no
    /// increments, in milliseconds.
    pub excess_ms: Percentiles,
}

/// A client in its seat.
#[derive(Debug)]
pub(super) struct Seated<'a>(&'a AtomicI64);

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn count(reasons: &mut BTreeMap<String, u64>, why: &str) {
    let room = reasons.len() < REASONS_MAX || reasons.contains_key(why);
    let key = if room { why } else { "others" };
    *reasons.entry(key.to_owned()).or_default() += 1;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_compares_matches_that_it_did_not_hit() {
        let figures = Figures::default();
        let ms = Duration::from_millis;
        figures.acked(ms(900), false);
        figures.enter(Phase::Calm);
        figures.acked(ms(10), false);
        figures.enter(Phase::Storm);
        figures.acked(ms(5_000), true);
        figures.acked(ms(20), false);
        let (calm, storm) = figures.storm_ack_ms();
        assert_eq!((calm.n, storm.n), (1, 1));
        assert!(calm.max < 11.0 && (19.9..21.0).contains(&storm.max));
        assert_eq!(figures.take_recent_ack_ms().n, 4);
        assert_eq!(figures.take_recent_ack_ms(), Percentiles::default());
        assert_eq!(figures.ack_ms().n, 4);
    }

    #[test]
    fn reasons_are_bounded() {
        let figures = Figures::default();
        for number in 0..1_000 {
            figures.lost(&format!("reason {number}"));
        }
        let losses = figures.losses();
        assert_eq!(losses.len(), REASONS_MAX + 1);
        assert_eq!(losses.values().sum::<u64>(), 1_000);
    }
}
