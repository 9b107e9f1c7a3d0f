//! A clock that counts while the machine is suspended.

use std::time::Duration;

/// Time since the machine was started, suspension included (`CLOCK_BOOTTIME`), which the clock behind
/// `Instant` leaves out. Without such a clock it stands still, and only other signs reveal a suspension.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn boot_clock() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// See above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn boot_clock() -> Duration {
    Duration::ZERO
}
