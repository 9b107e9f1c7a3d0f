//! What the parts of the installation compute.

use std::time::{Duration, Instant};

use serde::Serialize;
use supervisor::cpu_time;

use crate::installation::Installation;

/// CPU time over a while, in percent of one core.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cpu {
    /// The shard's.
    pub shard: f64,
    /// The matchmaker's.
    pub matchmaker: f64,
    /// That of Redis.
    pub redis: f64,
}

/// Reads it.
pub(super) struct CpuMeter {
    /// Shard, matchmaker, Redis.
    processes: [String; 3],
    since: Instant,
    used: [Duration; 3],
}

impl CpuMeter {
    pub(super) fn new(installation: &Installation) -> Result<Self, String> {
        let shard = installation.shards.first().ok_or("there is no shard")?;
        let redis = installation.redis.pid();
        let processes =
            [shard.pid(), installation.matchmaker_pid(), redis].map(|pid| pid.to_string());
        let used = processes.each_ref().map(|pid| cpu_time(pid));
        Ok(Self {
            processes,
            since: Instant::now(),
            used,
        })
    }

    /// What was used since the last time that this was asked.
    pub(super) fn take(&mut self) -> Cpu {
        let now = Instant::now();
        let used = self.processes.each_ref().map(|pid| cpu_time(pid));
        let passed = now.duration_since(self.since).as_secs_f64();
        // The time of threads that have ended is no longer told.
        let percent =
            |n: usize| used[n].saturating_sub(self.used[n]).as_secs_f64() * 100.0 / passed;
        let cpu = Cpu {
            shard: percent(0),
            matchmaker: percent(1),
            redis: percent(2),
        };
        (self.since, self.used) = (now, used);
        cpu
    }
}
