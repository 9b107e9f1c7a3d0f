//! Simulated time.

use std::time::Duration;

/// Microseconds since the simulation began.
pub(super) type At = u64;

pub(super) fn after(duration: Duration) -> At {
    duration.as_micros() as At
}
