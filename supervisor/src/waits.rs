//! How long to wait for a process, and how often it is checked.

use std::time::Duration;

/// What is started must answer within this, on a busy machine and with Redis killed meanwhile.
pub const START_MAX: Duration = Duration::from_secs(60);
/// Interval between two checks of something that is awaited.
pub const POLL_EVERY: Duration = Duration::from_millis(20);
