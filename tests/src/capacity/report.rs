//! What came of a simulation.

use std::fmt;
use std::time::Duration;

use super::plan::Plan;

/// What came of a simulation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was simulated.
    pub plan: Plan,
    /// Requests a second to the node of the registry before the kill.
    pub registry_requests: f64,
    /// Bytes a second that it sent then.
    pub registry_bytes: f64,
    /// The part of its time that it was busy then.
    pub registry_busy: f64,
    /// From the kill until a survivor knew of a dead shard, for the first and the last of the dead.
    pub known: (Duration, Duration),
    /// From the kill until matches were in the memory of another shard, in order.
    pub taken: Vec<Duration>,
    /// The most that one survivor took over.
    pub most_taken: usize,
    /// Sets of dead shards that were read, each by one shard once.
    pub sets_read: u64,
    /// Matches that no shard had in memory at the end.
    pub missing: usize,
    /// Claims of matches of shards that lived.
    pub needless: usize,
}

impl Outcome {
    /// The time within which this part of the matches was in memory again.
    #[must_use]
    pub fn within(&self, part: f64) -> Duration {
        let index = (self.taken.len() as f64 * part).ceil() as usize;
        let taken = self.taken.get(index.saturating_sub(1));
        taken.copied().unwrap_or(Duration::MAX)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan {
            shards,
            matches,
            killed,
            nodes,
            ..
        } = self.plan;
        writeln!(
            f,
            "{shards} shards of {matches} matches, {nodes} nodes for matches; {killed} shards killed"
        )?;
        writeln!(
            f,
            "  registry: {:.0} requests and {:.1} MB a second, busy {:.1} %",
            self.registry_requests,
            self.registry_bytes / 1e6,
            100.0 * self.registry_busy
        )?;
        writeln!(
            f,
            "  known after {:.2} to {:.2} s; in memory again: half {:.2} s, 99 % {:.2} s, all {:.2} s",
            self.known.0.as_secs_f64(),
            self.known.1.as_secs_f64(),
            self.within(0.5).as_secs_f64(),
            self.within(0.99).as_secs_f64(),
            self.within(1.0).as_secs_f64()
        )?;
        write!(
            f,
            "  {} sets read; at most {} matches for one survivor; {} missing, {} claimed needlessly",
            self.sets_read, self.most_taken, self.missing, self.needless
        )
    }
}
