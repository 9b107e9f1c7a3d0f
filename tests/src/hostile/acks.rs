//! How long acknowledgements take.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use game_core::Seat;
use serde::Serialize;

/// A seat of the crowd: which table, which side.
pub(super) type SeatKey = (u16, Seat);

/// What the players of the crowd have measured since it was last asked for.
#[derive(Debug, Default)]
pub(super) struct Acks(Mutex<Measured>);

#[derive(Debug, Default)]
struct Measured {
    after: Vec<Duration>,
    /// Commands that wait for their answer.
    unanswered: HashMap<SeatKey, Instant>,
    losses: u64,
    failures: Vec<String>,
}

/// How long acknowledgements took in one phase, in milliseconds, commands still unanswered at its end
/// with their age by then.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many commands.
    pub n: usize,
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// 99 % of them took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Connections of seated players that were lost.
    pub losses: u64,
    /// Why players could not play on.
    pub failures: Vec<String>,
}

impl Acks {
    /// A command was given.
    pub(super) fn asked(&self, seat: SeatKey, now: Instant) {
        self.measured().unanswered.insert(seat, now);
    }

    /// The command of a seat took effect, or was refused.
    pub(super) fn answered(&self, seat: SeatKey, after: Option<Duration>) {
        let mut measured = self.measured();
        measured.unanswered.remove(&seat);
        measured.after.extend(after);
    }

    /// A seated player has lost its connection.
    pub(super) fn lost(&self) {
        self.measured().losses += 1;
    }

    /// A match has broken off.
    pub(super) fn failed(&self, table: u16, why: String) {
        let mut measured = self.measured();
        measured.unanswered.retain(|(other, _), _| *other != table);
        measured.failures.push(why);
    }

    /// What was measured since the last call.
    pub(super) fn take(&self, now: Instant) -> Latency {
        let mut measured = self.measured();
        let mut after = std::mem::take(&mut measured.after);
        let ages = measured.unanswered.values();
        after.extend(ages.map(|&asked| now.saturating_duration_since(asked)));
        after.sort_unstable();
        Latency {
            n: after.len(),
            p50_ms: quantile_ms(&after, 0.5),
            p99_ms: quantile_ms(&after, 0.99),
            max_ms: quantile_ms(&after, 1.0),
            losses: std::mem::take(&mut measured.losses),
            failures: std::mem::take(&mut measured.failures),
        }
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value that a part of the sorted ones does not exceed (nearest rank); 0 if there are none.
fn quantile_ms(sorted: &[Duration], part: f64) -> f64 {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    let value = sorted.get(rank.saturating_sub(1));
    value.map_or(0.0, |value| value.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unanswered_counts_with_its_age() {
        let (acks, start) = (Acks::default(), Instant::now());
        for ms in 1..=99 {
            acks.answered((0, Seat::White), Some(Duration::from_millis(ms)));
        }
        acks.asked((1, Seat::Black), start);
        let latency = acks.take(start + Duration::from_secs(7));
        assert_eq!(latency.n, 100);
        let figures = [latency.p50_ms, latency.p99_ms, latency.max_ms];
        assert_eq!(figures, [50.0, 99.0, 7_000.0]);
    }

    #[test]
    fn a_phase_begins_with_nothing_but_what_still_waits() {
        let (acks, start) = (Acks::default(), Instant::now());
        acks.answered((0, Seat::White), Some(Duration::from_millis(1)));
        acks.lost();
        acks.asked((1, Seat::Black), start);
        acks.failed(1, "broken off".to_owned());
        assert_eq!(acks.take(start).n, 1);
        assert_eq!(acks.take(start), Latency::default());
    }
}
