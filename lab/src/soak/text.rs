//! The report as text, for a terminal.

use std::fmt;

use super::figures::{InLog, Percentiles};
use super::oracle::Promise;
use super::report::{BrokenPromise, Connections, Memory, Report, StormReport};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for broken in &self.broken {
            writeln!(f, "{broken}")?;
        }
        writeln!(
            f,
            "matches      {} finished of {} begun",
            self.matches_finished, self.matches_begun
        )?;
        writeln!(
            f,
            "moves        {} in {:.1} s: {:.0} a second",
            self.moves, self.seconds, self.moves_per_s
        )?;
        let unattended: u64 = self.unattended.values().sum();
        writeln!(
            f,
            "unattended   {unattended} matches left to themselves, {} forgotten",
            self.times_broken(Promise::Forgotten)
        )?;
        let commands: Vec<String> = self
            .commands
            .iter()
            .map(|(kind, times)| format!("{times} {kind}"))
            .collect();
        if !commands.is_empty() {
            writeln!(f, "commands     {}", commands.join(", "))?;
        }
        if self.rematches + self.rooms > 0 {
            writeln!(
                f,
                "after ends   {} rematches played, {} rooms listened to",
                self.rematches, self.rooms
            )?;
        }
        writeln!(f, "ack          {}", Ms(self.ack_ms))?;
        writeln!(
            f,
            "clocks       charged beyond thinking: {}",
            Ms(self.clocks.beyond_thinking_ms)
        )?;
        let Connections {
            max, lost, resumed, ..
        } = self.connections;
        writeln!(
            f,
            "connections  {max} at the most, {lost} lost, {resumed} seats taken again, {} sessions lost",
            self.sessions_lost
        )?;
        for (why, times) in self.connections.lost_by.iter().chain(&self.errors) {
            writeln!(f, "             {times} × {why}")?;
        }
        if !self.faults.is_empty() {
            let faults: Vec<String> = self
                .faults
                .iter()
                .map(|(k, n)| format!("{n} {k}"))
                .collect();
            writeln!(f, "faults       {}", faults.join(", "))?;
        }
        if self.takeover_ms.n > 0 {
            writeln!(f, "takeover     next ack: {}", Ms(self.next_ack_ms))?;
            writeln!(f, "             without thinking: {}", Ms(self.takeover_ms))?;
            writeln!(f, "             seat taken again: {}", Ms(self.back_ms))?;
        }
        if self.drain_exit_ms.n > 0 {
            writeln!(f, "drain        pause: {}", Ms(self.drain_ms))?;
            writeln!(
                f,
                "             SIGTERM to exit: {}",
                Ms(self.drain_exit_ms)
            )?;
        }
        if self.in_log.matches > 0 {
            writeln!(f, "{}", self.in_log)?;
        }
        if let Some(storm) = &self.storm {
            writeln!(f, "{storm}")?;
        }
        if let Some(memory) = self.rss_mb {
            let needless = self.needless_takeovers;
            writeln!(
                f,
                "detection    {needless} times that a shard which lived was taken for dead"
            )?;
            let Memory {
                first,
                last,
                max,
                redis_max,
                client_max,
            } = memory;
            writeln!(
                f,
                "memory       shards {first:.0} MiB at first, {last:.0} at last, {max:.0} at the most; \
                 Redis {redis_max:.0}, this process {client_max:.0}"
            )?;
        }
        write!(f, "violations   {}", self.violations)?;
        for (promise, times) in self.promises.iter().filter(|(_, times)| **times > 0) {
            write!(f, ", {times} of {promise:?}")?;
        }
        if !self.is_clean() {
            write!(f, "\nreproduce    {}", self.command)?;
        }
        Ok(())
    }
}

impl fmt::Display for InLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            matches,
            acked,
            unknown,
            owner_changes,
            excess_ms,
        } = self;
        write!(
            f,
            "log          {matches} matches, {acked} commands acknowledged, {unknown} unknown, \
             {owner_changes} owner changes"
        )?;
        if excess_ms.n > 0 {
            write!(
                f,
                "\n             charged beyond thinking: {}",
                Ms(*excess_ms)
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for StormReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let back = self.all_back_s.map_or_else(
            || "some stayed away".to_owned(),
            |seconds| format!("all back after {seconds:.1} s"),
        );
        writeln!(
            f,
            "storm        {} players of one shard, {back}",
            self.players
        )?;
        writeln!(
            f,
            "             others before: {}",
            Ms(self.others_calm_ack_ms)
        )?;
        write!(
            f,
            "             others during: {}",
            Ms(self.others_storm_ack_ms)
        )?;
        match self.others_p99_ratio {
            Some(ratio) => write!(f, "; p99 × {ratio:.1}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for BrokenPromise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let promise = serde_json::to_value(self.promise).unwrap_or_default();
        write!(f, "BROKEN {}", promise.as_str().unwrap_or_default())?;
        if let Some(id) = self.match_id {
            write!(f, " in match {id}")?;
        }
        if let Some(role) = self.role {
            write!(f, ", seen by {role}")?;
        }
        writeln!(f, ", at {:.3} s", self.at_s)?;
        writeln!(f, "  expected  {}", self.expected)?;
        writeln!(f, "  got       {}", self.got)?;
        for history in &self.histories {
            writeln!(f, "  {}:", history.role)?;
            for line in &history.lines {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

/// Percentiles in words.
struct Ms(Percentiles);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles {
            n,
            p50,
            p99,
            p999,
            max,
            ..
        } = self.0;
        write!(
            f,
            "p50 {p50:.1} ms, p99 {p99:.1} ms, p99.9 {p999:.1} ms, max {max:.0} ms (n {n})"
        )
    }
}
