//! How a soak goes over time: what is drawn as plots, and shown while it runs.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::figures::Percentiles;
use super::report::Memory;
use super::world::World;
use crate::cluster::LocalCluster;
use supervisor::resident_bytes;

/// Points that a plot has at the most.
const SAMPLES_MAX: u32 = 600;

/// One moment of a soak; rates and percentiles are since the moment before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds since the start.
    pub at_s: f64,
    /// Matches in play.
    pub matches: i64,
    /// Clients seated.
    pub seated: i64,
    /// Moves acknowledged a second.
    pub moves_per_s: f64,
    /// From a command to its acknowledgement, in milliseconds.
    pub ack_ms: Percentiles,
    /// Memory of all shards, in MiB; 0 where they were not started here.
    pub shards_mb: f64,
    /// Memory of Redis, in MiB; 0 where it was not started here.
    pub redis_mb: f64,
    /// Memory of this process, in MiB.
    pub client_mb: f64,
    /// Whether the soak has stopped beginning matches.
    pub closing: bool,
}

/// The moments so far.
#[derive(Debug, Default)]
pub(super) struct Samples(Mutex<Vec<Sample>>);

impl Samples {
    /// Takes samples for ever, `over` the time that the soak is to last.
    pub(super) async fn watch(&self, world: &World, over: Duration) {
        let every = (over / SAMPLES_MAX).max(Duration::from_secs(1));
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut moves_before, mut before) = (0, Instant::now());
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let moves = world.figures.moves.load(Ordering::Relaxed);
            let seconds = before.elapsed().as_secs_f64();
            before = Instant::now();
            let mut sample = sample(world);
            sample.moves_per_s = (moves - moves_before) as f64 / seconds;
            moves_before = moves;
            self.lock().push(sample);
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Sample> {
        self.lock().clone()
    }

    /// The newest.
    pub(super) fn last(&self) -> Option<Sample> {
        self.lock().last().copied()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sample(world: &World) -> Sample {
    let (figures, cluster) = (&world.figures, world.cluster.as_deref());
    let shards = |cluster: &LocalCluster| -> u64 {
        let shards = cluster.shards().iter();
        shards.map(|shard| shard.place().resident_bytes()).sum()
    };
    Sample {
        at_s: world.elapsed().as_secs_f64(),
        matches: figures.playing.load(Ordering::Relaxed),
        seated: figures.seated.load(Ordering::Relaxed),
        moves_per_s: 0.0,
        ack_ms: figures.take_recent_ack_ms(),
        shards_mb: mebibytes(cluster.map_or(0, shards)),
        redis_mb: mebibytes(cluster.map_or(0, |c| c.redis().resident_bytes())),
        client_mb: mebibytes(resident_bytes("self")),
        closing: world.closing.is_cancelled(),
    }
}

/// The memory that samples show: `first` is when the soak first had as many clients as it was to have
/// (`clients`), so that what follows should be flat.
pub(super) fn memory(samples: &[Sample], clients: u32) -> Memory {
    let full = i64::from(clients) * 95 / 100;
    let playing = || samples.iter().filter(|sample| !sample.closing);
    let first = playing().find(|sample| sample.seated >= full);
    let max = |of: fn(&Sample) -> f64| samples.iter().map(of).fold(0.0, f64::max);
    Memory {
        first: first.or(samples.first()).map_or(0.0, |s| s.shards_mb),
        last: playing().next_back().map_or(0.0, |s| s.shards_mb),
        max: max(|sample| sample.shards_mb),
        redis_max: max(|sample| sample.redis_mb),
        client_max: max(|sample| sample.client_mb),
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1_024.0 * 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_compared_between_full_houses() {
        let sample = |seated, shards_mb, closing| Sample {
            seated,
            shards_mb,
            closing,
            ..Sample::default()
        };
        let samples = [
            sample(10, 20.0, false),
            sample(96, 100.0, false),
            sample(100, 110.0, false),
            sample(99, 105.0, false),
            sample(20, 60.0, true),
        ];
        let memory = memory(&samples, 100);
        assert_eq!(
            (memory.first, memory.last, memory.max),
            (100.0, 105.0, 110.0)
        );
    }
}
