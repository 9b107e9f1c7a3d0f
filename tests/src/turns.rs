//! Turns, for tests that keep a machine busy, and for those that fail where processes do not get to run.
//!
//! Of these one runs at a time; all others run beside it.

use tokio::sync::{Mutex, MutexGuard};

static TURN: Mutex<()> = Mutex::const_new(());

/// Waits for the test's turn, which lasts until what is returned is dropped.
pub async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// The same outside a runtime.
///
/// # Panics
///
/// Inside one.
pub fn blocking_turn() -> MutexGuard<'static, ()> {
    TURN.blocking_lock()
}
