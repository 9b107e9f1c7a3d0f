//! How much of its CPU share the process uses.

use std::collections::VecDeque;
use std::time::Duration;

/// CPU time that the process has used; stands still where the system does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn cpu_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// See above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn cpu_time() -> Duration {
    Duration::ZERO
}

/// Averages the CPU time over the last seconds.
#[derive(Debug, Default)]
pub(super) struct CpuMeter {
    /// Elapsed time and CPU time at earlier readings, the oldest first.
    readings: VecDeque<(Duration, Duration)>,
}

impl CpuMeter {
    /// Long enough for a steady figure, short enough to show the effect of a change within seconds.
    const AVERAGED_OVER: Duration = Duration::from_secs(5);

    /// Adds a reading at `now`; returns the CPU time a second since the oldest reading in the window, in cores.
    pub(super) fn read(&mut self, now: Duration, cpu_time: Duration) -> f64 {
        self.readings.push_back((now, cpu_time));
        // The oldest one kept is as old as the window, or a little older.
        while let Some(&(second, _)) = self.readings.get(1)
            && now.saturating_sub(second) >= Self::AVERAGED_OVER
        {
            self.readings.pop_front();
        }
        let Some(&(since, before)) = self.readings.front() else {
            return 0.0;
        };
        let elapsed = now.saturating_sub(since);
        if elapsed.is_zero() {
            return 0.0;
        }
        cpu_time.saturating_sub(before).as_secs_f64() / elapsed.as_secs_f64()
    }
}

/// A load in permille of a share.
pub(super) fn permille(cores: f64, share: f64) -> u32 {
    // A cast saturates.
    (1_000.0 * cores / share).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_five_seconds_count() {
        let mut meter = CpuMeter::default();
        let at = |ms| Duration::from_millis(ms);
        assert_eq!(meter.read(at(0), at(0)), 0.0);
        // A quarter of a core, then three quarters.
        for n in 1..=20 {
            assert_eq!(meter.read(at(500 * n), at(125 * n)), 0.25);
        }
        let mut last = 0.25;
        for n in 1..=10 {
            let cores = meter.read(at(10_000 + 500 * n), at(2_500 + 375 * n));
            assert!(cores > last, "{cores}");
            last = cores;
        }
        assert_eq!(last, 0.75);
    }

    #[test]
    fn permille_are_of_the_share() {
        assert_eq!(permille(0.45, 0.5), 900);
        assert_eq!(permille(3.0, 2.0), 1_500);
        assert_eq!(permille(0.0, 2.0), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_process_uses_counts() {
        let before = cpu_time();
        let mut sum = 0_u64;
        while cpu_time() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(cpu_time() > before);
    }
}
