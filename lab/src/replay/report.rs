//! What a replay came to.

use std::fmt;
use std::time::Duration;

use game_core::MatchId;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::game::SkipKind;

/// The whole replay.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Games played to their end, the mismatches among them.
    pub games: usize,
    /// Moves that were acknowledged.
    pub plies: u64,
    /// Games that were played and came out another way than in the file.
    pub mismatches: usize,
    /// Games that could not be played to their end.
    pub errors: usize,
    /// Games that were played as their movetext says, while their `Result` tag says otherwise.
    pub contradictions: usize,
    /// Games of the file that were not played; `skips` says why.
    pub skipped: usize,
    /// How often a seat was taken again after its connection was lost.
    pub resumed: u64,
    /// Time from the first game to the last.
    pub seconds: f64,
    /// Moves acknowledged a second.
    pub moves_per_s: f64,
    /// From sending a command to its acknowledgement.
    pub ack_ms: AckTimes,
    /// What went wrong, one entry a game.
    pub failures: Vec<Failure>,
    /// The games that were not played.
    pub skips: Vec<Skip>,
    /// What else there is to say of games: lines that were read over, contradictions.
    pub remarks: Vec<GameRemark>,
}

/// A game that was not played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skip {
    /// Its place in the file, from 1.
    pub game: usize,
    /// The line of the file at which the reason stands, from 1.
    pub line: usize,
    /// Whether matches are not like this, or the record is damaged.
    pub kind: SkipKind,
    /// Why not, with the token at fault.
    pub reason: String,
}

/// What there is to say of a game beside its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GameRemark {
    /// Its place in the file, from 1.
    pub game: usize,
    /// The line of the file, from 1.
    pub line: usize,
    /// What there is to say.
    pub reason: String,
}

/// Quantiles of the time to an acknowledgement, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct AckTimes {
    /// The median.
    pub p50: f64,
    /// 99 of 100 are not above.
    pub p99: f64,
    /// The greatest.
    pub max: f64,
}

/// A game that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its place in the file, from 1.
    pub game: usize,
    /// Its `Site` tag.
    pub site: String,
    /// The match, if it came to one.
    #[serde(rename = "match")]
    pub match_id: Option<MatchId>,
    /// What kind of thing went wrong.
    pub kind: FailureKind,
    /// What went wrong.
    pub reason: String,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The match came out another way than the game in the file.
    Mismatch,
    /// The match could not be played to its end.
    Error,
}

impl Report {
    /// Whether every game was played and came out as in the file, but for those that no match can be
    /// like.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let is_damaged = |skip: &Skip| skip.kind == SkipKind::Damaged;
        self.mismatches == 0
            && self.errors == 0
            && self.contradictions == 0
            && !self.skips.iter().any(is_damaged)
    }

    /// Whether no game was played at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.games == 0 && self.errors == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for skip in &self.skips {
            let kind = match skip.kind {
                SkipKind::Unsupported => "skipped",
                SkipKind::Damaged => "damaged, skipped",
            };
            writeln!(
                f,
                "game {}, line {}: {kind}: {}",
                skip.game, skip.line, skip.reason
            )?;
        }
        for GameRemark { game, line, reason } in &self.remarks {
            writeln!(f, "game {game}, line {line}: {reason}")?;
        }
        for failure in &self.failures {
            let kind = match failure.kind {
                FailureKind::Mismatch => "mismatch",
                FailureKind::Error => "error",
            };
            write!(f, "game {} ({}): {kind}", failure.game, failure.site)?;
            if let Some(id) = failure.match_id {
                write!(f, " in match {id}")?;
            }
            writeln!(f, ": {}", failure.reason)?;
        }
        writeln!(
            f,
            "{} games, {} plies in {:.1} s: {:.0} moves/s",
            self.games, self.plies, self.seconds, self.moves_per_s
        )?;
        let AckTimes { p50, p99, max } = self.ack_ms;
        writeln!(f, "ack p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.0} ms")?;
        write!(
            f,
            "{} mismatches, {} errors, {} contradictions, {} skipped, {} seats resumed",
            self.mismatches, self.errors, self.contradictions, self.skipped, self.resumed
        )
    }
}

/// Times to an acknowledgement.
#[derive(Debug)]
pub(super) struct AckHistogram(Histogram<u64>);

impl AckHistogram {
    /// Microseconds to ten minutes, to three digits.
    pub(super) fn new() -> Self {
        let histogram = Histogram::new_with_max(600_000_000, 3);
        Self(histogram.expect("the bounds are in order"))
    }

    pub(super) fn record(&mut self, after: Duration) {
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    pub(super) fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(super) fn times(&self) -> AckTimes {
        // Exact: a time is far below 2⁵³ µs.
        let ms = |micros: u64| micros as f64 / 1_000.0;
        if self.0.is_empty() {
            return AckTimes::default();
        }
        AckTimes {
            p50: ms(self.0.value_at_quantile(0.5)),
            p99: ms(self.0.value_at_quantile(0.99)),
            max: ms(self.0.max()),
        }
    }
}
