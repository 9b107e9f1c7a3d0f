//! What several repetitions come to: the median, and from where to where they reach.

use std::fmt;

use serde::Serialize;

use super::{Counts, Figures, Percentiles};

/// A figure over repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the repetitions are at or below it.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of some values; `None` of none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Some(Self {
            median: middle(&values)?,
            least: *values.first()?,
            most: *values.last()?,
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.median)?;
        if self.least < self.most {
            write!(f, " ({:.2}–{:.2})", self.least, self.most)?;
        }
        Ok(())
    }
}

/// The middle of sorted values, or the mean of the two in the middle.
fn middle(sorted: &[f64]) -> Option<f64> {
    let above = *sorted.get(sorted.len() / 2)?;
    let below = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(below, above))
}

/// The median of something that every repetition has.
fn median<T>(runs: &[T], of: impl Fn(&T) -> f64) -> f64 {
    Spread::of(runs.iter().map(of)).map_or(0.0, |spread| spread.median)
}

/// The median over the repetitions that have it.
fn median_of_some<T>(runs: &[T], of: impl Fn(&T) -> Option<f64>) -> Option<f64> {
    Spread::of(runs.iter().filter_map(of)).map(|spread| spread.median)
}

impl Figures {
    /// Figure by figure, the median of repetitions; what operators changed is that of the first.
    pub(super) fn median(runs: &[Self]) -> Self {
        let whole = |of: fn(&Self) -> u64| median(runs, |run| of(run) as f64).round() as u64;
        Self {
            moves: whole(|run| run.moves),
            seconds: median(runs, |run| run.seconds),
            moves_per_s: median(runs, |run| run.moves_per_s),
            server_us_per_move: median(runs, |run| run.server_us_per_move),
            redis_us_per_move: median_of_some(runs, |run| run.redis_us_per_move),
            client_us_per_move: median(runs, |run| run.client_us_per_move),
            ack_us: Percentiles {
                p50: whole(|run| run.ack_us.p50),
                p99: whole(|run| run.ack_us.p99),
                p999: whole(|run| run.ack_us.p999),
            },
            relay_us: Percentiles {
                p50: whole(|run| run.relay_us.p50),
                p99: whole(|run| run.relay_us.p99),
                p999: whole(|run| run.relay_us.p999),
            },
            kb_per_match: median(runs, |run| run.kb_per_match),
            kb_per_match_played: median(runs, |run| run.kb_per_match_played),
            kb_per_match_alone: median_of_some(runs, |run| run.kb_per_match_alone),
            aof_bytes_per_move: median_of_some(runs, |run| run.aof_bytes_per_move),
            handshakes_per_s: median(runs, |run| run.handshakes_per_s),
            server_us_per_handshake: median(runs, |run| run.server_us_per_handshake),
            counts: Counts {
                datagrams_received: median_of_some(runs, |run| run.counts.datagrams_received),
                datagrams_sent: median_of_some(runs, |run| run.counts.datagrams_sent),
                system_calls: median_of_some(runs, |run| run.counts.system_calls),
                switches_voluntary: median(runs, |run| run.counts.switches_voluntary),
                switches_involuntary: median(runs, |run| run.counts.switches_involuntary),
            },
            watched: runs.first().and_then(|run| run.watched.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::tests::figures;

    #[test]
    fn a_spread_has_the_middle_and_both_ends() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[1.5]).unwrap().to_string(), "1.50");
        let odd = spread(&[3.0, 1.0, 2.0, 9.0, 2.5]).unwrap();
        assert_eq!(odd.to_string(), "2.50 (1.00–9.00)");
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
    }

    #[test]
    fn the_median_is_taken_figure_by_figure() {
        let runs = [
            figures(40, Some(9)),
            figures(20, Some(12)),
            figures(30, Some(10)),
        ];
        let median = Figures::median(&runs);
        assert_eq!(median.server_us_per_move, 30.0);
        assert_eq!(median.redis_us_per_move, Some(10.0));
        assert_eq!((median.moves, median.ack_us.p50), (50_000, 300));
        assert_eq!(Figures::median(&runs[..1]), runs[0]);
        assert_eq!(
            Figures::median(&[figures(40, None)]).redis_us_per_move,
            None
        );
    }
}
